"""What can be wrong before a connection is tried."""


class DatabaseNotConfiguredError(RuntimeError):
    """A variable of the environment is missing or cannot be used.

    The message names the variable and what is expected of it, never its value.
    """
