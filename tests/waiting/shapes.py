"""What botocore's models say of the requests of StartJobRun."""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final, cast

from botocore.loaders import create_loader
from botocore.model import ServiceModel


def leaves_of(value: object, path: str = "") -> set[str]:
    """Return the paths of what a request says, without the numbers of list items."""
    match value:
        case dict():
            members = cast("dict[str, object]", value)
            return {leaf for name, item in members.items() for leaf in leaves_of(item, f"{path}.{name}")}
        case list() | tuple():
            return {leaf for item in cast("Sequence[object]", value) for leaf in leaves_of(item, path)}
        case _:
            return {path}


def filled(shape: Any) -> Any:  # noqa: ANN401  # botocore's shapes, and whatever they describe
    """Return a value of a shape of botocore's in which every member is there, recursion aside."""
    match shape.type_name:
        case "structure":
            own = {name: member for name, member in shape.members.items() if not _is_within(member, shape.name)}
            return {name: filled(member) for name, member in own.items()}
        case "list":
            return [filled(shape.member)]
        case "map":
            return {filled(shape.key): filled(shape.value)}
        case "string":
            return shape.enum[0] if shape.enum else _text(shape.metadata)
        case other:
            return {"boolean": True, "double": 1.5}.get(other, 1)


def _is_within(shape: Any, name: str) -> bool:  # noqa: ANN401  # botocore's shape
    return bool(shape.type_name == "list" and shape.member.name == name)


def _text(limits: Mapping[str, Any]) -> str:
    pattern = limits.get("pattern", ".*")
    pattern = ".*" if "uD800" in pattern else pattern  # Glue's way to say any character
    return next(text for text in _TEXTS if len(text) >= limits.get("min", 0) and re.fullmatch(pattern, text))


_TEXTS: Final = (
    "x",
    "STDOUT",
    "s3://bucket/key",
    "https://aps-workspaces.us-east-1.amazonaws.com/workspaces/ws-1/api/v1/remote_write",
    "/aws/emr",
    "arn:aws:kms:us-east-1:111122223333:key/1",
    "arn:aws:iam::111122223333:role/exec",
    "arn:aws:iam::aws:policy/ReadOnlyAccess",
)


@cache
def start_shape(service: str) -> Any:  # noqa: ANN401  # botocore's shape
    """Return the input shape of StartJobRun."""
    model = create_loader().load_service_model(service, "service-2")
    return ServiceModel(model, service).operation_model("StartJobRun").input_shape
