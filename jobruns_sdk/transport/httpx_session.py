"""aiobotocore's other HTTP session, for those who configure it, that tells when it writes a request."""

from typing import TYPE_CHECKING, Any, Final

from aiobotocore.httpxsession import HttpxSession as Theirs

from jobruns_sdk.transport.operation import mark_written

_WRITES: Final = ".send_request_headers.started"  # of HTTP/1.1 and HTTP/2, as httpcore traces a request
_CONNECT: Final = b"CONNECT"

if TYPE_CHECKING:

    class _Session(Theirs):
        """The same with what the stubs leave out."""

        async def _get_session(self, _request_url: str) -> Any: ...

else:
    _Session = Theirs


class HttpxSession(_Session):
    """aiobotocore's own, but for what it does not tell: whether there was a connection to write on."""

    tells_when_it_writes = True
    _is_watched = False

    def __init__(self, **options: Any) -> None:
        options["max_pool_connections"] = None  # no limit: slots are counted by operation
        super().__init__(**options)

    async def send(self, request: Any) -> Any:
        """Send a request."""
        try:
            return await super().send(request)
        finally:
            if not self._is_watched:  # by another release of aiobotocore's: then it may have been written
                mark_written()

    async def _get_session(self, _request_url: str) -> Any:
        client = await super()._get_session(_request_url)
        if _watch not in client.event_hooks["request"]:
            client.event_hooks["request"].append(_watch)
        self._is_watched = True
        return client


async def _watch(request: Any) -> None:
    request.extensions = {**request.extensions, "trace": _trace}


async def _trace(event: str, about: dict[str, Any]) -> None:
    # A tunnel through a proxy is asked for by a request of its own, which the service does not see.
    if event.endswith(_WRITES) and about["request"].method != _CONNECT:
        mark_written()
