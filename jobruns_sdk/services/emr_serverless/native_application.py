"""EMR Serverless applications, and the configuration that they share with their job runs, as the service sends them."""

from datetime import datetime

from jobruns_sdk.model.native import Integer, Native, Secret


class Configuration(Native, frozen=True, kw_only=True, gc=False):
    """A classification of Spark or Hive properties, which may hold further ones."""

    classification: str | None = None
    properties: Secret[dict[str, str] | None] = None
    configurations: "tuple[Configuration, ...] | None" = None


class S3MonitoringConfiguration(Native, frozen=True, kw_only=True, gc=False):
    """The S3 place that logs are written to."""

    logUri: str | None = None
    encryptionKeyArn: str | None = None


class ManagedPersistenceMonitoringConfiguration(Native, frozen=True, kw_only=True, gc=False):
    """The keeping of logs in storage that EMR Serverless manages."""

    enabled: bool | None = None
    encryptionKeyArn: str | None = None


class CloudWatchLoggingConfiguration(Native, frozen=True, kw_only=True, gc=False):
    """The logging of an application or a run to CloudWatch.

    Attributes:
        logTypes: The log types that are sent, by kind of worker.
    """

    enabled: bool | None = None
    logGroupName: str | None = None
    logStreamNamePrefix: str | None = None
    encryptionKeyArn: str | None = None
    logTypes: dict[str, tuple[str, ...]] | None = None


class PrometheusMonitoringConfiguration(Native, frozen=True, kw_only=True, gc=False):
    """The Prometheus workspace that metrics are written to."""

    remoteWriteUrl: str | None = None


class MonitoringConfiguration(Native, frozen=True, kw_only=True, gc=False):
    """The destinations of logs and metrics."""

    s3MonitoringConfiguration: S3MonitoringConfiguration | None = None
    managedPersistenceMonitoringConfiguration: ManagedPersistenceMonitoringConfiguration | None = None
    cloudWatchLoggingConfiguration: CloudWatchLoggingConfiguration | None = None
    prometheusMonitoringConfiguration: PrometheusMonitoringConfiguration | None = None


class DiskEncryptionConfiguration(Native, frozen=True, kw_only=True, gc=False):
    """The encryption of the workers' disks."""

    encryptionContext: dict[str, str] | None = None
    encryptionKeyArn: str | None = None


class NetworkConfiguration(Native, frozen=True, kw_only=True, gc=False):
    """The subnets and security groups of an application's workers."""

    subnetIds: tuple[str, ...] | None = None
    securityGroupIds: tuple[str, ...] | None = None


class ImageConfiguration(Native, frozen=True, kw_only=True, gc=False):
    """A custom container image."""

    imageUri: str | None = None
    resolvedImageDigest: str | None = None
    applicationLevelDigestResolution: bool | None = None


class WorkerTypeSpecification(Native, frozen=True, kw_only=True, gc=False):
    """The image of one kind of worker."""

    imageConfiguration: ImageConfiguration | None = None


class WorkerResourceConfig(Native, frozen=True, kw_only=True, gc=False):
    """The size of a worker, as a string with its unit: ``"4 vCPU"``, ``"16 GB"``."""

    cpu: str | None = None
    memory: str | None = None
    disk: str | None = None
    diskType: str | None = None


class InitialCapacityConfig(Native, frozen=True, kw_only=True, gc=False):
    """Workers that are kept ready."""

    workerCount: Integer | None = None
    workerConfiguration: WorkerResourceConfig | None = None


class MaximumAllowedResources(Native, frozen=True, kw_only=True, gc=False):
    """The limit of all workers of an application together, as strings with a unit."""

    cpu: str | None = None
    memory: str | None = None
    disk: str | None = None


class AutoStartConfig(Native, frozen=True, kw_only=True, gc=False):
    """The automatic start of an application when a job is submitted."""

    enabled: bool | None = None


class AutoStopConfig(Native, frozen=True, kw_only=True, gc=False):
    """The automatic stop of an idle application."""

    enabled: bool | None = None
    idleTimeoutMinutes: Integer | None = None


class InteractiveConfiguration(Native, frozen=True, kw_only=True, gc=False):
    """The interactive uses that an application allows."""

    studioEnabled: bool | None = None
    livyEndpointEnabled: bool | None = None
    sessionEnabled: bool | None = None


class SchedulerConfiguration(Native, frozen=True, kw_only=True, gc=False):
    """The queue of an application: a run that waits longer than ``queueTimeoutMinutes`` fails."""

    queueTimeoutMinutes: Integer | None = None
    maxConcurrentRuns: Integer | None = None


class IdentityCenterConfiguration(Native, frozen=True, kw_only=True, gc=False):
    """The use of IAM Identity Center by an application."""

    identityCenterInstanceArn: str | None = None
    identityCenterApplicationArn: str | None = None
    userBackgroundSessionsEnabled: bool | None = None


class JobLevelCostAllocationConfiguration(Native, frozen=True, kw_only=True, gc=False):
    """The allocation of costs to each job run."""

    enabled: bool | None = None


class Application(Native, frozen=True, kw_only=True, gc=False):
    """An application as GetApplication returns it."""

    applicationId: str | None = None
    name: str | None = None
    arn: str | None = None
    releaseLabel: str | None = None
    type: str | None = None
    state: str | None = None
    stateDetails: str | None = None
    initialCapacity: dict[str, InitialCapacityConfig] | None = None
    maximumCapacity: MaximumAllowedResources | None = None
    createdAt: datetime | None = None
    updatedAt: datetime | None = None
    tags: dict[str, str] | None = None
    autoStartConfiguration: AutoStartConfig | None = None
    autoStopConfiguration: AutoStopConfig | None = None
    networkConfiguration: NetworkConfiguration | None = None
    architecture: str | None = None
    imageConfiguration: ImageConfiguration | None = None
    workerTypeSpecifications: dict[str, WorkerTypeSpecification] | None = None
    runtimeConfiguration: tuple[Configuration, ...] | None = None
    monitoringConfiguration: MonitoringConfiguration | None = None
    diskEncryptionConfiguration: DiskEncryptionConfiguration | None = None
    interactiveConfiguration: InteractiveConfiguration | None = None
    schedulerConfiguration: SchedulerConfiguration | None = None
    identityCenterConfiguration: IdentityCenterConfiguration | None = None
    jobLevelCostAllocationConfiguration: JobLevelCostAllocationConfiguration | None = None
