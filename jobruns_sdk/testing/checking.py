"""Checks of requests and answers against botocore's own service models.

botocore checks types, required members and minima before it sends; patterns, maxima and enum values it leaves to the
service, so they are checked here. Models are loaded when first needed, once a process.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Final, cast
from urllib.parse import parse_qsl

import botocore.session
from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StringShape, StructureShape

# Java's ways of writing "beyond the basic plane", which Python's re would take for single surrogates.
_SUPPLEMENTARY: Final = ("\\uD800\\uDC00-\\uDBFF\\uDFFF", "\\uD800\\uDBFF-\\uDC00\\uDFFF")

# What EMR Serverless sends although its model forbids it: the text is empty unless a run failed.
_TOLERATED: Final = frozenset({"stateDetails"})

_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "string": (str,),
    "integer": (int,),
    "long": (int,),
    "double": (int, float),
    "float": (int, float),
    "boolean": (bool,),
    "timestamp": (int, float, str, datetime),
    "structure": (dict,),
    "map": (dict,),
    "list": (list,),
}


class SerializationError(Exception):
    """A request whose form cannot be read at all, for instance a word where a number belongs."""


@cache
def model(service: str) -> ServiceModel:
    """botocore's model of a service, loaded on the first call (Glue's takes about 60 ms)."""
    return botocore.session.get_session().get_service_model(service)


@cache
def operation_model(service: str, operation: str) -> OperationModel:
    """botocore's model of an operation."""
    return model(service).operation_model(operation)


def members_from_rest(
    service: str, operation: str, *, path: Mapping[str, str], query: str, body: Mapping[str, object]
) -> dict[str, object]:
    """The input members that the path, the query string and the JSON body of a rest-json request carry.

    Raises:
        SerializationError: A text in the path or query is not what the model says it is.
    """
    members = dict(body)
    asked: dict[str, list[str]] = {}
    for name, text in parse_qsl(query, keep_blank_values=True):
        asked.setdefault(name, []).append(text)
    for name, member in _shapes(operation_model(service, operation).input_shape).items():
        wire = str(member.serialization.get("name", name))
        location = member.serialization.get("location")
        if location == "uri":
            members[name] = path[wire]
        elif location == "querystring" and wire in asked:
            texts = asked[wire]
            members[name] = texts if isinstance(member, ListShape) else _value_from_text(member, texts[-1])
    return members


def _value_from_text(shape: Shape, text: str) -> object:
    try:
        match shape.type_name:
            case "integer" | "long":
                return int(text)
            case "boolean":
                return {"true": True, "false": False}[text.lower()]
            case "timestamp":
                moment = datetime.fromisoformat(text)
                return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            case _:
                return text
    except (ValueError, KeyError) as error:
        raise SerializationError(f"{text!r} is not of type {shape.type_name}") from error


def _shapes(shape: Shape | None) -> Mapping[str, Shape]:
    return cast("Mapping[str, Shape]", shape.members) if isinstance(shape, StructureShape) else {}


def problems_of_request(service: str, operation: str, members: Mapping[str, object]) -> list[str]:
    """What an input breaks of its model, in the words that AWS uses; empty if nothing. Unknown members pass."""
    walk = _Walk(strict=False)
    walk.check(operation_model(service, operation).input_shape, members, "")
    return walk.problems


def problems_of_answer(service: str, operation: str, members: Mapping[str, object]) -> list[str]:
    """What an output breaks of its model, unknown members included; empty if nothing."""
    walk = _Walk(strict=True)
    walk.check(operation_model(service, operation).output_shape, members, "")
    return walk.problems


@dataclass(slots=True)
class _Walk:
    """One value being held against one shape."""

    strict: bool
    problems: list[str] = field(default_factory=list[str])

    def check(self, shape: Shape | None, value: object, path: str) -> None:
        if shape is None:
            return
        accepted = _TYPES[shape.type_name]
        if not isinstance(value, accepted) or (isinstance(value, bool) and bool not in accepted):
            self.problems.append(f"Value at '{path}' failed to satisfy constraint: Member must be a {shape.type_name}")
            return
        match shape:
            case StructureShape():
                self._check_structure(shape, cast("Mapping[str, object]", value), path)
            case ListShape():
                items = cast("list[object]", value)
                self._check_range(shape, len(items), value, path)
                for index, item in enumerate(items, 1):
                    self.check(shape.member, item, f"{path}.{index}.member")
            case MapShape():
                entries = cast("Mapping[str, object]", value)
                self._check_range(shape, len(entries), value, path)
                for key, item in entries.items():
                    self.check(shape.key, key, f"{path}.key")
                    self.check(shape.value, item, f"{path}.{key}")
            case StringShape():
                self._check_text(shape, str(value), path)
            case _ if isinstance(value, (int, float)) and shape.type_name != "timestamp":
                self._check_range(shape, value, value, path)
            case _:
                pass

    def _check_structure(self, shape: StructureShape, value: Mapping[str, object], path: str) -> None:
        prefix = f"{path}." if path else ""
        members = _shapes(shape)
        for name in shape.required_members:
            if value.get(name) is None:
                self._fail(None, f"{prefix}{_shown(name)}", "Member must not be null")
        for name, item in value.items():
            member = members.get(name)
            if member is None:
                if self.strict:
                    self.problems.append(f"Member '{prefix}{name}' is not in the model")
            elif item is not None and not (self.strict and name in _TOLERATED):
                self.check(member, item, f"{prefix}{_shown(name)}")
        if getattr(shape, "is_tagged_union", False) and len([v for v in value.values() if v is not None]) != 1:
            self._fail(value, path, "Member must have exactly one of its members set")

    def _check_text(self, shape: StringShape, value: str, path: str) -> None:
        if shape.enum and value not in shape.enum:
            self._fail(value, path, f"Member must satisfy enum value set: [{', '.join(shape.enum)}]")
        self._check_range(shape, len(value), value, path)
        pattern = shape.metadata.get("pattern")
        if pattern and not compiled_pattern(pattern).fullmatch(value):
            self._fail(value, path, f"Member must satisfy regular expression pattern: {pattern}")

    def _check_range(self, shape: Shape, size: float, value: object, path: str) -> None:
        low, high = shape.metadata.get("min"), shape.metadata.get("max")
        what = "length" if shape.type_name in {"string", "list", "map"} else "value"
        if low is not None and size < low:
            self._fail(value, path, f"Member must have {what} greater than or equal to {low}")
        if high is not None and size > high:
            self._fail(value, path, f"Member must have {what} less than or equal to {high}")

    def _fail(self, value: object, path: str, rule: str) -> None:
        shown = "" if value is None else f" '{value}'"
        self.problems.append(f"Value{shown} at '{path}' failed to satisfy constraint: {rule}")


def _shown(name: str) -> str:
    """A member's name as AWS writes it in messages: with a small first letter."""
    return name[:1].lower() + name[1:]


@cache
def compiled_pattern(pattern: str) -> re.Pattern[str]:
    """A model's pattern as Python understands it; `.` takes line breaks too, since queries may have several lines."""
    for java in _SUPPLEMENTARY:
        pattern = pattern.replace(java, "\\U00010000-\\U0010FFFF")
    return re.compile(pattern, re.DOTALL)


def message_from(problems: list[str]) -> str:
    """The message in which AWS puts what was wrong with a request."""
    noun = "error" if len(problems) == 1 else "errors"
    return f"{len(problems)} validation {noun} detected: {'; '.join(problems)}"
