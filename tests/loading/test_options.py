from django.test import SimpleTestCase

from distributed_insert.loading import Options


class OptionsTests(SimpleTestCase):
    def test_error_for_what_no_load_can_do(self):
        for name, value in (
            ("workers", "gpu"),
            ("scheduler", "tcp://127.0.0.1:8786"),
            ("wait", -1),
            ("batch_size", 0),
            ("on_conflict", "nope"),
            ("max_errors", -1),
        ):
            with self.subTest(name=name), self.assertRaises(ValueError) as caught:
                Options(**{name: value})
            self.assertEqual(str(caught.exception), f"{name} cannot be {value!r}")

    def test_error_for_dask_without_a_scheduler(self):
        with self.assertRaisesMessage(ValueError, "scheduler cannot be None"):
            Options(workers="dask")
