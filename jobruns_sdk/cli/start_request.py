"""The file of ``jobruns start --json``: arguments of a handle's ``start()``, by name."""

import inspect
import json
import sys
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, cast, get_args, get_type_hints

import msgspec

from jobruns_sdk import HiveQuery, InvalidRequestError, SparkSubmit
from jobruns_sdk.cli.moments import span


def read_request(path: str | None) -> dict[str, Any]:
    """Return what a file says, ``-`` being standard input; nothing where none is named.

    Raises:
        InvalidRequestError: It cannot be read, or holds something else than an object. What it holds is not shown: it
            may be secret.
    """
    if path is None:
        return {}
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
        said: object = json.loads(text)
    except OSError as error:
        raise InvalidRequestError(f"{path} cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        at = f", line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise InvalidRequestError(f"{path} holds no JSON{at}") from None
    if not isinstance(said, dict):
        raise InvalidRequestError(f"{path} holds no JSON object")
    return cast("dict[str, Any]", said)


def members_of(start: Callable[..., Any], said: Mapping[str, object]) -> dict[str, Any]:
    """Return arguments of ``start`` as it takes them: spans of time are strings such as ``90m`` in the file.

    Raises:
        InvalidRequestError: There is no such argument, or it is something else.
    """
    hints = get_type_hints(start)
    known = [name for name in inspect.signature(start).parameters if name != "self"]
    for name in said:
        if name not in known:
            raise InvalidRequestError(f"start() has no argument {name!r:.80}, known are {', '.join(known)}")
    return {name: _member(name, value, hints[name]) for name, value in said.items()}


def _member(name: str, value: object, hint: Any) -> object:  # noqa: ANN401  # a type
    if name == "driver":
        return value if isinstance(value, SparkSubmit) else _driver(value)
    if timedelta in (hint, *get_args(hint)) and isinstance(value, str):
        try:
            return span(value)
        except ValueError as error:
            raise InvalidRequestError(f"{name}: {error}") from None
    try:
        return cast("object", msgspec.convert(value, hint))
    except msgspec.ValidationError as error:
        raise InvalidRequestError(f"{name}: {error}") from None


def _driver(value: object) -> SparkSubmit | HiveQuery:
    members = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    try:
        return HiveQuery(**members) if "query" in members else SparkSubmit(**members)
    except TypeError:
        raise InvalidRequestError(
            "driver: it has entry_point, arguments and parameters, or query, init_query_file and parameters"
        ) from None
