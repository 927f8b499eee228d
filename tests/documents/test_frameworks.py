"""The programs of the pages on Dagster and Prefect, retried and cancelled by them: .ci/nightly installs both.

They run in processes of their own, as their users' do, against a local service that is shared with the test.
"""

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import pytest

from docs.links import ROOT
from jobruns_sdk.testing import LocalAccount, LocalService

pytestmark = pytest.mark.filterwarnings("ignore")  # they warn of themselves and of each other

JOB: Final = "hourly-ingest"
REGION: Final = "eu-west-1"
SECONDS: Final = 120.0
"""What a process of theirs may take to start, many times over."""


def block(page: str, having: str, *, before: str) -> str:
    """Return a block of a page, up to where it tries itself out."""
    text = (ROOT / "docs" / "how-to" / f"{page}.md").read_text("utf-8")
    (found,) = [each for each in re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE) if having in each]
    return str(found[: found.index(before)])


def until(happened: Callable[[], object]) -> None:
    """Wait for what another process does."""
    end = time.monotonic() + SECONDS
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.1)


@contextmanager
def started(program: list[str], folder: Path, environment: dict[str, str]) -> Generator["subprocess.Popen[bytes]"]:
    with subprocess.Popen([sys.executable, "-W", "ignore", *program], cwd=folder, env=environment) as process:  # noqa: S603
        try:
            yield process
        finally:
            process.terminate()
            process.wait(SECONDS)


@pytest.fixture
def local() -> Iterator[LocalService]:
    with LocalService(check=True) as local:
        local.everywhere(lambda account: account.add_glue_job(JOB, duration=timedelta(hours=1), max_concurrent_runs=9))
        yield local
        assert local.problems == []


@pytest.fixture
def account(local: LocalService) -> LocalAccount:
    return local.account(region_name=REGION)


@pytest.fixture
def prefect_api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Return the address of Prefect's own service, with a database for the test."""
    pytest.importorskip("prefect", reason=".ci/nightly installs it")
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "prefect"))
    testing: Any = import_module("prefect.testing.utilities")
    settings: Any = import_module("prefect.settings")
    with testing.prefect_test_harness(server_startup_timeout=int(SECONDS)):
        yield settings.PREFECT_API_URL.value()


def test_dagster_that_is_terminated_stops_the_run(local: LocalService, account: LocalAccount, tmp_path: Path) -> None:
    pytest.importorskip("dagster", reason=".ci/nightly installs it")
    program = block("dagster", "def key_of", before="result = dg.materialize")
    (tmp_path / "program.py").write_text(f"{program}\ndefs = dg.Definitions([sales], resources=resources)\n", "utf-8")
    (tmp_path / "dagster.yaml").write_text("telemetry:\n  enabled: false\n", "utf-8")
    command = ["-m", "dagster", "asset", "materialize", "--select", "sales", "-f", "program.py"]

    with started(command, tmp_path, {**os.environ, **local.environment, "DAGSTER_HOME": str(tmp_path)}) as process:
        until(lambda: local.calls("GetJobRun"))  # the wait has begun
        process.send_signal(signal.SIGTERM)
        process.wait(SECONDS)

    assert (local.calls("StartJobRun"), local.calls("BatchStopJobRun")) == (1, 1)
    assert set(account.states(f"glue:{JOB}").values()) <= {"STOPPING", "STOPPED"}


def test_dagster_retries_share_a_key(
    local: LocalService, account: LocalAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("dagster", reason=".ci/nightly installs it")
    for name, value in local.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("jobruns_sdk.client.RealClock", lambda: local.clock)
    names: dict[str, Any] = {"__name__": "program"}
    exec(block("dagster", "def key_of", before="result = dg.materialize"), names)  # noqa: S102  # the page's own
    account.next_run(f"glue:{JOB}", outcome="FAILED", message="disk full")

    done = names["dg"].materialize([names["sales"]], resources=names["resources"])

    assert done.success
    assert sorted(account.states(f"glue:{JOB}").values()) == ["FAILED", "SUCCEEDED"]
    runs = {
        "a": SimpleNamespace(run_id="a", tags={}, parent_run_id=None),
        "b": SimpleNamespace(run_id="b", tags={"dagster/retry_number": "1"}, parent_run_id="a"),
        "c": SimpleNamespace(run_id="c", tags={"dagster/retry_number": "2"}, parent_run_id="b"),
        "asked for": SimpleNamespace(run_id="asked for", tags={}, parent_run_id="c"),
    }
    asset = SimpleNamespace(to_user_string=lambda: "sales")
    instance = SimpleNamespace(get_run_by_id=runs.get)
    keys = [names["key_of"](SimpleNamespace(run=run, instance=instance, asset_key=asset)) for run in runs.values()]
    assert keys == ["dagster:a:sales"] * 3 + ["dagster:asked for:sales"]


@pytest.mark.usefixtures("prefect_api")
def test_prefect_retries_find_their_runs(
    local: LocalService, account: LocalAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in local.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("jobruns_sdk.client.RealClock", lambda: local.clock)
    names: dict[str, Any] = {"__name__": "program"}
    exec(block("prefect", "asyncio.gather", before="refs = "), names)  # noqa: S102  # the page's own
    account.next_run(f"glue:{JOB}", outcome="FAILED", message="disk full")
    fails = [OSError("the worker was lost")]

    async def gathered(*tasks: Any) -> list[Any]:  # noqa: ANN401  # what the page gathers
        done = await asyncio.gather(*tasks)
        if fails:
            raise fails.pop()  # the flow is retried, and with it all of its tasks
        return done

    names["asyncio"] = SimpleNamespace(gather=gathered)
    refs = asyncio.run(names["nightly"](3))

    assert len(set(refs)) == 3
    assert sorted(account.states(f"glue:{JOB}").values()) == ["FAILED", "SUCCEEDED", "SUCCEEDED", "SUCCEEDED"]
    assert local.calls("StartJobRun") == 4


def test_prefect_that_is_cancelled_stops_the_runs(
    local: LocalService, account: LocalAccount, prefect_api: str, tmp_path: Path
) -> None:
    program = block("prefect", "on_cancellation", before="print(")
    (tmp_path / "program.py").write_text(
        f'{program}\nif __name__ == "__main__":\n    nightly.serve("served")\n', "utf-8"
    )
    environment = {**os.environ, **local.environment, "PREFECT_API_URL": prefect_api, "PREFECT_HOME": str(tmp_path)}
    orchestration: Any = import_module("prefect.client.orchestration")
    cancelling = import_module("prefect.states").Cancelling

    with started(["program.py"], tmp_path, environment), orchestration.get_client(sync_client=True) as client:
        until(client.read_deployments)
        (deployment,) = client.read_deployments()
        run = client.create_flow_run_from_deployment(deployment.id, parameters={"parts": 2})
        until(lambda: local.calls("StartJobRun") == 2 and local.calls("GetJobRuns") > 2)  # the wait has begun
        client.set_flow_run_state(run.id, cancelling())
        until(lambda: local.calls("BatchStopJobRun"))
        until(lambda: client.read_flow_run(run.id).state.type == "CANCELLED")

    assert (local.calls("StartJobRun"), local.calls("BatchStopJobRun")) == (2, 1)
    assert set(account.states(f"glue:{JOB}").values()) <= {"STOPPING", "STOPPED"}
