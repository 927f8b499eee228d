"""How far an answer is believed that speaks of attempts which no list shows."""

from typing import Any

import pytest

from jobruns_sdk.errors import ResponseFormatError
from jobruns_sdk.model.refs import JobRef
from jobruns_sdk.services.emr_serverless import EmrServerlessApplication
from jobruns_sdk.transport.operation import Operation, Reply


async def test_a_run_in_an_absurd_attempt_is_refused_after_two_calls() -> None:
    asked: list[str] = []

    async def call(operation: Operation[Any], params: object) -> Reply:
        del params
        asked.append(operation.name)
        listed = operation.name == "ListJobRunAttempts"
        return Reply(b'{"jobRunAttempts":[]}' if listed else b'{"jobRun":{"jobRunId":"00f1","attempt":2147483647}}')

    app = EmrServerlessApplication(JobRef("emr-serverless", ("00fa",), "eu-west-1"), call)

    with pytest.raises(ResponseFormatError, match="only 0 are listed") as caught:
        await app.attempts("00f1").collect()

    assert caught.value.where == "$.jobRun.attempt"
    assert asked == ["ListJobRunAttempts", "GetJobRun"]
