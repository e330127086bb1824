import io
import json
import os
import shutil
import tempfile
from pathlib import Path
from unittest import mock, skipUnless

from django.core.management import BaseCommand, CommandError
from django.core.management.base import OutputWrapper
from django.test import SimpleTestCase

from distributed_insert.management import output
from distributed_insert.management.output import (
    PrintedSummary,
    Printer,
    SummaryAtUrl,
    SummaryFile,
    end_with,
)

from ..cases import CommandTestCase, needs


class PrintTests(SimpleTestCase):
    def test_what_a_stream_cannot_encode_is_escaped(self):
        binary = io.BytesIO()
        stream = io.TextIOWrapper(binary, encoding="ascii")
        Printer(stream)(["é\n", "e\n"])
        self.assertEqual(binary.getvalue(), b"\\xe9\ne\n")

    def test_a_stream_that_fails_is_a_failure_and_one_that_nobody_reads_is_not(self):
        for error, failure in (
            (
                OSError(28, "No space left on device"),
                "The report cannot be written: No space left on device.",
            ),
            (BrokenPipeError(32, "Broken pipe"), ""),
        ):
            with self.subTest(error=error):
                stream = mock.Mock(write=mock.Mock(side_effect=error))
                printer = Printer(stream)
                printer(["a\n", "b\n"])
                self.assertEqual((printer.failure, stream.write.call_count), (failure, 1))

    def test_nothing_is_printed_to_a_stream_that_is_closed(self):
        printer = Printer(OutputWrapper(None))
        printer(["a\n"])
        self.assertEqual(printer.failure, "")


class FailingStreamTests(CommandTestCase):
    def test_a_failing_stream_of_the_caller_leaves_the_output_of_the_process_alone(self):
        self.migrate()
        process = self.run_script(
            "import io\n"
            "from django.core.management import CommandError, call_command\n"
            "class FullStream(io.StringIO):\n"
            "    def write(self, text):\n"
            "        raise OSError(28, 'No space left on device')\n"
            "try:\n"
            "    call_command('populate_db', stdout=FullStream())\n"
            "except CommandError as error:\n"
            "    print(error)\n"
        )
        self.assertEqual(
            (process.stdout, process.stderr),
            ("The report cannot be written: No space left on device.\n", ""),
        )


class EndTests(SimpleTestCase):
    def ended(self, *failures, conclusion="", exit_code=0):
        """Return the message and the exit status of a command."""
        try:
            end_with(failures=failures, conclusion=conclusion, exit_code=exit_code)
        except CommandError as error:
            return str(error), error.returncode
        return None

    def test_a_command_without_failures_ends_with_its_exit_code(self):
        self.assertIsNone(self.ended("", ""))
        self.assertEqual(self.ended("", conclusion="No.", exit_code=3), ("No.", 3))

    def test_a_failure_to_report_is_a_failure_of_the_command(self):
        self.assertEqual(self.ended("", "Full."), ("Full.", 1))
        self.assertEqual(
            self.ended("Full.", "Closed.", conclusion="No.", exit_code=3),
            ("Full.\nClosed.\nNo.", 1),
        )


class PrintedSummaryTests(SimpleTestCase):
    def test_only_the_document_of_a_load_that_has_ended_is_printed(self):
        command = BaseCommand(stdout=io.StringIO(), stderr=io.StringIO())
        print_lines, summary = output.outputs(command, "-", "")
        summary.begin({"status": "running"})
        self.assertEqual(summary.finish({"status": "complete"}), "")
        print_lines(["The report."])
        self.assertEqual(
            (command.stdout.getvalue(), command.stderr.getvalue()),
            ('{\n  "status": "complete"\n}\n', "The report.\n"),
        )

    def test_the_report_on_standard_error_has_not_the_colour_of_errors(self):
        class Terminal(io.StringIO):
            def isatty(self):
                return True

        command = BaseCommand(stdout=io.StringIO(), stderr=Terminal(), force_color=True)
        print_lines, _ = output.outputs(command, "-", "")
        print_lines(["The report."])
        self.assertEqual(command.stderr.getvalue(), "The report.\n")

    def test_a_document_that_cannot_be_printed_is_a_failure(self):
        error = OSError(28, "No space left on device")
        stream = mock.Mock(write=mock.Mock(side_effect=error))
        self.assertEqual(
            PrintedSummary(Printer(stream, "summary")).finish({}),
            "The summary cannot be written: No space left on device.",
        )


class SummaryFileTests(SimpleTestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.path = self.folder / "summary.json"

    def assert_refused(self, path, message, *inputs):
        with self.assertRaises(CommandError) as caught:
            SummaryFile(str(path), inputs)
        self.assertEqual(
            (str(caught.exception), caught.exception.returncode), (f"{path}: {message}", 2)
        )

    def assert_holds(self, *documents):
        """Read back the documents that were written, each in the place of the one before."""
        self.assertEqual(json.loads(self.path.read_text()), documents[-1])
        self.assertEqual([path.name for path in self.folder.iterdir()], ["summary.json"])

    def test_a_document_is_written_and_replaced(self):
        for code in (0, 3):
            file = SummaryFile(str(self.path))
            file.begin({"status": "running", "options": {}})
            self.assert_holds({"status": "running", "options": {}})
            document = {"status": "complete", "exit_code": code}
            self.assertEqual(file.finish(document), "")
            self.assert_holds(document)

    def test_an_empty_file_is_replaced(self):
        self.path.touch()
        SummaryFile(str(self.path)).begin({"status": "running"})
        self.assert_holds({"status": "running"})

    def test_error_for_a_file_that_is_not_a_summary(self):
        for text in ('{"mine": 1}', '{"status": "complete"}', "id,name\n", "\n"):
            with self.subTest(text=text):
                self.path.write_text(text)
                self.assert_refused(self.path, "the summary would replace another file.")
                self.assertEqual(self.path.read_text(), text)

    def test_error_for_an_input_by_whatever_name(self):
        link = self.folder / "link.csv"
        link.symlink_to("users.csv")
        users = self.folder / "users.csv"
        for path, given in ((users, users), (users, link), (link, users)):
            with self.subTest(path=path, given=given):
                self.assert_refused(path, "the summary would replace another file.", str(given))

    def test_error_for_what_is_not_a_regular_file(self):
        self.assert_refused(self.folder, "not a regular file.")
        self.assert_refused(os.devnull, "not a regular file.")

    @skipUnless(hasattr(os, "mkfifo"), "There are no FIFOs here.")
    def test_error_for_a_fifo_which_is_not_opened(self):
        os.mkfifo(str(self.path))
        self.assert_refused(self.path, "not a regular file.")
        self.assertTrue(self.path.is_fifo())

    def test_error_for_a_file_that_cannot_be_read(self):
        self.path.touch()
        error = PermissionError(13, "Permission denied")
        with mock.patch.object(output, "open", create=True, side_effect=error):
            self.assert_refused(self.path, "Permission denied.")

    def test_a_link_is_followed_and_stays(self):
        target = self.folder / "target.json"
        for is_there in (False, True):
            with self.subTest(is_there=is_there):
                if is_there:
                    target.write_text('{\n  "status": "complete"\n}\n')
                else:
                    self.path.symlink_to("target.json")
                SummaryFile(str(self.path)).begin({"status": "running"})
                self.assertTrue(self.path.is_symlink())
                self.assertEqual(json.loads(target.read_text()), {"status": "running"})
                target.unlink()

    def test_error_for_a_folder_that_does_not_exist(self):
        path = self.folder / "none" / "summary.json"
        message = f"{path}: the summary cannot be written: No such file or directory."
        file = SummaryFile(str(path))
        with self.assertRaises(CommandError) as caught:
            file.begin({"status": "running"})
        self.assertEqual((str(caught.exception), caught.exception.returncode), (message, 2))
        self.assertEqual(file.finish({"status": "complete"}), message)

    def test_error_of_usage_only_for_a_place_where_no_file_can_be(self):
        file = SummaryFile(str(self.path))
        for error, returncode in (
            (NotADirectoryError(20, "Not a directory"), 2),
            (PermissionError(13, "Permission denied"), 2),
            (OSError(28, "No space left on device"), 1),
        ):
            with self.subTest(error=error), self.assertRaises(CommandError) as caught:
                with mock.patch.object(output, "open", create=True, side_effect=error):
                    file.begin({"status": "running"})
            self.assertEqual(
                (str(caught.exception), caught.exception.returncode),
                (f"{self.path}: the summary cannot be written: {error.strerror}.", returncode),
            )

    def test_what_cannot_be_written_leaves_what_was_there(self):
        file = SummaryFile(str(self.path))
        file.begin({"status": "running"})
        with mock.patch.object(output.json, "dumps", side_effect=OSError(28, "No space left")):
            self.assertEqual(
                file.finish({"status": "complete"}),
                f"{self.path}: the summary cannot be written: No space left.",
            )
        self.assert_holds({"status": "running"})

    def test_what_an_earlier_process_left_half_written_is_replaced(self):
        (self.folder / f"summary.json.{os.getpid()}.tmp").write_text('{\n  "st')
        self.assertEqual(SummaryFile(str(self.path)).finish({"status": "complete"}), "")
        self.assert_holds({"status": "complete"})

    def test_a_link_that_appears_where_it_is_written_is_not_followed(self):
        mine = self.folder / "mine"
        mine.write_text("mine")
        (self.folder / f"summary.json.{os.getpid()}.tmp").symlink_to(mine)
        with mock.patch.object(output.os, "remove"):
            self.assertEqual(
                SummaryFile(str(self.path)).finish({"status": "complete"}),
                f"{self.path}: the summary cannot be written: File exists.",
            )
        self.assertEqual((mine.read_text(), self.path.exists()), ("mine", False))


@needs("fsspec", "fsspec")
class SummaryAtUrlTests(SimpleTestCase):
    def setUp(self):
        import fsspec

        self.files = fsspec.filesystem("memory")
        self.addCleanup(self.files.store.clear)
        self.files.pipe("/folder/load.json", b"mine")

    def test_a_document_is_written_and_replaced_at_a_name_with_the_id(self):
        command = BaseCommand(stdout=io.StringIO())
        _, summary = output.outputs(command, "memory://folder/load.json?sig=secret", "77")
        for document in ({"status": "running"}, {"status": "complete"}):
            if document["status"] == "running":
                summary.begin(document)
            else:
                self.assertEqual(summary.finish(document), "")
            contents = {path: self.files.cat(path) for path in self.files.find("/folder")}
            self.assertEqual(contents.pop("/folder/load.json"), b"mine")
            (content,) = contents.values()
            self.assertEqual(json.loads(content), document)
        self.assertEqual(summary.notes, ["Summary written to memory://folder/load-77.json"])

    def test_error_before_anything_is_loaded_if_it_cannot_be_written(self):
        url = "nothing://load.json"
        message = (
            "nothing://load-77.json: the summary cannot be written: Protocol not known: nothing."
        )
        with self.assertRaises(CommandError) as caught:
            SummaryAtUrl(url, "77").begin({"status": "running"})
        self.assertEqual((str(caught.exception), caught.exception.returncode), (message, 2))

    def test_a_failure_at_the_end_is_returned_and_nothing_is_said_to_be_written(self):
        summary = SummaryAtUrl("memory://folder/load.json", "77")
        summary.begin({"status": "running"})
        error = PermissionError("Access Denied")
        with mock.patch.object(type(self.files), "open", side_effect=error):
            self.assertEqual(
                summary.finish({"status": "complete"}),
                "memory://folder/load-77.json: the summary cannot be written: Access Denied.",
            )
        self.assertEqual(summary.notes, ())
