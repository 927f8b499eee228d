"""The places where the logs of a Glue attempt lie: log groups and streams, from the run and the job.

https://docs.aws.amazon.com/glue/latest/dg/monitor-spark.html: the pages on logging for Glue 5 and on continuous logging
before it. They differ about security configurations, so what the run says (``LogGroupName``) comes first, and streams
that are found decide.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from jobruns_sdk.model.logs import LogSource
from jobruns_sdk.model.native import utc
from jobruns_sdk.services.glue import native
from jobruns_sdk.services.logs import AttemptLogs, LogFile, LogFolder

_BASE: Final = "/aws-glue/jobs"
_BASE_OF_SHELLS: Final = "/aws-glue/python-jobs"
_CONTINUOUS: Final = "/aws-glue/jobs/logs-v2"
_SHELL: Final = "pythonshell"
# The id of a run begins those of its retries: jr_1 is found together with jr_1_attempt_1 and jr_1_attempt_1-driver.
_ENDING: Final = re.compile(r"|-driver|-progress-bar|-[0-9]+")
# By the last part of a log group's name, who writes the driver's stream there.
_DRIVERS: Final[Mapping[str, LogSource]] = {"output": "driver", "error": "error"}


def places(row: native.JobRun, job: native.Job, attempt: int) -> AttemptLogs:
    """Return where the logs of an attempt may lie.

    Args:
        row: The attempt.
        job: Its job: an attempt that failed may be told without its arguments, and none is told with the job's.
        attempt: The attempt's number, from 1.
    """
    return AttemptLogs([*_folders(row, job, attempt)], utc(row.StartedOn), utc(row.CompletedOn))


def _folders(row: native.JobRun, job: native.Job, attempt: int) -> Iterator[LogFolder]:
    given = {**(job.DefaultArguments or {}), **(row.Arguments or {}), **(job.NonOverridableArguments or {})}
    run_id, security = row.Id or "", row.SecurityConfiguration or job.SecurityConfiguration
    is_shell = job.Command is not None and job.Command.Name == _SHELL
    base = row.LogGroupName or (_BASE_OF_SHELLS if is_shell else _BASE)
    custom, named = given.get("--custom-logGroup-prefix"), given.get("--custom-logStream-prefix")
    logs = _Attempt(run_id, attempt)
    if custom:
        yield from logs.in_groups(custom, named or run_id, "the argument --custom-logGroup-prefix of the job")
    if security:
        role = (job.Role or "").rpartition("/")[2]
        group = f"{custom or base}/{security}-role/{role}"
        yield from logs.in_groups(group, named or run_id, "the security configuration of the run")
    why = f"LogGroupName of the run is {base}" if row.LogGroupName else "Glue's default"
    yield from logs.in_groups(base, run_id, why)
    if named and not custom:
        yield from logs.in_groups(base, named, "the argument --custom-logStream-prefix of the job")
    if given.get("--enable-continuous-cloudwatch-log") == "true":
        group = given.get("--continuous-log-logGroup") or _CONTINUOUS
        streams = given.get("--continuous-log-logStreamPrefix") or run_id
        for name in (f"{group}-{security}", group) if security else (group,):
            yield logs.in_group(name, streams, "error", "continuous logging of the job")


class _Attempt(msgspec.Struct, frozen=True):
    """An attempt by its id and its number."""

    run_id: str
    number: int

    def in_groups(self, base: str, prefix: str, why: str) -> Iterator[LogFolder]:
        for kind, driver in _DRIVERS.items():
            yield self.in_group(f"{base}/{kind}", prefix, driver, why)

    def in_group(self, group: str, prefix: str, driver: LogSource, why: str) -> LogFolder:
        def file_of(stream: str) -> LogFile | None:
            ending = stream[len(prefix) :]
            if not stream.startswith(prefix) or not _ENDING.fullmatch(ending):
                return None
            return LogFile(self.number, _source_of(ending, driver), f"{group}:{stream}")

        sources: frozenset[LogSource] = frozenset((driver, "executor", "progress"))
        return LogFolder("cloudwatch", group, prefix, file_of, sources, why, is_shared=prefix != self.run_id)


def _source_of(ending: str, driver: LogSource) -> LogSource:
    if ending in ("", "-driver"):
        return driver
    return "progress" if ending == "-progress-bar" else "executor"
