"""What was seen to change, and what came of asking for a stop."""

from datetime import datetime

import attrs

from jobruns_sdk.errors import JobRunsError, told_by
from jobruns_sdk.model.refs import RunRef
from jobruns_sdk.model.runs import JobRun
from jobruns_sdk.model.states import RunState


@attrs.frozen
class StopOutcome:
    """What came of asking a service to stop a run.

    Attributes:
        ref: The run that was to be stopped.
        accepted: Whether the service took the request; the run stops some time after.
        error: Why it did not, None if it did.
    """

    ref: RunRef
    accepted: bool
    error: JobRunsError | None = attrs.field(default=None, eq=told_by)


@attrs.frozen
class StateChange:
    """A run was seen in another state or attempt than before; states between two polls may be missed.

    Attributes:
        run: The run as it was seen.
        before: The state in which it was seen before, None the first time.
        after: The state in which it was seen.
        attempt: The number of the attempt that is in that state, from 1.
        at: When it was seen (aware UTC).
    """

    run: JobRun[object]
    before: RunState | None
    after: RunState
    attempt: int
    at: datetime

    def __str__(self) -> str:
        before = "" if self.before is None else f"{self.before} -> "
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.run.ref}: {before}{self.after} (attempt {self.attempt})"
