"""Amazon SQS's operations on queues that are there: awsJson 1.0, every call a POST to `/`, like Glue's."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Final, cast
from urllib.parse import urlsplit

from jobruns_sdk.testing.wire.answers import Answer, Params, ServiceError, without_none
from jobruns_sdk.testing.wire.routes import Call, Operation
from jobruns_sdk.testing.world.queues import Message, Queue


def _queue(call: Call, name: str | None = None) -> Queue:
    if name is None:
        account, _, name = urlsplit(call.params.text("QueueUrl")).path.strip("/").partition("/")
        name = name if account == call.world.account else ""
    queue = call.world.queues.get(name)
    if queue is None:
        raise ServiceError("QueueDoesNotExist", "The specified queue does not exist.")
    queue.fill(call.world.outbox, call.now)
    return queue


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def get_queue_url(call: Call) -> Answer:
    """GetQueueUrl: the address by which the queue is named here."""
    queue = _queue(call, call.params.text("QueueName"))
    return {"QueueUrl": f"https://sqs.{call.world.region}.amazonaws.com/{call.world.account}/{queue.name}"}


def get_queue_attributes(call: Call) -> Answer:
    """GetQueueAttributes: how many messages there are."""
    queue = _queue(call)
    visible = len(queue.visible(call.now))
    known = {
        "ApproximateNumberOfMessages": visible,
        "ApproximateNumberOfMessagesNotVisible": len(queue.messages) - visible,
        "VisibilityTimeout": queue.visibility // 1000,
        "QueueArn": f"arn:aws:sqs:{call.world.region}:{call.world.account}:{queue.name}",
    }
    names = call.params.texts("AttributeNames")
    return {"Attributes": {name: str(value) for name, value in known.items() if name in names or "All" in names}}


def send_message(call: Call) -> Answer:
    """SendMessage: a message of anybody."""
    text = call.params.text("MessageBody")
    message = _queue(call).send(text, call.now, late=call.params.number("DelaySeconds", 0) * 1000)
    return {"MessageId": message.id, "MD5OfMessageBody": _md5(text)}


def receive_message(call: Call) -> Answer:
    """ReceiveMessage: one message unless more are asked for, each hidden from others for a while."""
    queue = _queue(call)
    visibility = call.params.number("VisibilityTimeout", -1)
    hidden = queue.visibility if visibility < 0 else visibility * 1000
    taken = queue.receive(call.now, call.params.number("MaxNumberOfMessages", 1), hidden)
    names = {*call.params.texts("AttributeNames"), *call.params.texts("MessageSystemAttributeNames")}
    return {"Messages": [_message(one, names) for one in taken]} if taken else {}


def _message(message: Message, names: set[str]) -> Answer:
    known = {"ApproximateReceiveCount": message.receives, "SentTimestamp": message.sent}
    shown = {name: str(value) for name, value in known.items() if name in names or "All" in names}
    return without_none(
        MessageId=message.id,
        ReceiptHandle=message.receipts[-1],
        MD5OfBody=_md5(message.body),
        Body=message.body,
        Attributes=shown or None,
    )


def delete_message(call: Call) -> Answer:
    """DeleteMessage: nothing is said of one that is gone already."""
    queue = _queue(call)
    _delete(queue, call.params.text("ReceiptHandle"))
    return {}


def _delete(queue: Queue, receipt: str) -> None:
    message = queue.received(receipt)
    if message is not None:
        queue.messages.remove(message)


def _entries(params: Params) -> Sequence[Mapping[str, str]]:
    entries = cast("Sequence[Mapping[str, str]]", params.members["Entries"])
    ids = [entry["Id"] for entry in entries]
    if not 1 <= len(ids) <= _MOST:
        raise ServiceError(
            "TooManyEntriesInBatchRequest" if ids else "EmptyBatchRequest", "1 to 10 entries are allowed."
        )
    if len(ids) > len(set(ids)):
        raise ServiceError("BatchEntryIdsNotDistinct", "Two or more batch entries in the request have the same Id.")
    return entries


_MOST: Final = 10


def delete_message_batch(call: Call) -> Answer:
    """DeleteMessageBatch: up to ten at once."""
    queue, entries = _queue(call), _entries(call.params)
    for entry in entries:
        _delete(queue, entry["ReceiptHandle"])
    return {"Successful": [{"Id": entry["Id"]} for entry in entries], "Failed": []}


def waits_for(params: Params) -> float:
    """The seconds for which a request for messages may be answered later, if there are none yet."""
    return float(params.number("WaitTimeSeconds", 0))


OPERATIONS: Final[Mapping[str, Operation]] = {
    "DeleteMessage": delete_message,
    "DeleteMessageBatch": delete_message_batch,
    "GetQueueAttributes": get_queue_attributes,
    "GetQueueUrl": get_queue_url,
    "ReceiveMessage": receive_message,
    "SendMessage": send_message,
}
