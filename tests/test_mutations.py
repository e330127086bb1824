import shutil
import tempfile
from collections import Counter
from pathlib import Path
from unittest import TestLoader

from django.test import SimpleTestCase

from .bugs import MUTATIONS
from .mutations import ROOT, mutate


class MutationsTests(SimpleTestCase):
    def test_each_has_one_place_in_its_file_and_leaves_code_that_can_be_compiled(self):
        folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, folder)
        for mutation in MUTATIONS:
            with self.subTest(mutation.name):
                path = folder / mutation.file
                path.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(str(ROOT / mutation.file), str(path))
                mutate(mutation, folder)
                compile(path.read_text(encoding="utf-8"), mutation.file, "exec")

    def test_each_has_a_name_of_its_own_and_changes_something(self):
        names = Counter(mutation.name for mutation in MUTATIONS)
        self.assertEqual([name for name, times in names.items() if times > 1], [])
        self.assertEqual([m.name for m in MUTATIONS if m.before == m.after], [])

    def test_the_tests_that_they_name_exist(self):
        loader = TestLoader()
        for test in {test for mutation in MUTATIONS for test in mutation.tests}:
            loader.loadTestsFromName(f"tests.{test}")
        self.assertEqual(loader.errors, [])
