"""The HTTP session of our clients."""

from typing import Any

from aiobotocore.httpsession import AIOHTTPSession
from aiohttp import RedirectClientError
from botocore.exceptions import HTTPClientError


class HttpSession(AIOHTTPSession):
    """aiobotocore's own, but what another address has answered is no answer of the service.

    aiohttp follows redirects, and aiobotocore has no option against it. Nothing that is called here redirects.
    """

    async def send(self, request: Any) -> Any:
        """Send a request.

        Raises:
            HTTPClientError: It was redirected; the answer is not looked at.
        """
        response = await super().send(request)
        if response.raw.history:
            raise HTTPClientError(error=RedirectClientError(f"to {response.url}"))
        return response
