from argparse import ArgumentTypeError

from django.test import SimpleTestCase

from distributed_insert.management import arguments


class ArgumentTests(SimpleTestCase):
    def assert_refused(self, kind, *texts):
        for text in texts:
            with self.subTest(text=text):
                with self.assertRaises(ArgumentTypeError) as caught:
                    kind(text)
                self.assertIn(f"'{text}' is ", str(caught.exception))

    def test_numbers(self):
        self.assertEqual(arguments.positive_integer("10"), 10)
        self.assertEqual(arguments.whole_number("0"), 0)
        self.assert_refused(arguments.positive_integer, "0", "-1", "x", "1.5", "١", "9" * 10)
        self.assert_refused(arguments.whole_number, "-1", "x", "")

    def test_encodings(self):
        self.assertEqual(arguments.encoding("latin-1"), "latin-1")
        for name in ("utf-8", "UTF8", "utf-8-sig"):
            self.assertEqual(arguments.encoding(name), "utf-8-sig")
        self.assert_refused(arguments.encoding, "none", "hex", "rot13", "idna", "a\0b")
        self.assert_refused(arguments.encoding, "punycode", "unicode_escape", "raw_unicode_escape")

    def test_delimiters(self):
        for text, character in ((";", ";"), ("\t", "\t"), ("\\t", "\t")):
            self.assertEqual(arguments.delimiter(text), character)
        self.assert_refused(arguments.delimiter, "", "ab", '"', "\n")

    def test_renamed_columns(self):
        self.assertEqual(
            arguments.renamed_column("product.name=the title=x"), ("product", "name", "the title=x")
        )
        self.assert_refused(arguments.renamed_column, "name", "product.name", "name=x", "a.b=")
