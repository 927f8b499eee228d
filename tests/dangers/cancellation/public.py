"""Which public coroutines and asynchronous iterators there are, as the package itself tells."""

import inspect
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, get_args, get_origin

import jobruns_sdk
from jobruns_sdk import arrow, hints, testing

_EXPORTED: Final[list[Any]] = [
    getattr(module, name) for module in (jobruns_sdk, arrow, testing) for name in module.__all__
]
_PROTOCOL: Final = ("__aenter__", "__aexit__", "__aiter__", "__anext__")


def _members(owner: type) -> Iterator[tuple[str, Any]]:
    for name in dir(owner):
        member: Any = inspect.getattr_static(owner, name)
        if (not name.startswith("_") or name in _PROTOCOL) and inspect.isfunction(member):
            yield name, member


def _loaded() -> list[Any]:
    return [module for name, module in sys.modules.items() if name.startswith("jobruns_sdk")]


def _classes_in(hint: object) -> set[type]:
    parts = {part for one in get_args(hint) for part in _classes_in(one)}
    plain = get_origin(hint) or hint
    return parts | ({plain} if isinstance(plain, type) else set())


def _named(name: str, function: Any) -> object:  # noqa: ANN401  # a method of whatever class
    places: list[Mapping[str, object]] = [function.__globals__, *map(vars, _loaded())]
    return next((place[name] for place in places if name in place), None)


def _returned(function: Any) -> set[type]:  # noqa: ANN401  # a method of whatever class
    hint: object = function.__annotations__.get("return")
    if isinstance(hint, str):  # a class further down, or one that is imported for type checkers only
        hint = _named(hint.partition("[")[0], function)
    return _classes_in(hint)


def _is_awaited(function: Any) -> bool:  # noqa: ANN401  # a method of whatever class
    if function.__module__ == hints.__name__:
        return False  # it refuses a first mistake
    # A method that returns what others loop over is as asynchronous as that.
    return inspect.iscoroutinefunction(function) or any(hasattr(kind, "__aiter__") for kind in _returned(function))


def public_classes() -> set[type]:
    """Return the package's public classes, and those of its own that their methods return."""
    found = {one for one in _EXPORTED if isinstance(one, type)}
    new: Iterable[type] = found
    while new:
        new = {
            kind
            for owner in new
            for _, member in _members(owner)
            for kind in _returned(member)
            if kind.__module__.startswith("jobruns_sdk")
        } - found
        found |= new
    return found


def public_coroutines() -> set[str]:
    """Return the names of all that is awaited or iterated over, such as ``GlueJob.start``."""
    return {
        f"{owner.__name__}.{name}"
        for owner in public_classes()
        if not getattr(owner, "_is_protocol", False)
        for name, member in _members(owner)
        if _is_awaited(member)
    }
