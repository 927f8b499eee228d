"""Decoding: the bytes of an answer become a native structure."""

from typing import Final

import msgspec

from jobruns_sdk.errors import ResponseFormatError
from jobruns_sdk.model.native import N, fault_and_place, without_nulls

_MOST_VALUES: Final = 500_000  # a page of AWS's holds some ten thousand


def decode(
    decoder: msgspec.json.Decoder[N],
    body: bytes,
    *,
    service: str,
    operation: str,
    request_id: str | None = None,
    http_status: int | None = None,
) -> N:
    """Decode the body of a success answer.

    Raises:
        ResponseFormatError: The body is not JSON or not of the operation's shape; it names the place, never a value.
    """
    failure: Exception
    try:
        return _decode_dense(decoder, body)
    except UnicodeDecodeError as error:
        # The original carries the whole body and shows it in its repr.
        failure = UnicodeError(str(error))
    except (ValueError, OverflowError, RecursionError) as error:
        failure = error
    fault, where = fault_and_place(str(failure))
    raise ResponseFormatError(
        f"the answer cannot be read at {where}: {fault}",
        where=where,
        service=service,
        operation=operation,
        request_id=request_id,
        http_status=http_status,
    ) from failure


def _decode_dense(decoder: msgspec.json.Decoder[N], body: bytes) -> N:
    # Three bytes may become an object of a kilobyte: without a bound 50 MB take gigabytes.
    if len(body) > _MOST_VALUES and body.count(b",") + body.count(b"{") > _MOST_VALUES:
        raise ValueError(f"it holds more than {_MOST_VALUES:,} values")
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        if "got `null`" not in str(error):
            raise
    # A null in a list or a map: AWS's own clients tolerate it, see https://github.com/aws/aws-sdk-js-v3/pull/2771.
    return decoder.decode(msgspec.json.encode(without_nulls(msgspec.json.decode(body))))
