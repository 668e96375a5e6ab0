"""Why a repository cannot take the layer."""


class Refusal(Exception):  # noqa: N818 - an answer to a question, not a failure of the program
    """One sentence for a person: what was found, what was expected, the next step."""
