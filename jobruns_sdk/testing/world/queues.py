"""Queues of messages, as Amazon SQS has them, and the events that come into them: some lost, doubled or late."""

import hashlib
import itertools
import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from random import Random

from jobruns_sdk.testing.world.events import Event, Outbox
from jobruns_sdk.testing.world.jobs import Job

_number = itertools.count(1)


@dataclass(slots=True)
class Message:
    """A message: its text, when it was sent, from when on it can be received, and how often it was."""

    id: str
    body: str
    sent: int
    visible: int
    receives: int = 0
    receipts: list[str] = field(default_factory=list[str])


@dataclass(slots=True)
class Delivery:
    """The way of events into a queue: shares that are lost and doubled, and up to how late each may come."""

    jobs: Collection[Job] | None = None
    drop: float = 0.0
    duplicate: float = 0.0
    late: int = 0
    chance: Random = field(default_factory=Random)


@dataclass(slots=True)
class Queue:
    """A queue; times are milliseconds since the epoch, or spans of them.

    Attributes:
        delivery: How events come into it, None where none do.
        dead: The queue for messages that were received `most_receives` times.
    """

    name: str
    visibility: int = 30_000
    delivery: Delivery | None = None
    dead: "Queue | None" = None
    most_receives: int = 0
    messages: list[Message] = field(default_factory=list[Message])
    _taken: int = 0

    def begin(self, outbox: Outbox, now: int) -> None:
        """Let events come in from an instant on."""
        outbox.collect(now)
        self._taken = len(outbox.events)

    def send(self, body: str, at: int, *, late: int = 0) -> Message:
        """Put a message in."""
        number = next(_number)
        message = Message(f"{number:08x}-0000-4000-8000-{number:012x}", body, at, at + late)
        self.messages.append(message)
        return message

    def fill(self, outbox: Outbox, now: int) -> None:
        """Take the events that were sent by now."""
        if self.delivery is None:
            return
        outbox.collect(now)
        for event in outbox.events[self._taken :]:
            for late in self._deliveries(event):
                self.send(json.dumps(event.envelope), event.at, late=late)
        self._taken = len(outbox.events)

    def _deliveries(self, event: Event) -> Iterator[int]:
        way = self.delivery
        if way is None or (way.jobs is not None and event.job not in way.jobs):
            return
        if way.chance.random() >= way.drop:
            yield way.chance.randint(0, way.late)
            if way.chance.random() < way.duplicate:
                yield way.chance.randint(0, way.late)

    def visible(self, now: int) -> list[Message]:
        """The messages that can be received at an instant, those first that could first."""
        return sorted((one for one in self.messages if one.visible <= now), key=lambda one: one.visible)

    def receive(self, now: int, most: int, visibility: int) -> list[Message]:
        """Take messages, which are hidden from others for a while; what was received too often goes elsewhere."""
        taken: list[Message] = []
        for message in self.visible(now):
            if len(taken) == most:
                break
            if self.dead is not None and message.receives >= self.most_receives:
                self.messages.remove(message)
                self.dead.messages.append(message)
                message.visible = now
                continue
            message.receives += 1
            message.visible = now + visibility
            text = f"{message.id}:{message.receives}:{self.name}"
            message.receipts.append(hashlib.sha256(text.encode()).hexdigest())
            taken.append(message)
        return taken

    def received(self, receipt: str) -> Message | None:
        """The message that was received with a receipt, unless it is gone."""
        return next((one for one in self.messages if receipt in one.receipts), None)
