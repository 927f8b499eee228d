"""Any order of starting, advancing, stopping and listing: nothing is lost or doubled, states move along legal edges."""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import timedelta
from http.client import HTTPConnection
from itertools import groupby
from typing import Final, TypeAlias, cast
from urllib.parse import urlencode

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from jobruns_sdk.testing import LocalService

Json: TypeAlias = dict[str, object]
ROLE: Final = "arn:aws:iam::111122223333:role/exec"
ENDED: Final[frozenset[str]] = frozenset()
GLUE: Final[Mapping[str, frozenset[str]]] = {
    "": frozenset({"WAITING", "STARTING"}),
    "WAITING": frozenset({"STARTING", "FAILED", "STOPPED"}),
    "STARTING": frozenset({"RUNNING", "STOPPING"}),
    "RUNNING": frozenset({"SUCCEEDED", "FAILED", "TIMEOUT", "STOPPING"}),
    "STOPPING": frozenset({"STOPPED", "SUCCEEDED"}),
    **dict.fromkeys(("SUCCEEDED", "FAILED", "STOPPED", "TIMEOUT"), ENDED),
}
EMR: Final[Mapping[str, frozenset[str]]] = {
    "": frozenset({"SUBMITTED", "QUEUED"}),
    "SUBMITTED": frozenset({"PENDING", "CANCELLING"}),
    "QUEUED": frozenset({"PENDING", "FAILED", "CANCELLED"}),
    "PENDING": frozenset({"SCHEDULED", "CANCELLING"}),
    "SCHEDULED": frozenset({"RUNNING", "CANCELLING"}),
    "RUNNING": frozenset({"SUCCESS", "FAILED", "CANCELLING", "PENDING"}),
    "CANCELLING": frozenset({"CANCELLED", "SUCCESS"}),
    **dict.fromkeys(("SUCCESS", "FAILED", "CANCELLED"), ENDED),
}


def reachable(edges: Mapping[str, frozenset[str]], before: str) -> frozenset[str]:
    """All states that a run can be in later, since a look may miss some on the way."""
    found, fresh = {before}, {before}
    while fresh:
        fresh = {after for state in fresh for after in edges[state]} - found
        found |= fresh
    return frozenset(found)


class Lives(RuleBasedStateMachine):
    """Two jobs, one with queue and retries in Glue, one in EMR Serverless, driven over HTTP."""

    def __init__(self) -> None:
        super().__init__()
        self.resources = ExitStack()
        self.local = self.resources.enter_context(LocalService(check=True, auto_advance=False))
        self.connection = HTTPConnection(self.local.url.removeprefix("http://"))
        self.resources.callback(self.connection.close)
        self.started: dict[str, list[str]] = {"glue": [], "emr": []}
        self.seen: dict[str, str] = {}

    def call(self, method: str, path: str, body: Json | None = None, target: str = "") -> Json:
        """Call an operation over HTTP, as fast as can be; an error's code stands under `error`."""
        headers = {"x-amz-target": f"AWSGlue.{target}"} if target else {}
        self.connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = self.connection.getresponse()
        members = cast("Json", json.loads(answer.read()))
        return members if answer.status == 200 else {"error": answer.headers.get("x-amzn-errortype")}

    def glue(self, operation: str, **members: object) -> Json:
        """Call one of Glue's operations."""
        return self.call("POST", "/", {"JobName": "etl", **members}, operation)

    def glue_pages(self, size: int) -> Iterator[list[Json]]:
        """The pages of GetJobRuns."""
        token: Json = {}
        while True:
            page = self.glue("GetJobRuns", MaxResults=size, **token)
            yield cast("list[Json]", page["JobRuns"])
            if "NextToken" not in page:
                return
            token = {"NextToken": page["NextToken"]}

    def glue_rows(self) -> list[Json]:
        """All rows of GetJobRuns."""
        return [row for page in self.glue_pages(200) for row in page]

    def teardown(self) -> None:
        """End the service, and let nothing pass that went wrong inside it."""
        self.resources.close()
        assert self.local.problems == []

    @initialize(
        retries=st.integers(0, 2), slots=st.integers(1, 3), failures=st.integers(0, 3), minutes=st.integers(1, 20)
    )
    def set_up(self, retries: int, slots: int, failures: int, minutes: int) -> None:
        """Make the two jobs, with lives of some kind."""
        length = timedelta(minutes=minutes)
        self.local.add_glue_job(
            "etl",
            max_retries=retries,
            max_concurrent_runs=slots,
            queuing=True,
            fail_attempts=failures,
            duration=length,
            timeout_minutes=15,
        )
        self.app = self.local.add_application(
            max_retries=retries, max_concurrent_runs=slots, fail_attempts=failures, duration=length
        )
        self.runs = f"/applications/{self.app}/jobruns"

    @rule()
    def start_glue(self) -> None:
        """Start a Glue run."""
        self.started["glue"].append(str(self.glue("StartJobRun")["JobRunId"]))

    @rule(again=st.booleans())
    def start_emr(self, again: bool) -> None:  # noqa: FBT001  # hypothesis passes it by name
        """Start an EMR Serverless run, or ask for the latest once more."""
        runs = self.started["emr"]
        again = again and bool(runs)
        request: Json = {"clientToken": f"token-{len(runs) - again}", "executionRoleArn": ROLE}
        run_id = str(self.call("POST", self.runs, request)["jobRunId"])
        assert not again or run_id == runs[-1]
        if not again:
            runs.append(run_id)

    @rule(seconds=st.sampled_from([1, 7, 30, 31, 100, 600, 5_000]))
    def advance(self, seconds: int) -> None:
        """Let time pass."""
        self.local.advance(seconds)

    @rule(choice=st.integers(0, 50))
    def stop_glue(self, choice: int) -> None:
        """Ask for an attempt of Glue's to be stopped; it says for each id whether it will."""
        rows = self.glue_rows()
        if rows:
            run_id = rows[choice % len(rows)]["Id"]
            answer = self.glue("BatchStopJobRun", JobRunIds=[run_id])
            told = [*cast("list[Json]", answer["SuccessfulSubmissions"]), *cast("list[Json]", answer["Errors"])]
            assert [entry["JobRunId"] for entry in told] == [run_id]

    @rule(choice=st.integers(0, 50), grace=st.sampled_from([0, 1, 300]))
    def stop_emr(self, choice: int, grace: int) -> None:
        """Cancel a run; what has ended cannot be cancelled."""
        runs = self.started["emr"]
        if runs:
            path = f"{self.runs}/{runs[choice % len(runs)]}"
            state = str(cast("Json", self.call("GET", path)["jobRun"])["state"])
            answer = self.call("DELETE", f"{path}?shutdownGracePeriodInSeconds={grace}")
            assert answer.get("error") == ("ValidationException" if EMR[state] == ENDED else None)

    @rule(size=st.integers(1, 7), adds=st.booleans())
    def list_glue(self, size: int, adds: bool) -> None:  # noqa: FBT001  # hypothesis passes it by name
        """All pages together hold each row that was there at the beginning once, and stay in order meanwhile."""
        before = {row["Id"] for row in self.glue_rows()}
        rows: list[Json] = []
        for page in self.glue_pages(size):
            rows += page
            if adds and len(self.started["glue"]) < 40:
                self.start_glue()
                self.local.advance(1)
        assert len(rows) == len({row["Id"] for row in rows})
        assert before <= {row["Id"] for row in rows}
        times = [cast("float", row["StartedOn"]) for row in rows]
        assert times == sorted(times, reverse=True)

    @rule(states=st.lists(st.sampled_from(sorted(EMR)[1:]), unique=True, max_size=8))
    def list_emr(self, states: list[str]) -> None:
        """A filter gives exactly the runs in those states, grouped by state."""
        rows: list[tuple[object, object]] = []
        token: list[tuple[str, object]] = []
        while True:
            query = urlencode([("maxResults", 3), *(("states", state) for state in states), *token])
            page = self.call("GET", f"{self.runs}?{query}")
            rows += [(row["id"], row["state"]) for row in cast("list[Json]", page["jobRuns"])]
            if "nextToken" not in page:
                break
            token = [("nextToken", page["nextToken"])]
        present = self.local.states(f"emr-serverless:{self.app}")
        assert len(rows) == len(set(rows))
        assert set(rows) == {item for item in present.items() if not states or item[1] in states}
        if states:
            groups = [state for state, _ in groupby(state for _, state in rows)]
            assert groups == [state for state in states if state in groups]

    @invariant()
    def nothing_is_lost(self) -> None:
        """The service knows what was started, no more and no less."""
        if hasattr(self, "app"):
            assert list(self.local.states("glue:etl")) == self.started["glue"]
            assert list(self.local.states(f"emr-serverless:{self.app}")) == self.started["emr"]

    @invariant()
    def states_move_along_legal_edges(self) -> None:
        """Each attempt of Glue's, and each run of EMR Serverless's, goes only where the service lets it go."""
        if hasattr(self, "app"):
            states = {str(row["Id"]): str(row["JobRunState"]) for row in self.glue_rows()}
            for run_id, state in states.items():
                assert state in reachable(GLUE, self.seen.get(run_id, ""))
            for run_id, state in self.local.states(f"emr-serverless:{self.app}").items():
                assert state in reachable(EMR, self.seen.get(run_id, ""))
                states[run_id] = state
            self.seen |= states


Lives.TestCase.settings = settings(max_examples=30, stateful_step_count=30)
TestLives = Lives.TestCase
