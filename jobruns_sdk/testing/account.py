"""One account in one region of the local service: its jobs, and sessions, clients and variables to ask for them."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from jobruns_sdk.testing.clock import SpeedClock, VirtualClock
from jobruns_sdk.testing.world.seeding import Seeding

if TYPE_CHECKING:
    import threading

    from aiobotocore.session import AioSession

    from jobruns_sdk.client import JobRunsClient
    from jobruns_sdk.sync import JobRunsClient as SyncJobRunsClient
    from jobruns_sdk.testing.world.world import World

KEY: Final = "local"
"""The access key of the service's own account; that of another one is its id."""

# As botocore has the variables of a session: option of the configuration file, environment variables, value, type.
_NOTHING_OF_THIS_MACHINE: Final = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}


class Served(Protocol):
    """The service that serves an account."""

    @property
    def url(self) -> str:
        """Its address."""
        ...


class LocalAccount(Seeding):
    """One account in one region of a `LocalService`, as `LocalService.account` gives it.

        async with LocalService() as local:
            prod, dev = local.account(), local.account("444455556666")
            dev.add_glue_job("nightly-etl")
            async with local.client(sessions={"prod": prod.session(), "dev": dev.session()}) as client: ...

    Only calls for this region that are signed for this account see the jobs added here.

    Attributes:
        account_id: The account.
        region_name: The region.
        clock: The clock of the service.
    """

    def __init__(
        self,
        served: Served,
        world: "World",
        clock: VirtualClock | SpeedClock,
        lock: "threading.RLock",
        *,
        access_key: str,
    ) -> None:
        super().__init__(world, clock, lock)
        self.account_id: str = world.account
        self.region_name: str = world.region
        self.clock: VirtualClock | SpeedClock = clock
        self._served = served
        self._access_key = access_key

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables with which any AWS client talks to this service, for this account and region."""
        return {
            "AWS_ENDPOINT_URL": self._served.url,
            "AWS_REGION": self.region_name,
            "AWS_DEFAULT_REGION": self.region_name,
            "AWS_ACCESS_KEY_ID": self._access_key,
            "AWS_SECRET_ACCESS_KEY": self._access_key,
        }

    def session(self) -> "AioSession":
        """A session with this account's credentials, for `JobRunsClient(session=)` or one of its `sessions=`.

        Profiles and configuration files of this machine are ignored.
        """
        from aiobotocore.session import get_session  # noqa: PLC0415  # only those who want one pay for it

        session: Any = get_session(_NOTHING_OF_THIS_MACHINE)
        session.set_credentials(self._access_key, self._access_key, account_id=self.account_id)
        session.set_config_variable("region", self.region_name)
        return cast("AioSession", session)

    def client(self, **options: Any) -> "JobRunsClient":  # noqa: ANN401  # JobRunsClient's own options, passed on
        """A `JobRunsClient` for this account and region, not yet opened, with the service's clock.

        Profiles, configuration files and proxies of this machine are ignored.
        """
        from jobruns_sdk.client import JobRunsClient  # noqa: PLC0415  # only those who want a client pay for it

        return JobRunsClient(**self._settings(options))

    def sync_client(self, **options: Any) -> "SyncJobRunsClient":  # noqa: ANN401  # JobRunsClient's own options
        """The same for tests without an event loop: a `jobruns_sdk.sync.JobRunsClient`, to be used in `with`."""
        from jobruns_sdk.sync import JobRunsClient  # noqa: PLC0415  # as above

        return JobRunsClient(**self._settings(options))

    def _settings(self, options: Mapping[str, Any]) -> dict[str, Any]:
        from aiobotocore.config import AioConfig  # noqa: PLC0415  # as above
        from botocore.config import Config  # noqa: PLC0415  # as above

        settings: dict[str, Any] = {
            "endpoint_url": self._served.url,
            "region_name": self.region_name,
            "clock": self.clock,
            "config": None,
            **options,
        }
        if settings.get("session") is None:
            settings["session"] = self.session()
        config = settings["config"]
        if config is None or isinstance(config, Config):
            # The stubs want an AioConfig; any merges.
            settings["config"] = AioConfig(proxies={}).merge(cast("AioConfig", config or AioConfig()))
        return settings
