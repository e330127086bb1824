import shutil
import tempfile

from django.test import SimpleTestCase

from .kills import Loads


class KilledLoadTests(SimpleTestCase):
    """More of it: python -m tests.kills --kills 200"""

    def test_the_same_command_completes_a_load_that_was_killed(self):
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        loads = Loads(folder, 20_000)
        self.assertEqual(loads.dangling(loads.folder / "undisturbed"), 0)
        for moment in (0.5, 0.7, 0.9):
            with self.subTest(moment=moment):
                self.assertIs(loads.kill_and_complete(moment)[1], True)
