"""Airflow's connections to AWS, as a client of this package takes them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, TypedDict, cast

import attrs
from airflow.providers.amazon.aws.hooks.base_aws import AwsGenericHook
from asgiref.sync import sync_to_async

from jobruns_sdk.checks import check_text, optional
from jobruns_sdk.errors import CredentialsError
from jobruns_sdk.model.refs import check_region

if TYPE_CHECKING:
    from aiobotocore.session import AioSession
    from botocore.config import Config

DEFAULT_CONNECTION: Final = "aws_default"
"""The connection that Airflow's own operators take unless told otherwise; it need not exist."""

_SERVICES: Final = ("glue", "emr-serverless", "datazone", "logs", "s3", "sqs", "sts")


class ClientOptions(TypedDict):
    """The keyword arguments of a ``JobRunsClient`` that a connection decides."""

    session: "AioSession"
    region_name: str | None
    endpoint_url: str | None
    endpoint_urls: Mapping[str, str]
    verify: bool | str
    config: "Config | None"
    allow_insecure_endpoint: bool


@attrs.frozen(kw_only=True)
class AwsSession:
    """An Airflow connection to AWS, as a client of this package takes it.

    Attributes:
        session: The session, with the connection's keys, its profile, or its role, which is assumed again in time.
        region_name: The connection's region, None for that of the session.
        endpoint_url: Where requests are sent instead of to AWS, None for AWS.
        endpoint_urls: The same for single services, from the connection's ``service_config``.
        verify: Whether certificates are checked, or the path of a file of those that are trusted.
        config: The connection's ``config_kwargs``.
        allow_insecure_endpoint: Whether the endpoint may be plain http to another machine, as in a network of
            containers: ``"allow_insecure_endpoint": true`` in the connection's extra.
    """

    session: "AioSession" = attrs.field(repr=False)
    region_name: str | None = None
    endpoint_url: str | None = None
    endpoint_urls: Mapping[str, str] = attrs.field(factory=dict[str, str])
    verify: bool | str = True
    config: "Config | None" = attrs.field(default=None, repr=False)
    allow_insecure_endpoint: bool = False

    def client_options(self) -> ClientOptions:
        """Return the keyword arguments of a ``JobRunsClient``, asynchronous or not."""
        return ClientOptions(
            session=self.session,
            region_name=self.region_name,
            endpoint_url=self.endpoint_url,
            endpoint_urls=self.endpoint_urls,
            verify=self.verify,
            config=self.config,
            allow_insecure_endpoint=self.allow_insecure_endpoint,
        )


def check_connection(aws_conn_id: object, region_name: object, verify: object) -> None:
    """Refuse what names no connection.

    Raises:
        InvalidRequestError: An argument is of a wrong type.
    """
    optional(check_text)("aws_conn_id", aws_conn_id)
    check_region(region_name)
    if not isinstance(verify, bool):
        optional(check_text)("verify", verify)


def read_connection(
    aws_conn_id: str | None = DEFAULT_CONNECTION, region_name: str | None = None, *, verify: bool | str | None = None
) -> AwsSession:
    """Return what a connection says about AWS; it blocks, and may call STS, so a coroutine calls ``session_of``.

    Args:
        aws_conn_id: The connection; None for what the machine itself has.
        region_name: The region, instead of the connection's.
        verify: As for ``JobRunsClient``, instead of the connection's.

    Raises:
        CredentialsError: There is no such connection: the machine's own credentials, which Airflow's hooks take then,
            may be those of another account. Only ``aws_default`` may be missing.
        InvalidRequestError: An argument is of a wrong type.
    """
    check_connection(aws_conn_id, region_name, verify)
    hook: AwsGenericHook[Any] = AwsGenericHook(
        aws_conn_id=aws_conn_id, region_name=region_name, verify=verify, client_type="glue"
    )
    connection = hook.conn_config
    if not connection and aws_conn_id not in (None, DEFAULT_CONNECTION):
        raise CredentialsError(f"Airflow has no connection {aws_conn_id!r:.200}")
    region = hook.region_name
    extra: Mapping[str, Any] = connection.extra_config
    named = {name: connection.get_service_config(name).get("endpoint_url") for name in _SERVICES}
    return AwsSession(
        session=cast("AioSession", hook.get_session(region_name=region, deferrable=True)),
        region_name=region,
        endpoint_url=connection.endpoint_url,
        endpoint_urls={name: url for name, url in named.items() if url is not None},
        verify=True if hook.verify is None else hook.verify,
        config=connection.botocore_config,
        allow_insecure_endpoint=extra.get("allow_insecure_endpoint") is True,
    )


async def session_of(
    aws_conn_id: str | None = DEFAULT_CONNECTION, region_name: str | None = None, *, verify: bool | str | None = None
) -> AwsSession:
    """Return what an Airflow connection says about AWS: its session, region, endpoints and certificates.

    It is looked up in a thread, since Airflow's hooks block: one that asgiref knows, by which Airflow 3.0 and 3.1 find
    their way back to the event loop of a triggerer.

    Args:
        aws_conn_id: The connection; None for what the machine itself has.
        region_name: The region, instead of the connection's.
        verify: As for ``JobRunsClient``, instead of the connection's.

    Raises:
        CredentialsError: There is no such connection, and it is not ``aws_default``.
        InvalidRequestError: An argument is of a wrong type.
    """
    return await sync_to_async(read_connection)(aws_conn_id, region_name, verify=verify)
