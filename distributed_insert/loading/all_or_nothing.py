"""The transactions of a load that are committed at its end: all of them, or none."""

from contextlib import suppress
from typing import Callable, Iterable, List, Mapping, Optional, Tuple

from ..datasets import DATASETS, parents_first
from ..exceptions import LoadError
from ..two_phase import (
    DecidingTransaction,
    Ended,
    Gid,
    PreparedTransaction,
    Transaction,
    Verdict,
    can_prepare,
    deciding,
    decision,
    on_own_connections,
    recover,
)
from .model_load import ModelLoad, errors_of


class AllOrNothing:
    """One transaction per model, and their one end.

    If a database can decide and all others can prepare, the end is atomic. If not, they are
    committed one after the other, parents first.
    """

    def __init__(self, loads: Mapping[type, ModelLoad], is_dry_run: bool, load_id: str):
        models = [d.model for d in parents_first(DATASETS) if d.model in loads]
        self._loads = [loads[model] for model in models if loads[model].source]
        self._load = load_id
        self._identity = ""
        alias = None if is_dry_run else deciding(each.dataset.using for each in self._loads)
        self._decider = next((each for each in self._loads if each.dataset.using == alias), None)
        # In the same order in every load, whatever it loads and however it ends: two could wait for
        # each other for ever. The deciding one is the last, since it writes: before that, the
        # others say whether they can prepare.
        self._to_begin = sorted(
            self._loads[::-1], key=lambda each: not can_prepare(each.dataset.using)
        )
        # The decision comes first, then what follows from it.
        self._loads.sort(key=lambda each: each is not self._decider)
        self._is_ending = False
        self.is_atomic = self._decider is not None or len(self._loads) == 1
        """Whether a crash at any moment leaves all of it stored or nothing."""

    async def begin(self) -> List[LoadError]:
        """Begin the transactions; return why one cannot begin."""
        errors: List[LoadError] = []
        for each in self._to_begin:
            errors = errors or await errors_of([self._begin(each)])
        return errors

    async def _begin(self, model_load: ModelLoad):
        using = model_load.dataset.using
        if model_load is self._decider:
            transaction = DecidingTransaction(using, self._load)
            self._identity = await model_load.call("begin", transaction)
        else:
            kind = PreparedTransaction if self._decider else Transaction
            await model_load.call("begin", kind(using))

    async def commit(self) -> List[LoadError]:
        """Commit them all, or none; return why not."""
        self._is_ending = self._decider is not None
        errors = await errors_of(each.call("prepare", self._gid(each)) for each in self._loads)
        for each in self._loads:
            errors = errors or await errors_of([each.call("commit")])
            each.is_stored = not errors
        if self._decider and not errors:
            # All is stored: a row that stays behind does no harm.
            with suppress(LoadError):
                await self._decider.call("forget")
        return errors

    def _gid(self, model_load):
        if not self._decider:
            return None
        dataset = model_load.dataset
        holder = f"{dataset.using}.{dataset.model._meta.model_name}"
        return Gid(self._decider.dataset.using, self._identity, self._load, holder)

    def settle(self, errors: List[LoadError]) -> List[LoadError]:
        """If a commit failed half-way, end what is prepared as was decided; return what is wrong.

        To be called when the workers have closed their connections.
        """
        decider = self._decider
        if not errors or not decider or not self._is_ending:
            return errors
        verdict = Verdict.COMMIT
        if not decider.is_stored:
            arguments = (decider.dataset.using, self._identity, self._load)
            verdict, _ = on_own_connections(decision, *arguments)
        found, failures = on_own_connections(recover)
        left = {ended.using for ended in found if ended.gid.load == self._load and ended.is_left}
        left |= failures.keys() & {each.dataset.using for each in self._loads}
        for each in self._loads:
            is_left = each is not decider and each.dataset.using in left
            each.is_stored = verdict is Verdict.COMMIT and not is_left
            each.is_unconfirmed = not each.is_stored and verdict is not Verdict.ROLL_BACK
        if all(each.is_stored for each in self._loads):
            return []
        if left:
            outcomes = {Verdict.COMMIT: "committed", Verdict.ROLL_BACK: "rolled back"}
            outcome = outcomes.get(verdict, "committed or rolled back, all of it alike,")
            errors.append(
                LoadError(
                    f"What is prepared will be {outcome} by the next load or by: "
                    "python manage.py recover_load"
                )
            )
        return errors


async def recover_earlier(
    loads: Iterable[ModelLoad], stopped_by: Callable[[], Optional[int]]
) -> Tuple[List[Ended], List[LoadError]]:
    """End what an earlier load left prepared: this one could wait for it for ever.

    Return what was ended or is still running, and why something else could not be ended.
    """
    found: List[Gid] = []

    async def ask(model_load):
        found.extend(await model_load.call("prepared"))

    errors = await errors_of(map(ask, loads))
    if not found:
        return [], errors
    ended, _ = on_own_connections(recover, stopped_by=stopped_by)
    if not stopped_by():
        errors += [LoadError(each.message) for each in ended if each.problem]
    return [each for each in ended if not each.problem], errors
