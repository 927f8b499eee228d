"""No line of a log is in an error, a record or what observers are told."""

import logging
from typing import Any, Final

import pytest

from jobruns_sdk import JobRunsError, Observer
from jobruns_sdk.testing import FaultKind, LocalService

CANARY: Final = "hunter2-in-a-log"
APP: Final = "00f1abc"
LOGGED: Final = {"monitoringConfiguration": {"s3MonitoringConfiguration": {"logUri": "s3://own-logs/"}}}
FAULTS: Final[list[tuple[str, FaultKind, dict[str, Any]]]] = [
    ("GetLogEvents", "truncate", {}),
    ("GetLogEvents", "wrong_content", {"body": f'{{"events": [{{"timestamp": "{CANARY}"}}]}}'.encode()}),
    ("GetLogEvents", "wrong_content", {"body": f'{{"events": "{CANARY}"}}'.encode()}),
    ("GetLogEvents", "error", {"status": 400, "code": "ValidationException"}),
    ("GetObject", "wrong_content", {"body": b"\x1f\x8b" + CANARY.encode() * 10}),
    ("GetObject", "truncate", {}),
    ("GetObject", "error500", {}),
]


def shown(error: BaseException | None) -> str:
    """All that a traceback shows of an error and of those underneath."""
    return "" if error is None else f"{error!r} {error} {shown(error.__cause__)} {shown(error.__context__)}"


@pytest.mark.local(check=False)
@pytest.mark.parametrize(("operation", "kind", "options"), FAULTS)
async def test_lines_stay_where_they_are(
    local: LocalService, operation: str, kind: FaultKind, options: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "jobruns_sdk")
    local.add_glue_job("etl")
    local.add_application(APP, native=LOGGED)
    jobs = [f"emr-serverless:{APP}"] if operation == "GetObject" else ["glue:etl"]
    told: list[object] = []
    observer = Observer(call=told.append, retry=told.append, turn=told.append, wait=told.append, poll=told.append)
    async with local.client(observer=observer, max_attempts=1) as client:
        for job in jobs:
            run = f"{job}/{local.add_run(job, state='FAILED')}"
            local.add_log_lines(run, "driver", [CANARY] * 3, at=local.clock.now())
            assert [line.text for line in await client.logs(run).collect()] == [CANARY] * 3
            local.fault(operation, kind, times=None, **options)
            with pytest.raises(JobRunsError) as caught:
                await client.logs(run).collect()
            assert CANARY not in shown(caught.value)
    assert told
    assert CANARY not in repr(told)
    assert CANARY not in caplog.text
