from django.test import SimpleTestCase

from distributed_insert.sources import open_source, urls
from distributed_insert.sources.csv_file import CsvSource
from distributed_insert.sources.json_array import JsonArraySource
from distributed_insert.sources.json_lines import JsonLinesSource


class UrlTests(SimpleTestCase):
    def test_what_has_a_scheme_is_a_url(self):
        for path, expected in (
            ("s3://bucket/users.csv", True),
            ("zip://users.csv::https://example.com/a.zip", True),
            ("simplecache::memory://users.csv", True),
            ("users.csv", False),
            ("C:\\users.csv", False),
            ("/data/http:/users.csv", False),
            ("-", False),
        ):
            with self.subTest(path=path):
                self.assertIs(urls.is_url(path), expected)

    def test_what_may_be_secret_is_not_shown(self):
        for url, expected in (
            ("s3://bucket/a/users.csv", "s3://bucket/a/users.csv"),
            ("https://ann:secret@example.com/users.csv", "https://example.com/users.csv"),
            ("https://:secret@example.com/users.csv", "https://example.com/users.csv"),
            ("http://token@example.com/users.csv", "http://example.com/users.csv"),
            ("sftp://ann:secret@example.com/users.csv", "sftp://example.com/users.csv"),
            ("https://example.com/users.csv?sig=secret&x=a@b", "https://example.com/users.csv"),
            ("https://example.com/users.csv#secret\nsecret", "https://example.com/users.csv"),
            (
                "zip://users.csv::https://ann:secret@example.com/a.zip?sig=secret",
                "zip://users.csv::https://example.com/a.zip",
            ),
            ("zip://users.csv?a::s3://bucket/a.zip", "zip://users.csv::s3://bucket/a.zip"),
            # Not encoded as they should be.
            ("sftp://ann:se/cret@example.com/users.csv", "sftp://example.com/users.csv"),
            ("sftp://ann:se@cret@example.com/users.csv", "sftp://example.com/users.csv"),
            ("https://ann:se#cr?et@example.com/users.csv", "https://example.com/users.csv"),
            # None of these is a password.
            ("http://example.com:80/a@b.csv", "http://example.com:80/a@b.csv"),
            ("http://example.com:80?a@b", "http://example.com:80"),
            ("file:///a:b@c/users.csv", "file:///a:b@c/users.csv"),
            (
                "abfs://box@account.dfs.example.com/users.csv",
                "abfs://box@account.dfs.example.com/users.csv",
            ),
            ("s3://bucket/a:b@c/users.csv", "s3://bucket/a:b@c/users.csv"),
            ("what?#:@.csv", "what?#:@.csv"),
        ):
            with self.subTest(url=url):
                self.assertEqual(urls.shown(url), expected)

    def test_a_file_in_a_folder(self):
        for folder, expected in (
            ("s3://bucket/rejects", "s3://bucket/rejects/users.csv"),
            ("s3://bucket/rejects/", "s3://bucket/rejects/users.csv"),
            ("https://example.com/a?sig=b", "https://example.com/a/users.csv?sig=b"),
            ("https://example.com/a#b", "https://example.com/a/users.csv#b"),
        ):
            with self.subTest(folder=folder):
                self.assertEqual(urls.join(folder, "users.csv"), expected)

    def test_an_id_comes_before_the_ending(self):
        for url, expected in (
            ("s3://b/load.json", "s3://b/load-7.json"),
            ("s3://b/load", "s3://b/load-7"),
            ("s3://b.c/load", "s3://b.c/load-7"),
            ("https://example.com/load.json?sig=a.b", "https://example.com/load-7.json?sig=a.b"),
        ):
            with self.subTest(url=url):
                self.assertEqual(urls.with_id(url, "7"), expected)

    def test_the_path_of_a_url_says_the_format(self):
        for url, kind in (
            ("https://example.com/users.jsonl?name=users.csv", JsonLinesSource),
            ("s3://bucket/users.json.gz", JsonArraySource),
            ("https://example.com/users?name=users.json", CsvSource),
            ("https://example.com/users.JSON#.csv", JsonArraySource),
        ):
            with self.subTest(url=url):
                self.assertIs(type(open_source(url)), kind)

    def test_a_source_is_named_without_secrets_and_its_server_is_not_asked_for_the_size(self):
        source = open_source("https://ann:secret@127.0.0.1:9/users.csv?sig=secret")
        self.assertEqual(
            (source.name, source.size, source.is_stream),
            ("https://127.0.0.1:9/users.csv", None, False),
        )
