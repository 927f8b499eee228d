"""Reading events: the envelope of EventBridge, and the details by source and kind."""

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, TypeAlias

import attrs
import msgspec

from jobruns_sdk.errors import InvalidRequestError, ResponseFormatError
from jobruns_sdk.events.native import EmrServerlessRetry, EmrServerlessState, EmrServerlessUtilization, GlueState
from jobruns_sdk.model.native import utc
from jobruns_sdk.model.refs import JobRef, RunRef, Service
from jobruns_sdk.model.states import RunState
from jobruns_sdk.services.emr_serverless.translate import STATES as EMR_SERVERLESS_STATES
from jobruns_sdk.services.glue.translate import STATES as GLUE_STATES
from jobruns_sdk.services.glue.translate import root_and_number


class EventKind(StrEnum):
    """The kinds of events of runs."""

    STATE = "state"
    RETRY = "retry"
    USAGE = "usage"


_STATES: Final[Mapping[str, Mapping[str, RunState]]] = {
    Service.GLUE: GLUE_STATES,
    Service.EMR_SERVERLESS: EMR_SERVERLESS_STATES,
}

Detail: TypeAlias = GlueState | EmrServerlessState | EmrServerlessRetry | EmrServerlessUtilization


@attrs.frozen
class RunEvent:
    """An event of a run.

    Events are delivered at best effort: late, twice, out of order or not at all. Look at the run before acting.

    Attributes:
        id: EventBridge's id of the event: the same for each delivery of it.
        ref: The run. Of a retry of Glue the run that it is an attempt of.
        kind: A change of state, a retry, or usage.
        native_state: The state in the service's own word, None where the event tells none.
        at: When the event was sent, in UTC.
        native: The service's own structure.
    """

    id: str
    ref: RunRef
    kind: EventKind
    native_state: str | None
    at: datetime
    native: Detail

    @property
    def attempt(self) -> int | None:
        """The number of the attempt, from 1; of a retry the new one's, None where the event tells none."""
        match self.native:
            case GlueState(jobRunId=str(run_id)):
                return root_and_number(run_id)[1]
            case EmrServerlessRetry():
                return self.native.newAttempt
            case EmrServerlessUtilization():
                return self.native.attempt
            case _:
                return None

    @property
    def tells_change(self) -> bool:
        """True unless the event tells of usage alone."""
        return self.kind is not EventKind.USAGE

    @property
    def tells_end(self) -> bool:
        """True if the run has ended, or an attempt of it on Glue."""
        if isinstance(self.native, EmrServerlessUtilization):
            return self.native.resourceUtilizationFinal is True
        state = _STATES[self.ref.job.service].get(self.native_state or "")
        return self.kind is EventKind.STATE and state is not None and state.is_terminal


class _Envelope(msgspec.Struct):
    id: str
    source: str
    detail_type: str = msgspec.field(name="detail-type")
    time: datetime
    region: str
    detail: msgspec.Raw | dict[str, Any]


class _Notification(msgspec.Struct):
    """The envelope of SNS around an event that it passes on."""

    Message: str
    TopicArn: str


def _glue_ref(detail: Any, region: str) -> RunRef:  # noqa: ANN401  # each structure has these members
    return JobRef("glue", (detail.jobName,), region).run(root_and_number(detail.jobRunId)[0])


def _emr_serverless_ref(detail: Any, region: str) -> RunRef:  # noqa: ANN401  # as above
    return JobRef("emr-serverless", (detail.applicationId,), region).run(detail.jobRunId)


@attrs.frozen
class _Kind:
    """The way to read events of one source and detail-type."""

    kind: EventKind
    detail: type[Detail]
    ref: Callable[[Any, str], RunRef]
    needed: tuple[str, ...]
    state: str | None = None


_GLUE: Final = _Kind(EventKind.STATE, GlueState, _glue_ref, ("jobName", "jobRunId", "state"), "state")
_IDS: Final = ("applicationId", "jobRunId")
KINDS: Final[Mapping[tuple[str, str], _Kind]] = {
    ("aws.glue", "Glue Job State Change"): _GLUE,
    ("aws.glue", "Glue Job Run Status"): _GLUE,
    ("aws.emr-serverless", "EMR Serverless Job Run State Change"): _Kind(
        EventKind.STATE, EmrServerlessState, _emr_serverless_ref, (*_IDS, "state"), "state"
    ),
    ("aws.emr-serverless", "EMR Serverless Job Run Retry"): _Kind(
        EventKind.RETRY, EmrServerlessRetry, _emr_serverless_ref, (*_IDS, "newAttempt"), "previousAttemptState"
    ),
    ("aws.emr-serverless", "EMR Serverless Job Resource Utilization Update"): _Kind(
        EventKind.USAGE, EmrServerlessUtilization, _emr_serverless_ref, _IDS
    ),
}
"""The events of job runs, by source and detail-type."""


def event_from(body: str | bytes | Mapping[str, Any]) -> RunEvent | None:
    """Return the event that a message or a Lambda function's argument holds; None if it is not one of a job run.

    Reads ``Glue Job State Change`` (runs that have ended) and ``Glue Job Run Status``, and of EMR Serverless ``Job Run
    State Change``, ``Job Run Retry`` and ``Job Resource Utilization Update``, by themselves or passed on by SNS.
    DataZone sends no events of job runs.

    Args:
        body: The text of a message, or the mapping that Lambda makes of an event.

    Raises:
        ResponseFormatError: It is not JSON, not an event of EventBridge, or lacks a member that its kind needs.
    """
    envelope = _envelope(body)
    kind = KINDS.get((envelope.source, envelope.detail_type))
    if kind is None:
        return None
    try:
        if isinstance(envelope.detail, dict):
            detail = msgspec.convert(envelope.detail, kind.detail, strict=False)
        else:
            detail = msgspec.json.decode(envelope.detail, type=kind.detail, strict=False)
    except msgspec.ValidationError as error:
        raise _refused(f"the detail of an event {envelope.detail_type!r}: {error}", "$.detail") from None
    for member in kind.needed:
        if getattr(detail, member) in (None, ""):
            raise _refused(f"an event {envelope.detail_type!r} without {member}", f"$.detail.{member}")
    try:
        ref = kind.ref(detail, envelope.region)
    except InvalidRequestError as error:
        raise _refused(f"an event {envelope.detail_type!r} names no run: {error}", "$.detail") from None
    state = None if kind.state is None else getattr(detail, kind.state)
    return RunEvent(envelope.id, ref, kind.kind, state, utc(envelope.time) or envelope.time, detail)


def _envelope(body: object) -> _Envelope:
    try:
        if isinstance(body, Mapping):
            return msgspec.convert({**body}, _Envelope)
        if not isinstance(body, str | bytes):
            raise _refused(f"a {type(body).__name__} instead of a string, bytes or a mapping", "$")
        try:
            return msgspec.json.decode(body, type=_Envelope)
        except msgspec.ValidationError:
            passed_on = msgspec.json.decode(body, type=_Notification)
            return msgspec.json.decode(passed_on.Message, type=_Envelope)
    except msgspec.ValidationError:
        raise _refused("JSON of another kind", "$") from None
    except (msgspec.DecodeError, UnicodeError):
        raise _refused("text that is not JSON", "$") from None


def _refused(what: str, where: str) -> ResponseFormatError:
    return ResponseFormatError(f"expected an event of EventBridge, got {what}", where=where)
