"""The store for programs without an event loop."""

from datetime import timedelta
from pathlib import Path

import pytest

from jobruns_sdk import RunState, StoreError
from jobruns_sdk.sync import JobRunsClient
from jobruns_sdk.sync.history import RunStore
from jobruns_sdk.testing import LocalService
from tests.sync.conftest import JOBS, client, local

__all__ = ["client", "local"]


def test_a_store_is_filled_and_read_without_an_event_loop(
    local: LocalService, client: JobRunsClient, tmp_path: Path
) -> None:
    with RunStore(tmp_path / "runs.sqlite") as store:
        report = store.sync(client, JOBS, attempts=True)
        told = sorted(client.runs(JOBS), key=lambda run: str(run.ref))
        assert sorted(store.runs(), key=lambda run: str(run.ref)) == told
        assert report.added == len(told)
        failed = store.runs(JOBS[0], states={RunState.FAILED}).first()
        assert failed is not None
        assert [attempt.number for attempt in store.attempts(JOBS[0]) if attempt.run == failed.ref] == [1, 2, 3]
        assert len(store.to_arrow()) == len(told)
        assert store.forget(before=local.clock.now() + timedelta(days=1)) == sum(run.is_terminal for run in told)
        assert all(not run.is_terminal for run in store.runs())


def test_jobs_may_be_discovered(client: JobRunsClient, tmp_path: Path) -> None:
    with RunStore(tmp_path / "runs.sqlite") as store:
        store.sync(client, client.discover())
        assert {run.service for run in store.runs()} == {"glue", "emr-serverless"}
        assert store.sync(client, client.discover()).added == 0


def test_what_is_refused_is_told(tmp_path: Path) -> None:
    path = tmp_path / "runs.sqlite"
    path.write_text("nothing of the kind")
    with pytest.raises(StoreError, match="not a store"), RunStore(path):
        pass
