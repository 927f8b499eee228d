"""The values of an answer, read by the native types and by botocore's parser, in one form."""

from datetime import datetime
from typing import Any, cast

from botocore.parsers import create_parser

from jobruns_sdk.model.native import Native, utc
from jobruns_sdk.transport.decoding import decode
from tests.truth.drift.surface import Surface


def by_native(surface: Surface, operation: str, body: bytes) -> object:
    return plain(decode(surface.decoders[operation], body, service=surface.service, operation=operation))


def by_botocore(surface: Surface, operation: str, body: bytes) -> object:
    parser = create_parser(surface.model.metadata["protocol"])
    parsed = parser.parse({"body": body, "headers": {}, "status_code": 200}, surface.answer(operation))
    return plain({name: value for name, value in parsed.items() if name != "ResponseMetadata"})


def plain(value: object) -> object:
    """Return a value of either side as dicts and lists, without absent members and with times in UTC."""
    if isinstance(value, Native):
        members = {name: getattr(value, name) for name in value.__struct_fields__}
        return {name: plain(member) for name, member in members.items() if member is not None}
    if isinstance(value, dict):
        return {key: plain(item) for key, item in cast("dict[str, Any]", value).items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in cast("list[Any]", value)]
    if isinstance(value, datetime):
        return utc(value)
    return value
