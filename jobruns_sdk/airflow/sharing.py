"""One client for all who need the same one in an event loop, as the triggers of a triggerer do."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from threading import Lock
from typing import Final
from weakref import WeakKeyDictionary

import attrs

from jobruns_sdk.airflow.connections import DEFAULT_CONNECTION, check_connection, session_of
from jobruns_sdk.client import JobRunsClient
from jobruns_sdk.loop.tasks import Shared, finished


@attrs.frozen
class _Key:
    """All that makes a client."""

    aws_conn_id: str | None
    region_name: str | None
    verify: bool | str | None


class Lease:
    """A client that is shared by all who have the same key, until the last of them has gone.

    Attributes:
        age: Seconds since the connection was looked up.
    """

    def __init__(self, key: _Key, pool: "_Pool") -> None:
        self._key = key
        self._pool = pool
        self._users = 0
        self._client: JobRunsClient | None = None
        self._opened_at = 0.0

    @property
    def age(self) -> float:
        """Seconds since the connection was looked up."""
        return asyncio.get_running_loop().time() - self._opened_at

    def retire(self) -> None:
        """Let those who come look the connection up again; who uses the client may go on."""
        self._pool.forget(self._key, self)

    async def join(self) -> JobRunsClient:
        """Return the client, which is opened for the first who asks; ``leave`` follows."""
        self._users += 1
        try:
            return self._client or await self._pool.opening.get(self, self._open)
        except BaseException:
            await self.leave()
            raise

    async def leave(self) -> None:
        """Close the client if nobody else uses it."""
        self._users -= 1
        if self._users:
            return
        self.retire()  # at once: who comes while it closes opens another one
        client, self._client = self._client, None
        if client is not None:
            await finished(client.aclose())

    async def _open(self) -> JobRunsClient:
        aws = await session_of(self._key.aws_conn_id, self._key.region_name, verify=self._key.verify)
        client = await JobRunsClient(**aws.client_options()).open()
        # Kept here and not by who waits: whoever was cancelled in this very moment could not close it.
        self._client, self._opened_at = client, asyncio.get_running_loop().time()
        return client


class _Pool:
    """The leases of one event loop."""

    def __init__(self) -> None:
        self.opening: Shared[Lease, JobRunsClient] = Shared()
        self._leases: dict[_Key, Lease] = {}

    def lease(self, key: _Key) -> Lease:
        return self._leases.setdefault(key, Lease(key, self))

    def forget(self, key: _Key, lease: Lease) -> None:
        if self._leases.get(key) is lease:
            del self._leases[key]


_POOLS: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, _Pool]] = WeakKeyDictionary()
_LOCK: Final = Lock()  # loops may run in several threads


def _pool() -> _Pool:
    with _LOCK:
        return _POOLS.setdefault(asyncio.get_running_loop(), _Pool())


@asynccontextmanager
async def leased(
    aws_conn_id: str | None, region_name: str | None, *, verify: bool | str | None
) -> AsyncGenerator[tuple[JobRunsClient, Lease]]:
    """Enclose the use of a shared client, and tell how old it is; see ``shared_client``."""
    check_connection(aws_conn_id, region_name, verify)
    lease = _pool().lease(_Key(aws_conn_id, region_name, verify))
    client = await lease.join()
    try:
        yield client, lease
    finally:
        await lease.leave()


@asynccontextmanager
async def shared_client(
    aws_conn_id: str | None = DEFAULT_CONNECTION, region_name: str | None = None, *, verify: bool | str | None = None
) -> AsyncGenerator[JobRunsClient]:
    """Enclose the use of a client that all who name the same connection share in this event loop.

    The connection is looked up once, when the first of them comes. Their polls are shared as those of any client are.
    The last one to go closes the client.

    Args:
        aws_conn_id: The Airflow connection; None for what the machine itself has.
        region_name: The region of references that name none, instead of the connection's.
        verify: As for ``JobRunsClient``, instead of the connection's.

    Raises:
        CredentialsError: There is no such connection, and it is not ``aws_default``.
        InvalidRequestError: An argument is invalid, or what the connection says is.
    """
    async with leased(aws_conn_id, region_name, verify=verify) as (client, _):
        yield client
