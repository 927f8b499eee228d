"""The event loop, the sessions and the open clients that a Python process of Spark keeps from task to task.

A client that stays open remembers what it has called, so that a query that follows another one finds the quotas as the
other has left them.
"""

import os
from typing import TYPE_CHECKING, Final

from jobruns_sdk.bridge import Bridge
from jobruns_sdk.client import JobRunsClient
from jobruns_sdk.spark.access import Access
from jobruns_sdk.transport.sessions import default_session, profile_session, role_session

if TYPE_CHECKING:
    from aiobotocore.session import AioSession

_MOST_CLIENTS: Final = 16


class Worker:
    """The loop, sessions and clients of one process."""

    def __init__(self) -> None:
        self.bridge: Bridge = Bridge()
        self._session = default_session()
        self._clients: dict[tuple[Access, int], JobRunsClient] = {}

    def client(self, access: Access, parts: int) -> JobRunsClient:
        """Return an open client that draws one of so many parts of the quotas.

        Raises:
            InvalidRequestError: An option is invalid.
        """
        key = (access, parts)
        if key not in self._clients:
            if len(self._clients) >= _MOST_CLIENTS:
                self.close()
            self._clients[key] = self.bridge.enter(self._new_client(access, parts))
        return self._clients[key]

    def close(self) -> None:
        """Close all clients and start over."""
        self.bridge.close()
        self.bridge = Bridge()
        self._clients.clear()

    def _new_client(self, access: Access, parts: int) -> JobRunsClient:
        return JobRunsClient(
            session=self._session,
            sessions={profile: self._session_of(profile, access) for profile in access.profiles},
            endpoint_url=access.endpoint,
            allow_insecure_endpoint=access.allow_insecure_endpoint,
            quotas=access.shares(parts),
            share_quotas=dict(access.share_quotas),
            max_attempts=access.max_attempts,
            call_timeout=access.call_timeout,
            adapters=access.loaded(),
        )

    def _session_of(self, profile: str, access: Access) -> "AioSession":
        for role in access.roles:
            if role.profile == profile:
                return role_session(role.arn, external_id=role.external_id, source=self._session)
        return profile_session(profile, like=self._session)


_workers: Final[dict[int, Worker]] = {}


def worker() -> Worker:
    """Return what this process keeps; after a fork it is empty, since threads and connections do not survive it."""
    process = os.getpid()
    if process not in _workers:
        _workers.clear()
        _workers[process] = Worker()
    return _workers[process]
