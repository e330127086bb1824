"""The tests of whole loads again, each with one Dask actor per model: every word is the same."""

from contextlib import ExitStack
from unittest import SkipTest, addModuleCleanup
from urllib.parse import quote

from django.db import connections

from ..cases import ALIASES, url_variable
from ..clusters import cluster, why_not
from .whole_loads import WHOLE_LOADS

LEFT_OUT = {
    # What a test patches in this process is not patched in a Dask worker.
    "test_error_in_the_middle_says_what_was_committed",
    "test_a_failure_rolls_everything_back",
    # All of the three batches are asked for before the first answer is there.
    "test_a_stopped_load_and_its_completion_have_all_rejects_between_them",
}

cases = []


def setUpModule():
    if why_not():
        raise SkipTest(why_not())
    ending = ExitStack()
    addModuleCleanup(ending.close)
    urls = {url_variable(alias): url(connections.settings[alias]) for alias in ALIASES}
    dask = ending.enter_context(cluster(env=urls))
    for case in cases:
        case.scheduler = dask.address


def url(database):
    """Return the URL of a database that these settings describe: here, the one for tests."""
    name = quote(database["NAME"])
    if "sqlite" in database["ENGINE"]:
        return f"sqlite:///{name}"
    user, password = (quote(database[key], safe="") for key in ("USER", "PASSWORD"))
    return f"postgres://{user}:{password}@{database['HOST']}:{database['PORT']}/{name}"


def with_dask(*test_cases):
    for case in test_cases:
        name = f"{case.__name__}WithDask"
        left_out = dict.fromkeys(LEFT_OUT & set(vars(case)))
        members = {"workers": "dask", "__module__": __name__, **left_out}
        globals()[name] = type(name, (case,), members)
        cases.append(globals()[name])


with_dask(*WHOLE_LOADS)
