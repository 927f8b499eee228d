"""Credentials: asked for once a session, renewed by one call at a time, and read again where they were refused."""

import asyncio
import logging
import threading
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import Any, Final, Protocol, cast
from weakref import WeakKeyDictionary

from aiobotocore.credentials import AioCredentials
from aiobotocore.session import AioSession
from botocore.exceptions import BotoCoreError, NoCredentialsError

from jobruns_sdk.errors import CredentialsError
from jobruns_sdk.loop.tasks import Shared
from jobruns_sdk.transport.exceptions import getting_credentials
from jobruns_sdk.transport.providers import get_credentials, load_credentials
from jobruns_sdk.transport.underlying import fit_result, fitting

_MANDATORY: Final = 600  # seconds before their end in which botocore signs with no credentials, new ones failing or not
_ANOTHER_THREAD: Final = 0.005  # seconds after which to look whether another event loop is done
_EXPLICIT: Final = "explicit"  # as botocore calls what a program has handed over itself
_LOCKS: Final[WeakKeyDictionary[AioSession, threading.Lock]] = WeakKeyDictionary()
_LOCKS_LOCK: Final = threading.Lock()


class Frozen(Protocol):
    """Keys as they are at one moment."""

    access_key: str
    secret_key: str
    token: str | None
    account_id: str | None


_asking: Final[ContextVar[bool]] = ContextVar("jobruns_asking", default=False)
_keys: Final[ContextVar[Frozen | None]] = ContextVar("jobruns_keys", default=None)


def _fit_to_log(record: logging.LogRecord) -> bool:
    """Let aiobotocore and botocore log that a refresh failed, but not what a helper has printed."""
    if _asking.get() and record.exc_info and record.exc_info[1] is not None:
        shown = fitting(record.exc_info[1])
        record.exc_info = (type(shown), shown, None)
    return True


for _logger in map(logging.getLogger, ("aiobotocore.credentials", "botocore.credentials")):
    _logger.addFilter(_fit_to_log)


class SessionCredentials:
    """The credentials of one session, as one client signs with them.

    aiobotocore's own, and what gets them, hold locks that belong to the event loop in which they were first contended,
    and a session may have been in many: in those of a web server's threads, or in one for each event that a Lambda
    function is given. Here they are never contended: one call after the other gets or renews keys, whatever its loop.
    """

    def __init__(self, session: AioSession, *, region: str | None = None, sts: str | None = None) -> None:
        """Keep the session; nobody is asked for anything yet.

        Args:
            session: The session.
            region: The region in which roles are assumed, if the session names none.
            sts: The address of STS, if it is not the session's to say.
        """
        self._session = session
        self._where = (region, sts)
        self._found: Any = None
        self._latest: Frozen | None = None
        self._loading = Shared[None, Any]()
        self._turn = asyncio.Lock()

    async def load(self) -> None:
        """Let the session look for its credentials, once however many connections are made at the same moment.

        Raises:
            CredentialsError: That failed; finding none is not a failure, since a request need not be signed.
        """
        if self._found is None:
            with getting_credentials(but=(BotoCoreError, ValueError)):
                self._found = await self._loading.get(None, lambda: fit_result(self._load()))

    async def frozen(self) -> Frozen | None:
        """Return the keys to sign with, new ones if these are about to expire; None if there are none.

        Raises:
            CredentialsError: They cannot be fetched.
        """
        if self._found is None:
            await self.load()
        found = self._found
        if found is None:
            return None
        with getting_credentials(retryable=True):
            if self._turn.locked() and self._latest is not None and not _is_due(found, _MANDATORY):
                return self._latest  # they are good for some minutes more, and somebody sees to new ones
            if not _is_due(found):
                self._latest = _checked(await found.get_frozen_credentials())
                return self._latest
            before = self._latest
            async with self._turn:
                # Those that are good for less than that time are always due: one renewal is enough for all who waited.
                if self._latest is before or _is_due(found, 0):
                    async with alone_with(self._session):
                        self._latest = _checked(await found.get_frozen_credentials())
                return self._latest

    async def read_again(self, refused: Frozen | None) -> bool:
        """Look for other keys than those that the service has refused: a file may have been written meanwhile.

        Args:
            refused: The keys that were refused.

        Returns:
            Whether there are others to sign with. Of keys that are renewed there are none before their time comes.
        """
        if self._found is None or refused is None or hasattr(self._found, "refresh_needed"):
            return False
        with getting_credentials():
            found: Any = self._found
            if await found.get_frozen_credentials() == refused:
                found = await get_credentials(self._session, *self._where)
            if await found.get_frozen_credentials() == refused and getattr(found, "method", _EXPLICIT) != _EXPLICIT:
                async with alone_with(self._session):
                    found = await load_credentials(self._session, *self._where)
            if found is None or _checked(await found.get_frozen_credentials()) == refused:
                return False
        self._found = found
        return True

    async def _load(self) -> Any:
        async with alone_with(self._session):
            return await get_credentials(self._session, *self._where)

    async def aclose(self) -> None:
        """Give up what is under way."""
        await self._loading.aclose()


class _Signer:
    """Keys in the shape in which botocore takes those of one request."""

    def __init__(self, keys: Frozen) -> None:
        self._keys = AioCredentials(keys.access_key, keys.secret_key, keys.token, account_id=keys.account_id)

    async def get_frozen_credentials(self) -> object:
        return await self._keys.get_frozen_credentials()


@contextmanager
def signing_with(keys: Frozen | None) -> Generator[None]:
    """Let requests that are made in the block be signed with these keys, where they are signed at all."""
    token = _keys.set(keys)
    try:
        yield
    finally:
        _keys.reset(token)


def sign_with_keys(request: Any, **_: object) -> None:
    """Put the keys into a request that is about to be signed (botocore's event before-sign).

    Raises:
        NoCredentialsError: There are none.
    """
    if (keys := _keys.get()) is None:
        raise NoCredentialsError
    signing: Mapping[str, Any] = request.context.get("signing", {})
    request.context["signing"] = {**signing, "request_credentials": _Signer(keys)}


@asynccontextmanager
async def alone_with(session: AioSession) -> AsyncGenerator[None]:
    """Be the only one of all clients, whatever their event loops, to ask for the credentials of a session."""
    with _LOCKS_LOCK:
        lock = _LOCKS.setdefault(session, threading.Lock())
    while not lock.acquire(blocking=False):  # noqa: ASYNC110  # another event loop has it, which can set no event here
        await asyncio.sleep(_ANOTHER_THREAD)
    asking = _asking.set(True)
    try:
        yield
    finally:
        _asking.reset(asking)
        lock.release()


def _is_due(credentials: Any, seconds: float | None = None) -> bool:
    """True if credentials expire within so many seconds; within botocore's own quarter of an hour unless told."""
    return hasattr(credentials, "refresh_needed") and bool(credentials.refresh_needed(seconds))


def _checked(keys: Any) -> Frozen:
    if not (isinstance(keys.access_key, str) and isinstance(keys.secret_key, str)):
        raise CredentialsError("what should give credentials gave a key that is not a string")
    return cast("Frozen", keys)
