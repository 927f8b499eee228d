"""The lines that runs have written: events of streams and objects of buckets, in view from their time on."""

import gzip
import hashlib
import itertools
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, cast

from jobruns_sdk.testing.world.jobs import Job
from jobruns_sdk.testing.world.lifecycle import EMR_SERVERLESS, GLUE, Run

Source = Literal["driver", "error", "executor", "progress"]

_sequence = itertools.count(1)
_URI: Final = re.compile(r"s3[an]?://(?P<bucket>[^/]+)/*(?P<prefix>.*?)/*")
_GROUP: Final = "/aws/emr-serverless"
_FIRST_WITH_DRIVER: Final = 5.0  # the version of Glue from which the driver's streams are named so
_GLUE_GROUPS: Final[Mapping[Source, str]] = {"driver": "output", "error": "error", "executor": "error"}
_GLUE_ENDINGS: Final[Mapping[Source, str]] = {"executor": "-1", "progress": "-progress-bar"}
_EMR_FILES: Final[Mapping[Source, str]] = {
    "driver": "SPARK_DRIVER/stdout",
    "error": "SPARK_DRIVER/stderr",
    "executor": "SPARK_EXECUTOR/1/stderr",
}


class Event(NamedTuple):
    """An event of a stream: milliseconds since the epoch, its place among those of that time, and its message."""

    at: int
    order: int
    message: str


@dataclass(slots=True)
class Stream:
    """The events of a log stream, oldest first."""

    events: list[Event] = field(default_factory=list[Event])

    def add(self, at: int, lines: Sequence[str]) -> None:
        """Add an event for each line."""
        self.events += [Event(at, next(_sequence), line) for line in lines]
        self.events.sort()

    def between(self, begin: tuple[int, int], end: tuple[int, int]) -> Sequence[Event]:
        """The events whose time and place are after a beginning and before an end."""
        return self.events[bisect_right(self.events, begin, key=_key) : bisect_left(self.events, end, key=_key)]


@dataclass(slots=True)
class Object:
    """An object that is written again with each addition, as gzip with one member more."""

    members: list[tuple[int, bytes]] = field(default_factory=list[tuple[int, bytes]])

    def add(self, at: int, lines: Sequence[str]) -> None:
        """Add lines at an instant in milliseconds."""
        text = "".join(f"{line}\n" for line in lines)
        self.members.append((at, gzip.compress(text.encode(), mtime=0)))
        self.members.sort(key=lambda member: member[0])

    def written_at(self, now: int) -> int | None:
        """The instant of its latest version by now, None before there is one."""
        return max((at for at, _ in self.members if at <= now), default=None)

    def body(self, now: int) -> bytes:
        """The bytes that it holds by now."""
        return b"".join(data for at, data in self.members if at <= now)


def etag_of(body: bytes) -> str:
    """The version of an object, as S3 names it."""
    return f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'


@dataclass(slots=True)
class Logs:
    """The log groups with their streams, and the buckets with their objects."""

    groups: dict[str, dict[str, Stream]] = field(default_factory=dict[str, dict[str, Stream]])
    buckets: dict[str, dict[str, Object]] = field(default_factory=dict[str, dict[str, Object]])

    def streams(self, group: str, now: int) -> dict[str, Stream] | None:
        """The streams that a group has by now, None if there is no such group yet."""
        known = self.groups.get(group, {})
        return {name: one for name, one in known.items() if one.events and one.events[0].at <= now} or None

    def objects(self, bucket: str, now: int) -> dict[str, Object] | None:
        """The objects that a bucket has by now, None if there is no such bucket."""
        known = self.buckets.get(bucket)
        return known and {key: one for key, one in known.items() if one.written_at(now) is not None}

    def add(self, job: Job, run: Run, number: int, source: Source, *, lines: Sequence[str], at: int) -> None:
        """Write lines of an attempt, by its number from 1, where the service of a job would.

        Raises:
            ValueError: It writes no such logs, or the job logs to no place that can be read.
        """
        places = [*_places(job, run, number, source)]
        if not places:
            example = "{'s3MonitoringConfiguration': {'logUri': 's3://bucket/logs/'}}"
            raise ValueError(
                f"{job.machine.service} writes no {source} log of {job.name} that can be read: on EMR Serverless "
                f"name a place, such as add_application(native={{'monitoringConfiguration': {example}}})"
            )
        for kind, group, name in places:
            if kind == "s3":
                self.buckets.setdefault(group, {}).setdefault(name, Object()).add(at, lines)
            else:
                self.groups.setdefault(group, {}).setdefault(name, Stream()).add(at, lines)


def _places(job: Job, run: Run, number: int, source: Source) -> Iterator[tuple[str, str, str]]:
    """Yield the kind of each place, its group or bucket, and the name there."""
    if job.machine is GLUE:
        yield _in_glue(job, run, number, source)
    elif job.machine is EMR_SERVERLESS and source in _EMR_FILES:
        yield from _in_emr_serverless(job, run, number, _EMR_FILES[source])


def _in_glue(job: Job, run: Run, number: int, source: Source) -> tuple[str, str, str]:
    base = str(run.request.get("LogGroupName", "/aws-glue/jobs"))
    run_id = f"{run.id}_attempt_{number - 1}" if number > 1 else run.id
    is_new = float(str(job.settings.get("GlueVersion", "5.0"))) >= _FIRST_WITH_DRIVER
    ending = _GLUE_ENDINGS.get(source, "-driver" if is_new else "")
    return "cloudwatch", f"{base}/{_GLUE_GROUPS.get(source, 'output')}", f"{run_id}{ending}"


def _in_emr_serverless(app: Job, run: Run, number: int, file: str) -> Iterator[tuple[str, str, str]]:
    overrides = cast("Mapping[str, object]", run.request.get("configurationOverrides") or {})
    levels = [
        cast("Mapping[str, Mapping[str, object]]", level.get("monitoringConfiguration") or {})
        for level in (app.settings, overrides)
    ]
    settings = {**levels[0], **levels[1]}
    tried = f"attempts/{number}/" if run.most_attempts > 1 else ""
    path = f"applications/{app.name}/jobs/{run.id}/{tried}{file}"
    cloudwatch = settings.get("cloudWatchLoggingConfiguration", {})
    if cloudwatch.get("enabled") is True:
        prefix = str(cloudwatch.get("logStreamNamePrefix") or "")
        yield "cloudwatch", str(cloudwatch.get("logGroupName") or _GROUP), f"{prefix}/{path}" if prefix else path
    found = _URI.fullmatch(str(settings.get("s3MonitoringConfiguration", {}).get("logUri", "")))
    if found is not None:
        yield "s3", found["bucket"], f"{found['prefix']}/{path}.gz" if found["prefix"] else f"{path}.gz"


def _key(event: Event) -> tuple[int, int]:
    return event[:2]
