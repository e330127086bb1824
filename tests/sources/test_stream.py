import io
import os
import threading
from unittest import skipIf

from django.test import SimpleTestCase

from distributed_insert.exceptions import GivenUp
from distributed_insert.sources.stream import Stream


@skipIf(os.name == "nt", "Windows can wait for sockets only.")
class StreamTests(SimpleTestCase):
    def setUp(self):
        self.read_end, self.write_end = os.pipe()
        self.addCleanup(os.close, self.read_end)
        self.stream = Stream(self.read_end, closefd=False)
        self.file = io.BufferedReader(self.stream)

    def test_what_comes_is_read_to_the_end(self):
        parts = []
        os.write(self.write_end, b"id,name")
        parts.append(self.file.read1(100))
        writer = threading.Thread(target=lambda: os.write(self.write_end, b",email\n"))
        writer.start()
        parts.append(self.file.read1(100))
        writer.join()
        os.close(self.write_end)
        parts.append(self.file.read1(100))
        self.assertEqual(parts, [b"id,name", b",email\n", b""])

    def test_a_reader_that_waits_is_told_to_give_up(self):
        raised = []

        def read():
            try:
                self.file.read1(100)
            except GivenUp as error:
                raised.append(error)

        reader = threading.Thread(target=read)
        reader.start()
        self.stream.is_given_up = True
        reader.join()
        self.assertEqual(len(raised), 1)
        os.close(self.write_end)

    def test_what_comes_after_it_was_given_up_is_not_read(self):
        self.stream.is_given_up = True
        os.write(self.write_end, b"1,Ann,a@b\n")
        with self.assertRaises(GivenUp):
            self.file.read1(100)
        os.close(self.write_end)
