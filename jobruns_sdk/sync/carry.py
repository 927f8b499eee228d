"""Decorators that carry calls over a bridge without repeating their signatures."""

from collections.abc import Callable, Coroutine, Iterable, Iterator
from functools import wraps
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar, cast

from jobruns_sdk.bridge import Bridge
from jobruns_sdk.hints import Hinted, SyncContext

P = ParamSpec("P")
A = TypeVar("A")
R = TypeVar("R")
S = TypeVar("S")
A_co = TypeVar("A_co", covariant=True)
R_co = TypeVar("R_co", covariant=True)


class Carrier(SyncContext, Hinted, Generic[A_co]):
    """An object of the async client, and the bridge over which its calls go.

    Attributes:
        bridge: The bridge; other coroutines may be run there, too.
        carried: What the calls go to; it lives in the bridge's event loop.
    """

    def __init__(self, bridge: Bridge, carried: A_co) -> None:
        self.bridge = bridge
        self.carried = carried

    def __repr__(self) -> str:
        text = repr(self.carried)
        return f"<sync.{text[1:]}" if text.startswith("<") else f"sync.{text}"


class Carried(Protocol[P, R_co]):
    """A method that takes the same arguments as the one it carries the calls of."""

    def __get__(self, instance: object, owner: type | None = None) -> Callable[P, R_co]:
        """Return the method of an instance."""
        ...


def blocking(method: Callable[Concatenate[Any, P], Coroutine[Any, Any, R]]) -> Carried[P, R]:
    """Return the method that waits for the result of a coroutine method."""

    @wraps(method)
    def call(self: Carrier[object], *args: Any, **options: Any) -> object:  # noqa: ANN401  # those of the method
        given, named = map(listed, args), {name: listed(value) for name, value in options.items()}
        return self.bridge.run(getattr(self.carried, method.__name__)(*given, **named))

    return cast("Carried[P, R]", call)


def wrapped(method: Callable[Concatenate[Any, P], A], wrap: Callable[[Bridge, A], S]) -> Carried[P, S]:
    """Return the method that makes something of what a plain method returns, in the caller's thread."""

    @wraps(method)
    def call(self: Carrier[object], *args: Any, **options: Any) -> object:  # noqa: ANN401  # those of the method
        return wrap(self.bridge, getattr(self.carried, method.__name__)(*args, **options))

    return cast("Carried[P, S]", call)


def plain(method: Callable[Concatenate[Any, P], R]) -> Carried[P, R]:
    """Return the method that returns what a plain method returns."""
    return wrapped(method, lambda _, result: result)


def constructed_like(
    kind: Callable[P, object],
) -> Callable[[Callable[..., None]], Callable[Concatenate[Any, P], None]]:
    """Let an ``__init__`` take the same arguments as a class does."""

    def decorate(init: Callable[..., None]) -> Callable[Concatenate[Any, P], None]:
        return wraps(vars(kind)["__init__"])(init)

    return decorate


def listed(value: A) -> A:
    """Return what can be iterated in the event loop's thread, where nothing may wait for the event loop."""
    return cast("A", list(cast("Iterable[object]", value))) if _may_wait(value) else value


def _may_wait(value: object) -> bool:
    return isinstance(value, Iterator) or (isinstance(value, Carrier) and isinstance(value, Iterable))
