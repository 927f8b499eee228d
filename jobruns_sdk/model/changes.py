"""Changes of state, as a watch sees them."""

from datetime import datetime

import attrs

from jobruns_sdk.model.runs import JobRun
from jobruns_sdk.model.states import RunState


@attrs.frozen
class StateChange:
    """A run was seen in another state or attempt than before; states between two polls may be missed.

    Attributes:
        run: The run as it was seen.
        before: The state before, None the first time.
        after: The state now.
        attempt: The number of the attempt that is in that state, from 1.
        at: The time at which it was seen (aware UTC).
    """

    run: JobRun[object]
    before: RunState | None
    after: RunState
    attempt: int
    at: datetime

    def __str__(self) -> str:
        before = "" if self.before is None else f"{self.before} -> "
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.run.ref}: {before}{self.after} (attempt {self.attempt})"
