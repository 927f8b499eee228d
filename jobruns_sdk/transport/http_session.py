"""The HTTP session of our clients."""

from copy import copy
from typing import Any

from aiobotocore.httpsession import AIOHTTPSession
from aiohttp import Payload, RedirectClientError
from aiohttp.abc import AbstractStreamWriter
from botocore.exceptions import HTTPClientError

from jobruns_sdk.transport.operation import sending


class _Body(Payload):
    """The body of a request, which tells when it is written."""

    def __init__(self, body: bytes) -> None:
        super().__init__(body)
        self._body = body

    @property
    def size(self) -> int:
        return len(self._body)

    @property
    def autoclose(self) -> bool:
        return True  # there is nothing to close

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        return self._body.decode(encoding, errors)

    async def write(self, writer: AbstractStreamWriter) -> None:
        if (call := sending()) is not None:
            call.write()
        await writer.write(self._body)


class HttpSession(AIOHTTPSession):
    """aiobotocore's own, which tells when a request is written, and looks at no answer of another address.

    aiohttp follows redirects, and aiobotocore has no option against it. Nothing that is called here redirects.
    """

    async def send(self, request: Any) -> Any:
        """Send a request.

        Raises:
            HTTPClientError: It was redirected; the answer is not looked at.
        """
        # aiohttp looks up a name and makes a connection first, and writes the body when it has one: without its body
        # no request has an effect. One that has none changes nothing, and counts as written from the beginning.
        if isinstance(request.body, bytes) and request.body:
            request = copy(request)
            request.body = _Body(request.body)
            if (call := sending()) is not None:
                call.written = False
        response = await super().send(request)
        if response.raw.history:
            raise HTTPClientError(error=RedirectClientError(f"to {response.url}"))
        return response
