"""Which tests are to kill the mutants of which modules."""

from typing import Final

import attrs


@attrs.frozen
class Suite:
    """Modules, relative to the package and without ending, that are mutated together.

    A mutant meets only those of the suite's tests that call the mutated function, the fastest first.
    """

    name: str
    modules: tuple[str, ...]
    tests: tuple[str, ...]


SUITES: Final = (
    Suite(
        "names",
        ("model/refs", "paging/query", "paging/cursor"),
        ("tests/unit/test_refs.py", "tests/unit/test_query.py", "tests/unit/test_cursors.py"),
    ),
    Suite(
        "model",
        ("model/runs", "transport/quotas"),
        (
            "tests/unit/test_model.py",
            "tests/unit/test_pacing.py",
            "tests/unit/test_showing.py",
            "tests/unit/test_errors.py",
        ),
    ),
    Suite(
        "errors",
        ("errors", "transport/error_answers"),
        ("tests/unit/test_errors.py", "tests/unit/test_failures.py"),
    ),
    Suite(
        "translation",
        (
            "services/datazone/translate",
            "services/emr_serverless/translate",
            "services/glue/translate",
            "services/glue/retries",
        ),
        (
            "tests/unit/test_translate_datazone.py",
            "tests/unit/test_translate_emr_serverless.py",
            "tests/unit/test_translate_glue.py",
            "tests/unit/test_retries.py",
            "tests/samples/test_own_translation.py",
        ),
    ),
    Suite(
        "reading",
        ("paging/reader", "paging/pages"),
        (
            "tests/unit/test_lanes.py",
            "tests/unit/test_merging.py",
            "tests/unit/test_paging.py",
            "tests/unit/test_paging_abandoned.py",
            "tests/unit/test_paging_cursors.py",
            "tests/unit/test_paging_model.py",
            "tests/unit/test_parked.py",
            "tests/arrow/test_of_pages.py",
        ),
    ),
    Suite(
        "merging",
        ("paging/merge",),
        (
            "tests/unit/test_merging.py",
            "tests/unit/test_paging.py",
            "tests/unit/test_paging_abandoned.py",
            "tests/unit/test_paging_cursors.py",
            "tests/fanout/test_any_order.py",
            "tests/fanout/test_errors.py",
            "tests/fanout/test_leaving.py",
        ),
    ),
    Suite("listings", ("paging/lists",), ("tests/unit/test_listings.py",)),
    Suite("waiting", ("runs/wait",), ("tests/unit/test_waiting.py", "tests/unit/test_wait_driver.py")),
)
