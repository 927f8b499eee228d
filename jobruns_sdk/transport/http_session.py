"""The HTTP session of our clients: aiobotocore's own, which sends each request once and tells when it does."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from aiobotocore.httpsession import AIOHTTPSession
from aiohttp import (
    ClientOSError,
    ClientRequest,
    ClientResponse,
    ClientSession,
    RedirectClientError,
    ServerDisconnectedError,
)
from botocore.exceptions import HTTPClientError

from jobruns_sdk.transport.operation import mark_written

_REDIRECTS: Final = frozenset(
    {
        HTTPStatus.MOVED_PERMANENTLY,
        HTTPStatus.FOUND,
        HTTPStatus.SEE_OTHER,
        HTTPStatus.TEMPORARY_REDIRECT,
        HTTPStatus.PERMANENT_REDIRECT,
    }
)
_HTTPX: Final = ("aiobotocore.httpxsession", "HttpxSession")


if TYPE_CHECKING:

    class _Session(AIOHTTPSession):
        """The same with what the stubs leave out."""

        async def _get_session(self, proxy_url: str | None) -> ClientSession: ...

else:
    _Session = AIOHTTPSession


def one_that_tells(kind: Any) -> Any:
    """Return the HTTP session that tells when it writes a request, in place of one of aiobotocore's own."""
    if kind is AIOHTTPSession:
        return HttpSession
    if (kind.__module__, kind.__qualname__) == _HTTPX:
        from jobruns_sdk.transport.httpx_session import HttpxSession  # noqa: PLC0415  # httpx need not be installed

        return HttpxSession
    return kind


class HttpSession(_Session):
    """aiobotocore's own, but for what aiohttp does by itself: it follows redirects, and repeats what was cut off."""

    tells_when_it_writes = True
    _is_watched = False

    def __init__(self, **options: Any) -> None:
        options["max_pool_connections"] = 0  # no limit: slots are counted by operation
        super().__init__(**options)
        self._watched: dict[ClientSession, _OneRequest] = {}  # one for each proxy

    async def send(self, request: Any) -> Any:
        """Send a request.

        Raises:
            HTTPClientError: It was redirected, which nothing does that is called here; nobody else was asked.
        """
        try:
            response = await super().send(request)
        finally:
            if not self._is_watched:  # by another release of aiobotocore's: then it may have been written
                mark_written()
        if response.status_code in _REDIRECTS:
            raise HTTPClientError(error=RedirectClientError(f"to {response.headers.get('location', 'nowhere')}"))
        return response

    async def _get_session(self, proxy_url: str | None) -> Any:  # what does as much of a ClientSession as is used
        session = await super()._get_session(proxy_url)
        if (watched := self._watched.get(session)) is None:
            _tell_of_connections(session)
            watched = self._watched[session] = _OneRequest(session)
        self._is_watched = True
        return watched


class _OneRequest:
    """A session of aiohttp's that sends one request where it is asked for one."""

    def __init__(self, session: ClientSession) -> None:
        self._session = session

    async def request(self, method: str, **options: Any) -> ClientResponse:
        try:
            return await self._session.request(
                method, allow_redirects=False, middlewares=(_without_a_second_try,), **options
            )
        except _CutOffError as cut:
            raise cut.error from cut.error.__cause__


class _CutOffError(Exception):
    """An error that aiohttp would answer with the same request on another connection, if it is a GET or a DELETE."""

    def __init__(self, error: ClientOSError | ServerDisconnectedError) -> None:
        super().__init__()
        self.error = error


async def _without_a_second_try(
    request: ClientRequest, handler: Callable[[ClientRequest], Awaitable[ClientResponse]]
) -> ClientResponse:
    try:
        return await handler(request)
    except (ClientOSError, ServerDisconnectedError) as error:
        raise _CutOffError(error) from None


def _tell_of_connections(session: ClientSession) -> None:
    # A trace of aiohttp's would tell the same, and every other step of a request besides: 30 us for each.
    connector: Any = session.connector
    connect = connector.connect

    async def telling(*given: Any, **options: Any) -> Any:
        connection = await connect(*given, **options)
        # There is a connection, through the proxy and its tunnel and with TLS: the next thing is to write the request.
        # Whatever goes wrong before, however it is called, the service has not seen a byte.
        mark_written()
        return connection

    connector.connect = telling
