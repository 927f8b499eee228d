"""What a client does with runs that go on: stop, wait for and watch them, whatever their service."""

from collections.abc import Sequence
from datetime import timedelta

from jobruns_sdk.errors import UnsupportedOperationError
from jobruns_sdk.model.changes import StopOutcome
from jobruns_sdk.services.handle import Handle, Stops


async def stop_runs(handle: Handle, run_ids: Sequence[str], grace_period: timedelta | None) -> list[StopOutcome]:
    """Ask for runs of one job to be stopped; a service that cannot says so in each outcome."""
    if isinstance(handle, Stops):
        return await handle.stop(run_ids, grace_period=grace_period)
    error = UnsupportedOperationError("cannot stop runs", service=handle.ref.service)
    return [StopOutcome(handle.ref.run(run_id), accepted=False, error=error) for run_id in run_ids]
