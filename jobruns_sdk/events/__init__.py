"""Events of job runs, as EventBridge delivers them: typed, and a hint to look, never an answer.

``client.listening(SqsEvents(queue_url))`` lets waits and watches poll a run as soon as a queue tells of it.
`event_pattern` is the pattern of a rule that sends events there. `event_from` reads what a queue or a Lambda function
is handed, and ``client.nudge(event.ref)`` lets waits and watches look at once.
"""

from jobruns_sdk.events.decoding import EventKind, RunEvent, event_from
from jobruns_sdk.events.pattern import event_pattern
from jobruns_sdk.events.queue import SqsEvents
from jobruns_sdk.services.events import EventSource, RunHint

__all__ = ["EventKind", "EventSource", "RunEvent", "RunHint", "SqsEvents", "event_from", "event_pattern"]
