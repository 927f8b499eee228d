"""Offsets of a stream: the cursor of ``client.changes`` behind a batch, and the runs that the batch holds."""

from collections.abc import Mapping
from typing import Any, Final, Self

import msgspec

from jobruns_sdk.errors import InvalidRequestError
from jobruns_sdk.spark.batches import JobBatch, batch_in, text_of
from jobruns_sdk.times import Moment

_VERSION: Final = 2


class Offset(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The position of a stream, and the batch that leads there, whichever position that began at.

    Attributes:
        begin: The creation time at which jobs begin that the cursor does not know.
        cursor: Up to where changes were handed out; None where nothing was.
        runs: The text form of the batch's runs; None where there is no batch.
    """

    begin: Moment
    cursor: str | None = None
    runs: str | None = None

    def after(self, cursor: str | None, batch: Mapping[str, JobBatch]) -> "Offset":
        """Return where a stream is behind a batch that begins here."""
        return Offset(begin=self.begin, cursor=cursor, runs=text_of(batch))

    @property
    def batch(self) -> dict[str, JobBatch]:
        """The runs of the batch, by their jobs.

        Raises:
            CursorError: The text is damaged.
        """
        return {} if self.runs is None else batch_in(self.runs)

    def to_dict(self) -> dict[str, Any]:
        """Return it as Spark keeps it."""
        return {"version": _VERSION, **msgspec.to_builtins(self)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read what Spark has kept.

        Raises:
            InvalidRequestError: It is not such an offset, or one of another version.
        """
        version = data.get("version")
        if version != _VERSION:
            raise InvalidRequestError(
                f"the checkpoint is of version {version!r}, and only {_VERSION} can be read: let the stream begin with "
                "a new checkpointLocation, and createdAfter before the oldest run that had not ended; what the sink "
                "has already is told again"
            )
        try:
            return msgspec.convert({name: value for name, value in data.items() if name != "version"}, cls)
        except msgspec.ValidationError as error:
            raise InvalidRequestError(f"the checkpoint is not one of this data source: {error}") from error
