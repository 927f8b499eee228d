"""Values of a task's definition that are not known before it runs: templates, and what other tasks return."""

from collections.abc import Mapping
from typing import Any, cast

_TEMPLATE = ("{{", "{%", "{#")


def is_later(*values: object) -> bool:
    """True if one of the values, or a part of it, is rendered when the task runs."""
    return any(map(_is_later, values))


def _is_later(value: object) -> bool:
    if isinstance(value, str):
        return any(mark in value for mark in _TEMPLATE)
    if isinstance(value, Mapping):
        items = cast("Mapping[Any, Any]", value)
        return is_later(*items.keys(), *items.values())
    if isinstance(value, (list, tuple, set)):
        return is_later(*cast("list[Any]", value))
    return callable(getattr(value, "resolve", None))  # as what stands for another task's result
