"""The bugs that `python -m tests.mutations` puts in."""

from typing import List, NamedTuple, Sequence, Tuple


class Mutation(NamedTuple):
    name: str
    """What is broken, in a sentence."""
    file: str
    before: str
    """A text that the file has exactly once."""
    after: str
    """What takes its place."""
    tests: Sequence[str]
    """The tests that notice, without the "tests." in front."""


def mutations(file: str, tests: Sequence[str], *changes: Tuple[str, str, str]) -> List[Mutation]:
    """Return mutations of one file; each change is a name and the texts before and after."""
    return [Mutation(name, file, before, after, tests) for name, before, after in changes]


MUTATIONS: List[Mutation] = [
    # Where a worker runs.
    *mutations(
        "distributed_insert/executors/__init__.py",
        ["executors.test_start"],
        (
            "A process is given standard input to read",
            "if kind == PROCESS and not worker.reads_stream:",
            "if kind == PROCESS:",
        ),
        (
            "Processes are forked while connections are open",
            "(is_open or threading.active_count() > 1)",
            "threading.active_count() > 1",
        ),
        (
            "Processes are forked beside other threads",
            "(is_open or threading.active_count() > 1)",
            "is_open",
        ),
        (
            "A process that may have no children chooses processes",
            "if multiprocessing.current_process().daemon:",
            "if not multiprocessing.current_process():",
        ),
        (
            "The choice of a start method is settled for the program",
            "get_start_method(allow_none=True) or methods[0]",
            "get_start_method()",
        ),
        (
            "Workers are not ended after an error",
            "ending.callback(executors[key].shutdown)",
            "ending.callback(len, executors)",
        ),
        (
            "Files are judged one by one, not all together, when processes are chosen",
            "size = sum(source.size or 0 for source in sources)",
            "size = max(source.size or 0 for source in sources)",
        ),
        (
            "Processes are chosen where there is one processor",
            "if size >= enough and _processors() > 1 else",
            "if size >= enough else",
        ),
    ),
    *mutations(
        "distributed_insert/executors/collection.py",
        ["executors.test_start"],
        (
            "The garbage collector keeps the pace of a load",
            "gc.set_threshold(*usual)",
            "gc.get_threshold()",
        ),
    ),
    *mutations(
        "distributed_insert/executors/shared.py",
        ["executors.test_start"],
        (
            "The first of two loads that ends sets the garbage collector back",
            "self._loads -= 1\n            if not self._loads:",
            "self._loads -= 1\n            if True:",
        ),
    ),
    *mutations(
        "distributed_insert/executors/shared.py",
        ["executors.test_dask"],
        (
            "The second of two loads takes what the first has changed for usual",
            "if not self._loads:\n                self._undo = ",
            "if True:\n                self._undo = ",
        ),
    ),
    *mutations(
        "distributed_insert/executors/__init__.py",
        ["management.test_usage"],
        ("A load without Dask ends with a traceback", "except ImportError as", "except OSError as"),
    ),
    *mutations(
        "distributed_insert/executors/place.py",
        ["executors.test_dask"],
        (
            "Jobs are done in the order in which they come",
            "wait_for(lambda: self._next >= number)",
            "wait_for(lambda: True)",
        ),
        ("A repeated job is done again", "if self._next > number:", "if False:"),
        (
            "Nobody is told on which machine a load failed",
            "if type(error) is LoadError:",
            "if isinstance(error, OSError):",
        ),
        (
            "A place that has ended does jobs",
            "if not self._has_ended.is_set():\n                        future",
            "if True:\n                        future",
        ),
        (
            "Jobs wait for one that came after the end",
            "                self._next += 1\n",
            "                self._next += 1 if future else 0\n",
        ),
        (
            "A place waits for its coordinator for ever",
            "- self._heard > SILENCE",
            "- self._heard > 1_000_000",
        ),
        (
            "A place stays that Dask has dropped",
            "was_dropped or ",
            "",
        ),
        (
            "A place that is being made is taken for dropped",
            "not in self._actors and self._was_found",
            "not in self._actors",
        ),
        (
            "A place gives up a coordinator that is there",
            "- self._heard > SILENCE",
            "- self._heard > -1",
        ),
        (
            "An abandoned place keeps its connection",
            'self._executor.submit("close")',
            'self._executor.submit("add")',
        ),
        (
            "A place that ends keeps the resource",
            "self.has_let_go.set()",
            "self.has_let_go.clear()",
        ),
        (
            "A place is said to hold the resource too early",
            "return self.is_held.is_set()",
            "return True",
        ),
        (
            "Another version of Python is good enough",
            "if VERSIONS[name] != expected[name]]",
            'if VERSIONS[name] != expected[name] and name != "Python"]',
        ),
        (
            "Another kind of database is good enough",
            "if found != vendor:",
            "if not found:",
        ),
        (
            "A database that is missing in the settings is not noticed",
            "if using not in connections.settings:",
            "if not connections.settings:",
        ),
        (
            "The pace of the garbage collector stays slow on a Dask worker",
            "slow_collection.__exit__()",
            "slow_collection.__enter__()",
        ),
    ),
    *mutations(
        "distributed_insert/executors/place.py",
        ["executors.test_dask.PlaceTests"],
        (
            "A commit on a Dask worker that was not confirmed is believed not to have happened",
            "if type(error) is LoadError:",
            "if isinstance(error, LoadError):",
        ),
        (
            "A place does not hear its coordinator",
            "self._heard = time.monotonic()\n        return self.is_held.is_set()",
            "return self.is_held.is_set()",
        ),
        (
            "A job of an abandoned place waits on",
            "                    self._executor.interrupt()\n",
            "",
        ),
        (
            "A Dask worker remembers each place that it ever had",
            "del _places[self._key]",
            "_places[self._key]",
        ),
        (
            "A Dask worker answers nobody while a place ends",
            "await asyncio.get_running_loop().run_in_executor(None, self._end)",
            "self._end()",
        ),
        (
            "One of the jobs that wait for their turn is told of it",
            "self._turns.notify_all()",
            "self._turns.notify()",
        ),
    ),
    *mutations(
        "distributed_insert/executors/placing.py",
        ["executors.test_dask.WaitingTests"],
        (
            "Two loads wait for the resources of each other",
            "for address in sorted(held):",
            "for address in held:",
        ),
        (
            "Two loads wait for each other in the queue of a Dask worker",
            "held.setdefault(executor.address, [])",
            "held.setdefault(executor.using, [])",
        ),
        (
            "One of several resources is enough",
            "if all([",
            "if any([",
        ),
        (
            "A resource is missing that no Dask worker needs",
            'if may_own[missing[0]] else ""',
            'if missing[0] else ""',
        ),
    ),
    *mutations(
        "distributed_insert/executors/placing.py",
        ["executors.test_dask_faults.ListeningTests"],
        (
            "The connection to the scheduler stays open",
            "            run(_close(client))\n",
            "            pass\n",
        ),
    ),
    *mutations(
        "distributed_insert/executors/placing.py",
        ["executors.test_dask"],
        (
            "A worker is anywhere",
            "owner.request(may_own[using])",
            "owner.request([])",
        ),
        (
            "Two models of one database have two owners",
            "each.request([owner_of[each.using].address])",
            "each.request(may_own[each.using])",
        ),
        (
            "The resource is free as soon as the worker is placed",
            "if may_own[using]], waiting)",
            "if not using], waiting)",
        ),
    ),
    *mutations(
        "distributed_insert/executors/dask.py",
        ["executors.test_dask.WaitingTests"],
        (
            "A place that was lost is awaited for ever",
            'in ("pending", "lost"):',
            'in ("pending",):',
        ),
        (
            "A Dask worker that is lost before its place is there is a traceback",
            "except (*LOST, RuntimeError, ValueError, asyncio.TimeoutError) as error:",
            "except (RuntimeError, ValueError, asyncio.TimeoutError) as error:",
        ),
    ),
    *mutations(
        "distributed_insert/executors/dask.py",
        ["executors.test_dask.DaskExecutorTests"],
        (
            "A place that is lost is not noticed while others are waited for",
            "            if self._lost.is_set():\n                await self.hear()\n",
            "",
        ),
        (
            "Nobody is told which model the Dask worker loaded that is lost",
            "raise LoadError(error.what.format(self.using)) from error",
            "raise LoadError(error.what) from error",
        ),
        (
            "Each job leaves a task that waits for its place to be lost",
            "        lost.cancel()\n",
            "",
        ),
        (
            "A job that was never sent to a Dask worker may have been done",
            "await self._loss(may_have_run=False)",
            "await self._loss(may_have_run=True)",
        ),
    ),
    *mutations(
        "distributed_insert/executors/dask.py",
        ["executors.test_dask"],
        (
            "Whoever asks does not learn where an exception was raised",
            "raise error from RemoteTraceback(trace)",
            "raise error",
        ),
        (
            "Answers overtake each other",
            "if before:",
            "if not before and False:",
        ),
        (
            "The scheduler needs this project",
            "pickle.loads, pickle.dumps(there), key=key",
            "there._call[0], *there._call[1], key=key",
        ),
        (
            "A scheduler that is lost while a load waits for an owner is a traceback",
            "except CancelledError as",
            "except asyncio.CancelledError as",
        ),
        (
            "Jobs wait for one that did not arrive",
            "self._lost.set()\n        try:",
            "try:",
        ),
        (
            "An interruption does not reach the Dask worker",
            'self._ask("interrupt")',
            'self._ask("hear")',
        ),
        (
            "A place that Dask has dropped is an error without a message",
            "LOST = (OSError, KeyError)",
            "LOST = (OSError,)",
        ),
        (
            "A place stays when the load has ended",
            'await self._ask("end")',
            'await self._ask("hear")',
        ),
    ),
    *mutations(
        "distributed_insert/executors/cluster.py",
        ["executors.test_dask_faults.WaitingTests"],
        (
            "A load waits no longer than a moment, whatever --wait says",
            "if waited >= self.seconds:",
            "if waited >= SHORT:",
        ),
        (
            "A load does not say what it waits for",
            "self._on_wait(",
            "str(",
        ),
        (
            "A worker that is missing is not noticed before its place is asked for",
            "if has_owners and not found[alias]:",
            "if not alias:",
        ),
    ),
    *mutations(
        "distributed_insert/executors/cluster.py",
        ["executors.test_dask.WaitingTests"],
        (
            "What is missing is said at each look",
            "if waited >= SHORT and missing.remedy not in self._told:",
            "if waited >= SHORT:",
        ),
        (
            "A resource is found on the first Dask workers only",
            'options = {"n_workers": -1} if',
            "options = {} if",
        ),
    ),
    *mutations(
        "distributed_insert/executors/cluster.py",
        ["executors.test_dask.ProgramTests"],
        (
            "A load replaces the client of the program that calls it",
            "set_as_default=False",
            "set_as_default=True",
        ),
    ),
    *mutations(
        "distributed_insert/executors/cluster.py",
        ["executors.test_dask"],
        (
            "Whoever waits for the cluster does not heed signals",
            "if self._stopped_by():",
            "if not self._stopped_by:",
        ),
        (
            "A scheduler of another version is good enough",
            "if found != distributed.__version__:",
            "if not found:",
        ),
        (
            "Another server of Dask is taken for a scheduler",
            'if kind != "Scheduler":',
            "if not kind:",
        ),
    ),
    *mutations(
        "distributed_insert/executors/event_loop.py",
        ["executors.test_dask"],
        (
            "The event loop of a cluster is not ended",
            "loop.call_soon_threadsafe(loop.stop)",
            "loop.call_later(9, loop.stop)",
        ),
        (
            "Dask logs no errors after a load either",
            "logger.setLevel(level)",
            "logger.setLevel(logging.CRITICAL)",
        ),
    ),
    *mutations(
        "distributed_insert/loading/worker.py",
        ["loading.test_worker.FailedWriteTests"],
        (
            "A batch is written after one that failed",
            "self._has_failed = True\n",
            "self._has_failed = False\n",
        ),
    ),
    *mutations(
        "distributed_insert/loading/coordinator.py",
        ["executors.test_process.KilledWorkerTests"],
        (
            "Nobody is told where the rejects are that a killed worker has written",
            'model_load.rejects_file = await model_load.call("open")',
            'await model_load.call("open")',
        ),
    ),
    *mutations(
        "distributed_insert/loading/coordinator.py",
        ["loading.test_coordinator.InterruptionTests"],
        (
            "An error of a file after a signal is kept from everybody",
            "if model_load.source.is_stream and self._is_stopping() and self.signal:",
            "if self._is_stopping() and self.signal:",
        ),
    ),
    *mutations(
        "distributed_insert/loading/coordinator.py",
        ["loading.test_coordinator.ReadAheadTests"],
        (
            "What was read ahead of a failure is a traceback",
            "await asyncio.gather(*ahead, *writing, return_exceptions=True)",
            "ahead.clear()",
        ),
        (
            "Each write is waited for before the next is asked for",
            "while len(writing) > batches_ahead // 2:",
            "while writing:",
        ),
        (
            "One batch is read ahead, whatever the executor asks for",
            "while len(ahead) < batches_ahead:",
            "while len(ahead) < min(batches_ahead, 1):",
        ),
    ),
    *mutations(
        "distributed_insert/management/files.py",
        ["management.test_usage"],
        (
            "A stream of this machine is to be read by another one",
            "if workers == DASK and _stream(path)]",
            "if workers == DASK and not path]",
        ),
    ),
    *mutations(
        "distributed_insert/management/usage.py",
        ["management.test_usage"],
        (
            "The scheduler of the environment is not used",
            'return {**options, "scheduler": address(scheduler)}',
            "return dict(options)",
        ),
    ),
    *mutations(
        "distributed_insert/executors/process.py",
        ["executors.test_process.SpawnedProcessExecutorTests"],
        (
            "The garbage collector keeps its usual pace in a process",
            "gc.set_threshold(GC_THRESHOLD)",
            "gc.get_threshold()",
        ),
        (
            "An interruption does not reach the process",
            "self._interrupted.value = True",
            "self._interrupted.value = False",
        ),
        (
            "An interruption reaches the process only before it starts",
            "worker.is_interrupted = lambda: bool(interrupted.value)",
            "was_interrupted = bool(interrupted.value)\n"
            "    worker.is_interrupted = lambda: was_interrupted",
        ),
        (
            "A process heeds signals until it ignores them",
            "with _blocked_signals(method):",
            "with suppress():",
        ),
        (
            "The coordinator goes on with signals blocked",
            "signal.pthread_sigmask(signal.SIG_SETMASK, before)",
            "signal.pthread_sigmask(signal.SIG_BLOCK, before)",
        ),
        (
            "A lost job is believed not to have run",
            "raise WorkerLost(True, KILLED)",
            "raise WorkerLost(False, KILLED)",
        ),
        (
            "Where an error in a process came from is lost",
            "raise raised from RemoteTraceback(trace)",
            "raise raised",
        ),
        (
            "A job that never got through is believed to have run",
            "raise WorkerLost(False, KILLED)",
            "raise WorkerLost(True, KILLED)",
        ),
        (
            "An error of a job in a process is its result",
            "raise raised from RemoteTraceback(trace)",
            "return raised",
        ),
    ),
    *mutations(
        "distributed_insert/executors/process.py",
        ["executors.test_process.LoadTests"],
        (
            "A process heeds SIGINT",
            "signal.signal(signal.SIGINT, signal.SIG_IGN)",
            "signal.signal(signal.SIGINT, signal.SIG_DFL)",
        ),
        (
            "A process heeds SIGTERM",
            "signal.signal(signal.SIGTERM, signal.SIG_IGN)",
            "signal.signal(signal.SIGTERM, signal.SIG_DFL)",
        ),
        (
            "A process that is not forked uses other databases than the coordinator",
            "connections.settings[alias].update(settings)",
            "connections.settings[alias].update({})",
        ),
    ),
    *mutations(
        "distributed_insert/executors/process.py",
        ["executors.test_process.FirstProcessTests"],
        (
            "The first process heeds signals until it ignores them",
            "resource_tracker.ensure_running()",
            "resource_tracker.getfd",
        ),
    ),
    *mutations(
        "distributed_insert/executors/process.py",
        ["executors.test_process.KilledCoordinatorTests"],
        (
            "A process outlives a coordinator that is killed",
            "threading.Thread(target=_end_with, args=[parent], daemon=True).start()",
            "threading.Thread(target=parent.is_alive, daemon=True).start()",
        ),
    ),
    *mutations(
        "distributed_insert/executors/thread.py",
        ["executors.test_thread"],
        ("A worker has several threads", "ThreadPoolExecutor(1,", "ThreadPoolExecutor(3,"),
        (
            "An interruption does not reach the thread",
            "self._interrupted.set()",
            "self._interrupted.is_set()",
        ),
    ),
    # All databases together, or none.
    *mutations(
        "distributed_insert/loading/all_or_nothing.py",
        [
            "loading.test_all_or_nothing",
            "loading.test_coordinator",
            "two_phase.test_commit.ThreeServersTests",
        ],
        (
            "The transactions of the load begin in any order",
            "self._loads[::-1], key=",
            "self._loads, key=",
        ),
        (
            "Databases are not asked whether their transactions stand",
            'errors_of(each.call("prepare", self._gid(each)) for each in self._loads)',
            "errors_of([])",
        ),
        (
            "Orders are committed before their parents",
            "for d in parents_first(DATASETS) if",
            "for d in DATASETS if",
        ),
        (
            "Others are committed before the decision",
            "key=lambda each: each is not self._decider",
            "key=lambda each: each is self._decider",
        ),
        (
            "Databases are committed after a commit that failed",
            'errors = errors or await errors_of([each.call("commit")])',
            'errors += await errors_of([each.call("commit")])',
        ),
        (
            "What a failed commit leaves is reported as stored",
            "each.is_stored = not errors",
            "each.is_stored = True",
        ),
        (
            "The row of a load is never deleted",
            'await self._decider.call("forget")',
            "pass",
        ),
        (
            "A dry run and a load wait for each other",
            "key=lambda each: not can_prepare(each.dataset.using)",
            "key=lambda each: each is self._decider",
        ),
        (
            "A dry run needs a server that can prepare",
            "None if is_dry_run else deciding(",
            "deciding(",
        ),
        (
            "A commit that failed half-way is left as it is",
            "if not errors or not decider or not self._is_ending:",
            "if True:",
        ),
        (
            "A load that lost a connection does not ask what was decided",
            "if not decider.is_stored:",
            "if False:",
        ),
        (
            "What is still prepared is reported as stored",
            "each.is_stored = verdict is Verdict.COMMIT and not is_left",
            "each.is_stored = verdict is Verdict.COMMIT",
        ),
        (
            "What may still be stored is not said",
            "each.is_unconfirmed = not each.is_stored and verdict is not Verdict.ROLL_BACK",
            "each.is_unconfirmed = False",
        ),
        (
            "What any load has left is this one's",
            "if ended.gid.load == self._load and ended.is_left",
            "if ended.is_left",
        ),
        (
            "What is prepared where a server cannot be reached is not said",
            "left |= failures.keys() &",
            "left |= set() &",
        ),
        (
            "A row of a load that cannot be deleted is an error",
            "with suppress(LoadError):",
            "with suppress():",
        ),
        (
            "A load that ended by itself what it decided has failed",
            "if all(each.is_stored for each in self._loads):\n            return []",
            "if False:\n            return []",
        ),
        (
            "The weaker promise is not said",
            "self.is_atomic = self._decider is not None or len(self._loads) == 1",
            "self.is_atomic = True",
        ),
    ),
    *mutations(
        "distributed_insert/loading/coordinator.py",
        ["two_phase.test_prepared"],
    ),
    *mutations(
        "distributed_insert/loading/worker.py",
        ["test_server_faults.WaitingTests.test_a_signal_beside_a_frozen_backend"],
    ),
    *mutations(
        "distributed_insert/loading/model_load.py",
        ["loading.test_coordinator"],
        (
            "A bug of a worker is reported as an error of the load",
            "if isinstance(result, LoadError):",
            "if isinstance(result, Exception):",
        ),
    ),
    *mutations(
        "distributed_insert/two_phase/transactions.py",
        ["two_phase.test_transactions", "two_phase.test_prepared", "loading.test_worker"],
        (
            "A transaction that the server has ended is to be committed",
            'cursor.execute("SELECT 1")',
            "pass",
        ),
        ("A transaction that has ended is committed", "if not can_be_committed:", "if False:"),
        (
            "What is not committed is not rolled back at the end",
            "if connections[self.using].in_atomic_block:",
            "if False:",
        ),
        (
            "A lost connection ends in a second error",
            "with suppress(Error):",
            "with suppress():",
        ),
        (
            "One of several SQLite files decides",
            "len(aliases) < 2 or len(others) > 1 or",
            "len(aliases) < 2 or",
        ),
        (
            "A server decides beside an SQLite file",
            "return (others or aliases)[0]",
            "return (aliases or others)[0]",
        ),
        (
            "Databases of any kind are taken for ones that can decide",
            ' or not {"sqlite", "postgresql"}.issuperset(vendors)',
            "",
        ),
        (
            "The load does not insert its decision",
            "decisions.decide(self.using, self._load)",
            "pass",
        ),
        (
            "What another program has just ended is an error",
            '!= "42704"',
            '!= ""',
        ),
        (
            "Of a transaction that was aborted it is said that it is prepared",
            'self._require(cursor.statusmessage == "PREPARE TRANSACTION")',
            "pass",
        ),
        (
            "Django goes on with a transaction that is prepared",
            '"PREPARE TRANSACTION")\n        self._leave()',
            '"PREPARE TRANSACTION")',
        ),
        (
            "Two loads hold transactions in one database, and may wait for each other",
            "decisions.lock(self.using)",
            "pass",
        ),
        (
            "A decision may be lost in a crash of the server",
            'cursor.execute("SET LOCAL synchronous_commit = on")',
            "pass",
        ),
    ),
    *mutations(
        "distributed_insert/two_phase/transactions.py",
        ["two_phase.test_commit.WithoutPrepareTests"],
        (
            "That a server cannot prepare is found out at the end",
            'if cursor.fetchone() == ("0",):',
            "if False:",
        ),
    ),
    *mutations(
        "distributed_insert/two_phase/decisions.py",
        ["two_phase.test_decisions", "two_phase.test_prepared"],
        (
            "A database has a new identity at each load",
            "[IDENTITY, uuid4().hex]",
            "[uuid4().hex, uuid4().hex]",
        ),
        (
            "The table of decisions is created at each load",
            "    if found:\n        return found\n",
            "",
        ),
        (
            "A table without a key can decide",
            "ON CONFLICT (name) DO NOTHING",
            "ON CONFLICT DO NOTHING",
        ),
        (
            "Any database decides for any other",
            "if identity(using) != its_identity:",
            "if not identity(using):",
        ),
        (
            "Asking for the decision makes it",
            "transaction.set_rollback(True, using=using)",
            "pass",
        ),
        (
            "A load that runs is rolled back",
            "return Verdict.ALIVE",
            "return Verdict.ROLL_BACK",
        ),
        (
            "A database that fails is taken for one that is locked",
            "if is_locked(error):",
            "if True:",
        ),
        (
            "A load that was committed is rolled back",
            "except IntegrityError:\n        return Verdict.COMMIT",
            "except IntegrityError:\n        return Verdict.ROLL_BACK",
        ),
        (
            "Forgetting a load forgets nothing",
            'f"DELETE FROM {TABLE} WHERE name = %s"',
            'f"DELETE FROM {TABLE} WHERE name <> %s"',
        ),
        (
            "Two loads create the table at once, and one fails",
            'cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ADVISORY_LOCK])',
            "pass",
        ),
        (
            "A load that runs is waited for, in SQLite",
            'cursor.execute(f"PRAGMA busy_timeout = {PATIENCE_MS}")',
            "pass",
        ),
        (
            "A load that runs is waited for, in PostgreSQL",
            'cursor.execute(f"SET LOCAL lock_timeout = {PATIENCE_MS}")',
            "pass",
        ),
    ),
    *mutations(
        "distributed_insert/two_phase/decisions.py",
        ["two_phase.test_commit"],
        (
            "The identity of a database is lost in a crash",
            'cursor.execute("SET LOCAL synchronous_commit = on")',
            "pass",
        ),
    ),
    *mutations(
        "distributed_insert/two_phase/recovery.py",
        ["two_phase.test_prepared", "two_phase.test_recovery"],
        (
            "Transactions of other programs are taken for loads",
            "if gid]",
            "]",
        ),
        (
            "Orders are committed while what they refer to is not",
            "if verdict is Verdict.COMMIT and waits_for:",
            "if False:",
        ),
        (
            "What was committed is rolled back by the recovery",
            '"COMMIT" if verdict is Verdict.COMMIT else "ROLLBACK"',
            '"ROLLBACK"',
        ),
        (
            "What was rolled back is committed by the recovery",
            '"COMMIT" if verdict is Verdict.COMMIT else "ROLLBACK"',
            '"COMMIT"',
        ),
        (
            "A transaction whose decision is unknown is not reported",
            "if found is Verdict.UNKNOWN:",
            "if False:",
        ),
        (
            "What another program has ended is reported as ended by this one",
            "                return None\n",
            "                pass\n",
        ),
        (
            "A recovery does not hear of signals",
            " or bool(stopped_by())",
            "",
        ),
        (
            "What was committed may be rolled back by hand",
            'f": COMMIT PREPARED {gid}"',
            'f": ROLLBACK PREPARED {gid}"',
        ),
        (
            "What is prepared in another database of the server is found",
            "WHERE database = current_database()",
            "WHERE true",
        ),
        (
            "All loads of a database decide alike",
            "decided = gid[:3]",
            "decided = gid[:2]",
        ),
        (
            "What one load has left holds up another",
            "if each.is_left and each.gid[:3] == decided",
            "if each.is_left",
        ),
        (
            "Orders are committed while what they refer to cannot be reached",
            "left.union(failures)",
            "left",
        ),
        (
            "Connections of the recovery stay open",
            "connections.close_all()",
            "connections.all()",
        ),
    ),
    *mutations(
        "distributed_insert/two_phase/gid.py",
        ["two_phase.test_gid"],
        (
            "The names of other programs are read",
            "project == PROJECT and len(parts)",
            "len(parts)",
        ),
        (
            "A quote ends the name",
            """.replace("'", "''")""",
            "",
        ),
    ),
    *mutations(
        "distributed_insert/reports/text.py",
        ["reports.test_text"],
        (
            "That the commit is not atomic is said where nothing is stored",
            "if not outcome.is_atomic and any(model.is_stored for model in outcome.models):",
            "if not outcome.is_atomic:",
        ),
        (
            "What was recovered is not said",
            "yield from outcome.recovered",
            "yield from ()",
        ),
    ),
    *mutations(
        "distributed_insert/management/commands/recover_load.py",
        ["two_phase.test_prepared"],
        (
            "A recovery that leaves something succeeds",
            "if problems:",
            "if not found:",
        ),
        (
            "That a server cannot be reached is not said",
            "problems += map(str, failures.values())",
            "map(str, failures.values())",
        ),
        (
            "There is nothing to recover where a server cannot be reached",
            "if not found and not failures:",
            "if not found:",
        ),
    ),
    *mutations(
        "distributed_insert/databases.py",
        ["two_phase.test_prepared"],
        (
            "A lock on a server is not known as one",
            'sqlstate(error) == "55P03" or str(error)',
            "str(error)",
        ),
    ),
    *mutations(
        "distributed_insert/databases.py",
        ["test_databases"],
        (
            "Codes of psycopg 2 are not known",
            ' or getattr(cause, "pgcode", None)',
            "",
        ),
        (
            "A locked database has no remedy",
            "if is_locked(error) else text",
            "if False else text",
        ),
    ),
    *mutations(
        "distributed_insert/loading/base_worker.py",
        ["test_server_faults.WaitingTests.test_a_signal_beside_a_frozen_backend"],
        (
            "Servers are not watched",
            "self._watch = watch(self.using, self.is_interrupted)",
            "self._watch = None",
        ),
        (
            "The watch of a server hears of no signal",
            "watch(self.using, self.is_interrupted)",
            "watch(self.using, lambda: False)",
        ),
    ),
    *mutations(
        "distributed_insert/loading/base_worker.py",
        ["loading.test_worker"],
        (
            "What was found is asked for again",
            "found[key] = 1",
            "found[key] = 0",
        ),
        (
            "What is missing is remembered as found",
            "if key < REMEMBERED_IDS and key not in missing:",
            "if key < REMEMBERED_IDS:",
        ),
        (
            "Ids of any size are looked up among the remembered ones",
            "if key >= REMEMBERED_IDS or not found[key]]",
            "if not found[key]]",
        ),
        (
            "What comes after a server was given up is another error",
            "raise kind(failure(self._watch.failure, self.using)) from error",
            "raise kind(failure(error, self.using)) from error",
        ),
        (
            "A server that was given up to stop the load is an error",
            "kind = Interrupted if self._watch.was_interrupted else LoadError",
            "kind = LoadError",
        ),
        (
            "A database without tables is an error in the middle of the load",
            "require_table(self.model, self.using)",
            "connections[self.using].cursor()",
        ),
    ),
    *mutations(
        "distributed_insert/loading/all_or_nothing.py",
        ["two_phase.test_prepared"],
        (
            "A load that still runs stops others",
            "for each in ended if each.problem]",
            "for each in ended if each.is_left]",
        ),
    ),
    *mutations(
        "distributed_insert/loading/start.py",
        ["executors.test_callers.CallerTests"],
        (
            "Each load leaves its event loop open",
            "ending.enter_context(closing(asyncio.new_event_loop()))",
            "asyncio.new_event_loop()",
        ),
    ),
    *mutations(
        "distributed_insert/loading/worker.py",
        ["loading.test_worker.OpenTests"],
        (
            "Files stay open after a load",
            "            closing.callback(self._source.close)\n",
            "",
        ),
    ),
    *mutations(
        "distributed_insert/loading/all_or_nothing.py",
        ["loading.test_all_or_nothing"],
        (
            "What a signal has kept a load from recovering is an error",
            "    if not stopped_by():\n",
            "    if True:\n",
        ),
    ),
    *mutations(
        "distributed_insert/loading/start.py",
        ["loading.test_coordinator", "management.test_signals"],
        (
            "An interrupted load says that it is complete",
            "signal = coordinator.signal",
            "signal = None",
        ),
        (
            "A signal that is taken back has not come",
            "received = received or stopped_by()",
            "received = stopped_by()",
        ),
        (
            "Each reason is given as often as there are models with it",
            "dict.fromkeys(map(str, errors))",
            "list(map(str, errors))",
        ),
    ),
    # The coordinator and what it counts.
    *mutations(
        "distributed_insert/loading/coordinator.py",
        ["loading.test_coordinator", "management.test_signals", "management.test_urls"],
        (
            "A batch from a pipe waits for the next one",
            "batches_ahead = 0 if model_load.source.is_stream else model_load.batches_ahead",
            "batches_ahead = model_load.batches_ahead",
        ),
        (
            "Orders wait for only the first of their parents",
            "for parent in parents:\n            await",
            "for parent in parents[:1]:\n            await",
        ),
        ("A dry run is committed", "or self._options.dry_run or", "or"),
        (
            "What was stopped by a signal is committed",
            "self._options.dry_run or self._is_stopping():",
            "self._options.dry_run:",
        ),
        (
            "All or nothing commits in spite of rejects",
            "if self._rejected():\n",
            "if self._rejected() < 0:\n",
        ),
        (
            "The others go on when a model has failed",
            "return self._has_failed or self.signal",
            "return self.signal",
        ),
        (
            "Signals do not stop a load",
            "return self._has_failed or self.signal",
            "return self._has_failed",
        ),
        (
            "Files are not checked before the first write",
            "while model_load.source and not self._is_stopping()",
            "while False and not self._is_stopping()",
        ),
        (
            "After the limit of rejects is passed the other models write on",
            "if rejects_left >= 0:",
            "if True:",
        ),
        (
            "Models count rejects at the same time, and allow too many",
            "async with self._turn:",
            "for _ in [None]:",
        ),
        (
            "The parents are asked after the load has been stopped",
            "if self._is_stopping():\n            return dict",
            "if False:\n            return dict",
        ),
        (
            "Progress is not reported",
            "if self._on_progress:",
            "if self._on_progress and not self._on_progress:",
        ),
        (
            "The end of a model is not reported",
            "if missing is None and self._on_progress:",
            "if missing and self._on_progress:",
        ),
        (
            "A model that was stopped is reported to have ended",
            "if missing is None and self._on_progress:",
            "if self._on_progress is not None:",
        ),
        (
            "A load that stops waits for what does not come",
            "self._interrupt()\n        return await task",
            "pass\n        return await task",
        ),
        (
            "A failure leaves other models waiting",
            "(self._has_failed or self._cannot_begin or self._stopped_by()):",
            "self._stopped_by():",
        ),
        (
            "A load that cannot begin waits for the others",
            "self._has_failed or self._cannot_begin or",
            "self._has_failed or",
        ),
        (
            "What a signal has ended is an error",
            "if not isinstance(error, Interrupted)]",
            "]",
        ),
        (
            "A signal that ended the last write is forgotten",
            "if len(told) < len(errors):",
            "if len(told) > len(errors):",
        ),
        (
            "Workers are waited for after a failure",
            "            if errors or self.signal:\n                self._interrupt()\n",
            "",
        ),
        (
            "After a signal an earlier load is recovered",
            "if not errors and not self._is_stopping():\n            self.recovered",
            "if not errors:\n            self.recovered",
        ),
        (
            "After a signal transactions begin",
            "one_transaction and not errors and not self._is_stopping():",
            "one_transaction and not errors:",
        ),
        (
            "Transactions begin in a load that cannot begin",
            "one_transaction and not errors and not self._is_stopping():",
            "one_transaction and not self._is_stopping():",
        ),
        (
            "An input that was given up is an error",
            "except GivenUp:\n            return {}",
            "except ZeroDivisionError:\n            return {}",
        ),
        (
            "A server that was given up while a file was opened is an error",
            "except GivenUp:\n            # A server",
            "except ZeroDivisionError:\n            # A server",
        ),
        (
            "The seconds of a model are not counted",
            "load.seconds = time.perf_counter() - self._started",
            "load.seconds = 0.0",
        ),
    ),
    *mutations(
        "distributed_insert/loading/model_load.py",
        ["loading.test_model_load"],
        ("An interruption does not reach the worker", "self._executor.interrupt()", "pass"),
        (
            "An interruption does not reach standard input",
            "if self.source and self.source.is_stream:",
            "if self.source and not self.source.is_stream:",
        ),
        (
            "After a commit that failed nothing is unconfirmed",
            "self.is_unconfirmed = True",
            "self.is_unconfirmed = False",
        ),
        (
            "That something is unconfirmed is forgotten with the next error",
            "self.is_unconfirmed |= lost",
            "self.is_unconfirmed = lost",
        ),
        (
            "A worker lost while it reads leaves doubt about what is stored",
            "lost.may_have_run and job in self._committing_jobs",
            "lost.may_have_run",
        ),
        (
            "Within one transaction each write is believed to be a commit",
            '{"commit"} if options.one_transaction else {"write"}',
            '{"commit", "write"}',
        ),
        (
            "Records may be lost or counted twice",
            "if counts.read != in_place",
            "if counts.read < in_place",
        ),
        (
            "Only the rejects of the last batch are kept",
            "self.rejects += result.rejects",
            "self.rejects = result.rejects",
        ),
        (
            "Too little memory is a traceback",
            "except MemoryError as error:",
            "except RecursionError as error:",
        ),
    ),
    *mutations(
        "distributed_insert/loading/options.py",
        ["loading.test_results"],
        (
            "A dry run commits each batch",
            "return self.all_or_nothing or self.dry_run",
            "return self.all_or_nothing",
        ),
    ),
    *mutations(
        "distributed_insert/loading/results.py",
        ["loading.test_results"],
        (
            "A reject has any number of errors",
            "for error in errors[:MAX_ITEMS]]",
            "for error in errors]",
        ),
        ("A reject has values of any length", "if len(text) > MAX_CHARACTERS:", "if False:"),
        (
            "A reject has values that cannot be read back",
            "except (ValueError, SyntaxError):  # inf, a date\n        return text",
            "except (ValueError, SyntaxError):\n        return value",
        ),
    ),
    *mutations(
        "distributed_insert/loading/reasons.py",
        ["loading.test_reasons"],
        (
            "There are as many reasons as a file has unknown fields",
            "if len(self._first) == MAX_REASONS:",
            "if not reason:",
        ),
        (
            "The first hundred reasons of each batch are named",
            "for reason, number in Counter(reasons).items():",
            "self._first.clear()\n        for reason, number in Counter(reasons).items():",
        ),
        ("A reason may be of any length", "elif len(reason) > MAX_CHARACTERS:", "elif not reason:"),
        (
            "Where a record is malformed is a part of the reason",
            'if reason.startswith("Malformed "):',
            'if reason == "Malformed":',
        ),
        (
            "Equal reasons are in the order in which they were found",
            "key=lambda item: (-item[1], item[0])",
            "key=lambda item: -item[1]",
        ),
    ),
    # The worker and its batches.
    *mutations(
        "distributed_insert/loading/batch.py",
        ["loading.test_batch"],
        (
            "Rejects are reported in another order than the file's",
            "return sorted(indexes, key=self._records.places.__getitem__)",
            "return sorted(indexes)",
        ),
        (
            "Records have other numbers after one with other fields",
            "return self._records.places[index]",
            "return index",
        ),
        (
            "Errors are in the order in which they were found",
            "errors = sorted(errors, key=itemgetter(0))",
            "errors = list(errors)",
        ),
        (
            "An id that an earlier record of the batch has is not reported",
            "stored_here.get(key, places[index]) < places[index]",
            "False",
        ),
        (
            "A record takes its id also from those before it",
            "stored_here.get(key, places[index]) < places[index]",
            "key in stored_here",
        ),
        (
            "Each record of the batch takes an id",
            "if index not in self._errors\n        }",
            "if index not in self._others\n        }",
        ),
        (
            "An id that breaks its rule is looked up",
            "return None if index in self._broken[name] else self._columns[name][index]",
            "return self._columns[name][index]",
        ),
        (
            "References of records with other fields are not checked",
            "return found + [i for i, other in self._others.items() if other.get(name) in values]",
            "return found",
        ),
        (
            "A field without a value refers to None",
            "if other.get(name) in values]",
            "if other.get(name) not in values]",
        ),
        (
            "A rejected record is stored",
            "self._is_accepted[index] = 0",
            "self._is_accepted[index] = 1",
        ),
        (
            "The rules are not applied to records with other fields",
            "self.reject(index, RULE, *errors.get(0, ()))",
            "self.reject(index, RULE)",
        ),
        (
            "Each missing parent is a reason",
            "self.reject(index, REFERENCE, message, reason=reason)",
            "self.reject(index, REFERENCE, message)",
        ),
        (
            "Each id that exists is a reason",
            "self.reject(index, CONFLICT, already_exists(key), reason=ID_EXISTS)",
            "self.reject(index, CONFLICT, already_exists(key))",
        ),
        (
            "A record may be left out without a reason",
            "if index not in self._errors:\n",
            "if index in self._others:\n",
        ),
    ),
    *mutations(
        "distributed_insert/loading/storing.py",
        ["loading.test_worker"],
        (
            "A refused update is blamed on the wrong record",
            "refused.update((conflicts[i], error) for i, error in errors.items())",
            "refused.update(errors)",
        ),
        (
            "A refused update is counted as updated",
            "updated = len(conflicts) - unchanged - len(errors)",
            "updated = len(conflicts) - unchanged",
        ),
        (
            "A record that changes nothing is counted as updated",
            "unchanged, errors = update(",
            "_, errors = update(",
        ),
        (
            "A refused insert is blamed on the wrong record",
            "batch.reject(indexes[i], CONFLICT, error, reason=REFUSED)",
            "batch.reject(i, CONFLICT, error, reason=REFUSED)",
        ),
        (
            "Each text of the database is a reason",
            "batch.reject(indexes[i], CONFLICT, error, reason=REFUSED)",
            "batch.reject(indexes[i], CONFLICT, error)",
        ),
        (
            "No ignored record differs",
            "if value != other]",
            "if value is None]",
        ),
        (
            "A record deleted by another program meanwhile ends the load",
            "stored.get(row[key], row)",
            "stored[row[key]]",
        ),
        (
            "The wrong one of the ignored records differs",
            "{indexes[conflicts[i]]: error for",
            "{conflicts[i]: error for",
        ),
    ),
    *mutations(
        "distributed_insert/loading/worker.py",
        ["loading.test_worker"],
        (
            'That an id exists is an error also with "ignore" and "update"',
            "batch.rejected_ids() if self._options.on_conflict == ERROR else {}",
            "batch.rejected_ids()",
        ),
        (
            "That an id exists is not reported of a record with another error",
            "batch.check_conflicts(of_rejects, stored)",
            "batch.check_conflicts({}, stored)",
        ),
        (
            "A batch is taken again in a transaction that has ended",
            "check_fault(self.using, refused.error)",
            "pass",
        ),
        (
            "Of the batch with too many rejects no reason is counted",
            "reasons = self._reasons.count(batch.reasons(rejects))",
            "reasons = self._reasons.count(batch.reasons(rejects if rejects_left is None else []))",
        ),
        (
            "Rejects are written after the commit",
            "                self._write_rejects(batch, rejects, differing)\n"
            "                is_written = True",
            "                is_written = True\n"
            "            self._write_rejects(batch, rejects, differing)",
        ),
        (
            "A commit that failed is taken for a rollback",
            "is_written = True",
            "is_written = False",
        ),
        (
            "An error before the commit is taken for a failed commit",
            "if is_written and not self._options.one_transaction:",
            "if not self._options.one_transaction:",
        ),
        (
            "An error of a savepoint is taken for a failed commit",
            "if is_written and not self._options.one_transaction:",
            "if is_written:",
        ),
        (
            "As many rejects as allowed are too many",
            "counts.rejected > rejects_left:",
            "counts.rejected >= rejects_left:",
        ),
        (
            "The batch with too many rejects is stored",
            "transaction.set_rollback(True, using=self.using)\n                    counts",
            "transaction.set_rollback(False, using=self.using)\n                    counts",
        ),
        (
            "Of the batch with too many rejects all records are counted",
            "counts = Counts(read=counts.rejected, rejected=counts.rejected)",
            "counts = Counts(read=counts.read, rejected=counts.read)",
        ),
        (
            "Connections stay open",
            "closing.callback(super().close)",
            "closing.callback(len, super().__class__.__name__)",
        ),
        (
            "Ignored records that differ are not written to the file of rejects",
            "indexes = batch.in_order([*rejects, *differing]) if differing else rejects",
            "indexes = rejects",
        ),
        (
            "Records are numbered from 1 in each batch",
            "number = self._read + batch.place(index) + 1",
            "number = batch.place(index) + 1",
        ),
        (
            "Twenty rejects are kept of each batch",
            "self._rejects_to_keep -= len(kept)",
            "self._rejects_to_keep -= 0",
        ),
        (
            "References to what is missing are stored",
            "batch.check_references(missing)",
            "batch.check_references(dict.fromkeys(missing, ()))",
        ),
        (
            "Batches are written in the reverse order",
            "self._batches.popleft()",
            "self._batches.pop()",
        ),
        (
            "Progress runs ahead by the batches that are not written yet",
            "return BatchResult(counts, kept, reasons, share_read)",
            "return BatchResult(counts, kept, reasons, self._source.share_read)",
        ),
    ),
    *mutations(
        "distributed_insert/loading/writers.py",
        ["loading.test_writers"],
        (
            "Where the first record with an id is refused, the next one is lost",
            "left = [index for index in later if keys[index] in free]",
            "left = []",
        ),
        (
            "A refused row is blamed on one before it",
            "refused.update((fresh[position], message) for",
            "refused.update((position, message) for",
        ),
        (
            "Of two rows with an id the last one is stored",
            "index for index in reversed(left) if keys",
            "index for index in left if keys",
        ),
        (
            "Conflicts are in the order in which they were found",
            "return Insertion(sorted(conflicts), refused)",
            "return Insertion(conflicts, refused)",
        ),
        (
            "One statement updates a row twice",
            "turns[turn].append(index)",
            "turns[0].append(index)",
        ),
        (
            "Rows that are stored as they are are written again",
            "changed = list(compress(indexes, map(ne, rows, stored_ones)))",
            "changed = list(indexes)",
        ),
        (
            "A row is compared with a refused one",
            "written = [index for index in changed if index not in refused]",
            "written = changed",
        ),
        (
            "Only as many stored rows are compared as a statement takes parameters",
            "for start in range(0, len(asked), size):\n        found",
            "for start in range(0, min(len(asked), size), size):\n        found",
        ),
    ),
    *mutations(
        "distributed_insert/loading/statements.py",
        ["loading.test_writers"],
        (
            "Rows that a trigger leaves out are counted as stored",
            "values) != end - begin:",
            "values) > end - begin:",
        ),
        (
            "Statements run in a transaction that has ended",
            "self._connection.validate_no_broken_transaction()",
            "self._connection.get_autocommit()",
        ),
        (
            "Values are not adapted to their fields",
            "field.get_db_prep_save(value, self._connection) for",
            "value for",
        ),
        (
            "Statements have more parameters than the database takes",
            "size = max(1, min(ROWS_PER_STATEMENT, limit))",
            "size = ROWS_PER_STATEMENT",
        ),
        (
            "After one refused row all are sent one by one",
            "attempt(0, len(columns[0]), ROWS_PER_STATEMENT)",
            "attempt(0, len(columns[0]), 1)",
        ),
        (
            "Rows are written on after a trigger has ended the transaction",
            "if connections[using].needs_rollback:",
            "if False:",
        ),
        (
            "A full disk is blamed on rows",
            "return isinstance(error, (IntegrityError, DataError)) or",
            "return isinstance(error, Error) or",
        ),
        (
            "What a trigger of PostgreSQL raises ends the load",
            'or sqlstate(error).startswith("P0")',
            'or sqlstate(error).startswith("P1")',
        ),
    ),
    *mutations(
        "distributed_insert/loading/statements.py",
        ["loading.test_postgresql"],
        (
            "PostgreSQL's message about a row has its details",
            'getattr(diagnostics, "message_primary", None) or str(error)',
            "str(error)",
        ),
    ),
    *mutations(
        "distributed_insert/loading/asking.py",
        ["loading.test_postgresql", "loading.test_turns"],
        (
            "A transaction has another level of isolation than is set",
            "if connection.in_atomic_block or connection.connection.isolation_level:",
            "if connection.in_atomic_block:",
        ),
        (
            "A question that fails is one without an answer",
            "if result.status != driver.pq.ExecStatus.TUPLES_OK:",
            "if False:",
        ),
        (
            "A driver without pipelines cannot load",
            "if connection.Database.Pipeline.is_supported():",
            "if True:",
        ),
        (
            "A savepoint takes a turn beside the question",
            "with connection.wrap_database_errors, _pipeline(connection):",
            "with connection.wrap_database_errors:",
        ),
        (
            "The question about rejects takes a turn",
            "if ids and can_copy(connections[using], model):",
            "if False:",
        ),
    ),
    *mutations(
        "distributed_insert/loading/postgresql.py",
        ["loading.test_postgresql"],
        (
            "psycopg2 is asked for a COPY of psycopg 3",
            "return is_psycopg3 and all(types)",
            "return all(types)",
        ),
        (
            "The bytes of a price are stored as an amount of money",
            "all(types) and column_types(connection, model) == types",
            "all(types)",
        ),
        (
            "COPY passes by the rules of a table",
            "AND NOT relhasrules ",
            "",
        ),
        (
            "COPY is tried where rows have security policies",
            "AND NOT relrowsecurity",
            "",
        ),
        (
            "Rows that a trigger leaves out of a COPY are counted as stored",
            "if sent != len(columns[0]):",
            "if sent > len(columns[0]):",
        ),
        (
            "Values of another type end the load",
            "except (TypeError, struct.error):",
            "except TypeError:",
        ),
        (
            "Only the first rows of a batch are sent",
            "for begin in range(0, len(columns[0]), ROWS_PER_WRITE)",
            "for begin in range(0, min(len(columns[0]), ROWS_PER_WRITE), ROWS_PER_WRITE)",
        ),
        (
            "A COPY runs in a transaction that has ended",
            "self._connection.validate_no_broken_transaction()",
            "self._connection.get_autocommit()",
        ),
        (
            "Backslashes are lost in an update",
            r'repeat("\\"), repeat("\\\\")',
            r'repeat("\\"), repeat("\\")',
        ),
        (
            "Quotes end a text in an update",
            r"""repeat('"'), repeat('\\"')""",
            """repeat('"'), repeat('"')""",
        ),
        (
            "A column has the name of a variable",
            "#variable_conflict use_column\n",
            "#variable_conflict error\n",
        ),
        (
            "A fault of the server is blamed on a row",
            "IF left(SQLSTATE, 2) NOT IN ('22', '23', 'P0') THEN RAISE; END IF;",
            "IF FALSE THEN RAISE; END IF;",
        ),
        (
            "After a fault of the server rows are searched for once more",
            "            check_fault(self._using, error)\n"
            "            return super()._search(columns)",
            "            return super()._search(columns)",
        ),
        (
            "Texts of a COPY have the length of their characters",
            "map(_packed_length, map(len, texts))",
            "map(_packed_length, map(len, column))",
        ),
        (
            "A skipped row counts as stored in the search for refused ones",
            "IF inserted <> 1 THEN",
            "IF inserted > 1 THEN",
        ),
        (
            "What a trigger did for a row that it skips stays",
            "IF inserted <> 1 THEN RAISE '{skipped}'; END IF;",
            "IF inserted <> 1 THEN places := places || given.place - 1; "
            "messages := messages || '{skipped}'::text; END IF;",
        ),
        (
            "A refused row is blamed on the one after it",
            "given.place - 1",
            "given.place",
        ),
        (
            "Rows are not searched for without PL/pgSQL",
            "except (TypeError, NotSupportedError, ProgrammingError):",
            "except (TypeError, NotSupportedError):",
        ),
        (
            "The whole table is read for the stored rows",
            "= asked.value OFFSET 0)",
            "= asked.value)",
        ),
    ),
    *mutations(
        "distributed_insert/loading/postgresql.py",
        ["loading.test_turns"],
    ),
    *mutations(
        "distributed_insert/loading/storing.py",
        ["loading.test_turns"],
    ),
    *mutations(
        "distributed_insert/references.py",
        ["loading.test_postgresql"],
        (
            "PostgreSQL reads a whole table to find missing ids",
            'f"(SELECT 1 FROM {quote(model._meta.db_table)} WHERE {key} = asked.value) IS NULL"',
            'f"NOT EXISTS (SELECT 1 FROM {quote(model._meta.db_table)} WHERE {key} = asked.value)"',
        ),
    ),
    # Files.
    *mutations(
        "distributed_insert/sources/lines.py",
        ["sources.test_lines"],
        (
            "A line end that two blocks share ends two lines",
            'line_end = max(part.rfind("\\n"), part.rfind("\\r", 0, -1)) + 1\n            if',
            'line_end = max(part.rfind("\\n"), part.rfind("\\r")) + 1\n            if',
        ),
        (
            "A line end that two blocks share ends two lines after a long line",
            'if line_end and (line_end.group() != "\\r" or line_end.end() < len(self._text)):',
            "if line_end:",
        ),
        (
            "A line end that two blocks share ends no line after a long line",
            'self._set_text((line_end.group() if line_end else "") + self._file.read())',
            "self._set_text(self._file.read())",
        ),
        (
            "A batch has one line more than asked for",
            "for _ in range(most):",
            "for _ in range(most + 1):",
        ),
        (
            "Lone carriage returns end no line",
            'text.count("\\r") > text.count("\\r\\n")',
            'text.count("\\r") < text.count("\\r\\n")',
        ),
    ),
    *mutations(
        "distributed_insert/sources/text_file.py",
        ["sources.test_text_file", "sources.test_url_files"],
        (
            "A file that was cut off is taken for a whole one",
            "self._check_size(self._file.tell())",
            "self._file.tell()",
        ),
        (
            "A file that was cut off and grew again is taken for the same",
            "elif bytes_read not in (None, self._opened_size):",
            "elif False:",
        ),
        (
            "A gzip file that grows is blamed on its format",
            "except (EOFError, zlib.error) as error:\n            self._check_size()",
            "except (EOFError, zlib.error) as error:",
        ),
        (
            "Half a character at the end is left out",
            "text = self._decode(data, self.is_at_end)",
            "text = self._decode(data, False)",
        ),
        (
            "A line end that two blocks share is counted twice",
            'counted = "\\r" if self._last == "\\r" else ""',
            'counted = ""',
        ),
        (
            "Folders and devices are read",
            "elif stat.S_ISREG(os.stat(self.path).st_mode):",
            "elif True:",
        ),
        (
            "A URL is read on, not anew, after its check",
            "self.close()\n            self._open_url()",
            "pass",
        ),
        (
            "A checked file is read from its end",
            "self._file.seek(0)",
            "self._file.seek(0, 1)",
        ),
        ("A pipe is read twice", "and _is_pipe(self.path)", "and False"),
    ),
    *mutations(
        "distributed_insert/sources/urls.py",
        ["sources.test_urls"],
        ("The query of a URL is shown", 're.sub(r"[?#].*", "", link, flags=re.S)', "link"),
        (
            "The password of a URL is shown",
            're.sub(SECRET, "", link, flags=re.I)',
            "link",
        ),
        (
            "A password with a slash is shown",
            "(?:[^/]*@|[^@]*@)",
            "[^/]*@",
        ),
        (
            "What follows a port is taken for a password",
            "(?!/|\\d+[/?#])",
            "(?!/)",
        ),
        (
            "A query is put before the name",
            "f\"{path.rstrip('/')}/{name}{rest}\"",
            'f"{url}/{name}"',
        ),
        ("A fragment is put before the name", 're.split("[?#]", url)', 're.split("[?]", url)'),
    ),
    *mutations(
        "distributed_insert/sources/backends.py",
        ["sources.test_backends"],
        (
            "A server that does not answer is waited for",
            "if time.monotonic() > end:",
            "if time.monotonic() < 0:",
        ),
        ("An interruption waits for a server", "if is_interrupted():", "if False:"),
        (
            "A secret is shown in what a backend says",
            "lambda url: shown(url.group())",
            "lambda url: url.group()",
        ),
        (
            "Errors of backends are tracebacks",
            "return (*always, *filter(None, loaded))",
            "return always",
        ),
        (
            "What a server of HTTP answers is not told",
            "return _reason(cause)",
            'return "not found"',
        ),
    ),
    *mutations(
        "distributed_insert/sources/url_files.py",
        ["sources.test_url_files"],
        (
            "A server that gives no parts is asked for them",
            "or self._gives_parts(file):",
            "or True:",
        ),
        (
            "A lost file is waited for once more when it is closed",
            "if self._file and self._failure is None:",
            "if self._file:",
        ),
        (
            "A folder is taken for an empty file",
            'if info["type"] == "directory":',
            "if not info:",
        ),
        (
            "The size of a file is not known",
            'self.size = info.get("size")',
            "self.size = None",
        ),
        (
            "A large file ends after five minutes",
            '{"timeout": ClientTimeout(total=None, sock_read=backends.TIMEOUT)}',
            "{}",
        ),
        (
            "What a lost call writes changes",
            "self._file.write, bytes(data))",
            "self._file.write, data)",
        ),
        ("A file stays open after an error", "Call(self._file.close).start()", "pass"),
    ),
    *mutations(
        "distributed_insert/sources/first_bytes.py",
        ["sources.test_first_bytes", "sources.test_text_file"],
        ("The first bytes of a stream are lost", "return first or self", "return self"),
        (
            "A stream that is unpacked begins late",
            "return first + self._file.read(",
            "return first and self._file.read(",
        ),
        ("An xz file takes any amount of memory", "memlimit=MAX_XZ_MEMORY", "memlimit=None"),
        ("What follows an xz stream is lost", "if not block:", "if block or not block:"),
        (
            "Zeros between xz streams are damage",
            'self._unpacker.unused_data.lstrip(b"\\0")',
            "self._unpacker.unused_data",
        ),
        ("An xz file that breaks off is whole", "raise EOFError(CUT_OFF)", 'return b""'),
        ("A header BZh9 is taken for bzip2", 'rb"BZh[1-9](', 'rb"BZh[1-9](|'),
    ),
    *mutations(
        "distributed_insert/sources/csv_header.py",
        ["sources.test_csv_header", "sources.test_csv_file"],
        ("A column may have two columns' name", "if n > 1)", "if n > 2)"),
        ("Of two alike columns the last one counts", "len(alike) == 1", "len(alike) >= 1"),
        (
            "A column stands for two names",
            "and header[alike[0]] not in names:",
            "and True:",
        ),
        ("Case matters in a header", "strip().casefold()", "strip()"),
        ("Blanks matter in a header", "name.strip().casefold()", "name.casefold()"),
        ("The least fitting delimiter is taken", "max(candidates, key", "min(candidates, key"),
        ("The example cannot be typed", "shlex.quote(_cut(unknown[0]))", "_cut(unknown[0])"),
        ("Messages are as long as the header", "names[:MAX_COLUMNS]", "names[:]"),
    ),
    *mutations(
        "distributed_insert/sources/csv_rows.py",
        ["sources.test_csv_rows", "sources.test_csv_file"],
        (
            "Lines of few and of many values make up for each other",
            "len(values) != count * width + 1 or len(first) != count + 1:",
            "len(values) != count * width + 1:",
        ),
        (
            "An unbalanced quote swallows the lines that follow",
            "rows.append((number + first, _malformed(lines[first], reason)))\n"
            "                first += 1",
            "rows.append((number + first, _malformed(lines[first], reason)))\n"
            "                first = begin + reader.line_num",
        ),
        (
            "A value may be of any length where nothing is quoted",
            "or width < 2 or _has_long_line(text):",
            "or width < 2:",
        ),
        (
            "A row may have any number of values",
            "if len(row) > MAX_VALUES:",
            "if False:",
        ),
        (
            "Of a batch that is full another row is read",
            "if len(rows) == most:",
            "if len(rows) > most:",
        ),
    ),
    *mutations(
        "distributed_insert/sources/csv_rows.py",
        ["sources.test_csv_rows.LinearWorkTests.test_small_batches"],
        (
            "Lines after an unbalanced quote are read again and again",
            "if not is_dead:",
            "if False:",
        ),
    ),
    *mutations(
        "distributed_insert/sources/csv_file.py",
        ["sources.test_csv_file"],
        (
            "Formulas that begin with a tab or a line end are not quoted",
            r"""re.compile(r"'*(?:[=+@\t\r\n]|""",
            r"""re.compile(r"'*(?:[=+@]|""",
        ),
        (
            "Negative numbers are quoted as formulas",
            r"|-(?![0-9]+(?:\.[0-9]+)?\Z))",
            r"|-)",
        ),
        (
            "Formulas in the header of a file of rejects are not quoted",
            "header = map(_quoted, self._without_own(self._header))",
            "header = self._without_own(self._header)",
        ),
        (
            "Formulas in the header of a file of rejects stay quoted",
            "return _unquoted(header) if self._is_rejects_file else header",
            "return header",
        ),
        (
            "Cells of a file of rejects stay quoted",
            "rows = [(line, _unquoted(row)) for line, row in rows]",
            "rows = list(rows)",
        ),
        (
            "Cells of any file are unquoted",
            'self._is_rejects_file = type(header) is list and "_errors" in header',
            "self._is_rejects_file = type(header) is list",
        ),
        (
            "The columns that a row lacks are not missing",
            "errors = self._field_errors(self._columns[: len(raw)])",
            "errors = self._field_errors(self._columns)",
        ),
        (
            "A header waits for the line after it",
            "if not text:\n                break\n            self._take(text, batch, 1)",
            "if not text:\n                break\n            self._take(text, batch, 1)\n"
            "            self._lines.peek(HEADER_LINES)",
        ),
        (
            "Rejects have another delimiter than their source",
            "delimiter=self.separator)",
            'delimiter=",")',
        ),
        ("An empty file has a wrong header", "if is_empty:", "if False:"),
        (
            "Errors are those of wrong records after malformed ones",
            "places = batch.places + [place for place, _, _ in batch.others]",
            "places = range(len(batch))",
        ),
        (
            "Malformed records have the lines of others",
            "batch.lines + [line for _, line, _ in batch.others]",
            "sorted(batch.lines + [line for _, line, _ in batch.others])",
        ),
        (
            "Rejects of rejects have two reasons",
            "if name in REJECTS_COLUMNS]",
            "if name is None]",
        ),
        (
            "The columns of a file are taken in its own order",
            "columns = [batch.columns[index] for index in self._order]",
            "columns = [batch.columns[index] for index in sorted(self._order)]",
        ),
        (
            "A line end within a value of a file of rejects is not quoted",
            "writer = csv.writer(_UnixLines(file), delimiter=self.separator)",
            'writer = csv.writer(file, delimiter=self.separator, lineterminator="\\n")',
        ),
    ),
    *mutations(
        "distributed_insert/sources/files.py",
        ["sources.test_csv_file"],
        (
            "A batch takes any amount of memory",
            "while len(batch) < size and room > 0:",
            "while len(batch) < size:",
        ),
        (
            "Lines after one that is too long have too small numbers",
            "self._lines.skip_line()\n            self._line += 1",
            "self._lines.skip_line()",
        ),
        (
            "Blank lines are not counted",
            "self._pass(blank, count_lines(text[:blank]))",
            "self._pass(blank, 1)",
        ),
    ),
    *mutations(
        "distributed_insert/sources/json_lines.py",
        ["sources.test_json_lines"],
        (
            "Blank lines of JSON are records",
            "if not line.isspace():",
            'if line != "\\n":',
        ),
    ),
    *mutations(
        "distributed_insert/sources/json_values.py",
        ["sources.test_json_lines", "sources.test_json_array"],
        ("The last of two keys of one name wins", "if key in seen:", "if key is seen:"),
        ("Values of any depth are taken", 'return TOO_DEEP if level else ""', 'return ""'),
        (
            "A JSON value that is not an object ends the load",
            "if type(value) is not dict:",
            "if value is None:",
        ),
        (
            "Integers of any length are read",
            'if len(digits.lstrip("-")) > MAX_DIGITS:',
            "if False:",
        ),
        (
            "Objects of other models are lost",
            "elif self._ignore_unknown:",
            "elif True:",
        ),
        (
            "Objects of every model are records of this one",
            'if label.rpartition(".")[2] == self._dataset.name.lower():',
            "if True:",
        ),
        ("One of two ids is lost", "if key in record:", "if False:"),
        ("Accounts are loaded with users", "if label != self._label:", "if False:"),
        ("Decimals of a fixture are text", "if type(record.get(name)) is str:", "if False:"),
        ("Records with a field `fields` are fixtures", "<= raw.keys() <=", "<= raw.keys() or"),
    ),
    *mutations(
        "distributed_insert/sources/json_array.py",
        ["sources.test_json_array"],
        ("A checked array is at its end", "self._file.rewind()", "pass"),
        (
            "The end of a batch is that of the array",
            "if batch or element else",
            "if batch and element else",
        ),
    ),
    *mutations(
        "distributed_insert/sources/json_elements.py",
        ["sources.test_json_elements", "sources.test_json_array"],
        (
            "A number is read up to the end of a part",
            "(end + 2 < len(self._text) or",
            "(end < len(self._text) or",
        ),
        ("What follows the array is lost", "if self._peek():\n", "if False:\n"),
        (
            "An escaped quote that two parts share ends a string",
            "self._is_escaped = True",
            "pass",
        ),
        (
            "Brackets in strings count",
            "elif not self._is_in_string and len(character) == 1:",
            "elif len(character) == 1:",
        ),
        (
            "A value that comes in many parts is decoded for each",
            "wanted, length = len(parts[0]) or 1, 0",
            "wanted, length = 1, 0",
        ),
        ("Too long elements are records", "if len(text) > MAX_RECORD_LENGTH:", "if False:"),
    ),
    *mutations(
        "distributed_insert/sources/dicts.py",
        ["sources.test_dicts", "sources.test_json_lines"],
        (
            "Records with other fields keep the places of others",
            "places = [place for place in places if place not in last] + others",
            "places = list(places)",
        ),
        (
            "Unknown keys are no error",
            "or record.keys() != names and",
            "or not record.keys() >= names and",
        ),
        (
            "JSON rejects in another encoding lose characters",
            'ensure_ascii=self.encoding != "utf-8"',
            "ensure_ascii=False",
        ),
        (
            "The fields of rejects are shown with those of the file of rejects",
            'return {name: value for name, value in raw.items() if name[:1] != "_"}',
            "return dict(raw)",
        ),
    ),
    *mutations(
        "distributed_insert/sources/base.py",
        ["sources.test_csv_file", "sources.test_dicts"],
        (
            "Columns that begin with an underscore are unknown",
            'if name not in self._names and name[:1] != "_"]',
            "if name not in self._names]",
        ),
        (
            "Unknown columns are never ignored",
            "if self._ignore_unknown:",
            "if not self._names:",
        ),
    ),
    *mutations(
        "distributed_insert/sources/numbers.py",
        ["sources.test_numbers"],
        (
            "An empty cell among integers is a ValueError",
            "and all(values) and max(map(len, values)) <= 20:",
            "and max(map(len, values)) <= 20:",
        ),
        (
            "An integer of very many digits is a ValueError",
            "and all(values) and max(map(len, values)) <= 20:",
            "and all(values):",
        ),
        (
            "Digits of other scripts are integers",
            "if digits.isascii() and digits.isdigit() and all(values)",
            "if digits.isdigit() and all(values)",
        ),
        (
            "True is an integer",
            "value if type(value) is int else None",
            "value if isinstance(value, int) else None",
        ),
        (
            "True is a price",
            "if type(value) in (int, float) else",
            "if isinstance(value, (int, float)) else",
        ),
        ("Numbers may be infinite", "if math.isfinite(sum(floats)):", "if floats:"),
        (
            "A plus may stand before a number",
            'or value[:1] == "+":',
            'or value[:1] == " ":',
        ),
    ),
    *mutations(
        "distributed_insert/sources/rejects.py",
        ["sources.test_rejects"],
        (
            "That rejects cannot be written to a URL shows when all is loaded",
            "NewUrlFile(self._url).close()\n        remove(self._url)",
            "pass",
        ),
        (
            "Two loads write rejects to one URL",
            'f"{name}-{load_id}"',
            "name",
        ),
        (
            "A file that exists is overwritten with rejects",
            '"x",\n',
            '"w",\n',
        ),
        (
            "Everybody can read rejects",
            "mode=0o600",
            "mode=0o644",
        ),
        (
            "Rejects stay in memory until the end",
            "self._file.flush()",
            "self._file.fileno()",
        ),
        (
            "A file without rejects is left behind",
            "os.remove(self.path)",
            "os.path.exists(self.path)",
        ),
        (
            "Each batch of rejects has a header",
            "is_first, self._is_empty = self._is_empty, False",
            "is_first, self._is_empty = True, False",
        ),
        (
            "Lone surrogates end the load",
            'errors="backslashreplace"',
            'errors="strict"',
        ),
    ),
    *mutations(
        "distributed_insert/sources/__init__.py",
        ["sources.test_open_source"],
        (
            "Names in capitals are those of CSV files",
            "os.path.splitext(path.lower())",
            "os.path.splitext(path)",
        ),
        (
            "The format that is asked for is overruled by the name",
            "format = format or _format_of(file.name)",
            "format = _format_of(file.name)",
        ),
    ),
    # The rules.
    *mutations(
        "distributed_insert/validation.py",
        ["test_validation"],
        (
            '"a@b\\nc@d" is an email',
            "_email = re.compile(EMAIL).fullmatch",
            "_email = re.compile(EMAIL).match",
        ),
        (
            "Emails in a column may have control characters",
            'and "".join(values).isprintable()\n',
            "and True\n",
        ),
        (
            "Emails with two @ and with none make up for each other",
            'and set(map(str.count, values, repeat("@"))) == {1}',
            'and lines.count("@") == len(values)',
        ),
        (
            "An email without anything before its @ is valid",
            '"\\n@" not in lines\n        and',
            '"\\n@" != lines\n        and',
        ),
        (
            "An email in a column may be of any length",
            "and max(map(len, values)) <= MAX_EMAIL_LENGTH",
            "and max(map(len, values)) <= MAX_INTEGER",
        ),
        (
            "An email beside a bad one may be of any length",
            "and len(value) <= MAX_EMAIL_LENGTH and",
            "and",
        ),
        (
            "Ids begin at 2",
            "return _between(1, MAX_INTEGER, parser.integers, label, error, error)",
            "return _between(2, MAX_INTEGER, parser.integers, label, error, error)",
        ),
        (
            "Integers may be larger than a column holds",
            "MAX_INTEGER = 2147483647",
            "MAX_INTEGER = 9223372036854775807",
        ),
        (
            "In a column without None the least value is too small",
            "compress(count(), map(gt, repeat(least), numbers))",
            "compress(count(), map(gt, repeat(least + 1), numbers))",
        ),
        (
            "A price that is not a number is called negative",
            "if number is None:\n            return kind",
            "if number is None:\n            return low",
        ),
        (
            "An id that is too large is called too small",
            "return low if number < least else high",
            "return low",
        ),
        (
            "False and empty lists are blank",
            'if values[i] is None or values[i] == ""}',
            "if not values[i]}",
        ),
        (
            "Names are not stripped beside one that is not text",
            "return [value.strip() if type(value) is str else value for value in values]",
            "return list(values)",
        ),
        (
            "A name of 100 characters beside a bad one is too long",
            "checks = ((too_long, len(value) > max_length),",
            "checks = ((too_long, len(value) >= max_length),",
        ),
        (
            "The errors of one rule replace those of another",
            "verdict.errors.setdefault(index, []).extend(messages)",
            "verdict.errors[index] = list(messages)",
        ),
        (
            "Only the errors of the first rule are reported",
            "verdict.errors.setdefault(index, []).extend(messages)",
            "verdict.errors.setdefault(index, list(messages))",
        ),
        (
            "A field is at fault only by its last rule",
            "verdict.broken[name].update(errors)",
            "verdict.broken[name] = set(errors)",
        ),
    ),
    *mutations(
        "distributed_insert/references.py",
        ["test_references"],
        (
            "Ids beyond what a statement takes are believed to exist",
            "stored = model._base_manager.using(using).filter(pk__in=asked[start : start + size])",
            "stored = model._base_manager.using(using).filter(pk__in=asked[:size])",
        ),
        (
            "Places in a batch are counted from 0",
            "in enumerate(batch, 1):",
            "in enumerate(batch):",
        ),
        (
            "Stored records are checked in any order",
            '_base_manager.order_by("pk")',
            '_base_manager.order_by("-pk")',
        ),
        (
            "Only the first reference of a record is checked",
            "if record[name] in missing[name]\n            ]",
            "if record[name] in missing[name]\n            ][:1]",
        ),
        (
            "A record refers to another only with all its fields",
            "_connector=Q.OR",
            "_connector=Q.AND",
        ),
        (
            "What refers to the last of a batch is orphaned",
            "(batch[0], batch[-1])",
            "(batch[0], batch[-1] - 1)",
        ),
        (
            "Only one batch is deleted",
            "for start in range(0, len(ids), 10_000):",
            "for start in range(0, 1, 10_000):",
        ),
    ),
    # What is said.
    *mutations(
        "distributed_insert/reports/text.py",
        ["reports.test_text"],
        (
            "The exit status is the number of the signal",
            "return 128 + outcome.signal",
            "return outcome.signal",
        ),
        (
            "What is unconfirmed is reported as exact",
            "{'at least ' * model.is_unconfirmed}",
            "",
        ),
        (
            "What may have been stored is said to be rolled back",
            "elif not any(model.is_stored or model.is_unconfirmed for model in outcome.models):",
            "elif not any(model.is_stored for model in outcome.models):",
        ),
        (
            "The advice after an update overwrites nothing",
            'option = "" if on_conflict == UPDATE else',
            "option =",
        ),
        (
            "What was rolled back is counted as stored",
            "rows = model.counts.inserted + model.counts.updated if model.is_stored else 0",
            "rows = model.counts.inserted + model.counts.updated",
        ),
        (
            "Updated rows are not said to be stored",
            "rows = model.counts.inserted + model.counts.updated if",
            "rows = model.counts.inserted if",
        ),
        (
            "The sample is said to be inserted by a load that failed",
            "all_records = samples.get(model.model) if is_complete else None",
            "all_records = samples.get(model.model)",
        ),
        (
            "The file that has the other rejects is not named",
            'where = f", in {model.rejects_file}" if model.rejects_file else hint',
            "where = hint",
        ),
        (
            "The name of a field can move the cursor",
            "shown = reason if reason.isprintable() else",
            "shown = reason if reason else",
        ),
        (
            "With verbosity 0 nobody knows whose reasons these are",
            'yield "By reason:" if verbosity else',
            'yield "By reason:" if True else',
        ),
        (
            "An interrupt hides an error",
            "if outcome.error:\n        return FAILED",
            "if outcome.error and not outcome.signal:\n        return FAILED",
        ),
    ),
    *mutations(
        "distributed_insert/reports/summary.py",
        ["reports.test_summary"],
        (
            "The summary confirms what is not confirmed",
            '"unconfirmed": model.is_unconfirmed,',
            '"unconfirmed": False,',
        ),
        (
            "The summary says that what was rolled back is stored",
            '"stored": model.is_stored,',
            '"stored": bool(model.counts.inserted),',
        ),
    ),
    *mutations(
        "distributed_insert/reports/progress.py",
        ["reports.test_progress", "management.test_populate_db.TerminalTests"],
        ("Progress bars are never shown", "progress.start()", "progress.refresh()"),
        ("Progress bars stay empty", "completed=share,", "completed=0,"),
        ("Progress bars stay after the end", "transient=True,", "transient=False,"),
        ("Bars are torn in a narrow terminal", "Column(no_wrap=True)", "Column()"),
        ("A finished model slows down", "progress.stop_task(task_id)", "progress.refresh()"),
        ("The time that orders wait counts", "progress.reset(task.id)", "progress.refresh()"),
        (
            "Orders wait for what has finished",
            'task.fields["waits_for"].remove(dataset)',
            'task.fields["waits_for"].index(dataset)',
        ),
    ),
    # The commands.
    *mutations(
        "distributed_insert/management/output.py",
        ["management.test_output"],
        (
            "A summary in a folder that may not be written is no wrong usage",
            "except (FileNotFoundError, NotADirectoryError, PermissionError) as error:",
            "except (FileNotFoundError, NotADirectoryError) as error:",
        ),
        (
            "A full disk is wrong usage of --summary",
            "raise CommandError(self._failure(error)) from error",
            "raise CommandError(self._failure(error), returncode=2) from error",
        ),
        (
            "The report on standard error is red",
            "Printer(OutputWrapper(command.stderr._out))",
            "Printer(command.stderr)",
        ),
        (
            "The summary is written in place",
            'temporary = f"{self._path}.{os.getpid()}.tmp"',
            "temporary = self._path",
        ),
        (
            "The summary replaces any file",
            "or not self._is_free():",
            "or False:",
        ),
        (
            "The summary replaces a file that is loaded under another name",
            "if self._path in map(os.path.realpath, inputs)",
            "if self._path in inputs",
        ),
        (
            "The summary replaces a link",
            "self._path = os.path.realpath(path)",
            "self._path = os.path.abspath(path)",
        ),
        (
            "A summary that cannot be written leaves a file behind",
            "os.remove(temporary)\n            raise",
            "os.path.exists(temporary)\n            raise",
        ),
        (
            "The summary is written through a link that somebody has put there",
            'with open(temporary, "x",',
            'with open(temporary, "w",',
        ),
        (
            "A summary that was left half written keeps others from being written",
            "with suppress(FileNotFoundError):\n            os.remove",
            "with suppress(FileNotFoundError):\n            os.stat",
        ),
        (
            "A failure to print exits as if there were none",
            "returncode=FAILED if failures else exit_code,",
            "returncode=exit_code,",
        ),
        (
            "A closed pipe is a failure",
            "if not isinstance(error, BrokenPipeError):",
            "if error:",
        ),
        (
            "A report that cannot be printed passes for one that was",
            'self.failure = f"The {self._what} cannot be written',
            'failure = f"The {self._what} cannot be written',
        ),
        (
            "What a terminal cannot show ends the report",
            "except UnicodeEncodeError as error:",
            "except UnicodeDecodeError as error:",
        ),
    ),
    *mutations(
        "distributed_insert/management/output.py",
        ["management.test_output", "management.test_populate_db.CommandTests"],
        (
            "A load whose summary cannot be written to its URL begins",
            "failure = self.finish(document)\n        if failure:",
            "failure = self.finish(document)\n        if False:",
        ),
        (
            "A summary at a URL replaces that of another load",
            "urls.with_id(url, load_id)",
            "url",
        ),
        (
            "The report goes to standard output with the summary",
            "Printer(OutputWrapper(command.stderr._out))",
            "Printer(command.stdout)",
        ),
        (
            "A closed standard error ends the report",
            "if self.out is None:",
            "if sys.stdout is None:",
        ),
    ),
    *mutations(
        "distributed_insert/management/base.py",
        ["management.test_base"],
        ("Options may be cut short", "allow_abbrev=False", "allow_abbrev=True"),
        (
            "Wrong usage is a page of usage",
            "parser.error = partial(_end_in_one_line, parser)",
            "partial(_end_in_one_line, parser)",
        ),
        (
            "A program that calls a command is ended by wrong usage",
            "if parser.called_from_command_line:",
            "if not parser.called_from_command_line or True:",
        ),
        (
            "The lines of examples are joined",
            "class HelpFormatter(RawDescriptionHelpFormatter, DjangoHelpFormatter):",
            "class HelpFormatter(DjangoHelpFormatter):",
        ),
        (
            "The help names the options of Django first",
            "class HelpFormatter(RawDescriptionHelpFormatter, DjangoHelpFormatter):",
            "class HelpFormatter(RawDescriptionHelpFormatter):",
        ),
    ),
    *mutations(
        "distributed_insert/management/usage.py",
        ["management.test_usage"],
        (
            "The sample is updated where a file was forgotten",
            "if given and not models and not sample:",
            "if of_files and not models and not sample:",
        ),
        (
            "A file is loaded instead of the sample that is asked for",
            "if sample and (models or of_files):",
            "if sample and of_files:",
        ),
        (
            "What is said about files is not heard by the sample",
            "if sample and (models or of_files):",
            "if sample and models:",
        ),
        (
            "A limit of no rejects was not given",
            "return value not in (None, []) and value is not False",
            "return value not in (None, [], False)",
        ),
    ),
    *mutations(
        "distributed_insert/management/sample.py",
        ["management.test_sample"],
        (
            "A table with more rows than the sample may hold anything",
            "[: len(sample) + 1]",
            "[: len(sample)]",
        ),
        (
            "All rows are fetched to find one that is not the sample's",
            ".order_by()[: len(sample) + 1]",
            ".order_by()",
        ),
        (
            "Only the first table is named",
            "{', '.join(others)}. ",
            "{others[0]}. ",
        ),
        (
            "Worker processes inherit the connections",
            "connections[dataset.using].close()",
            "pass",
        ),
    ),
    *mutations(
        "distributed_insert/management/sample.py",
        ["test_server_faults.WaitingTests.test_a_signal_while_the_sample_waits_for_a_lock"],
        (
            "Ctrl-C waits for the table of the sample",
            "is_over.set()\n",
            "pass\n",
        ),
    ),
    *mutations(
        "distributed_insert/management/commands/populate_db.py",
        ["management.test_sample"],
        (
            "The sample overwrites other records",
            "if samples and not sample:",
            "if samples and sample:",
        ),
        (
            "The advice for a sample is wrong usage",
            "load_options.on_conflict, bool(samples))",
            "load_options.on_conflict)",
        ),
    ),
    *mutations(
        "distributed_insert/waiting.py",
        ["test_waiting"],
        (
            "A silent server is waited for for ever",
            "if limit and now - since > limit:",
            "if False:",
        ),
        (
            "A server that answers in parts is silent",
            "            if ready:\n",
            "            if False:\n",
        ),
        ("No limit is a limit of nothing", "if limit and now", "if now"),
        (
            "An interruption gives no time",
            "since, is_interrupted = now, True",
            "is_interrupted = True",
        ),
        (
            "After an interruption the next answer has a minute",
            "time.monotonic(), self._is_interrupted()",
            "time.monotonic(), False",
        ),
        (
            "A statement that is given up goes on",
            "self._connection.connection.cancel_safe(timeout=HURRY)",
            "pass",
        ),
        (
            "A connection that is lost is made again",
            "self._connection.closed_in_transaction = True",
            "pass",
        ),
        (
            "A server that cannot be asked to cancel is not given up",
            "with suppress(Error):",
            "with suppress():",
        ),
        (
            "A connection is lost with every error",
            "if self._connection.connection is None or self._connection.connection.closed:",
            "if True:",
        ),
        ("A silent server is a stopped one", "self.was_interrupted = is_interrupted", "pass"),
    ),
    *mutations(
        "distributed_insert/databases.py",
        ["test_databases"],
        ("The statement is shown", """str(error).partition("\\n")[0]""", "str(error)"),
        ("The driver's words come before the server's", "error.diag.message_primary or", ""),
        ("A lost server has no remedy", "elif not error.sqlstate:", "elif error is None:"),
        ("A lock of a server has no remedy", '"55P03": LOCKED,', ""),
        (
            "A server that is not reached is one that was lost",
            "if is_unconnected:",
            "if not error.args:",
        ),
        (
            "An error of several lines is told in several",
            '" ".join(str(error).split())',
            "str(error)",
        ),
    ),
    *mutations(
        "distributed_insert/sources/stream.py",
        ["sources.test_stream"],
        (
            "What has come is read although it was given up",
            "            if self.is_given_up:",
            "            if self.is_given_up and not is_ready:",
        ),
    ),
    *mutations(
        "distributed_insert/management/signals.py",
        ["management.test_signals"],
        (
            "A second signal does not end the process",
            "signal.signal(each, signal.SIG_DFL)",
            "signal.getsignal(each)",
        ),
        (
            "Signals stay caught after the load",
            "signal.signal(number, handler)\n",
            "signal.getsignal(number)\n",
        ),
    ),
    *mutations(
        "distributed_insert/management/usage.py",
        ["management.test_files.FormatsTests"],
        (
            "The summary has the fields and columns of --map in each other's place",
            'f"{model}.{field}={column}" for',
            'f"{model}.{column}={field}" for',
        ),
    ),
    *mutations(
        "distributed_insert/management/option_types.py",
        ["management.test_option_types"],
        (
            "An encoding that writes line ends as two characters is taken",
            "is_text = decoded == {sample} and len(sizes) == 1",
            "is_text = decoded == {sample}",
        ),
        (
            "A carriage return is a delimiter",
            "text in '\\r\\n\"':",
            "text in '\\n\"':",
        ),
        (
            "A line end is a delimiter",
            "if len(text) != 1 or text in '\\r\\n\"':",
            "if len(text) != 1 or text in '\"':",
        ),
        (
            "UTF-8 by another name keeps its byte order mark",
            '.name == "utf-8" else',
            '.name == "utf8" else',
        ),
        (
            "No rejects cannot be asked for",
            'return _integer(text, 0, "0 or a positive integer")',
            'return _integer(text, 1, "0 or a positive integer")',
        ),
        ("A path may be empty", "if not text:", "if text is None:"),
    ),
    *mutations(
        "distributed_insert/management/locks.py",
        ["management.test_locks.MigrationLockTests"],
        (
            "Two commands migrate at the same time",
            "locks.lock(file, locks.LOCK_EX)",
            "locks.lock(file, locks.LOCK_SH)",
        ),
    ),
    *mutations(
        "distributed_insert/management/commands/populate_db.py",
        ["management.test_options"],
        (
            "Files with rejects exit with 0",
            "if samples and exit_code == reports.REJECTED:",
            "if exit_code == reports.REJECTED:",
        ),
        (
            "While the load runs there is no summary",
            "summary_file.begin(reports.running(shown))",
            "reports.running(shown)",
        ),
        (
            "The summary waits for the report",
            "failure = summary_file.finish(reports.document(outcome, exit_code, shown))\n"
            "        print_lines(reports.report(outcome, samples, load_options.dry_run, "
            "verbosity))",
            "print_lines(reports.report(outcome, samples, load_options.dry_run, verbosity))\n"
            "        failure = summary_file.finish(reports.document(outcome, exit_code, shown))",
        ),
        (
            "A migration that failed leaves a load that runs for ever in the summary",
            "summary_file.finish(reports.failed(error, shown))",
            "reports.failed(error, shown)",
        ),
        (
            "A file that is loaded is replaced by the summary",
            "outputs(self, summary, load_id, paths.values())",
            "outputs(self, summary, load_id)",
        ),
    ),
    *mutations(
        "distributed_insert/management/files.py",
        ["management.test_options", "management.test_files"],
        (
            "A field may be mapped twice",
            "if field in renamed[dataset]:",
            "if field == dataset:",
        ),
        (
            "Two pipes are taken for one",
            "return status.st_dev, status.st_ino",
            "return status.st_dev",
        ),
        (
            "Standard input is read for two models",
            "stream and models > 1 for",
            "stream and models > 2 for",
        ),
        (
            "What is said of one model's file is said of all",
            "values.get(name, values.get(None))",
            "values.get(None, values.get(name))",
        ),
        (
            "Options of a model without a file are ignored",
            "for name in filter(None, values):",
            "for name in ():",
        ),
    ),
    *mutations(
        "distributed_insert/management/commands/populate_db.py",
        ["management.test_populate_db.FileTests"],
        (
            "Verbosity 2 lists some of the rejects",
            "KEPT_REJECTS if verbosity < 2 else None",
            "KEPT_REJECTS",
        ),
        (
            "Verbosity 0 lists rejects",
            "load_options.dry_run, verbosity)",
            "load_options.dry_run, 1)",
        ),
    ),
    *mutations(
        "distributed_insert/management/commands/populate_db.py",
        ["management.test_populate_db.TerminalTests"],
        (
            "No terminal has progress bars",
            "if paths and verbosity and not no_progress and print_lines.is_terminal:",
            "if paths and verbosity and not no_progress and not print_lines.is_terminal:",
        ),
        (
            "Progress bars are shown with --no-progress",
            "and not no_progress and",
            "and",
        ),
    ),
    *mutations(
        "distributed_insert/management/commands/populate_db.py",
        ["management.test_populate_db.CommandTests"],
        (
            "A signal does not reach the load",
            "load_options,\n                stopped_by,",
            "load_options,\n                lambda: None,",
        ),
    ),
    *mutations(
        "distributed_insert/management/commands/populate_db.py",
        ["management.test_locks.UnlockedTests"],
        (
            "A lock file that cannot be made is a traceback",
            "except (Error, OSError) as error:",
            "except Error as error:",
        ),
    ),
    *mutations(
        "distributed_insert/management/commands/populate_db.py",
        ["management.test_populate_db.SampleTests"],
        (
            "The sample has progress bars",
            "if paths and verbosity and not",
            "if verbosity and not",
        ),
    ),
    *mutations(
        "distributed_insert/management/commands/populate_db.py",
        ["management.test_locks.MigrationLockTests"],
        (
            "What was migrated before an error is not printed",
            "            finally:\n                print_lines(",
            "            else:\n                print_lines(",
        ),
        (
            "Connections that migrated are left open",
            "connections.close_all()",
            "connections.all()",
        ),
    ),
    *mutations(
        "distributed_insert/management/commands/check_references.py",
        ["management.test_check_references"],
        (
            "Records are numbered from 1 in each batch of the check",
            "Reject(read + place, None,",
            "Reject(place, None,",
        ),
        (
            "A signal does not stop the check",
            "if stopped_by():\n                break",
            "if stopped_by():\n                continue",
        ),
        (
            "A check that was stopped says nothing of it",
            'stopped = "Stopped before the end. " if outcome.signal else ""',
            'stopped = ""',
        ),
    ),
    # The admin, the checks and the project.
    *mutations(
        "distributed_insert/admin/records.py",
        ["admin"],
        (
            "The admin stores orders without their user",
            "if key is not None and missing_ids(model,",
            "if key is None and missing_ids(model,",
        ),
        (
            "The admin changes ids",
            'return ["id", *self.rows.values()] if obj else []',
            "return [*self.rows.values()] if obj else []",
        ),
        (
            "Links lead to what may not be viewed",
            "and may_view(request, self.dataset.references[name])",
            "and may_view",
        ),
        (
            "The admin counts the choices of a filter",
            "show_facets = admin.ShowFacets.NEVER",
            "show_facets = admin.ShowFacets.ALLOW",
        ),
        (
            "The admin counts the whole table for each page",
            "show_full_result_count = False",
            "show_full_result_count = True",
        ),
        (
            "The admin filters by id",
            "if name not in [*self.ids, *self.texts]",
            "if name not in self.texts",
        ),
        (
            "The admin stores what breaks a rule",
            "self.add_error(name, errors[0])",
            "errors.clear()",
        ),
        (
            "The admin has the rules of Django for addresses",
            "models.EmailField: {",
            "models.URLField: {",
        ),
    ),
    *mutations(
        "distributed_insert/admin/deletion.py",
        ["admin.test_deletion"],
        (
            "Users that have orders are deleted",
            "protected + self.references_to(objs, request)",
            "protected",
        ),
        (
            "An order that comes while its user is deleted is orphaned",
            "self.refuse_referenced([obj])",
            "self.refuse_referenced([])",
        ),
        (
            "An order that comes while users are deleted is orphaned",
            "self.refuse_referenced(queryset)",
            "self.refuse_referenced([])",
        ),
        (
            "The log has deletions that were refused",
            "transaction.atomic(using=router.db_for_write(LogEntry))",
            'transaction.atomic(using="users")',
        ),
        (
            "All orders of a user are listed",
            'for record in records.order_by("pk")[:SHOWN]',
            'for record in records.order_by("pk")',
        ),
        ("One too many is deleted", "if count > MAX_SELECTED:", "if count > MAX_SELECTED + 1:"),
        (
            "The command for a part deletes all",
            "if count == model._base_manager.count():",
            "if count:",
        ),
        (
            "Orders that may not be viewed are linked",
            "is_linked = may_view(request, records.model)",
            "is_linked = True",
        ),
    ),
    *mutations(
        "distributed_insert/admin/links.py",
        ["admin.test_links"],
        (
            "Ids that do not exist are links",
            "if getattr(record, name) not in missing:",
            "if name not in missing:",
        ),
        (
            "The columns of ids are not sorted",
            "@admin.display(description=field.verbose_name, ordering=field.name)",
            "@admin.display(description=field.verbose_name)",
        ),
        (
            "The list links to what may not be viewed",
            "            if may_view(request, parent):",
            "            if True:",
        ),
        (
            "What may be changed may not be viewed",
            'for action in ("view", "change")',
            'for action in ("view",)',
        ),
    ),
    *mutations(
        "distributed_insert/admin/search.py",
        ["admin.test_search"],
        (
            "Other digits than ASCII are numbers",
            're.compile("[0-9]+")',
            're.compile(r"\\d+")',
        ),
        (
            "Numbers of any length are read",
            "if any(len(word) > 10 or int(word) > MAX_INTEGER for word in words):",
            "if any(int(word) > MAX_INTEGER for word in words):",
        ),
        ("Text finds all orders", "        if not texts:\n", "        if texts is None:\n"),
        (
            "A number in quotes keeps its quotes",
            "return unescape_string_literal(word) if is_quoted else word",
            "return word",
        ),
    ),
    *mutations(
        "distributed_insert/admin/filters.py",
        ["admin.test_filters"],
        ("Ranges overlap", '{"gte": 10, "lt": 100}', '{"gte": 10, "lte": 100}'),
        (
            "An unknown range is an error",
            "RANGES.get(self.chosen, RANGES[None])",
            "RANGES[self.chosen]",
        ),
    ),
    *mutations(
        "ds_project/apps.py",
        ["admin.test_names"],
        ("Accounts are called users", '= "account", "accounts"', '= "user", "users"'),
    ),
    *mutations(
        "distributed_insert/models.py",
        ["admin.test_records"],
        (
            "The model has the rules of Django for addresses",
            "email.validators.remove(validate_email)",
            "email.validators.append(validate_email)",
        ),
    ),
    *mutations(
        "distributed_insert/checks.py",
        ["test_checks"],
        (
            "A model may live in a database that is not configured",
            "elif alias not in settings.DATABASES:",
            "elif alias in errors:",
        ),
        ("A model may have no database", "if alias is None:", 'if alias == "":'),
        (
            "One file by two names is two databases",
            "return engine, os.path.realpath(name)",
            "return engine, name",
        ),
        (
            "A port that is left out is another one",
            'config.get("PORT") or ("postgresql" in engine and 5432)',
            'config.get("PORT")',
        ),
        (
            "Servers are told apart by their hosts alone",
            'return engine, config.get("HOST"), port, name,',
            'return engine, config.get("HOST"), name,',
        ),
        (
            "Services are one and the same database",
            ', config.get("OPTIONS", {}).get("service")',
            "",
        ),
    ),
    *mutations(
        "distributed_insert/apps.py",
        ["test_server_faults.BeginningTests.test_one_database_for_two_aliases"],
        (
            "Two aliases of one database are not looked for",
            "register(check_places)",
            "check_places",
        ),
    ),
    *mutations(
        "distributed_insert/apps.py",
        ["test_checks"],
        (
            "The system checks are not run",
            "register(check_model_databases)",
            "check_model_databases",
        ),
    ),
    *mutations(
        "distributed_insert/datasets.py",
        ["test_datasets", "loading.test_coordinator"],
        (
            "Orders refer to users only",
            '{"user_id": User, "product_id": Product}',
            '{"user_id": User}',
        ),
    ),
    *mutations(
        "ds_project/router.py",
        ["test_router"],
        (
            "Foreign keys may reach into other databases",
            "return self.db_for_read(obj1) == self.db_for_read(obj2)",
            "return True",
        ),
        (
            "Each table is created in the default database too",
            "return db == alias_for(app_label, model_name)",
            'return db in ("default", alias_for(app_label, model_name))',
        ),
        (
            "Models in capitals live in the default database",
            '{app_label}.{model_name}".lower(),',
            '{app_label}.{model_name}",',
        ),
    ),
    *mutations(
        "ds_project/settings.py",
        ["test_settings", "test_deployment"],
        (
            "A transaction takes the write lock when it writes",
            '"transaction_mode": "IMMEDIATE"',
            '"transaction_mode": "DEFERRED"',
        ),
        ("A power cut may undo a commit", "synchronous=FULL", "synchronous=NORMAL"),
        ("Readers wait for writers", "journal_mode=WAL", "journal_mode=DELETE"),
        ("A busy database is an error at once", '"timeout": 20,', '"timeout": 5,'),
        (
            "A database in memory is taken",
            'config["NAME"] in ("", ":memory:") and',
            'config["NAME"] == "" and',
        ),
        (
            "The options of a URL are overruled",
            '{**SQLITE_OPTIONS, **config.get("OPTIONS", {})}',
            '{**config.get("OPTIONS", {}), **SQLITE_OPTIONS}',
        ),
        (
            "The options of the URL of a server are overruled",
            "{**POSTGRESQL_OPTIONS, **given}",
            "{**given, **POSTGRESQL_OPTIONS}",
        ),
        (
            "What a URL tells the server is overruled",
            """f"{sent} {options['options']}" if""",
            """f"{options['options']} {sent}" if""",
        ),
        (
            "A statement waits for a lock for ever",
            'LOCK_TIMEOUT = "20s"',
            'LOCK_TIMEOUT = "0"',
        ),
        (
            "libpq is told what it does not know",
            'options.pop("lock_timeout", LOCK_TIMEOUT)',
            'options.get("lock_timeout", LOCK_TIMEOUT)',
        ),
        (
            "psycopg warns beside an error",
            '{"psycopg": {"level": "ERROR"}}',
            '{"psycopg": {"level": "WARNING"}}',
        ),
        (
            "Debugging is on unless it is turned off",
            'os.environ.get(variable, "").lower() in',
            'os.environ.get(variable, "1").lower() in',
        ),
        (
            "Cookies go over plain HTTP",
            "SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = ",
            "SECURE_SSL_REDIRECT = CSRF_COOKIE_SECURE = ",
        ),
        (
            "The header of a proxy is looked for by its name alone",
            """(f"HTTP_{proxy_header.upper().replace('-', '_')}", "https")""",
            """(proxy_header.upper().replace('-', '_'), "https")""",
        ),
    ),
    *mutations(
        "manage.py",
        ["test_manage"],
        ("An interrupt exits with 1", "sys.exit(130)", "sys.exit(1)"),
        (
            "An error of the settings is a traceback",
            "except (ImproperlyConfigured, Error) as error:",
            "except Error as error:",
        ),
    ),
    # The pictures of the documentation.
    *mutations(
        "screenshots/contents.py",
        ["test_screenshots"],
        (
            "A picture of code begins below its decorators",
            "for part in (node, *node.decorator_list)",
            "for part in (node,)",
        ),
        (
            "The seconds that a command took make its picture untrue",
            'printed = re.sub(r" +\\d+\\.\\d\\d$", " n.nn", printed, flags=re.MULTILINE)',
            "printed = printed",
        ),
        (
            "A picture may show another command with the same output",
            'return f"{command}\\n" + re.sub(',
            'return f"{command}\\n" and re.sub(',
        ),
    ),
]
