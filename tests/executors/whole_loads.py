"""The tests of whole loads that every kind of workers has to pass."""

from ..loading import test_progress
from ..management import test_options, test_populate_db, test_urls

WHOLE_LOADS = (
    test_populate_db.SampleTests,
    test_populate_db.FileTests,
    test_options.DryRunTests,
    test_options.AllOrNothingTests,
    test_options.ConflictTests,
    test_options.MaxErrorsTests,
    test_options.RejectsTests,
    test_options.MapTests,
    test_urls.UrlLoadTests,
    test_progress.ProgressTests,
)
