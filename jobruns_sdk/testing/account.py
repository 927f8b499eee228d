"""One account in one region of the local service: its jobs, and sessions, clients and variables to ask for them."""

import copy
import os
from collections.abc import Iterable, Mapping
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from jobruns_sdk.testing.clock import SpeedClock, VirtualClock
from jobruns_sdk.testing.world.history import span
from jobruns_sdk.testing.world.queues import Delivery, Queue
from jobruns_sdk.testing.world.seeding import Seeding
from jobruns_sdk.testing.world.seeds import checked

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

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events that the runs which go on here have sent by now, oldest first, as EventBridge delivers them.

        EMR Serverless tells each change of state, retries, and usage each half an hour and at the end. Glue tells
        SUCCEEDED, FAILED, TIMEOUT and STOPPED of each attempt, and STARTING, RUNNING and STOPPING of one that takes
        longer than `NotificationProperty` says. Of DataZone, and of runs that were added with a past, there are none.
        """
        with self._lock:
            self._world.outbox.collect(self._now())
            return [copy.deepcopy(event.envelope) for event in self._world.outbox.events]

    @checked
    def add_queue(
        self,
        name: str = "job-runs",
        *,
        jobs: Iterable[str] | None = None,
        drop: float = 0.0,
        duplicate: float = 0.0,
        late: timedelta = timedelta(0),
        seed: int = 0,
        visibility_timeout: timedelta = timedelta(seconds=30),
        max_receives: int | None = None,
    ) -> str:
        """Add a queue of SQS for the events that are sent from now on; answers its URL, for `SqsEvents`.

        Of the events of `jobs` (all), a share is lost (`drop`, from 0 to 1) or sent twice (`duplicate`), and each may
        come up to `late` after it was sent, so that they are out of order. Chances are the same for each `seed`. A
        message that was received is hidden for `visibility_timeout` of the service's clock; one that was received
        `max_receives` times goes to the queue `<name>-dead`.

        A request for messages waits for them where time goes on by itself (`speed=`). While a `VirtualClock` is in use
        it is answered at once, since that clock stands still during calls.
        """
        with self._lock:
            if name in self._world.queues:
                raise ValueError(f"there is a queue {name!r} already")
            delivery = Delivery(
                None if jobs is None else [self.job(job) for job in jobs],
                drop=drop,
                duplicate=duplicate,
                late=span(late) or 0,
                chance=Random(seed),
            )
            queue = Queue(name, span(visibility_timeout) or 0, delivery)
            queue.begin(self._world.outbox, self._now())
            if max_receives is not None:
                queue.most_receives, queue.dead = max_receives, Queue(f"{name}-dead")
                self._world.queues[queue.dead.name] = queue.dead
            self._world.queues[name] = queue
        return f"{self._served.url}/{self.account_id}/{name}"

    @checked
    def add_message(self, queue: str, text: str) -> None:
        """Put a message into a queue, given by its name or its URL: any text, or an event that a test has made."""
        with self._lock:
            self._queue(queue).send(text, self._now())

    @checked
    def messages(self, queue: str) -> list[str]:
        """The texts of the messages that are in a queue, hidden ones included."""
        with self._lock:
            found = self._queue(queue)
            found.fill(self._world.outbox, self._now())
            return [message.body for message in found.messages]

    def _queue(self, name: str) -> Queue:
        name = name.rpartition("/")[2]
        if name not in self._world.queues:
            raise KeyError(f"there is no queue {name!r}: add it first, with add_queue")
        return self._world.queues[name]

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
