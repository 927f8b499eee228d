import ast
import copy
import pickle
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

import jobruns_sdk
from jobruns_sdk import (
    CallTimeoutError,
    CursorError,
    InvalidRequestError,
    JobRunsError,
    PaginationError,
    ResponseFormatError,
    RunFailedError,
    RunNotFinishedError,
    StartOutcomeUnknownError,
    ThrottledError,
    TransportError,
    WaitTimeoutError,
    errors,
)
from jobruns_sdk.model.refs import JobRef
from jobruns_sdk.model.runs import JobRun, StopOutcome
from jobruns_sdk.model.states import RunState

_BRANCH: Final = re.compile(r"^(?P<indent>[│├└─ ]*)(?P<name>\w+Error)(?: \((?P<extra>[\w, ]+)\))?$", re.MULTILINE)


def classes(root: type[JobRunsError] = JobRunsError) -> list[type[JobRunsError]]:
    """Return the public classes of the tree, those that live beside what they carry among them."""
    below = [kind for derived in root.__subclasses__() for kind in classes(derived)]
    return below if root.__name__.startswith("_") or not root.__module__.startswith("jobruns_sdk.") else [root, *below]


def public_parent(kind: type) -> str | None:
    """Return the first public class of this package that a class derives from, private ones in between passed over."""
    parents = [parent for parent in kind.__mro__[1:] if parent in classes()]
    return parents[0].__name__ if parents else None


def drawn() -> Iterator[tuple[str, str | None, set[str]]]:
    """Yield each line of the drawing: the name, the name that it hangs from, and the further bases in parentheses."""
    above: list[str] = []
    for line in _BRANCH.finditer(errors.__doc__ or ""):
        depth = len(line["indent"]) // 4
        above[depth:] = [line["name"]]
        yield line["name"], above[depth - 1] if depth else None, set((line["extra"] or "").split(", ")) - {""}


def test_the_drawing_shows_every_class_where_it_is() -> None:
    expected = {kind.__name__: public_parent(kind) for kind in classes()}

    assert {name: parent for name, parent, _ in drawn()} == expected
    assert len(list(drawn())) == len(expected)


def test_the_drawing_shows_the_further_bases() -> None:
    for name, parent, extra in drawn():
        kind: type[JobRunsError] = getattr(errors, name)
        known = {kind.__name__, parent, "JobRunsError", "Exception", "BaseException", "object", "OSError"}
        inherited = {base.__name__ for above in kind.__mro__[1:] if above.__name__ == parent for base in above.__mro__}
        bases = {base.__name__ for base in kind.__mro__ if not base.__name__.startswith("_")} - known - inherited
        assert bases == extra, name


def test_every_error_is_public() -> None:
    assert {kind.__name__ for kind in classes()} <= set(jobruns_sdk.__all__)
    assert all(getattr(jobruns_sdk, kind.__name__) is kind for kind in classes())


def test_pythons_own_errors_can_be_caught_too() -> None:
    assert issubclass(InvalidRequestError, ValueError)
    assert issubclass(CallTimeoutError, TimeoutError)
    assert issubclass(WaitTimeoutError, TimeoutError)
    assert issubclass(CursorError, PaginationError)


FACTS: Final[dict[str, object]] = {
    "service": "glue",
    "operation": "GetJobRuns",
    "code": "OwnException",
    "request_id": "r-1",
    "http_status": 418,
    "retryable": True,
}
RUN: Final = JobRun(
    JobRef("glue", "etl"),
    "jr_1",
    None,
    RunState.FAILED,
    "FAILED",
    "boom",
    1,
    None,
    None,
    None,
    None,
    None,
    None,
    (),
)
OWN: Final[dict[type[JobRunsError], dict[str, object]]] = {
    TransportError: {"sent": False},
    CallTimeoutError: {"sent": False},
    ResponseFormatError: {"where": "$.JobRuns[3]"},
    WaitTimeoutError: {"run": RUN},
    RunFailedError: {"run": RUN},
    RunNotFinishedError: {"run": RUN},
}


@pytest.mark.parametrize("kind", classes())
def test_no_fact_is_lost_on_the_way(kind: type[JobRunsError]) -> None:
    facts = {**FACTS, **OWN.get(kind, {})}
    error = kind("Not now.", **facts)  # type: ignore[arg-type]  # facts of all kinds, by name
    for other in (error, pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):  # noqa: S301  # ours
        assert type(other) is kind
        assert {name: getattr(other, name) for name in facts} == facts
        assert (other.message, str(other), other.in_doubt) == ("Not now.", str(error), error.in_doubt)
        assert other.args == ("Not now.",)


def test_the_text_shows_place_code_status_and_request() -> None:
    def text(**facts: str | int) -> str:
        return str(JobRunsError("Not now.", **facts))  # type: ignore[arg-type]  # facts of both kinds, by name

    assert text() == "Not now."
    assert text(service="glue") == "glue: Not now."
    assert text(service="glue", operation="GetJobRuns") == "glue.GetJobRuns: Not now."
    assert text(code="OwnException") == "OwnException: Not now."
    assert text(http_status=503) == "Not now. (HTTP 503)"
    assert text(service="glue", operation="GetJobRuns", code="OwnException", http_status=418, request_id="r-1") == (
        "glue.GetJobRuns: OwnException: Not now. (HTTP 418, request id r-1)"
    )


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ("glue:n/jr_0 ended as FAILED", "glue:n/jr_0 ended as FAILED"),
        ("glue has no states of jobs", "glue has no states of jobs"),
        ("cannot stop runs", "glue: cannot stop runs"),
        ("gluey", "glue: gluey"),
    ],
)
def test_the_text_names_the_service_once(message: str, text: str) -> None:
    assert str(RunFailedError(message, service="glue")) == text
    assert str(RunFailedError(message, service="glue", operation="GetJobRun")) == f"glue.GetJobRun: {message}"


def test_what_follows_from_an_error_keeps_what_the_service_answered() -> None:
    answer = {"code": "OwnException", "request_id": "r-1", "http_status": 418}

    assert errors.answer_of(JobRunsError("Not now.", **FACTS)) == answer  # type: ignore[arg-type]  # facts of all kinds
    assert errors.answer_of(None) == {}


def test_an_error_in_a_value_counts_by_its_class_and_text() -> None:
    def stopped(error: JobRunsError | None) -> StopOutcome:
        return StopOutcome(RUN.ref, accepted=error is None, error=error)

    assert stopped(ThrottledError("Not now.")) == stopped(ThrottledError("Not now."))
    assert stopped(None) == stopped(None)
    different = [None, ThrottledError("Not now."), ThrottledError("Never."), TransportError("Not now.")]
    assert all((stopped(one) == stopped(other)) is (one is other) for one in different for other in different)


def test_a_class_says_whether_its_errors_may_pass_by_themselves() -> None:
    retryable = {kind.__name__ for kind in classes() if kind.retryable}

    assert retryable == {"CallTimeoutError", "ServiceUnavailableError", "ThrottledError", "TransportError"}
    assert ThrottledError("Not now.", retryable=False).retryable is False
    assert StartOutcomeUnknownError("Gone.").retryable is False
    assert StartOutcomeUnknownError("Gone.").in_doubt is True


def test_the_public_names_are_those_that_type_checkers_see() -> None:
    names = jobruns_sdk.__all__
    tree = ast.parse(Path(jobruns_sdk.__file__).read_text("utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and "_sdk." in (node.module or "")]

    assert sorted(names) == sorted(alias.name for node in imports for alias in node.names)
    assert set(dir(jobruns_sdk)) >= set(names)
    for name in names:
        value = getattr(jobruns_sdk, name)
        assert getattr(value, "__name__", name) == name
    unknown = "no_such_name"
    with pytest.raises(AttributeError, match=unknown):
        getattr(jobruns_sdk, unknown)


HEAVY: Final = ("aiobotocore", "aiohttp", "attr", "attrs", "botocore", "cattrs", "msgspec", "jobruns_sdk.testing")


def modules_after(statement: str) -> set[str]:
    script = f"import sys; {statement}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)  # noqa: S603  # ours
    return set(done.stdout.split())


def test_the_bare_package_costs_nothing_to_import() -> None:
    assert modules_after("import jobruns_sdk; dir(jobruns_sdk); jobruns_sdk.__version__").isdisjoint(HEAVY)


def test_values_come_without_the_network_and_the_client_without_the_local_service() -> None:
    values = modules_after("from jobruns_sdk import JobRef, JobRun, RunState, NotFoundError")
    client = modules_after("from jobruns_sdk import JobRunsClient")

    assert values.isdisjoint({"aiobotocore", "aiohttp", "botocore", "jobruns_sdk.testing"})
    assert "aiobotocore" in client
    assert "jobruns_sdk.testing" not in client
