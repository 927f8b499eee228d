"""Glue's job bookmarks: where a job's next run is to go on reading."""

import json
from dataclasses import dataclass, field
from typing import cast

from jobruns_sdk.testing.world.lifecycle import Run

OPTION = "--job-bookmark-option"
ENABLED = "job-bookmark-enable"


@dataclass(frozen=True, slots=True)
class Bookmark:
    """One state of a bookmark: after which run it was written, and how often it had been by then."""

    version: int
    run: int
    attempt: int
    run_id: str | None = None
    previous_run_id: str | None = None

    @property
    def document(self) -> str | None:
        """The JSON document that Glue keeps as a string, None right after a reset."""
        if self.run_id is None:
            return None
        timestamps = {"RUN": str(self.run), "HIGH_BAND": "900000", "CURR_LATEST_PARTITION": "0"}
        state = {"jsonClass": "HadoopDataSourceJobBookmarkState", "timestamps": timestamps}
        return json.dumps({"datasource0": state}, separators=(",", ":"))


@dataclass(slots=True)
class Bookmarks:
    """The bookmark of one job, with its past, since Glue can rewind it to a run."""

    enabled: bool = False
    history: list[Bookmark] = field(default_factory=list[Bookmark])

    def record(self, run: Run, attempt: int) -> None:
        """Move the bookmark after a successful run, if the job or the run has bookmarks switched on."""
        arguments = run.request.get("Arguments")
        option = cast("dict[str, object]", arguments or {}).get(OPTION)
        if option == ENABLED or (option is None and self.enabled):
            last = self.current
            number = 1 if last is None else last.run + 1
            version = 1 if last is None else last.version + 1
            self.history.append(Bookmark(version, number, attempt, run.id, None if last is None else last.run_id))

    @property
    def current(self) -> Bookmark | None:
        """The present state, None if nothing was ever written."""
        return self.history[-1] if self.history else None

    def of_run(self, run_id: str) -> Bookmark | None:
        """The state that a run wrote, None if it wrote none."""
        return next((mark for mark in reversed(self.history) if mark.run_id == run_id), None)

    def reset(self, run_id: str | None) -> Bookmark | None:
        """Go back to what a run wrote, or to the beginning; None if there is nothing to go back to."""
        if not self.history:
            return None
        mark = Bookmark(0, 0, 0) if run_id is None else self.of_run(run_id)
        if mark is not None:
            self.history.append(mark)
        return mark
