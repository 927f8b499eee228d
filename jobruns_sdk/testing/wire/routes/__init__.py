"""The operations of each service, by their AWS names."""

from collections.abc import Callable
from dataclasses import dataclass

from jobruns_sdk.testing.wire.answers import Answer, Params
from jobruns_sdk.testing.world.world import World


@dataclass(frozen=True, slots=True)
class Call:
    """The arguments of an operation: the world, its input, and the instant in milliseconds since the epoch.

    `seen` is the instant as of which lists answer: earlier than `now` when a stale list is being simulated.
    """

    world: World
    params: Params
    now: int
    seen: int


Operation = Callable[[Call], Answer]
