"""Stopping runs whose retries are runs of their own, under a story that is told beforehand."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import pytest

from jobruns_sdk import InvalidRequestError, JobRun, StopOutcome
from jobruns_sdk.model.native import Native
from jobruns_sdk.runs.poll import Poller
from jobruns_sdk.runs.stop import Stopper
from tests.unit.runs.test_wait_driver import JOB, Retried, seen

FAILED: Final = seen("FAILED", ended=0)
REFUSED: Final = "has ended: it is FAILED"


class Paused(Retried):
    """A job whose run has just failed: there is nothing to stop yet."""

    asked_to_stop = 0

    async def ask_to_stop(self, run_ids: Sequence[str], *, grace_period: timedelta | None = None) -> list[StopOutcome]:
        assert (list(run_ids), grace_period) == (["jr_1"], None)
        self.asked_to_stop += 1
        return [StopOutcome(JOB.run("jr_1"), accepted=False, error=InvalidRequestError(REFUSED), run=FAILED)]

    async def stop(self, run_ids: Sequence[str], *, grace_period: timedelta | None = None) -> list[StopOutcome]:
        raise NotImplementedError


@pytest.mark.parametrize(
    ("end", "accepted", "error"),
    [
        pytest.param(seen("STOPPED", 2), True, None, id="another request has stopped it"),
        pytest.param(seen("SUCCEEDED", 2), False, f"{JOB.run('jr_1')} has ended: it is SUCCEEDED", id="it was short"),
        pytest.param(seen("FAILED", 2, ended=3), False, f"{JOB.run('jr_1')} has ended: it is FAILED", id="it failed"),
    ],
)
async def test_a_retry_that_ends_between_two_polls_is_told_as_it_ended(
    end: JobRun[Native], *, accepted: bool, error: str | None
) -> None:
    story = Paused({0: FAILED, 2: end}, limit=1)
    (outcome,) = await Stopper(Poller(story.clock, lambda _: 0.05), 60).stop([(story, "jr_1")])
    assert (outcome.accepted, outcome.error and outcome.error.message) == (accepted, error)
    assert outcome.run is end
    assert story.asked_to_stop == 1


async def test_a_run_whose_retry_never_comes_is_told_as_the_service_does() -> None:
    story = Paused({0: FAILED}, limit=1)
    (outcome,) = await Stopper(Poller(story.clock, lambda _: 0.05), 60).stop([(story, "jr_1")])
    assert (outcome.accepted, outcome.error and outcome.error.message) == (False, REFUSED)
    assert outcome.run is FAILED
