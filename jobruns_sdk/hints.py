"""Hints for first mistakes, where Python itself would only say that an object cannot do it.

They cost nothing while nothing goes wrong, and type checkers do not see them: to these the mistakes remain mistakes.
"""

from collections.abc import Callable, Mapping
from enum import EnumType
from functools import wraps
from typing import TYPE_CHECKING, ClassVar, Final, ParamSpec

P = ParamSpec("P")

_PROFILE: Final = "use session=AioSession(profile=...), of aiobotocore.session"
_KEYS: Final = "use session=, an AioSession of aiobotocore.session after session.set_credentials(...)"

BOTO3_ARGUMENTS: Final[Mapping[str, str]] = {
    "region": "use region_name=",
    "profile": _PROFILE,
    "profile_name": _PROFILE,
    "boto3_session": _PROFILE,
    "aws_access_key_id": _KEYS,
    "aws_secret_access_key": _KEYS,
    "aws_session_token": _KEYS,
    "endpoint": "use endpoint_url=",
    "timeout": "use call_timeout=, for each call",
    "retries": "use max_attempts=",
    "max_retries": "use max_attempts=",
}
"""Arguments of boto3's sessions and clients, and like ones, and what a client of this package has in their place."""

CLIENT_NAMES: Final[Mapping[str, str]] = {
    "emr": "use emr_serverless",
    "start": "it is a method of a job's handle, as in client.glue(name).start(...)",
}
"""Names that a client lacks, and what to use in their place."""

FOR_THE_CLIENT: Final = frozenset(
    [
        *("active", "ask_to_stop", "attempt_logs", "attempt_rows", "facts"),
        *("is_streaming", "polling", "retry_limit", "run_ref", "survey"),
    ]
)
"""The members of handles that the client itself calls: completion in a notebook or a shell leaves them out."""


class AsyncOnly:
    """Base of what is read with ``async for``: ``for``, ``list()``, ``len()``, ``[0]`` and ``await`` say what to use.

    There is no ``__iter__``, so that it is not taken for an ``Iterable``: ``for`` and ``list()`` try ``[0]`` then.
    """

    __slots__ = ()

    _use_instead: ClassVar[str]

    if not TYPE_CHECKING:

        def __getitem__(self, _: object) -> object:
            raise self._hint()

        def __len__(self) -> int:
            raise self._hint()

        def __await__(self) -> object:
            raise self._hint()

        async def __anext__(self) -> object:
            raise self._hint()

        def __bool__(self) -> bool:
            return True

        def _hint(self) -> TypeError:
            return TypeError(f"{type(self).__name__!r} object can only be read asynchronously: use {self._use_instead}")


class AsyncContext:
    """Base of what is entered with ``async with``: ``with`` says so."""

    __slots__ = ()

    if not TYPE_CHECKING:

        def __enter__(self) -> object:
            raise TypeError(
                f"{type(self).__name__!r} object needs `async with` instead of `with`; "
                "the client for `with` is jobruns_sdk.sync.JobRunsClient"
            )

        def __exit__(self, *_: object) -> None:
            """Take part in the protocol, so that ``with`` comes as far as ``__enter__``."""


class SyncContext:
    """Base of what is entered with ``with``: ``async with`` says so."""

    __slots__ = ()

    if not TYPE_CHECKING:

        async def __aenter__(self) -> object:
            raise TypeError(
                f"{type(self).__name__!r} object of jobruns_sdk.sync needs `with` instead of `async with`; "
                "the client for `async with` is jobruns_sdk.JobRunsClient"
            )

        async def __aexit__(self, *_: object) -> None:
            """Take part in the protocol, so that ``async with`` comes as far as ``__aenter__``."""


class Hinted:
    """Base of a handle: AttributeError says what to use instead, by the mapping ``_hints`` of its class.

    Completion in a notebook or a shell leaves out what only the client calls.
    """

    __slots__ = ()

    _hints: ClassVar[Mapping[str, str]] = {}

    if not TYPE_CHECKING:
        # It makes every read of an attribute slower: values that are read by the million have ``Elsewhere``.
        def __getattr__(self, name: str) -> object:
            hint = self._hints.get(name)
            raise AttributeError(_missing(type(self), name, hint), name=name, obj=self)

        def __dir__(self) -> list[str]:
            return [name for name in super().__dir__() if name not in FOR_THE_CLIENT]


class Elsewhere:
    """A name that people try first, for classes whose attributes are read often: reading it raises AttributeError."""

    def __init__(self, hint: str) -> None:
        """Keep what to say."""
        self.hint = hint

    def __set_name__(self, owner: type, name: str) -> None:
        """Learn the name."""
        self.name = name

    def __get__(self, instance: object, owner: type) -> object:
        """Refuse to be read.

        Raises:
            AttributeError: Always.
        """
        raise AttributeError(_missing(owner, self.name, self.hint), name=self.name, obj=instance)


class HintedEnum(EnumType):
    """Metaclass of enumerations that tell their members to whoever asks for another one."""

    if not TYPE_CHECKING:

        def __getattr__(cls, name: str) -> object:
            members = cls.__dict__.get("_member_map_", {})  # not there while the class is made
            if name in members:
                return members[name]
            raise AttributeError(_missing(cls, name, f"its members are {', '.join(members)}"), name=name, obj=cls)


def _missing(kind: type, name: str, hint: str | None) -> str:
    return f"{kind.__name__!r} has no attribute {name!r}" + (f": {hint}" if hint else "")


def named_only(instead: Mapping[str, str]) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """Let an ``__init__`` that takes keyword arguments only say what to use in place of others.

    Args:
        instead: What to use, by the names that other libraries have for it.
    """

    def decorate(init: Callable[P, None]) -> Callable[P, None]:
        @wraps(init)
        def call(*args: P.args, **options: P.kwargs) -> None:
            if len(args) > 1:
                given = f"{type(args[1]).__module__}.{type(args[1]).__name__}"
                raise TypeError(
                    f"arguments are given by name, such as region_name= or session=, got {given} by position"
                )
            for name in options:
                if name in instead:
                    raise TypeError(f"there is no argument {name!r}: {instead[name]}")
            init(*args, **options)

        return call

    return decorate
