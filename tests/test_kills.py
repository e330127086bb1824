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
        kills = ((0.5, "thread"), (0.65, "process"), (0.8, "thread"))
        results = [loads.kill_and_complete(*kill) for kill in kills]
        self.assertEqual([is_whole for _, is_whole in results], [True, True, True])
        self.assertIn(True, [was_short for was_short, _ in results])
