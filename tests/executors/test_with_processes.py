"""The tests of whole loads again, each with one process per model: every word is the same."""

import multiprocessing
from unittest import skipUnless

from .whole_loads import WHOLE_LOADS

# Patches in this process reach those that are forked from it.
FORKS = multiprocessing.get_start_method() == "fork"


def with_processes(*test_cases):
    for case in test_cases:
        name = f"{case.__name__}WithProcesses"
        globals()[name] = skipUnless(FORKS, "Needs fork, for what the tests patch.")(
            type(name, (case,), {"workers": "process", "__module__": __name__})
        )


with_processes(*WHOLE_LOADS)
