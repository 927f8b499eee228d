"""Jobs and runs may be named in any of their forms."""

import pytest

from jobruns_sdk import InvalidRequestError, JobRef, JobRunsClient, RunRef
from jobruns_sdk.services.handle import Handle
from jobruns_sdk.testing import LocalService
from tests.contract.cases import Case


async def test_a_run_is_found_by_any_of_its_names(
    local: LocalService, case: Case, client: JobRunsClient, job: Handle
) -> None:
    run_id = local.add_run(case.job, state="FAILED", message="boom")
    run = await job.run(run_id)
    listed = await job.runs().first()
    assert listed is not None

    assert run.ref == listed.ref == RunRef.parse(str(run.ref)) == case.ref.run(run_id)
    for name in (run, listed, run.ref, str(run.ref), f"{case.job}/{run_id}", RunRef(JobRef.parse(case.job), run_id)):
        assert await client.run(name) == run
        (attempt,) = await client.attempts(name).collect()
        assert attempt.run == run.ref


async def test_names_that_are_malformed_are_refused_before_anything_is_sent(
    local: LocalService, case: Case, client: JobRunsClient
) -> None:
    for text in ("", case.service, f"{case.service}:", f"{case.job}?zone=x", "lambda:f", f"{case.job}?profile=unknown"):
        with pytest.raises(InvalidRequestError):
            client.handle(text)
    for text in (case.job.replace("datazone:dzd_x/", "datazone:"), f"{case.job}/", f"{case.job}/a/b"):
        with pytest.raises(InvalidRequestError):
            await client.run(text)
        if text != case.job:  # of a job the attempts of all its runs are read
            with pytest.raises(InvalidRequestError):
                client.attempts(text)
    assert local.calls() == 0
