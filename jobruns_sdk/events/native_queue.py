"""The answers of Amazon SQS as the service sends them, and a decoder for each operation."""

from typing import Final

from msgspec.json import Decoder

from jobruns_sdk.model.native import Native, Rows, Secret


class Message(Native, frozen=True, kw_only=True, gc=False):
    """A message of a queue.

    Attributes:
        ReceiptHandle: Names this delivery of the message when it is deleted.
        Body: The text, which may be anything.
    """

    MessageId: str | None = None
    ReceiptHandle: Secret[str | None] = None
    Body: Secret[str | None] = None


class ReceiveMessageResponse(Native, frozen=True, kw_only=True, gc=False):
    """The answer of ReceiveMessage: up to ten messages."""

    Messages: Rows[Message] | None = None


class BatchResultErrorEntry(Native, frozen=True, kw_only=True, gc=False):
    """A message that was not deleted."""

    Id: str | None = None
    Code: str | None = None
    Message: str | None = None


class DeleteMessageBatchResponse(Native, frozen=True, kw_only=True, gc=False):
    """The answer of DeleteMessageBatch: the messages that were not deleted."""

    Failed: Rows[BatchResultErrorEntry] | None = None


RECEIVE_MESSAGE: Final = Decoder(ReceiveMessageResponse, strict=False)
DELETE_MESSAGE_BATCH: Final = Decoder(DeleteMessageBatchResponse, strict=False)
