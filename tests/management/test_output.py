import io
import json
import shutil
import tempfile
from pathlib import Path

from django.core.management import CommandError
from django.test import SimpleTestCase

from distributed_insert.management.output import check_json_path, print_lines, write_json


class PrintTests(SimpleTestCase):
    def test_what_a_stream_cannot_encode_is_escaped(self):
        binary = io.BytesIO()
        stream = io.TextIOWrapper(binary, encoding="ascii")
        print_lines(stream, ["é\n", "e\n"])
        self.assertEqual(binary.getvalue(), b"\\xe9\ne\n")


class JsonTests(SimpleTestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.path = str(self.folder / "summary.json")

    def test_a_document_is_written_and_may_be_written_over(self):
        for code in (0, 3):
            document = {"status": "complete", "exit_code": code}
            check_json_path(self.path)
            self.assertEqual(write_json(self.path, document), "")
            self.assertEqual(json.loads(Path(self.path).read_text()), document)

    def test_nothing_else_is_written_over(self):
        Path(self.path).write_text('{"mine": 1}')
        for path, taken in ((self.path, []), (str(self.folder / "x.csv"), [self.folder / "x.csv"])):
            with self.assertRaisesMessage(CommandError, "would go over another file"):
                check_json_path(path, taken)

    def test_what_goes_wrong_while_writing_is_returned(self):
        self.assertEqual(
            write_json(str(self.folder), {}),
            f"{self.folder}: the summary cannot be written: Is a directory.\n",
        )
