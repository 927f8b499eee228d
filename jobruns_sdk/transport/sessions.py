"""Sessions with the credentials of this machine, of a profile configured on it, or of a role that is assumed."""

from collections.abc import Mapping
from typing import Any, Final

import attrs
from aiobotocore.credentials import (
    AioAssumeRoleCredentialFetcher,
    AioCredentialResolver,
    AioDeferredRefreshableCredentials,
)
from aiobotocore.session import AioSession, get_session
from botocore.exceptions import BotoCoreError, NoCredentialsError

from jobruns_sdk.transport.connections import region_of

_SESSION_NAME: Final = "jobruns_sdk"
# AssumeRole gives the same credentials in each region of the role's partition, and none to others.
_ANY_REGION: Final[Mapping[str, str]] = {
    "aws": "us-east-1",
    "aws-cn": "cn-north-1",
    "aws-us-gov": "us-gov-west-1",
    "aws-eusc": "eusc-de-east-1",
    "aws-iso": "us-iso-east-1",
    "aws-iso-b": "us-isob-east-1",
}


def default_session() -> AioSession:
    """Return a session that takes credentials from where AWS's own clients do."""
    return get_session()


def profile_session(profile: str, *, like: AioSession) -> AioSession:
    """Return the session of a profile of AWS's shared configuration files.

    Args:
        profile: Its name.
        like: A session whose service models are used, so that they are loaded once.
    """
    return _like(like, AioSession(profile=profile))


def role_session(role_arn: str, *, external_id: str | None = None, source: AioSession) -> AioSession:
    """Return a session with the credentials of a role, which are got when they are needed, and again when they expire.

    Args:
        role_arn: The role (AssumeRole of AWS STS).
        external_id: What the role's trust policy asks for.
        source: The session that may assume the role.
    """
    session = _like(source, AioSession())
    provider: Any = _Role(role_arn, external_id, source)
    session.register_component("credential_provider", AioCredentialResolver([provider]))
    return session


def _like(other: AioSession, session: AioSession) -> AioSession:
    session.register_component("data_loader", other.get_component("data_loader"))
    return session


@attrs.frozen
class _Role:
    """A provider of credentials as botocore's chain has them."""

    METHOD = "assume-role"
    CANONICAL_NAME = None

    arn: str
    external_id: str | None
    source: AioSession

    async def load(self) -> AioDeferredRefreshableCredentials:
        source = await self.source.get_credentials()
        if source is None:
            raise NoCredentialsError
        options = {"RoleSessionName": _SESSION_NAME}
        if self.external_id is not None:
            options["ExternalId"] = self.external_id
        fetcher = AioAssumeRoleCredentialFetcher(self._client, source, self.arn, extra_args=options)
        return AioDeferredRefreshableCredentials(fetcher.fetch_credentials, self.METHOD)

    def _client(self, service: str, **options: Any) -> Any:
        return self.source.create_client(service, region_name=_region_for(self.arn, self.source), **options)


def _region_for(arn: str, source: AioSession) -> str | None:
    """Return the region in which a role is asked for: the session's, if it is of the role's partition."""
    partition, own = (*arn.split(":"), "")[1], region_of(source)
    try:
        is_own = own is not None and source.get_partition_for_region(own) == partition
    except BotoCoreError:  # a region that nobody knows yet
        is_own = True
    return own if is_own else _ANY_REGION.get(partition, own)
