"""Sessions and clients for the tests of the transport."""

from typing import Any, Final

from aiobotocore.session import AioSession
from botocore.loaders import create_loader

from jobruns_sdk import JobRunsClient
from jobruns_sdk.model.refs import JobRef
from jobruns_sdk.services.glue import GlueJob
from jobruns_sdk.services.handle import Handle
from jobruns_sdk.testing import LocalService, VirtualClock
from jobruns_sdk.transport.operation import Call

_LOADER: Final = create_loader()  # reading Glue's model takes longer than most of these tests


class CountingSession(AioSession):
    """A session that counts the clients it makes and the requests that they try to send."""

    def __init__(self, access_key: str | None = "key") -> None:
        super().__init__()
        self.register_component("data_loader", _LOADER)
        self.clients: list[tuple[object, object]] = []
        self.sent = 0
        if access_key is not None:
            self.set_credentials(access_key, "secret")
        self.register("before-send", self._count)

    def create_client(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401  # as aiobotocore has it
        self.clients.append((args[0], options["region_name"]))
        return super().create_client(*args, **options)

    def _count(self, **_: object) -> None:
        self.sent += 1


_SESSION: Final = CountingSession()  # to make one takes longer than most calls; who counts brings a session of its own


def client_at(url: str | None, **options: Any) -> JobRunsClient:  # noqa: ANN401  # JobRunsClient's own options
    """Return a client, not yet opened, of a service at an address; quotas are off, and back-off takes no real time."""
    given: dict[str, Any] = {"endpoint_url": url, "region_name": "us-east-1", "quotas": None, **options}
    given.setdefault("clock", VirtualClock())
    given.setdefault("session", _SESSION)
    return JobRunsClient(**given)


def settings_of(local: LocalService, **options: Any) -> dict[str, Any]:  # noqa: ANN401  # JobRunsClient's own options
    """Return the options of a client of a local service."""
    return {"endpoint_url": local.url, "region_name": local.region_name, "clock": local.clock, **options}


def call_of(**options: Any) -> tuple[JobRunsClient, Call]:  # noqa: ANN401  # those of client_at
    """Return a client and what its handles make their calls with."""
    calls: list[Call] = []

    def remember(ref: JobRef, call: Call) -> Handle:
        calls.append(call)
        return GlueJob(ref, call)

    client = client_at(**options, adapters={"probe": remember})
    client.handle(JobRef("probe", ("x",)))
    return client, calls[0]
