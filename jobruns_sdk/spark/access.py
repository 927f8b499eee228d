"""The settings by which any process reaches AWS: endpoint, accounts, quotas. They travel in plans, without secrets."""

import math
from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Final, Self

import attrs

from jobruns_sdk.errors import InvalidRequestError
from jobruns_sdk.model.refs import JobRef
from jobruns_sdk.services.registry import QUOTAS, Adapter, Entry, entries_with
from jobruns_sdk.transport.quotas import UNPUBLISHED, Quota

_JITTER: Final = 1.0  # seconds by which requests may come closer together than they were sent

Quotas = Mapping[tuple[str, str], Quota]
QuotaTable = tuple[tuple[tuple[str, str], Quota], ...]
"""The same as a value that can be compared and hashed."""


def table_of(quotas: Quotas) -> QuotaTable:
    """Return quotas as a value that can be compared and hashed."""
    return tuple(sorted(quotas.items(), key=lambda item: item[0]))


PUBLISHED: Final = table_of(QUOTAS)


@attrs.frozen(order=True)
class Role:
    """A role to be assumed for a profile.

    Attributes:
        profile: The name that references give.
        arn: The role.
        external_id: What the role's trust policy asks for, or None. AWS does not treat it as a secret.
    """

    profile: str
    arn: str
    external_id: str | None = None


@attrs.frozen(order=True)
class Domain:
    """The account, region and service by which AWS counts calls, and by which work is divided.

    Attributes:
        account: The profile whose quota counts, None for the cluster's own credentials.
        region: The region.
        service: The service.
    """

    account: str | None = attrs.field(order=lambda account: account or "")
    region: str
    service: str


@attrs.frozen
class Access:
    """The arguments of a client, as strings that travel in a plan.

    Attributes:
        endpoint: Where requests go instead of to AWS.
        allow_insecure_endpoint: Whether that may be plain http to another machine.
        profiles: The profiles that references may name.
        roles: The roles to be assumed for some of them.
        quotas: How often operations may be called by an account in a region; None for as often as one likes.
        share_quotas: Profiles whose calls count for another's quotas.
        max_attempts: How many requests a call may send.
        call_timeout: Seconds for a call with its retries.
        adapters: Services from outside, and where each process imports their adapters from: ``module:name``.
    """

    endpoint: str | None = None
    allow_insecure_endpoint: bool = False
    profiles: tuple[str, ...] = ()
    roles: tuple[Role, ...] = ()
    quotas: QuotaTable | None = PUBLISHED
    share_quotas: tuple[tuple[str, str], ...] = ()
    max_attempts: int = 4
    call_timeout: float = 60.0
    adapters: tuple[tuple[str, str], ...] = ()

    def loaded(self) -> Mapping[str, Adapter] | None:
        """Return the adapters, imported in this process; what they are may not be picklable, and so is not sent.

        Raises:
            InvalidRequestError: One of them cannot be imported.
        """
        return {service: loaded(path) for service, path in self.adapters} if self.adapters else None

    def entries(self) -> Mapping[str, Entry]:
        """Return the entries of all services, those from outside among them."""
        return entries_with(self.loaded())

    @property
    def services(self) -> tuple[str, ...]:
        """The services from outside."""
        return tuple(service for service, _ in self.adapters)

    def naming(self, profiles: Iterable[str | None]) -> Self:
        """Return the same, for references that may name these profiles, too."""
        return attrs.evolve(self, profiles=tuple(sorted({*self.profiles, *filter(None, profiles)})))

    def domain(self, job: JobRef) -> Domain:
        """Return the quota domain of a job whose region is known."""
        account = dict(self.share_quotas).get(job.profile, job.profile) if job.profile else None
        return Domain(account, job.region or "", job.service)

    def quota(self, service: str, operation: str) -> Quota:
        """Return the quota of an operation of one account in one region."""
        return dict(self.quotas or ()).get((service, operation), UNPUBLISHED)

    def most_parts(self, service: str) -> int | None:
        """Return among how many tasks a domain can be divided, None for any number.

        Each task needs to be able to make one call at once, and together they must not make more than the quota's
        burst allows.
        """
        if self.quotas is None:
            return None
        # Of an adapter that does not say its operations nobody knows which quotas its tasks would have to share.
        bursts = (_burst(self.quota(service, operation)) for operation in self.entries()[service].read_names)
        return min(bursts, default=1)

    def shares(self, parts: int) -> Quotas | None:
        """Return the quotas of one task of so many that read a domain at the same time; they sum up to the domain's."""
        if self.quotas is None:
            return None
        return {
            (service, operation): share(self.quota(service, operation), parts)
            for service, entry in self.entries().items()
            for operation in entry.read_names
        }


def loaded(path: str) -> Adapter:
    """Import an adapter from ``module:name``.

    Raises:
        InvalidRequestError: There is no such module, or nothing of that name in it.
    """
    module, _, name = path.partition(":")
    try:
        adapter: Adapter = getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise InvalidRequestError(
            f"option adapters: {path!r:.200} cannot be imported here: {error}. Its module has to be on the driver "
            "and on each executor (--py-files)"
        ) from error
    return adapter


def share(quota: Quota, parts: int) -> Quota:
    """Return one of so many equal parts of a quota, less what keeps the service from seeing more than was sent.

    Two requests that were sent a second apart may arrive together, as the first has to open a connection; so the calls
    of one second are taken off the burst.
    """
    return Quota(quota.rate / parts, max(1, _burst(quota) // parts))


def _burst(quota: Quota) -> int:
    return max(1, math.floor(quota.burst - quota.rate * _JITTER))
