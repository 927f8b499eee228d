"""Checks of requests and answers against botocore's own service models.

botocore checks types, required members and minima before it sends; patterns, maxima and enum values it leaves to the
service, so they are checked here. Models are loaded when first needed, once a process.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Final, Required, TypedDict, cast
from urllib.parse import parse_qsl

from botocore.loaders import create_loader

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
    "blob": (bytes,),
    "timestamp": (int, float, str, datetime),
    "structure": (dict,),
    "map": (dict,),
    "list": (list,),
}


class Reference(TypedDict, total=False):
    """A use of a shape in a model: as a member, an item, a key or a value."""

    shape: Required[str]
    location: str
    locationName: str


class Shape(TypedDict, total=False):
    """A shape of a model, as botocore's JSON has it; what depends on its type is taken to be there with that type."""

    type: Required[str]
    members: dict[str, Reference]
    required: list[str]
    union: bool
    member: Required[Reference]
    key: Required[Reference]
    value: Required[Reference]
    enum: list[str]
    min: int
    max: int
    pattern: str


class _Operation(TypedDict, total=False):
    input: Required[Reference]
    output: Reference


class Model(TypedDict):
    """A service's model."""

    operations: dict[str, _Operation]
    shapes: dict[str, Shape]


class SerializationError(Exception):
    """A request whose form cannot be read at all, for instance a word where a number belongs."""


@cache
def model(service: str) -> Model:
    """botocore's model of a service, loaded on the first call (Glue's takes about 60 ms)."""
    return cast("Model", create_loader().load_service_model(service, "service-2"))


def members_from_rest(
    service: str, operation: str, *, path: Mapping[str, str], query: str, body: Mapping[str, object]
) -> dict[str, object]:
    """The input members that the path, the query string and the JSON body of a rest-json request carry.

    Raises:
        SerializationError: A string in the path or query is not what the model says it is.
    """
    shapes = model(service)["shapes"]
    members = dict(body)
    asked: dict[str, list[str]] = {}
    for name, text in parse_qsl(query, keep_blank_values=True):
        asked.setdefault(name, []).append(text)
    taken = shapes[model(service)["operations"][operation]["input"]["shape"]].get("members", {})
    for name, reference in taken.items():
        wire, location = reference.get("locationName", name), reference.get("location")
        if location == "uri":
            members[name] = path[wire]
        elif location == "querystring" and wire in asked:
            texts, kind = asked[wire], shapes[reference["shape"]]["type"]
            members[name] = texts if kind == "list" else _value_from_text(kind, texts[-1])
    return members


def _value_from_text(kind: str, text: str) -> object:
    try:
        match kind:
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
        raise SerializationError(f"{text!r} is not of type {kind}") from error


def problems_of_request(service: str, operation: str, members: Mapping[str, object]) -> list[str]:
    """Return the rules of its model that an input breaks, in AWS's words; empty if none. Unknown members pass."""
    return _problems(service, model(service)["operations"][operation]["input"], members, strict=False)


def problems_of_answer(service: str, operation: str, members: Mapping[str, object]) -> list[str]:
    """Return the rules of its model that an output breaks, unknown members included; empty if none."""
    output = model(service)["operations"][operation].get("output")
    if output is None:  # nothing but that it was done
        return [f"{operation} has no output"] * bool(members)
    return _problems(service, output, members, strict=True)


def _problems(service: str, shape: Reference, members: Mapping[str, object], *, strict: bool) -> list[str]:
    walk = _Walk(model(service)["shapes"], strict)
    walk.check(shape, members, "")
    return walk.problems


@dataclass(slots=True)
class _Walk:
    """One value being held against one shape."""

    shapes: Mapping[str, Shape]
    strict: bool
    problems: list[str] = field(default_factory=list[str])

    def check(self, reference: Reference, value: object, path: str) -> None:
        shape = self.shapes[reference["shape"]]
        kind = shape["type"]
        accepted = _TYPES[kind]
        if not isinstance(value, accepted) or (isinstance(value, bool) and bool not in accepted):
            self._fail(value, path, f"Member must be a {kind}")
        elif isinstance(value, dict):
            entries = cast("Mapping[str, object]", value)
            if kind == "structure":
                self._check_structure(shape, entries, path)
            else:
                self._check_map(shape, entries, path)
        elif isinstance(value, list):
            items = cast("list[object]", value)
            self._check_range(shape, "length", len(items), items, path)
            for index, item in enumerate(items, 1):
                self.check(shape["member"], item, f"{path}.{index}.member")
        elif isinstance(value, str) and kind == "string":
            self._check_text(shape, value, path)
        elif isinstance(value, (int, float)) and kind != "timestamp":
            self._check_range(shape, "value", value, value, path)

    def _check_structure(self, shape: Shape, value: Mapping[str, object], path: str) -> None:
        prefix = f"{path}." if path else ""
        members = shape.get("members", {})
        for name in shape.get("required", ()):
            if value.get(name) is None:
                self._fail(None, f"{prefix}{_shown(name)}", "Member must not be null")
        for name, item in value.items():
            if name not in members:
                if self.strict:
                    self.problems.append(f"Member '{prefix}{name}' is not in the model")
            elif item is not None and not (self.strict and name in _TOLERATED):
                self.check(members[name], item, f"{prefix}{_shown(name)}")
        if shape.get("union") and len([item for item in value.values() if item is not None]) != 1:
            self._fail(value, path, "Member must have exactly one of its members set")

    def _check_map(self, shape: Shape, value: Mapping[str, object], path: str) -> None:
        self._check_range(shape, "length", len(value), value, path)
        for key, item in value.items():
            self.check(shape["key"], key, f"{path}.key")
            self.check(shape["value"], item, f"{path}.{key}")

    def _check_text(self, shape: Shape, value: str, path: str) -> None:
        enum, pattern = shape.get("enum"), shape.get("pattern")
        if enum is not None and value not in enum:
            self._fail(value, path, f"Member must satisfy enum value set: [{', '.join(enum)}]")
        self._check_range(shape, "length", len(value), value, path)
        if pattern is not None and not compiled_pattern(pattern).fullmatch(value):
            self._fail(value, path, f"Member must satisfy regular expression pattern: {pattern}")

    def _check_range(self, shape: Shape, what: str, size: float, value: object, path: str) -> None:
        low, high = shape.get("min"), shape.get("max")
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
