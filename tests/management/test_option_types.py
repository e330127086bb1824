import codecs
from argparse import ArgumentTypeError
from encodings.aliases import aliases

from django.test import SimpleTestCase

from distributed_insert.management import option_types


class ArgumentTests(SimpleTestCase):
    def assert_refused(self, kind, *texts):
        for text in texts:
            with self.subTest(text=text):
                with self.assertRaises(ArgumentTypeError) as caught:
                    kind(text)
                self.assertIn(f"'{text}' is ", str(caught.exception))

    def test_numbers(self):
        self.assertEqual(option_types.positive_integer("10"), 10)
        self.assertEqual(option_types.whole_number("0"), 0)
        self.assert_refused(option_types.positive_integer, "0", "-1", "x", "1.5", "١", "9" * 10)
        self.assert_refused(option_types.whole_number, "-1", "x", "")

    def test_encodings(self):
        names = (
            "latin-1 utf-16 utf-16-le utf-16-be utf-32 cp1252 cp1250 cp037 iso8859-2 iso8859-15 "
            "koi8-r mac_roman shift_jis euc_jp gb18030 big5"
        )
        for name in names.split():
            with self.subTest(name=name):
                self.assertEqual(option_types.encoding(name), name)
        for name in ("utf-8", "UTF8", "utf-8-sig"):
            self.assertEqual(option_types.encoding(name), "utf-8-sig")

    def test_error_for_what_is_not_a_text_encoding(self):
        names = "none a\0b hex rot13 undefined idna punycode unicode_escape raw_unicode_escape"
        for name in names.split():
            with self.subTest(name=name), self.assertRaises(ArgumentTypeError) as caught:
                option_types.encoding(name)
            self.assertEqual(str(caught.exception), f"'{name}' is not a text encoding")

    def test_every_encoding_is_refused_or_gives_back_what_was_written(self):
        accepted = []
        for name in sorted({*aliases.values(), "raw_unicode_escape", "unicode_escape"}):
            try:
                option_types.encoding(name)
            except ArgumentTypeError:
                continue
            accepted.append(name)
            with self.subTest(name=name):
                characters = "".join(bytes([byte]).decode(name, "ignore") for byte in range(256))
                text = (characters + "éčж漢あ한").encode(name, "ignore").decode(name)
                text = f"{text}\r\n'\\u0041', \"\\x41\\n\"\n{text}\n"
                written = b"".join(codecs.iterencode(text, name))
                read = "".join(codecs.iterdecode(map(bytes, zip(written)), name))
                self.assertEqual((read, written.decode(name)), (text, text))
        self.assertGreater(len(accepted), 80)

    def test_delimiters(self):
        for text, character in ((";", ";"), ("\t", "\t"), ("\\t", "\t")):
            self.assertEqual(option_types.delimiter(text), character)
        self.assert_refused(option_types.delimiter, "", "ab", '"', "\n", "\r")

    def test_renamed_columns(self):
        self.assertEqual(
            option_types.renamed_column("product.name=the title=x"),
            ("product", "name", "the title=x"),
        )
        self.assert_refused(option_types.renamed_column, "name", "product.name", "name=x", "a.b=")

    def test_paths(self):
        self.assertEqual(option_types.path("users.csv"), "users.csv")
        with self.assertRaisesMessage(ArgumentTypeError, "a path is needed"):
            option_types.path("")

    def test_addresses(self):
        for text in ("tcp://10.0.0.1:8786", "tls://host:1", "ucx://[::1]:8786"):
            self.assertEqual(option_types.address(text), text)
        self.assert_refused(
            option_types.address,
            "",
            "10.0.0.1:8786",
            "tcp://",
            "tcp:// a:1",
            "tcp://ann:secret@a:1",
        )
