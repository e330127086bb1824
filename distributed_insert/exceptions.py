"""What ends a load."""


class LoadError(Exception):
    """The load cannot go on. The message names the file or database, and the remedy."""


class UnconfirmedCommit(LoadError):
    """The database was asked to commit and did not say that it has: it may have or not."""
