"""The memory of a client for its starts: at most one run for a key, also over two profiles of one account."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Final
from weakref import WeakValueDictionary

import attrs

from jobruns_sdk.errors import JobRunsError
from jobruns_sdk.loop.clock import Clock
from jobruns_sdk.loop.lifetime import Lifetime
from jobruns_sdk.model.refs import JobRef
from jobruns_sdk.services.glue.operations import START_JOB_RUN
from jobruns_sdk.services.room import Pauses

_REMEMBERED: Final = 10_000
_MARKLESS: Final = 20_000
_MAY_SHOW: Final = 3600.0  # seconds in which a request that was written takes effect, if it ever does


@attrs.frozen
class Known:
    """The outcome of a key.

    Attributes:
        digest: Of the request that it was used for.
        count: How many runs it has had.
        run_id: Its latest run, None where it is unknown whether that was started.
        at: When it was started, in seconds of the client's clock.
    """

    digest: str
    count: int
    run_id: str | None
    at: float


@attrs.define(eq=False)
class Ticket:
    """A start without a key that may have made a run: under way, cancelled, or never answered.

    Attributes:
        arguments: The arguments that its run has.
        begun: When it began, in seconds of the client's clock.
        known: Whether it is known what came of it.
    """

    arguments: Mapping[str, str]
    begun: float
    known: bool = False


async def _no_account(_: JobRef) -> str | None:
    """Know no account: each profile counts as another one."""


def _itself(profile: str | None) -> str | None:
    return profile


class Starts(Pauses):
    """The starts of a client."""

    def __init__(
        self,
        clock: Clock | None = None,
        lifetime: Lifetime | None = None,
        account: Callable[[JobRef], Awaitable[str | None]] = _no_account,
        shared: Callable[[str | None], str | None] = _itself,
    ) -> None:
        """Begin with nothing started.

        Args:
            clock: The client's clock.
            lifetime: Ends every search with the client.
            account: Returns what tells the account of a job's profile from others, None if nothing does.
            shared: Returns the profile that a profile is said to share its account with.
        """
        super().__init__(clock, lifetime)
        self._account = account
        self._shared = shared
        self._profiles: dict[str | None, str | None] = {}
        self._accounts: dict[str, str | None] = {}
        self._known: OrderedDict[tuple[JobRef, str], Known] = OrderedDict()
        self._locks: WeakValueDictionary[tuple[JobRef, str], asyncio.Lock] = WeakValueDictionary()
        self._keyed: OrderedDict[tuple[JobRef, str], None] = OrderedDict()
        self._claimed: OrderedDict[tuple[JobRef, str], None] = OrderedDict()
        self._sending: dict[JobRef, list[Ticket]] = {}
        self._doubtful: dict[JobRef, list[Ticket]] = {}
        self._markless: dict[JobRef, dict[str, None]] = {}
        self._showing: dict[JobRef, set[str]] = {}

    async def place_of(self, job: JobRef) -> JobRef:
        """Return the job by the name that it has for all profiles of its account, as far as that can be known.

        Two profiles are of one account where ``share_quotas`` says so, or where their credentials name the same account
        or have the same access key. What a profile was found to be stays, though its credentials change.

        Raises:
            CredentialsError: They cannot be fetched, so that nothing can be sent, either.
        """
        profile = self._shared(job.profile)
        if profile not in self._profiles:
            try:
                account = await self._account(JobRef(job.service, job.path, job.region, profile))
            except JobRunsError as error:
                error.operation = error.operation or START_JOB_RUN.name  # for which they are got
                raise
            if account is not None:
                self._profiles.setdefault(profile, self._accounts.setdefault(account, profile))
        return JobRef(job.service, job.path, job.region, self._profiles.get(profile, profile))

    def lock(self, job: JobRef, key: str) -> asyncio.Lock:
        """Return the lock under which starts with a key are made.

        Raises:
            ClientClosedError: The client is closed, or belongs to another event loop or process.
        """
        self.lifetime.check()
        return self._locks.setdefault((job, key), asyncio.Lock())

    def known(self, job: JobRef, key: str) -> Known | None:
        """Return what came of a key, None if this client knows nothing of it."""
        return self._known.get((job, key))

    def remember(self, job: JobRef, key: str, known: Known | None) -> None:
        """Remember what came of a key; None is that nothing was ever sent with it."""
        if known is None:
            self._known.pop((job, key), None)
            return
        self._known[job, key] = known
        if known.run_id is not None:
            self._keyed[job, known.run_id] = None
        if len(self._keyed) > _REMEMBERED:
            self._keyed.popitem(last=False)
        if len(self._known) > _REMEMBERED:
            # What is in doubt is kept: nobody else knows of it.
            sure = next((place for place, one in self._known.items() if one.run_id is not None), None)
            if sure is not None:
                del self._known[sure]

    def has_key(self, job: JobRef, run_id: str) -> bool:
        """True if a run is known to have been started with a key: if it shows none, keys do not show."""
        return (job, run_id) in self._keyed

    def markless(self, job: JobRef) -> dict[str, None]:
        """The runs of a job that are known to carry no mark, to be added to; arguments of a run never change."""
        known = self._markless.setdefault(job, {})
        if len(known) > _MARKLESS:
            known.clear()  # they are got once more
        return known

    def showing(self, job: JobRef) -> set[str]:
        """The kinds of runs of a job that were seen to show their arguments, to be added to."""
        return self._showing.setdefault(job, set())

    def claim(self, job: JobRef, run_id: str) -> None:
        """Remember that a start of this client's has a run."""
        self._claimed[job, run_id] = None
        if len(self._claimed) > _REMEMBERED:
            self._claimed.popitem(last=False)

    def is_claimed(self, job: JobRef, run_id: str) -> bool:
        """True if a start of this client's has a run."""
        return (job, run_id) in self._claimed

    @contextmanager
    def sending(self, job: JobRef, arguments: Mapping[str, str]) -> Generator[Ticket]:
        """Enclose a start without a key; one of which nothing is known in the end stays in doubt for an hour."""
        ticket = Ticket(arguments, self.clock.monotonic())
        under_way = self._sending.setdefault(job, [])
        under_way.append(ticket)
        try:
            yield ticket
        finally:
            under_way.remove(ticket)
            if not under_way:
                self._sending.pop(job, None)
            if not ticket.known:
                # The service may act on what it has read long after its caller has gone, and then the run shows up.
                now = self.clock.monotonic()
                older = [one for one in self._doubtful.get(job, ()) if now - one.begun < _MAY_SHOW]
                self._doubtful[job] = [*older, ticket]

    def has_rivals(self, job: JobRef, ticket: Ticket) -> bool:
        """True if another start may have made a run that looks like that of a ticket."""
        others = [one for one in self._sending.get(job, ()) if one is not ticket]
        others += [one for one in self._doubtful.get(job, ()) if ticket.begun - one.begun < _MAY_SHOW]
        # Not every row shows the size or the timeout that was asked for: only other arguments are sure to differ.
        return any(one.arguments == ticket.arguments for one in others)
