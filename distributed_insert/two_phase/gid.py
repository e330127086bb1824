"""The names of prepared transactions."""

from typing import NamedTuple, Optional

# What all names begin with: other programs may prepare transactions, too.
PROJECT = "distributed_insert"


class Gid(NamedTuple):
    """Which load prepared a transaction, and where the decision about it is found."""

    decider: str
    """The alias of the deciding database."""
    identity: str
    """What tells that database from any other one behind the same alias."""
    load: str
    holder: str
    """Whose transaction it is: the alias of its database, and the name of the model."""

    def __str__(self):
        return ":".join((PROJECT, *self))

    @property
    def literal(self) -> str:
        """The name as it is written in SQL: there it cannot be a parameter."""
        return "'{}'".format(str(self).replace("'", "''"))

    @classmethod
    def parse(cls, text: str) -> Optional["Gid"]:
        """Return what a name says, or None if it is that of another program."""
        project, *parts = text.split(":")
        return cls(*parts) if project == PROJECT and len(parts) == len(cls._fields) else None
