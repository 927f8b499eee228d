"""The places where the logs of an EMR Serverless run lie: S3, CloudWatch Logs, or storage that the service manages.

https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/logging.html
"""

import re
from collections.abc import Callable, Iterator
from typing import Final, Literal, TypeVar

from jobruns_sdk.model.logs import SOURCES, LogSource
from jobruns_sdk.model.native import utc
from jobruns_sdk.services.emr_serverless import native
from jobruns_sdk.services.emr_serverless.native_application import Application, MonitoringConfiguration
from jobruns_sdk.services.logs import AttemptLogs, LogFile, LogFolder

T = TypeVar("T")

_GROUP: Final = "/aws/emr-serverless"
_URI: Final = re.compile(r"s3[an]?://(?P<bucket>[^/]+)/*(?P<prefix>.*?)/*")
# What follows the run's id: attempts/2/SPARK_DRIVER/stdout.gz, SPARK_EXECUTOR/1/stderr.gz, HIVE_DRIVER/stdout.gz.
# Attempts are told where retries are enabled; without them there is one.
_NAME: Final = re.compile(
    r"(?:attempts/(?P<attempt>[1-9][0-9]{0,8})/)?(?P<worker>[A-Z][A-Z_]*)/(?P<file>(?:[^/]+/)*[^/]+?)(?:\.gz)?"
)
_SILENT: Final = "CloudWatch logging is off for this run, and no S3 location is configured for its logs"
_MANAGED: Final = (
    f"{_SILENT}; they are in storage that EMR Serverless manages, for 30 days: open "
    "client.emr_serverless(application_id).dashboard_url(run_id) in a browser"
)


def places(run: native.JobRun, application: Application | None, run_id: str) -> AttemptLogs:
    """Return where the logs of an attempt may lie.

    Args:
        run: The run as GetJobRun tells of that attempt.
        application: Its application, whose settings hold where the run has none; None where it cannot be read.
        run_id: The run's id.
    """
    overrides = run.configurationOverrides
    levels = (
        None if overrides is None else overrides.monitoringConfiguration,
        None if application is None else application.monitoringConfiguration,
    )
    path = f"applications/{run.applicationId}/jobs/{run_id}/"
    folders = [*_in_cloudwatch(levels, path), *_in_s3(levels, path)]
    managed = _setting(levels, lambda level: level.managedPersistenceMonitoringConfiguration)
    is_managed = not folders and (managed is None or managed.enabled is not False)
    elsewhere = "" if folders else _MANAGED if is_managed else _SILENT
    begin, end = utc(run.attemptCreatedAt or run.createdAt), utc(run.endedAt)
    return AttemptLogs(folders, begin, end, elsewhere, is_managed)


_Levels = tuple[MonitoringConfiguration | None, ...]


def _setting(levels: _Levels, read: Callable[[MonitoringConfiguration], T | None]) -> T | None:
    return next((found for level in levels if level is not None and (found := read(level)) is not None), None)


def _in_cloudwatch(levels: _Levels, path: str) -> Iterator[LogFolder]:
    told = _setting(levels, lambda level: level.cloudWatchLoggingConfiguration)
    if told is not None and told.enabled:
        start = f"{told.logStreamNamePrefix.rstrip('/')}/" if told.logStreamNamePrefix else ""
        why = "cloudWatchLoggingConfiguration of the run or its application"
        yield _folder("cloudwatch", told.logGroupName or _GROUP, f"{start}{path}", why)


def _in_s3(levels: _Levels, path: str) -> Iterator[LogFolder]:
    told = _setting(levels, lambda level: level.s3MonitoringConfiguration)
    found = _URI.fullmatch(told.logUri) if told is not None and told.logUri else None
    if found is not None:
        start = f"{found['prefix']}/" if found["prefix"] else ""
        yield _folder(
            "s3", found["bucket"], f"{start}{path}", "s3MonitoringConfiguration of the run or its application"
        )


def _folder(kind: Literal["cloudwatch", "s3"], group: str, prefix: str, why: str) -> LogFolder:
    def file_of(name: str) -> LogFile | None:
        found = _NAME.fullmatch(name, len(prefix)) if name.startswith(prefix) else None
        if found is None:
            return None
        attempt, worker, file = int(found["attempt"] or 1), found["worker"], found["file"]
        return LogFile(attempt, _source_of(worker, file), f"{worker}/{file}")

    return LogFolder(kind, group, prefix, file_of, frozenset(SOURCES) - {"progress"}, why)


def _source_of(worker: str, file: str) -> LogSource:
    if not worker.endswith("_DRIVER"):
        return "executor"
    return "driver" if file.startswith("stdout") else "error"
