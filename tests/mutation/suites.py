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
        ("tests/unit/model/test_refs.py", "tests/unit/paging/test_query.py", "tests/unit/paging/test_cursor.py"),
    ),
    Suite(
        "model",
        ("model/runs", "transport/quotas", "transport/pace"),
        (
            "tests/unit/model/test_runs.py",
            "tests/unit/transport/test_quotas.py",
            "tests/unit/transport/test_pace.py",
            "tests/unit/model/test_display.py",
            "tests/unit/test_errors.py",
        ),
    ),
    Suite(
        "errors",
        ("errors", "transport/error_answers"),
        ("tests/unit/test_errors.py", "tests/unit/transport/test_error_answers.py"),
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
            "tests/unit/services/test_translate_datazone.py",
            "tests/unit/services/test_translate_emr_serverless.py",
            "tests/unit/services/test_translate_glue.py",
            "tests/unit/services/test_glue_retries.py",
            "tests/truth/samples/test_own_translation.py",
        ),
    ),
    Suite(
        "reading",
        ("paging/reader", "paging/marks", "paging/encoded", "paging/pages"),
        (
            "tests/unit/paging/test_reader.py",
            "tests/unit/paging/test_merge.py",
            "tests/unit/paging/test_pages.py",
            "tests/unit/paging/test_pages_abandoned.py",
            "tests/unit/paging/test_pages_cursors.py",
            "tests/unit/paging/test_pages_model.py",
            "tests/unit/paging/test_encoded_rows.py",
            "tests/arrow/test_of_pages.py",
        ),
    ),
    Suite(
        "merging",
        ("paging/merge",),
        (
            "tests/unit/paging/test_merge.py",
            "tests/unit/paging/test_pages.py",
            "tests/unit/paging/test_pages_abandoned.py",
            "tests/unit/paging/test_pages_cursors.py",
            "tests/fanout/test_any_order.py",
            "tests/fanout/test_errors.py",
            "tests/fanout/test_leaving.py",
        ),
    ),
    Suite("listings", ("paging/lists",), ("tests/unit/paging/test_lists.py",)),
    Suite(
        "waiting", ("runs/follow", "runs/wait"), ("tests/unit/runs/test_wait.py", "tests/unit/runs/test_wait_driver.py")
    ),
)
