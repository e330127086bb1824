"""What ends a load."""


class LoadError(Exception):
    """The load cannot go on. The message names the file or database, and the remedy."""


class UnconfirmedCommit(LoadError):
    """A commit was not confirmed: it may or may not have happened."""


class Interrupted(LoadError):
    """A database was not waited for any longer, since the load was to stop."""


class GivenUp(Exception):
    """A source was told that what it waits for is no longer wanted."""
