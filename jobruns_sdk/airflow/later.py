"""Values of a task's definition that are not known before it runs: templates, and what other tasks return."""

from collections.abc import Mapping
from typing import Any, Final

_TEMPLATE: Final = ("{{", "{%", "{#")


def is_later(*values: Any) -> bool:  # noqa: ANN401  # whatever a task was given, right or not
    """True if one of the values, or a part of it, is rendered when the task runs."""
    return any(map(_is_later, values))


def _is_later(value: Any) -> bool:  # noqa: ANN401  # as above
    if isinstance(value, str):
        return any(mark in value for mark in _TEMPLATE)
    if _is_mapping(value):
        return is_later(*value.keys(), *value.values())
    if _is_collection(value):
        return is_later(*value)
    return callable(getattr(value, "resolve", None))  # as what stands for another task's result


def _is_mapping(value: object) -> bool:
    return isinstance(value, Mapping)


def _is_collection(value: object) -> bool:
    return isinstance(value, (list, tuple, set))
