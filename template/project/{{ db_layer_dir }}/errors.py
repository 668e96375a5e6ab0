"""What can be wrong before a connection is tried, and how errors are told."""


class DatabaseNotConfiguredError(RuntimeError):
    """A variable of the environment is missing or cannot be used.

    The message names the variable and what is expected of it, never its value.
    """


class DatabaseUnavailableError(RuntimeError):
    """There is no connection, for the reason that the message gives."""


def reason(error: Exception) -> str:
    """Return what the driver says: SQLAlchemy adds the statement and a link to it."""
    cause = getattr(error, "orig", None) or error
    return f"{type(cause).__name__}: {cause}"
