"""The names of all spans, attributes and metrics: those of OpenTelemetry's conventions, and this package's own.

Those of the conventions are held to the package ``opentelemetry-semantic-conventions`` by a test. There is no
convention for jobs and their runs yet (https://github.com/open-telemetry/semantic-conventions/issues/1688), so that
whatever is about them begins with ``jobruns.``.
"""

from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of
from typing import Final

from jobruns_sdk.model.refs import SERVICE_IDS

SCOPE: Final = "jobruns_sdk"
SCHEMA_URL: Final = "https://opentelemetry.io/schemas/1.44.0"
SYSTEM: Final = "aws-api"

# Attributes of the conventions.
RPC_SYSTEM_NAME: Final = "rpc.system.name"
RPC_METHOD: Final = "rpc.method"
CLOUD_REGION: Final = "cloud.region"
AWS_REQUEST_ID: Final = "aws.request_id"
SERVER_ADDRESS: Final = "server.address"
ERROR_TYPE: Final = "error.type"

# Our own.
SERVICE: Final = "jobruns.service"
JOB: Final = "jobruns.job"
RUN: Final = "jobruns.run"
STATE: Final = "jobruns.state"
ATTEMPTS: Final = "jobruns.call.attempts"
ATTEMPT: Final = "jobruns.call.attempt"
QUOTA_WAIT: Final = "jobruns.quota.wait"
BACKOFF: Final = "jobruns.backoff"
POLL_RUNS: Final = "jobruns.poll.runs"
POLL_WAITS: Final = "jobruns.poll.waits"
POLL_HIDDEN: Final = "jobruns.poll.hidden"
WALK_LISTING: Final = "jobruns.walk.listing"
WALK_CALLS: Final = "jobruns.walk.calls"
WALK_PAGES: Final = "jobruns.walk.pages"
WALK_ROWS: Final = "jobruns.walk.rows"
WALK_FAILED: Final = "jobruns.walk.failed"

# Spans and events; a call's span is named by ``span_name``.
POLL: Final = "jobruns poll"
WAIT: Final = "jobruns wait"
RETRY: Final = "jobruns.retry"
WALK: Final = "jobruns.walk"

# Metrics.
CALL_DURATION: Final = "rpc.client.call.duration"
QUOTA_WAIT_DURATION: Final = "jobruns.client.quota.wait.duration"
CALL_ATTEMPTS: Final = "jobruns.client.call.attempts"
WAITS: Final = "jobruns.client.waits"
STATE_CHANGES: Final = "jobruns.run.state_changes"

SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
"""The bounds that the conventions recommend for durations of calls, in seconds."""

TRIES: Final = (1.0, 2.0, 3.0, 4.0, 6.0, 10.0, 20.0)
"""The bounds of how many requests a call has sent."""


def version() -> str:
    """Return the version of this package, which spans and metrics carry; nothing where it is not installed."""
    try:
        return version_of(SCOPE)
    except PackageNotFoundError:
        return ""


def span_name(service: str, operation: str) -> str:
    """Return the name of a call's span, such as ``"Glue.GetJobRuns"``."""
    return f"{SERVICE_IDS.get(service, service)}.{operation}"


def method(service: str, operation: str) -> str:
    """Return an operation as ``rpc.method`` names it, such as ``"Glue/GetJobRuns"``."""
    return f"{SERVICE_IDS.get(service, service)}/{operation}"
