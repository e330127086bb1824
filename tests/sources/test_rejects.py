import os
import stat
from pathlib import Path
from unittest import mock, skipUnless

from distributed_insert.exceptions import LoadError
from distributed_insert.sources import RejectsFile, open_source, rejects_file

from ..cases import needs
from ..datasets import PRODUCTS
from ..web import end_clients
from .cases import FormatTestCase

try:
    import resource
except ImportError:  # Windows
    resource = None

HEADER = "_line,_errors,id,name,price\n"
REJECT = (2, ["1", "Lamp", "0"], ["Price must be positive"])
LINE = "2,Price must be positive,1,Lamp,0\n"


class RejectsFileTests(FormatTestCase):
    def setUp(self):
        super().setUp()
        self.rejects = self.folder / "rejects"

    def rejects_file(self, content="id,name,price\n", **options):
        file = RejectsFile(str(self.rejects), "products", self.opened(content, **options))
        self.addCleanup(file.close)
        return file

    def contents(self):
        return {path.name: path.read_text() for path in self.rejects.iterdir()}

    def test_rejects_are_in_a_file_of_the_name_and_format(self):
        file = self.rejects_file()
        self.assertEqual(file.open(), str(self.rejects / "products.csv"))
        file.write([REJECT])
        file.write([REJECT, REJECT])
        file.close()
        self.assertEqual(file.written_path, str(self.rejects / "products.csv"))
        self.assertEqual(self.contents(), {"products.csv": HEADER + LINE * 3})

    def test_what_is_written_is_in_the_file_at_once(self):
        file = self.rejects_file()
        file.open()
        file.write([REJECT])
        self.assertEqual(self.contents(), {"products.csv": HEADER + LINE})

    def test_without_rejects_the_file_is_removed(self):
        file = self.rejects_file()
        file.open()
        self.assertEqual(self.contents(), {"products.csv": ""})
        file.close()
        file.close()
        self.assertIsNone(file.written_path)
        self.assertEqual(self.contents(), {})

    def test_a_file_that_was_never_opened_can_be_closed(self):
        file = self.rejects_file()
        file.close()
        self.assertIsNone(file.written_path)

    def test_a_file_that_exists_is_left_as_it_is(self):
        self.rejects.mkdir()
        (self.rejects / "products.csv").write_text("mine")
        (self.rejects / "products-2.csv").touch()
        file = self.rejects_file()
        self.assertEqual(file.open(), str(self.rejects / "products-3.csv"))
        file.write([REJECT])
        file.close()
        self.assertEqual(file.written_path, str(self.rejects / "products-3.csv"))
        self.assertEqual(
            self.contents(),
            {"products.csv": "mine", "products-2.csv": "", "products-3.csv": HEADER + LINE},
        )

    def test_only_the_file_that_this_load_created_is_removed(self):
        self.rejects.mkdir()
        (self.rejects / "products.csv").touch()
        file = self.rejects_file()
        file.open()
        file.close()
        self.assertEqual(self.contents(), {"products.csv": ""})

    def test_a_file_of_another_load_at_its_place_is_not_removed(self):
        file, other = self.rejects_file(), self.rejects_file()
        path = Path(file.open())
        path.rename(path.with_name("moved.csv"))
        self.assertEqual(other.open(), str(path))
        file.close()
        self.assertEqual(self.contents(), {"moved.csv": "", "products.csv": ""})
        other.close()
        self.assertEqual(self.contents(), {"moved.csv": ""})

    def test_two_loads_at_once_have_a_file_each(self):
        first, second, third = (self.rejects_file() for _ in range(3))
        self.assertEqual(
            [os.path.basename(file.open()) for file in (first, second, third)],
            ["products.csv", "products-2.csv", "products-3.csv"],
        )
        second.write([REJECT])
        first.close()
        third.close()
        second.write([REJECT])
        second.close()
        self.assertEqual(self.contents(), {"products-2.csv": HEADER + LINE * 2})

    def test_links_are_not_followed(self):
        self.rejects.mkdir()
        target, missing = self.folder / "target", self.folder / "missing"
        target.write_text("mine")
        (self.rejects / "products.csv").symlink_to(target)
        (self.rejects / "products-2.csv").symlink_to(missing)
        file = self.rejects_file()
        self.assertEqual(file.open(), str(self.rejects / "products-3.csv"))
        file.write([REJECT])
        self.assertEqual(target.read_text(), "mine")
        self.assertFalse(missing.exists())

    @skipUnless(os.name == "posix", "Windows has no such modes.")
    def test_only_the_user_may_read_the_file(self):
        before = os.umask(0)
        self.addCleanup(os.umask, before)
        path = self.rejects_file().open()
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)

    def test_the_encoding_is_that_of_the_source(self):
        file = self.rejects_file("id,name,price\n".encode("utf-16"), encoding="utf-16")
        path = file.open()
        for name in ("é", "😀"):
            file.write([(2, ["1", name, "0"], ["No."])])
        file.close()
        with open(path, encoding="utf-16", newline="") as written:
            self.assertEqual(written.read(), HEADER + "2,No.,1,é,0\n2,No.,1,😀,0\n")

    def test_lone_surrogates_are_escaped_as_json_reads_them(self):
        self.path = self.folder / "products.jsonl"
        file = self.rejects_file('{"name": "\\ud800"}')
        path = file.open()
        file.write([(1, {"name": "é\ud800"}, ["No."])])
        file.close()
        source = open_source(path)
        self.addCleanup(source.close)
        source.open(PRODUCTS)
        self.assertEqual(
            self.records(source), [(1, {"name": "é\ud800", "_line": 1, "_errors": ["No."]})]
        )

    def test_error_for_a_folder_that_is_a_file(self):
        self.rejects.touch()
        for folder, message in (
            (self.rejects, "--rejects needs a folder, and this is not one."),
            (self.rejects / "products", "Not a directory."),
        ):
            with self.subTest(folder=folder):
                file = RejectsFile(str(folder), "products", self.opened("id,name,price\n"))
                with self.assertRaises(LoadError) as caught:
                    file.open()
                self.assertEqual(str(caught.exception), f"{folder}: {message}")
                file.close()

    @skipUnless(resource, "Needs the resource module, which Windows does not have.")
    def test_error_for_a_file_that_cannot_be_written(self):
        file = self.rejects_file()
        path = file.open()
        file.write([REJECT])
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
        try:
            with self.assertRaises(LoadError) as caught:
                file.write([REJECT] * 100)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        self.assertEqual(str(caught.exception), f"{path}: File too large.")
        file.close()
        self.assertEqual(file.written_path, path)


LOAD_ID = "0123456789abcdef0123456789abcdef"


@needs("fsspec", "fsspec")
class RejectsAtUrlTests(FormatTestCase):
    url = "memory://folder/rejects?sig=secret"
    name = f"products-{LOAD_ID}.csv"
    path_there = f"memory://folder/rejects/{name}"

    def setUp(self):
        super().setUp()
        import fsspec

        self.files = fsspec.filesystem("memory")
        self.addCleanup(self.files.store.clear)

    def rejects_file(self, url=url, content="id,name,price\n", **options):
        file = rejects_file(url, "products", self.opened(content, **options), LOAD_ID)
        self.addCleanup(file.close)
        return file

    def contents(self):
        return {path: self.files.cat(path) for path in self.files.find("/")}

    def test_a_folder_that_is_no_url_gets_a_file_without_the_id(self):
        file = self.rejects_file(str(self.folder / "rejects"))
        self.assertEqual(file.open(), str(self.folder / "rejects" / "products.csv"))

    def test_rejects_are_in_a_file_whose_name_has_the_id_of_the_load(self):
        file = self.rejects_file()
        self.assertIsNone(file.open())
        self.assertIsNone(file.written_path)
        file.write([REJECT])
        file.write([REJECT, REJECT])
        file.close()
        file.close()
        self.assertEqual(file.written_path, self.path_there)
        (content,) = self.contents().values()
        self.assertEqual(content.decode(), HEADER + LINE * 3)

    def test_the_text_is_that_of_the_source(self):
        file = self.rejects_file(content="id\tname\tprice\n".encode("utf-16"), encoding="utf-16")
        file.open()
        file.write([(2, ["1", "Zoë\ud800", "0"], ["No."])])
        file.close()
        (content,) = self.contents().values()
        self.assertEqual(
            content.decode("utf-16"), "_line\t_errors\tid\tname\tprice\n2\tNo.\t1\tZoë\\ud800\t0\n"
        )

    def test_without_rejects_there_is_no_file(self):
        file = self.rejects_file()
        file.open()
        file.close()
        self.assertIsNone(file.written_path)
        self.assertEqual(self.contents(), {})

    def test_error_before_anything_is_loaded_if_the_file_cannot_be_written_or_removed(self):
        for method in ("open", "rm_file"):
            failing = mock.patch.object(type(self.files), method, side_effect=PermissionError("No"))
            with self.subTest(method=method), failing:
                with self.assertRaises(LoadError) as caught:
                    self.rejects_file().open()
                self.assertEqual(str(caught.exception), f"{self.path_there}: No.")

    @needs("aiohttp", "aiohttp")
    def test_error_for_a_web_server(self):
        self.addCleanup(end_clients)
        file = self.rejects_file("https://127.0.0.1:9/rejects")
        with self.assertRaises(LoadError) as caught:
            file.open()
        self.assertEqual(
            str(caught.exception),
            f"https://127.0.0.1:9/rejects/{self.name}: files at such URLs can only be read.",
        )

    def test_error_where_an_upload_fails_is_told_once(self):
        file = self.rejects_file()
        file.open()
        file.write([REJECT])
        error = OSError(28, "No space left on device")
        from fsspec.implementations.memory import MemoryFile

        with mock.patch.object(MemoryFile, "close", side_effect=error):
            with self.assertRaises(LoadError) as caught:
                file.close()
        self.assertEqual(str(caught.exception), f"{self.path_there}: No space left on device.")
        file.close()
