import shutil
import tempfile

from django.test import SimpleTestCase

from .kills import Loads, dangling


class KilledLoadTests(SimpleTestCase):
    """More of it: python -m tests.kills --kills 200"""

    def test_the_same_command_completes_a_load_that_was_killed(self):
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        loads = Loads(folder, 20_000)
        self.assertEqual(dangling(loads.expected), 0)
        kills = ((0.1, "thread"), (0.4, "process"), (0.7, "thread"), (0.75, "process"))
        results = [loads.kill_and_complete(*kill) for kill in kills]
        self.assertEqual([is_whole for _, is_whole in results], [True] * 4)
        # Of the others, on a machine that is busy, the load may be faster than its killer.
        self.assertIn(True, [was_short for was_short, _ in results])
