"""`LocalService`: the three services on a loopback port, for tests and for work without AWS."""

from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Final, Self

from jobruns_sdk.checks import Rule
from jobruns_sdk.testing.account import KEY, LocalAccount
from jobruns_sdk.testing.clock import SpeedClock, VirtualClock
from jobruns_sdk.testing.faults import HTML, Fault, FaultKind
from jobruns_sdk.testing.wire.dispatch import Dispatcher, ReceivedRequest, check_operation
from jobruns_sdk.testing.wire.quotas import Quota, Quotas, limits_of
from jobruns_sdk.testing.wire.server import ServerThread, is_loopback
from jobruns_sdk.testing.world.history import span
from jobruns_sdk.testing.world.pages import TokenKind, Tokens
from jobruns_sdk.testing.world.seeds import checked
from jobruns_sdk.testing.world.world import ACCOUNT, World, Worlds

_LOG_SIZE: Final = 20_000
_LAST_PORT: Final = 65_535
_check_account: Final = Rule(
    "an account's id: twelve digits", lambda value: isinstance(value, str) and ACCOUNT.fullmatch(value) is not None
)
_SECONDS: Final[Mapping[FaultKind, float]] = {"stale_list": 60.0, "delay": 0.1}


class LocalService(LocalAccount):
    """EMR Serverless, DataZone and Glue job runs, served on this machine for any AWS client.

        async with LocalService() as local:
            local.add_glue_job("nightly-etl", max_retries=2)
            async with local.client() as client: ...

    It works with `with` as well, and for clients of any kind: `AWS_ENDPOINT_URL=local.url`. Everything may be called
    from any thread.

    Each region and account has its own jobs, as at AWS. What is added here belongs to `region_name` and
    `account_id`; `account` gives the others. A call is for the region that it was signed for. An access key of twelve
    digits stands for the account of that number, any other, and none, for `account_id`.

    Time is a `VirtualClock` unless `speed` is given: with `speed=60` an hour passes in a minute.
    `auto_advance=False` makes the virtual clock stand still unless `advance` is called. Time begins now, to the
    second, or at `start`. `quotas=True` throttles as the published quotas say, a mapping of `"service:Operation"`
    to (calls a second, burst) as it says, each account and region for itself. `check=True` holds every answer
    against botocore's model as well, not only every request. `tokens="offset"` makes page tokens that count rows,
    so that pages shift while runs are added. Other addresses than loopback ones are refused unless
    `allow_remote=True`.

    Raises:
        ValueError: An argument is invalid, the address is not a loopback one, or a clock and its settings are both
            given.
    """

    @checked
    def __init__(
        self,
        *,
        clock: VirtualClock | SpeedClock | None = None,
        start: datetime | None = None,
        speed: float | None = None,
        auto_advance: bool = True,
        quotas: bool | Mapping[str, Quota] = False,
        check: bool = False,
        host: str = "127.0.0.1",
        port: int = 0,
        allow_remote: bool = False,
        region_name: str = "us-east-1",
        account_id: str = "111122223333",
        tokens: TokenKind = "key",
        token_lifetime: timedelta = timedelta(hours=24),
        glue_retention: timedelta = timedelta(days=365),
        exclusive_window: bool = False,
    ) -> None:
        if not (allow_remote or is_loopback(host)):
            raise ValueError(f"{host} is not a loopback address; allow_remote=True serves it to other machines")
        if port > _LAST_PORT:
            raise ValueError(f"a port is a number up to {_LAST_PORT}: not {port}")
        if clock is not None and (start is not None or speed is not None):
            raise ValueError("a clock is given: leave start and speed to it")
        clock = clock or _clock(start, speed, auto_advance=auto_advance)
        self._host = host
        world = World(
            region=region_name,
            account=account_id,
            tokens=Tokens(tokens, span(token_lifetime) or 0),
            glue_retention=span(glue_retention) or 0,
            exclusive_window=exclusive_window,
        )
        limits = limits_of(quotas)
        for operation in limits:
            check_operation(operation)
        self._worlds = Worlds(world)
        self._dispatcher = Dispatcher(self._worlds, clock, Quotas(limits), check, deque(maxlen=_LOG_SIZE))
        self._server = ServerThread(self._dispatcher.handle, host, port, any_host=allow_remote)
        super().__init__(self, world, clock, self._dispatcher.lock, access_key=KEY)

    @property
    def url(self) -> str:
        """The address for clients, as their endpoint."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._server.port}"

    def start(self) -> Self:
        """Begin to serve, if that has not been done; `with` does this.

        Raises:
            OSError: The address cannot be listened on.
        """
        self._server.start()
        return self

    def stop(self) -> None:
        """Cut all connections and end the serving thread; `with` does this."""
        self._server.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        return self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def advance(self, by: timedelta | float) -> None:
        """Move the clock forward by a timedelta, or by a number of seconds."""
        self.clock.advance(by)

    def account(self, account_id: str | None = None, *, region_name: str | None = None) -> LocalAccount:
        """One account in one region, by default the service's own: jobs that are added to it are visible only there.

        The account's id is its access key, so that a profile of any AWS client can select it; any other access key
        selects the service's own account.

        Raises:
            ValueError: An account's id is twelve digits.
        """
        if account_id is not None:
            _check_account("account_id", account_id)
        with self._lock:
            world = self._worlds.at(account_id or self.account_id, region_name or self.region_name)
        return self._account(world)

    def everywhere(self, seed: Callable[[LocalAccount], object]) -> None:
        """Call a function with each account and region, so that each has the jobs that the function adds.

        It is called at once for those that are known, and for each other one before its first call is answered.
        """
        with self._lock:
            self._worlds.everywhere(lambda world: seed(self._account(world)))

    def add_demo(self) -> None:
        """Add a week in the life of a small data platform: five Glue jobs and applications, and a DataZone job.

        Each region and account has these jobs, with different runs, and a queue `job-runs` for their events.
        """
        from jobruns_sdk.testing import demo  # noqa: PLC0415  # only those who want it pay for it

        def seed(account: LocalAccount) -> None:
            demo.seed(account, self.clock.now())
            account.add_queue()

        self.everywhere(seed)

    def _account(self, world: World) -> LocalAccount:
        if world is self._world:
            return self
        key = KEY if world.account == self.account_id else world.account
        return LocalAccount(self, world, self.clock, self._lock, access_key=key)

    @property
    def requests(self) -> list[ReceivedRequest]:
        """The latest 20 000 requests, oldest first."""
        with self._lock:
            return list(self._dispatcher.log)

    @property
    def problems(self) -> list[str]:
        """Failures of this service itself, and answers that break botocore's model (`check=True`); none is good."""
        with self._lock:
            return list(self._dispatcher.problems)

    def calls(self, operation: str | None = None) -> int:
        """The number of requests for an operation (`GetJobRun`, `glue:GetJobRun`, `glue:*`), or for all together.

        Raises:
            ValueError: There is no such operation.
        """
        check_operation(operation := "*" if operation is None else operation)
        with self._lock:
            counts = self._dispatcher.counts
            if not operation.endswith("*"):
                return counts[operation]
            return sum(count for name, count in counts.items() if ":" in name and name.startswith(operation[:-1]))

    def forget_requests(self) -> None:
        """Start the log and the counts over."""
        with self._lock:
            self._dispatcher.log.clear()
            self._dispatcher.counts.clear()

    @checked
    def fault(
        self,
        operation: str,
        kind: FaultKind,
        *,
        times: int | None = 1,
        after: int = 0,
        effect: bool = False,
        match: Mapping[str, object] | None = None,
        at: int | None = None,
        seconds: float | None = None,
        code: str = "InternalServerException",
        message: str = "An internal error occurred.",
        status: int = 500,
        body: bytes = HTML,
        content_type: str = "text/html",
    ) -> None:
        """Let calls of an operation (`GetJobRun`, `glue:GetJobRun`, `glue:*` or `*`) go wrong.

        The first `after` calls pass, the next `times` (None: all from then on) go wrong; `match` are input members that
        a call must have. With `effect=True` the operation takes effect before its answer is replaced.

        - `throttle`, `error500`: the service's own errors; `error`: the one with `code`, `message` and `status`;
        - `html503`: status 503 with an HTML `body`; `wrong_content`: status 200 with `body` and `content_type`;
        - `reset_before`, `reset_after`: the connection is reset before or after the operation took effect;
        - `truncate`: the connection closes after `at` bytes of the body (half of it); `drip`: a byte each `seconds`;
          `delay`: the answer comes after `seconds`; `silence`: it never comes. These are seconds of real time;
        - `repeat_token`: the answer's page token is the one that the call was made with; `cyclic_tokens`: the first
          `at` (2) page tokens come again and again, always without end; `empty_page`: the rows are missing, the page
          token is not; `expired_token`: a call with a page token is refused;
        - `stale_list`: the answer is as of `seconds` (60) ago on the service's clock.

        Raises:
            ValueError: There is no such kind of fault, or no such operation.
        """
        check_operation(operation)
        fault = Fault(
            operation,
            kind,
            times=None if kind == "cyclic_tokens" else times,
            after=after,
            effect=effect,
            match=match or {},
            at=at,
            seconds=_SECONDS.get(kind, 0.0) if seconds is None else seconds,
            code=code,
            message=message,
            status=status,
            body=body,
            content_type=content_type,
        )
        with self._lock:
            self._dispatcher.faults.waiting.append(fault)

    def clear_faults(self) -> None:
        """Let everything go right again."""
        with self._lock:
            self._dispatcher.faults.waiting.clear()


def _clock(start: datetime | None, speed: float | None, *, auto_advance: bool) -> VirtualClock | SpeedClock:
    if speed is not None:
        return SpeedClock(start, speed=speed)
    return VirtualClock(datetime.now(UTC).replace(microsecond=0) if start is None else start, auto_advance=auto_advance)
