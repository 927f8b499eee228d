"""S3's operations that read objects: rest-xml, with buckets in the path."""

import re
from collections.abc import Iterator, Mapping
from typing import Final, cast
from urllib.parse import parse_qsl, quote, unquote
from xml.sax.saxutils import escape

from jobruns_sdk.testing.clock import timestamp
from jobruns_sdk.testing.wire.answers import Answer, ServiceError, without_none
from jobruns_sdk.testing.wire.http import Reply, Request
from jobruns_sdk.testing.wire.routes import Call, Operation
from jobruns_sdk.testing.world.logs import Object, etag_of
from jobruns_sdk.testing.world.pages import Place, Query

_KEYS: Final = 1000
_NOT_MODIFIED: Final = 304
_RANGE: Final = re.compile(r"bytes=(\d+)-(\d*)")
_XML: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'
_HEADERS: Final = {"Range": "range", "IfNoneMatch": "if-none-match", "IfMatch": "if-match"}
_QUERY: Final = {"Prefix": "prefix", "ContinuationToken": "continuation-token", "EncodingType": "encoding-type"}


def read_request(request: Request) -> tuple[str, dict[str, object]]:
    """Return which operation a request is for, and its input."""
    bucket, _, key = unquote(request.path.lstrip("/")).partition("/")
    asked = dict(parse_qsl(request.query, keep_blank_values=True))
    if request.method != "GET" or not bucket or not (key or asked.get("list-type") == "2"):
        return f"{request.method} {request.path}", {}
    if not key:
        members: dict[str, object] = {name: asked[wire] for name, wire in _QUERY.items() if wire in asked}
        limit = asked.get("max-keys", "")
        return "ListObjectsV2", {"Bucket": bucket, **members, **({"MaxKeys": int(limit)} if limit.isdigit() else {})}
    given = {name: request.headers[wire] for name, wire in _HEADERS.items() if wire in request.headers}
    return "GetObject", {"Bucket": bucket, "Key": key, **given}


def _objects(call: Call) -> dict[str, Object]:
    objects = call.world.logs.objects(call.params.text("Bucket"), call.now)
    if objects is None:
        raise ServiceError("NoSuchBucket", "The specified bucket does not exist", 404)
    return objects


def list_objects(call: Call) -> Answer:
    """ListObjectsV2: the objects of a bucket, in the order of their keys."""
    prefix, bucket, objects = call.params.optional("Prefix") or "", call.params.text("Bucket"), _objects(call)

    def keys(place: Place | None) -> Iterator[str]:
        after = "" if place is None else str(place[0])
        return (key for key in sorted(objects) if key.startswith(prefix) and key > after)

    limit, token = call.params.number("MaxKeys", _KEYS), call.params.optional("ContinuationToken")
    query = Query(call.world.tokens, ["ListObjectsV2", bucket, prefix], token, limit, call.now)
    found, token = query.page(keys, lambda key: [key])
    encoding = call.params.optional("EncodingType")
    bodies = {key: objects[key].body(call.now) for key in found}
    contents: list[Answer] = [
        {
            "Key": quote(key) if encoding == "url" else key,
            "LastModified": timestamp(objects[key].written_at(call.now)),
            "ETag": etag_of(body),
            "Size": len(body),
        }
        for key, body in bodies.items()
    ]
    return without_none(
        Name=bucket,
        Prefix=prefix,
        KeyCount=len(contents),
        MaxKeys=limit,
        EncodingType=encoding,
        IsTruncated=token is not None,
        Contents=contents,
        NextContinuationToken=token,
    )


def get_object(call: Call) -> Answer:
    """GetObject: as it is by now, or a range of it, under conditions."""
    found = _objects(call).get(call.params.text("Key"))
    if found is None:
        raise ServiceError("NoSuchKey", "The specified key does not exist.", 404)
    body = found.body(call.now)
    etag = etag_of(body)
    if (wanted := call.params.optional("IfMatch")) is not None and wanted != etag:
        raise ServiceError("PreconditionFailed", "At least one of the pre-conditions you specified did not hold", 412)
    if call.params.optional("IfNoneMatch") == etag:
        raise ServiceError("NotModified", "", _NOT_MODIFIED)
    asked = _RANGE.fullmatch(call.params.optional("Range") or "")
    if asked is None:
        return {"Body": body, "ETag": etag, "ContentLength": len(body)}
    begin = int(asked[1])
    if begin >= len(body):
        raise ServiceError("InvalidRange", "The requested range is not satisfiable", 416)
    part = body[begin : int(asked[2]) + 1] if asked[2] else body[begin:]
    span = f"bytes {begin}-{begin + len(part) - 1}/{len(body)}"
    return {"Body": part, "ETag": etag, "ContentLength": len(part), "ContentRange": span}


def reply_of(operation: str, answer: Answer) -> Reply:
    """An operation's output as S3 sends it."""
    if operation == "GetObject":
        body = answer["Body"]
        if not isinstance(body, bytes):  # for type checkers: it always is
            raise TypeError
        headers = {"etag": str(answer["ETag"]), "content-type": "binary/octet-stream"}
        if "ContentRange" not in answer:
            return Reply(200, body, headers)
        return Reply(206, body, {**headers, "content-range": str(answer["ContentRange"])})
    return Reply(200, f"{_XML}{_xml('ListBucketResult', answer)}".encode(), {"content-type": "application/xml"})


def error_reply(error: ServiceError) -> Reply:
    """An error as S3 sends it; one that says that nothing has changed has no body."""
    if error.status == _NOT_MODIFIED:
        return Reply(error.status)
    body = f"{_XML}{_xml('Error', {'Code': error.code, 'Message': error.message})}"
    return Reply(error.status, body.encode(), {"content-type": "application/xml"})


def _xml(name: str, value: object) -> str:
    match value:
        case dict():
            members = cast("Mapping[str, object]", value)
            return f"<{name}>{''.join(_xml(key, member) for key, member in members.items())}</{name}>"
        case list():
            return "".join(_xml(name, item) for item in cast("list[object]", value))
        case bool():
            return f"<{name}>{str(value).lower()}</{name}>"
        case _:
            return f"<{name}>{escape(str(value))}</{name}>"


OPERATIONS: Final[Mapping[str, Operation]] = {"GetObject": get_object, "ListObjectsV2": list_objects}
