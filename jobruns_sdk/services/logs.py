"""The places where a service may keep the logs of an attempt: what a handle tells, and nothing of how they are read."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Literal, Protocol, runtime_checkable

import msgspec

from jobruns_sdk.model.logs import LogSource
from jobruns_sdk.services.handle import Follows


class LogFile(msgspec.Struct, frozen=True):
    """One log of an attempt.

    Attributes:
        attempt: The attempt's number, from 1.
        source: Who writes it.
        key: The same wherever the service keeps a copy of it.
    """

    attempt: int
    source: LogSource
    key: str


class LogFolder(msgspec.Struct, frozen=True):
    """A log group with a beginning of stream names, or a bucket with a beginning of keys.

    Attributes:
        kind: Whether it is a log group or a bucket.
        group: The log group, or the bucket.
        prefix: How the names of streams, or the keys, begin.
        file_of: Tells what a name that begins so is; None if it is not a log of the run.
        sources: What can be there at all.
        why: What makes it a place of the run's.
        is_shared: Whether one stream may hold lines of other runs, which only time tells apart.
    """

    kind: Literal["cloudwatch", "s3"]
    group: str
    prefix: str
    file_of: Callable[[str], LogFile | None]
    sources: frozenset[LogSource]
    why: str
    is_shared: bool = False

    def __str__(self) -> str:
        if self.kind == "s3":
            return f"s3://{self.group}/{self.prefix}"
        return f"the log group {self.group}, streams {self.prefix}*"


class AttemptLogs(msgspec.Struct, frozen=True):
    """All that a service knows of the logs of an attempt.

    Attributes:
        folders: Where they may lie; of copies the first that is found is read.
        begin: When the attempt was created, None if that is not known.
        end: When it ended, None if it has not, or that is not known.
        elsewhere: Where else to look, in words; empty for nowhere.
        is_managed: Whether they are in storage that only a dashboard shows.
    """

    folders: Sequence[LogFolder]
    begin: datetime | None
    end: datetime | None
    elsewhere: str = ""
    is_managed: bool = False


@runtime_checkable
class ShowsLogs(Protocol):
    """A job whose service shows what a run logs in a browser."""

    async def dashboard_url(self, run_id: str, *, attempt: int | None = None) -> str:
        """Return a link that is good for a while."""
        ...


@runtime_checkable
class KeepsLogs(Follows, Protocol):
    """A job whose runs leave logs that can be read."""

    async def attempt_logs(self, run_id: str, number: int) -> AttemptLogs:
        """Return where the logs of an attempt may lie.

        Raises:
            NotFoundError: There is no such attempt.
        """
        ...
