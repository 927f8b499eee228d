"""Where the logs of an attempt may lie, by what the pages of AWS's documentation say."""

import pytest

from jobruns_sdk.model.logs import LogSource
from jobruns_sdk.services.emr_serverless import logs as emr_logs
from jobruns_sdk.services.emr_serverless import native as emr
from jobruns_sdk.services.emr_serverless.native_application import (
    Application,
    CloudWatchLoggingConfiguration,
    ManagedPersistenceMonitoringConfiguration,
    MonitoringConfiguration,
    S3MonitoringConfiguration,
)
from jobruns_sdk.services.glue import logs as glue_logs
from jobruns_sdk.services.glue import native as glue
from jobruns_sdk.services.logs import AttemptLogs, LogFile

S3 = MonitoringConfiguration(s3MonitoringConfiguration=S3MonitoringConfiguration(logUri="s3://b/logs/"))
OFF = MonitoringConfiguration(
    managedPersistenceMonitoringConfiguration=ManagedPersistenceMonitoringConfiguration(enabled=False)
)


def glue_attempt(
    row: glue.JobRun | None = None, arguments: dict[str, str] | None = None, **job: str | glue.JobCommand
) -> AttemptLogs:
    """The logs of `jr_x` by its row and by what its job is given."""
    row = glue.JobRun(Id="jr_x", LogGroupName="/aws-glue/jobs") if row is None else row
    definition = glue.Job(
        DefaultArguments=arguments,
        Command=glue.JobCommand(Name=str(job.get("command", "glueetl"))),
        Role=str(job.get("role", "arn:aws:iam::111122223333:role/service-role/Etl")),
    )
    return glue_logs.places(row, definition, 1)


def sources_in(logs: AttemptLogs, group: str) -> dict[str, LogSource]:
    """Who writes each stream of a group that is a log of the attempt."""
    streams = ("jr_x", "jr_x-driver", "jr_x-1", "jr_x-27", "jr_x-progress-bar", "mine", "mine-driver", "mine-3")
    others = ("jr_x_attempt_1", "jr_x_attempt_1-driver", "jr_x_attempt_1-1", "jr_xy", "jr_x-driver-2", "jr_x-", "jr")
    found: dict[str, LogFile] = {}
    for folder in logs.folders:
        if folder.group == group:
            assert not any(folder.file_of(other) for other in others)
            found |= {name: file for name in streams if (file := folder.file_of(name)) is not None}
    return {name: file.source for name, file in found.items()}


def test_glue_writes_into_two_groups_that_the_run_names() -> None:
    logs = glue_attempt()
    assert [folder.group for folder in logs.folders] == ["/aws-glue/jobs/output", "/aws-glue/jobs/error"]
    same = {"jr_x-1": "executor", "jr_x-27": "executor", "jr_x-progress-bar": "progress"}
    assert sources_in(logs, "/aws-glue/jobs/output") == {"jr_x": "driver", "jr_x-driver": "driver", **same}
    assert sources_in(logs, "/aws-glue/jobs/error") == {"jr_x": "error", "jr_x-driver": "error", **same}


@pytest.mark.parametrize("root", ["jr_x", "jr_x_attempt_1"])
def test_attempts_are_told_apart_although_one_id_begins_the_other(root: str) -> None:
    other = {"jr_x": "jr_x_attempt_1", "jr_x_attempt_1": "jr_x"}[root]
    logs = glue_attempt(glue.JobRun(Id=root))
    for folder in logs.folders:
        assert folder.file_of(root)
        for ending in ("", "-driver", "-3", "-progress-bar"):
            assert folder.file_of(f"{other}{ending}") is None
            assert folder.file_of(f"{root}0{ending}") is None


def test_a_shell_job_without_a_log_group_writes_to_that_of_shells() -> None:
    logs = glue_attempt(glue.JobRun(Id="jr_x"), command="pythonshell")
    assert {folder.group for folder in logs.folders} == {"/aws-glue/python-jobs/output", "/aws-glue/python-jobs/error"}


def test_arguments_of_the_job_count_where_those_of_the_run_are_not_told() -> None:
    logs = glue_attempt(arguments={"--enable-continuous-cloudwatch-log": "true"})
    assert sources_in(logs, "/aws-glue/jobs/logs-v2")["jr_x-driver"] == "error"
    assert sources_in(logs, "/aws-glue/jobs/logs-v2")["jr_x-progress-bar"] == "progress"
    off = glue.JobRun(Id="jr_x", Arguments={"--enable-continuous-cloudwatch-log": "false"})
    logs = glue_attempt(off, arguments={"--enable-continuous-cloudwatch-log": "true"})
    assert not sources_in(logs, "/aws-glue/jobs/logs-v2")


def test_continuous_logs_go_where_the_job_says_and_a_security_configuration_is_added_to_the_group() -> None:
    row = glue.JobRun(Id="jr_x", SecurityConfiguration="kms")
    arguments = {
        "--enable-continuous-cloudwatch-log": "true",
        "--continuous-log-logGroup": "/own",
        "--continuous-log-logStreamPrefix": "mine",
    }
    logs = glue_attempt(row, arguments)
    for group in ("/own-kms", "/own"):
        assert sources_in(logs, group) == {"mine": "error", "mine-driver": "error", "mine-3": "executor"}
        assert all(folder.is_shared for folder in logs.folders if folder.group == group)


def test_prefixes_of_glue_5_stand_in_place_of_the_group_and_the_id() -> None:
    logs = glue_attempt(arguments={"--custom-logGroup-prefix": "/own", "--custom-logStream-prefix": "mine"})
    assert sources_in(logs, "/own/output") == {"mine": "driver", "mine-driver": "driver", "mine-3": "executor"}
    assert sources_in(logs, "/own/error") == {"mine": "error", "mine-driver": "error", "mine-3": "executor"}
    assert sources_in(logs, "/aws-glue/jobs/output")["jr_x-driver"] == "driver"


def test_a_security_configuration_has_a_group_of_its_role() -> None:
    logs = glue_attempt(glue.JobRun(Id="jr_x", SecurityConfiguration="kms", LogGroupName="/aws-glue/jobs"))
    assert sources_in(logs, "/aws-glue/jobs/kms-role/Etl/output")["jr_x-driver"] == "driver"
    assert sources_in(logs, "/aws-glue/jobs/output")["jr_x"] == "driver"


def emr_attempt(
    run: MonitoringConfiguration | None = None, application: MonitoringConfiguration | None = None
) -> AttemptLogs:
    overrides = None if run is None else emr.ConfigurationOverrides(monitoringConfiguration=run)
    native = emr.JobRun(applicationId="00app", jobRunId="00run", configurationOverrides=overrides)
    return emr_logs.places(native, Application(monitoringConfiguration=application), "00run")


PATH = "applications/00app/jobs/00run/"
# https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/logging.html: Spark, Hive, and with retries.
LAYOUTS: list[tuple[str, LogFile | None]] = [
    ("SPARK_DRIVER/stdout.gz", LogFile(1, "driver", "SPARK_DRIVER/stdout")),
    ("SPARK_DRIVER/stderr.gz", LogFile(1, "error", "SPARK_DRIVER/stderr")),
    ("SPARK_EXECUTOR/12/stdout.gz", LogFile(1, "executor", "SPARK_EXECUTOR/12/stdout")),
    ("HIVE_DRIVER/stdout.gz", LogFile(1, "driver", "HIVE_DRIVER/stdout")),
    ("HIVE_DRIVER/stderr.gz", LogFile(1, "error", "HIVE_DRIVER/stderr")),
    ("TEZ_TASK/3/stderr.gz", LogFile(1, "executor", "TEZ_TASK/3/stderr")),
    ("attempts/2/SPARK_DRIVER/stdout.gz", LogFile(2, "driver", "SPARK_DRIVER/stdout")),
    ("attempts/10/SPARK_EXECUTOR/1/stderr.gz", LogFile(10, "executor", "SPARK_EXECUTOR/1/stderr")),
    ("attempts/x/SPARK_DRIVER/stdout.gz", None),
    ("sparklogs/eventlog_v2_00run/events_1", None),
]


@pytest.mark.parametrize(("name", "file"), LAYOUTS)
def test_published_layouts_of_emr_serverless(name: str, file: LogFile | None) -> None:
    (folder,) = emr_attempt(application=S3).folders
    assert str(folder) == f"s3://b/logs/{PATH}"
    assert folder.file_of(f"logs/{PATH}{name}") == file
    assert folder.file_of(f"logs/applications/00app/jobs/00run2/{name}") is None


def test_streams_have_the_layout_of_objects_behind_the_prefix_that_is_configured() -> None:
    told = CloudWatchLoggingConfiguration(enabled=True, logGroupName="/own", logStreamNamePrefix="team")
    (folder,) = emr_attempt(MonitoringConfiguration(cloudWatchLoggingConfiguration=told)).folders
    assert (folder.kind, folder.group, folder.prefix) == ("cloudwatch", "/own", f"team/{PATH}")
    assert folder.file_of(f"team/{PATH}SPARK_DRIVER/stdout") == LogFile(1, "driver", "SPARK_DRIVER/stdout")
    plain = CloudWatchLoggingConfiguration(enabled=True)
    (folder,) = emr_attempt(MonitoringConfiguration(cloudWatchLoggingConfiguration=plain)).folders
    assert (folder.group, folder.prefix) == ("/aws/emr-serverless", PATH)


def test_copies_of_one_log_have_one_key_and_cloudwatch_comes_first() -> None:
    both = MonitoringConfiguration(
        s3MonitoringConfiguration=S3MonitoringConfiguration(logUri="s3://b"),
        cloudWatchLoggingConfiguration=CloudWatchLoggingConfiguration(enabled=True),
    )
    first, second = emr_attempt(both).folders
    assert (first.kind, second.kind, second.prefix) == ("cloudwatch", "s3", PATH)
    files = first.file_of(f"{PATH}SPARK_DRIVER/stdout"), second.file_of(f"{PATH}SPARK_DRIVER/stdout.gz")
    assert files[0] == files[1]


def test_the_run_has_the_say_before_its_application() -> None:
    own = MonitoringConfiguration(s3MonitoringConfiguration=S3MonitoringConfiguration(logUri="s3://own/a//"))
    (folder,) = emr_attempt(own, S3).folders
    assert str(folder) == f"s3://own/a/{PATH}"


def test_without_a_place_the_dashboard_is_named_unless_its_storage_is_off() -> None:
    logs = emr_attempt()
    assert (logs.folders, logs.is_managed) == ([], True)
    assert "dashboard_url" in logs.elsewhere
    logs = emr_attempt(application=OFF)
    assert (logs.folders, logs.is_managed) == ([], False)
    assert "dashboard_url" not in logs.elsewhere
    assert "no S3 location" in logs.elsewhere
