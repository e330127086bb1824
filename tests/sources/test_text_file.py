import gzip
import shutil
import tempfile
from pathlib import Path

from django.test import SimpleTestCase

from distributed_insert.exceptions import LoadError
from distributed_insert.sources.text_file import TextFile


class TextFileTests(SimpleTestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.path = self.folder / "users.csv"

    def assert_refused(self, message, path=None, **options):
        path = path or self.path
        file = TextFile(path, **options)
        self.addCleanup(file.close)
        with self.assertRaises(LoadError) as caught:
            file.open()
        self.assertEqual(str(caught.exception), f"{path}: {message}")

    def test_error_for_a_file_that_is_not_there(self):
        self.assert_refused("No such file or directory.")

    def test_error_for_a_directory_and_a_device(self):
        for path in (self.folder, Path("/dev/zero")):
            with self.subTest(path=path):
                self.assert_refused("not a regular file.", path)

    def test_error_for_other_encodings_wherever_they_show(self):
        remedy = "Save it as UTF-8, or name the encoding it has with --encoding."
        lines = b"".join(b"%d,Lamp,1\n" % n for n in range(2, 200_001))
        for content, line in ((b"", 1), (lines, 200_000)):
            content += "1,Café,1\n".encode("latin-1")
            for path, written in (
                (self.path, content),
                (self.folder / "users.csv.gz", gzip.compress(content)),
            ):
                path.write_bytes(written)
                self.assert_refused(f"not UTF-8 (byte 0xe9 in line {line}). {remedy}", path)
        self.path.write_text("Zoë", encoding="utf-8")
        self.assert_refused(f"not ascii (byte 0xc3 in line 1). {remedy}", encoding="ascii")

    def test_error_for_a_gzip_file_that_breaks_off_or_is_none(self):
        path = self.folder / "users.csv.gz"
        packed = gzip.compress(b"id,name,email\n" * 1000)
        path.write_bytes(packed[:-10])
        self.assert_refused(
            "not a whole gzip file (Compressed file ended before the end-of-stream marker was "
            "reached).",
            path,
        )
        path.write_bytes(b"id,name,email\n")
        self.assert_refused("Not a gzipped file (b'id').", path)

    def test_the_position_goes_from_nothing_to_the_size(self):
        self.path.write_bytes(b"a\n" * 100_000)
        file = TextFile(self.path)
        self.addCleanup(file.close)
        file.open()
        self.assertEqual((file.position, file.size), (0, 200_000))
        while file.readline():
            pass
        self.assertEqual(file.position, 200_000)
