import os
import shutil
import sys
import tempfile
from unittest import skipIf

from django.test import SimpleTestCase

from .cases import MODEL_ALIASES, CommandTestCase, LoadTestCase, run_python
from .faults.fuzz import Fuzzer
from .faults.writes import Fault, Loads, Options


def why_not():
    """Return why no write can be made to fail here, or "" if it can."""
    if not sys.platform.startswith("linux"):
        return "Writes can be made to fail on Linux only. To enable these tests: run them there."
    if not shutil.which("cc"):
        return "There is no C compiler. To enable these tests: apt-get install gcc"
    return ""


@skipIf(why_not() and not os.environ.get("CI"), why_not())
class FailedWriteTests(SimpleTestCase):
    """More of it: python -m tests.faults.writes"""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, folder)
        cls.loads = Loads(folder)

    def assert_nothing_is_wrong(self, options, fault, share, ending):
        """Let the call after a share of all fail, and compare how the load ended."""
        at = 1 + int(self.loads.undisturbed(options).calls * share)
        load, problems = self.loads.disturb(options, fault, at)
        self.assertEqual((load.ending, problems), (ending, []))

    def test_a_load_that_is_killed(self):
        batches = Options("thread", all_or_nothing=False)
        self.assert_nothing_is_wrong(batches, Fault("kill"), 0.6, "killed")

    def test_a_worker_process_that_is_killed(self):
        held = Options("process", all_or_nothing=True)
        self.assert_nothing_is_wrong(held, Fault("kill"), 0.5, "failed")

    def test_a_disk_that_is_full(self):
        batches = Options("process", all_or_nothing=False)
        self.assert_nothing_is_wrong(batches, Fault("ENOSPC", lasts=True), 0.3, "failed")

    def test_an_error_of_the_disk(self):
        held = Options("thread", all_or_nothing=True)
        self.assert_nothing_is_wrong(held, Fault("EIO"), 0.1, "failed")


class RandomFilesTests(LoadTestCase):
    """More of it: python -m tests.faults.fuzz --rounds 3000"""

    def test_everything_is_as_the_oracle_says(self):
        fuzzer = Fuzzer(self.folder, seed=3)
        for number in range(25):
            with self.subTest(seed=3, number=number):
                self.assertEqual(fuzzer.differences(number), [])
        self.assertGreater(fuzzer.figures["files"], 50)


class RandomFilesCommandTests(CommandTestCase):
    def test_it_leaves_the_databases_of_its_environment_alone(self):
        self.migrate()
        self.populate("--sample")
        before = [self.stored(alias) for alias in MODEL_ALIASES]
        command = ["-m", "tests.faults.fuzz", "--rounds", "1", "--seed", "3"]
        process = run_python(*command, folder=self.folder, env=self.environment())
        self.assertEqual((process.returncode, process.stderr), (0, ""))
        self.assertEqual([self.stored(alias) for alias in MODEL_ALIASES], before)
