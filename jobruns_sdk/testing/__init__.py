"""Work with job runs without AWS: a local service for any AWS client, with time and faults that a test owns.

Nothing here is loaded before it is asked for.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jobruns_sdk.testing.account import LocalAccount
    from jobruns_sdk.testing.clock import SpeedClock, VirtualClock
    from jobruns_sdk.testing.faults import FaultKind
    from jobruns_sdk.testing.local import LocalService
    from jobruns_sdk.testing.wire.dispatch import ReceivedRequest

__all__ = ["FaultKind", "LocalAccount", "LocalService", "ReceivedRequest", "SpeedClock", "VirtualClock"]

_HOMES = {
    "FaultKind": "faults",
    "LocalAccount": "account",
    "LocalService": "local",
    "ReceivedRequest": "wire.dispatch",
    "SpeedClock": "clock",
    "VirtualClock": "clock",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415  # only when something is asked for

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
