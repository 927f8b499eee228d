"""Throttles are answered by slowing down.

For each life of a process and each operation: in the minute that follows a minute with five refused requests or more,
no more than half of what is sent may be refused, and twenty. A client that tries to be quicker is refused now and then
(11 of 45 in the worst minute, and 46 of 76 where a twentieth of the published quota is granted, half a call a second);
one that goes on as before is refused nearly always. That no call fails for being throttled before `throttle_timeout` is
over stands with the programs, in `judge.py`.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from tests.simulation.world import World

MINUTE: Final = 60.0
MANY: Final = 5
MOST: Final = 20


class PaceJudge:
    """Looks at what each client sent of each operation."""

    def __init__(self, world: World) -> None:
        self.world = world

    def complaints(self) -> Iterator[str]:
        sent: dict[tuple[str, str, str], list[tuple[float, bool]]] = defaultdict(list)
        for heard in self.world.heard:
            if heard.result:
                refused = heard.result == "ThrottlingException"
                sent[heard.process, heard.service, heard.operation].append((heard.sent_at, refused))
        for (process, service, operation), moments in sent.items():
            refusals = [at for at, refused in moments if refused]
            for at in refusals:
                before = sum(at - MINUTE <= one < at for one in refusals)
                after = sum(at <= one < at + MINUTE for one in refusals)
                granted = sum(at <= one < at + MINUTE and not refused for one, refused in moments)
                if before >= MANY and after > MOST + granted:
                    yield (
                        f"{process} was refused {before} times {service} {operation} in the minute before {at:.0f}, "
                        f"and {after} times in the one after, with {granted} granted: it does not slow down"
                    )
                    break
