"""What becomes of transactions that a load prepared and did not end."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Set, Tuple

from django.db import Error, connections
from django.utils.text import get_text_list

from ..databases import errors, reason
from ..datasets import DATASETS, dataset_of, parents_first
from ..exceptions import LoadError
from ..waiting import watch
from .decisions import Verdict, verdict
from .gid import Gid
from .transactions import end


class Ended(NamedTuple):
    """A transaction that was found prepared."""

    using: str
    gid: Gid
    verdict: Verdict
    """What was done; with ALIVE and UNKNOWN nothing was."""
    problem: str
    """Why it could not be ended; "" if it was, or if its load is alive."""

    @property
    def is_left(self) -> bool:
        """Whether it is still prepared."""
        return bool(self.problem) or self.verdict is Verdict.ALIVE

    @property
    def message(self) -> str:
        gid = self.gid.literal
        if self.problem:
            by_hand = {
                Verdict.COMMIT: f": COMMIT PREPARED {gid}",
                Verdict.ROLL_BACK: f": ROLLBACK PREPARED {gid}",
                Verdict.UNKNOWN: ", in every database alike: "
                f"COMMIT PREPARED {gid} or ROLLBACK PREPARED {gid}",
            }
            return (
                f"Database '{self.using}' holds what a load has prepared, and it cannot be ended: "
                f"{self.problem.rstrip('.')}. When that is mended, run: python manage.py "
                f"recover_load. If it cannot be, end it by hand{by_hand[self.verdict]}"
            )
        done = {
            Verdict.COMMIT: "committed what an earlier load had prepared.",
            Verdict.ROLL_BACK: "rolled back what an earlier load had prepared.",
            Verdict.ALIVE: "left alone what a load has prepared, since it is still running.",
        }
        return f"Database '{self.using}': {done[self.verdict]}"


def on_own_connections(
    function: Callable, *args, stopped_by: Callable[[], Optional[int]] = lambda: None
) -> Any:
    """Call a function in a thread of its own, which has other connections than this one.

    Its last argument is a function `is_interrupted`: it returns True when `stopped_by` returns a
    signal, and after Ctrl-C.
    """
    is_over = Event()

    def run():
        try:
            return function(*args, lambda: is_over.is_set() or bool(stopped_by()))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as thread:
        try:
            return thread.submit(run).result()
        finally:
            # After Ctrl-C the thread is still waited for.
            is_over.set()


def prepared(using: str) -> List[Gid]:
    """Return the names of the transactions of any load that are prepared in a database."""
    if connections[using].vendor != "postgresql":
        return []
    with connections[using].cursor() as cursor:
        cursor.execute(
            "SELECT gid FROM pg_prepared_xacts WHERE database = current_database() "
            "ORDER BY prepared, gid"
        )
        return [gid for gid in (Gid.parse(text) for (text,) in cursor.fetchall()) if gid]


def recover(is_interrupted: Callable[[], bool]) -> Tuple[List[Ended], Dict[str, LoadError]]:
    """End every prepared transaction of a load that is not alive, as its load has decided.

    Return what was found, and by alias why a database could not be asked. Whatever belongs to one
    load is ended alike, parents first, and later what cannot be reached now. Must not be called
    inside `atomic`. How long a server may be silent is as in `Watch`.
    """
    found: List[Ended] = []
    failures: Dict[str, LoadError] = {}
    verdicts: Dict[Tuple[str, ...], Tuple[Verdict, str]] = {}
    parents = _parents()
    for using in parents:
        try:
            with errors(using):
                _connect(using, is_interrupted)
                gids = prepared(using)
        except LoadError as failure:
            failures[using] = failure
            continue
        for gid in gids:
            decided = gid[:3]
            if decided not in verdicts:
                verdicts[decided] = decision(*decided, is_interrupted)
            left = {each.using for each in found if each.is_left and each.gid[:3] == decided}
            waits_for = parents[using] & left.union(failures)
            ended = _ended(using, gid, *verdicts[decided], waits_for)
            if ended:
                found.append(ended)
    return found, failures


def _parents() -> Dict[str, Set[str]]:
    """Return the aliases of the databases that each refers to, by its own, parents first."""
    found: Dict[str, Set[str]] = {}
    for dataset in parents_first(DATASETS):
        aliases = {dataset_of(parent).using for parent in dataset.references.values()}
        found.setdefault(dataset.using, set()).update(aliases)
    return found


def decision(
    decider: str, identity: str, load: str, is_interrupted: Callable[[], bool]
) -> Tuple[Verdict, str]:
    """Return what a load has decided, and why that cannot be said if it is not known."""
    if decider not in connections.settings:
        return Verdict.UNKNOWN, f"Its load was decided in database '{decider}', which is not here."
    try:
        _connect(decider, is_interrupted)
        found = verdict(decider, identity, load)
    except Error as error:
        return Verdict.UNKNOWN, f"Database '{decider}', which decides: {reason(error, decider)}"
    if found is Verdict.UNKNOWN:
        return found, f"Its load was decided in another database than '{decider}' is now."
    return found, ""


def _connect(using, is_interrupted):
    if connections[using].connection is None:
        watch(using, is_interrupted)


def _ended(using, gid, verdict, problem, waits_for):
    """End a transaction if that may be done; return what became of it.

    None if another program has ended it since it was found: the verdict may have come too late.
    """
    if verdict is Verdict.COMMIT and waits_for:
        names = get_text_list([f"'{alias}'" for alias in sorted(waits_for)], "and")
        problem = f"What it refers to is not committed yet in {names}."
    elif verdict in (Verdict.COMMIT, Verdict.ROLL_BACK):
        try:
            if not end(using, gid, "COMMIT" if verdict is Verdict.COMMIT else "ROLLBACK"):
                return None
        except Error as error:
            problem = reason(error, using)
    return Ended(using, gid, verdict, problem)
