"""aiobotocore clients: one for each service, region and profile, made once, that hand back bytes."""

import asyncio
import re
from collections.abc import Callable, Collection, Mapping
from contextlib import AsyncExitStack
from difflib import get_close_matches
from functools import partial
from http import HTTPStatus
from ipaddress import ip_address
from math import inf
from os import PathLike, fspath
from types import TracebackType
from typing import Any, Final, Self, TypeAlias, cast
from urllib.parse import urlsplit
from urllib.request import getproxies

from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession, get_session
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from jobruns_sdk.checks import Rule, check_flag, check_text, kind_of, mapping_of, optional, refusal
from jobruns_sdk.errors import InvalidRequestError
from jobruns_sdk.loop.tasks import Shared
from jobruns_sdk.transport.credentials import Frozen, SessionCredentials, sign_with_keys
from jobruns_sdk.transport.exceptions import getting_credentials, translated
from jobruns_sdk.transport.http_session import HttpSession, one_that_tells
from jobruns_sdk.transport.models import Models
from jobruns_sdk.transport.operation import mark_written
from jobruns_sdk.transport.underlying import fit_result, fit_to_show

BODY: Final = "JobRunsBody"
"""The member of our clients' answers that holds the body as it came."""

# What urlsplit would drop or read otherwise than others do is refused, and so is whatever comes before an @: it would
# be sent as a password.
_ADDRESS: Final = re.compile(r"[^\x00-\x20\x7f-\U0010ffff\\@?#]+")
_ENDPOINT: Final = "an http or https address, such as 'https://host:port', without user, query or fragment"
_AWS: Final = re.compile(r"(^|\.)(amazonaws\.com(\.cn)?|api\.aws)$")
_Key: TypeAlias = tuple[str, str | None, str | None]
_check_verify: Final = Rule(
    "True, False or the path of a file of certificates",
    lambda value: isinstance(value, bool) or _is_path(value),
)


def _not_a_session(value: object) -> str:
    if isinstance(value, str):
        return f"{value!r:.80}: for a profile, give AioSession(profile={value!r:.80}), of aiobotocore.session"
    return f"a value of type {type(value).__module__}.{type(value).__qualname__}"


_check_session: Final = Rule(
    "an aiobotocore session, as aiobotocore.session.get_session() makes",
    lambda value: isinstance(value, AioSession),
    _not_a_session,
)


def _is_path(value: object) -> bool:
    return isinstance(value, str | PathLike) and bool(fspath(cast("str | PathLike[str]", value)))


class Connection:
    """A client of one service, and the slots of its connection pool, for each operation as many as are configured.

    Waiting for a connection has no limit in aiohttp, so slots are counted here, where the deadline has not begun.
    """

    def __init__(
        self,
        client: Any,
        credentials: SessionCredentials | None,
        *,
        tells_when_it_writes: bool,
        regions: Callable[[], Collection[str]] = tuple,
    ) -> None:
        """Take over a client of aiobotocore's.

        Args:
            client: The client.
            credentials: The credentials that it signs with, None if it does not.
            tells_when_it_writes: Whether its HTTP session says when a request is written.
            regions: The regions that botocore knows; none where another one cannot be a mistake.
        """
        self.client = client
        self._regions = regions
        self._credentials = credentials
        self._most: int = client.meta.config.max_pool_connections
        self._slots: dict[str, asyncio.Semaphore] = {}
        self._has_own_pool = tells_when_it_writes
        service = client.meta.service_model.service_id.hyphenize()
        if credentials is not None:
            client.meta.events.register(f"before-sign.{service}", sign_with_keys)
        client.meta.events.register(f"before-parse.{service}", _keep_body)
        if not tells_when_it_writes:  # from here on it may be, for all that is known
            client.meta.events.register_last(f"before-send.{service}", mark_written)

    @property
    def read_timeout(self) -> float:
        """The seconds that it may take until more of an answer comes, as configured."""
        seconds: float | None = self.client.meta.config.read_timeout
        return inf if seconds is None else seconds

    @property
    def proxies(self) -> Collection[str]:
        """The addresses of proxies that the configuration names."""
        named: Mapping[str, str] | None = getattr(self.client.meta.config, "proxies", None)
        return (named or {}).values()

    def slots(self, operation: str) -> asyncio.Semaphore:
        """Return the slots for calls of an operation: sixty lists that hang keep no get waiting.

        An HTTP session that is not ours has one pool for all, in which they would wait with their deadline running.
        """
        return self._slots.setdefault(operation if self._has_own_pool else "", asyncio.Semaphore(self._most))

    async def account(self) -> str | None:
        """Return a name of the account, as far as credentials tell: its id, or else the access key.

        Raises:
            CredentialsError: They cannot be fetched.
        """
        keys = await self.refresh()
        known: object = getattr(keys, "account_id", None) or getattr(keys, "access_key", None)
        return known if isinstance(known, str) else None

    async def refresh(self) -> Frozen | None:
        """Get new keys if these are about to expire, and return those to sign with: botocore would do so in a request.

        There it is not to be told whether the service was asked, or who gives credentials.

        Raises:
            CredentialsError: They cannot be fetched.
        """
        return None if self._credentials is None else await self._credentials.frozen()

    def doubt_about_region(self) -> str:
        """Return a question about the region where botocore knows no such one, else nothing; it may be a new one."""
        region: str = self.client.meta.region_name
        known = self._regions()
        if not known or region in known:
            return ""
        near = get_close_matches(region, known, n=1)
        return f": is the region right? botocore knows no {region!r}" + (f", nearest is {near[0]!r}" if near else "")

    async def has_other_keys(self, refused: Frozen | None) -> bool:
        """Return whether there are other keys than those that the service has refused; see ``SessionCredentials``."""
        return self._credentials is not None and await self._credentials.read_again(refused)


def _keep_body(
    operation_model: Any, response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: Any
) -> None:
    # botocore's parser takes three quarters of the time of a read, ignores an error code in a header for awsJson, and
    # takes HTML for an empty answer. It is given an empty object; errors and answers are read from the bytes.
    customized_response_dict[BODY] = response_dict["body"]
    if operation_model.service_model.protocol != "rest-xml":
        response_dict["body"] = b"{}"
    # In errors of S3 botocore itself looks for the region of a bucket; the body of an object is a stream to be read.
    elif response_dict["status_code"] < HTTPStatus.MULTIPLE_CHOICES and not operation_model.has_streaming_output:
        response_dict["body"] = b"<a/>"


class Connections:
    """All connections of a client. A session that was handed in stays as it was: nothing is registered on it."""

    def __init__(
        self,
        *,
        session: AioSession | None,
        sessions: Mapping[str, AioSession],
        endpoint_url: str | None,
        endpoint_urls: Mapping[str, str],
        verify: bool | str | PathLike[str],
        config: Config | None,
        allow_insecure_endpoint: bool,
    ) -> None:
        """Keep what is needed to connect; nothing is loaded yet."""
        optional(_check_session)("session", session)
        for name, one in mapping_of("sessions", "a mapping of profiles to sessions", sessions):
            check_text("each profile in sessions", name)
            _check_session(f"sessions[{name!r:.80}]", one)
        optional(kind_of(Config, "an aiobotocore.config.AioConfig or a botocore.config.Config"))("config", config)
        check_flag("allow_insecure_endpoint", allow_insecure_endpoint)
        self._session = session
        self._is_own = session is None
        self._sessions = dict(sessions)
        self._allow_insecure = allow_insecure_endpoint
        self._endpoint_url = endpoint_url
        if endpoint_url is not None:
            self._check_endpoint("endpoint_url", endpoint_url)
        self._endpoint_urls = dict(endpoint_urls)
        for service, url in self._endpoint_urls.items():
            self._check_endpoint(f"endpoint_urls[{service!r:.80}]", url)
        _check_verify("verify", verify)
        # None leaves it to AWS_CA_BUNDLE and the configuration file; a path is read when a connection is made.
        self._verify = None if verify is True else False if verify is False else fspath(verify)
        self._config = config
        self._open: dict[_Key, Connection] = {}
        self._making = Shared[_Key, Connection]()
        self._models = Models()
        self._credentials: dict[str | None, SessionCredentials] = {}
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Return the connections; each is made when it is first asked for."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close every connection, and those that are being made."""
        await self._making.aclose()
        for credentials in self._credentials.values():
            await credentials.aclose()
        self._open.clear()
        await self._stack.aclose()

    @property
    def profiles(self) -> Collection[str]:
        """The names of the sessions, but for the default one."""
        return self._sessions.keys()

    def session(self, profile: str | None) -> AioSession:
        """Return a session by its name among ``sessions``; None is the default one.

        Raises:
            InvalidRequestError: There is none of that name.
        """
        if profile is None:
            if self._session is None:
                self._session = get_session()
            return self._session
        try:
            return self._sessions[profile]
        except KeyError:
            known = ", ".join(sorted(self._sessions)) or "none"
            raise InvalidRequestError(f"profile {profile!r} is not among the client's sessions ({known})") from None

    def made(self, service: str, region: str | None, profile: str | None) -> Connection | None:
        """Return the connection to a service if it was made before."""
        return self._open.get((service, region, profile))

    async def get(self, service: str, region: str | None, profile: str | None) -> Connection:
        """Return the connection to a service, made once however many tasks ask for it at the same moment."""
        key = (service, region, profile)
        return self.made(*key) or await self._making.get(key, lambda: fit_result(self._connect(*key)))

    async def _connect(self, service: str, region: str | None, profile: str | None) -> Connection:
        session = self.session(profile)
        sts = self._endpoint_urls.get("sts")
        credentials = self._credentials.setdefault(profile, SessionCredentials(session, region=region, sts=sts))
        await self._models.load(session, service, is_own=self._is_own and profile is None)
        config: Any = _with_user_agent(session, _config(session.get_default_client_config(), self._config))
        # aiobotocore 3.7 forgets ours when configurations are merged.
        config.http_session_cls = one_that_tells(config.http_session_cls)
        async with AsyncExitStack() as opening:
            with getting_credentials(but=(BotoCoreError, ValueError)):
                client = await opening.enter_async_context(self._client(session, service, region, config))
                if _is_on_this_machine(client.meta.endpoint_url) and (getattr(config, "proxies", None) or getproxies()):
                    # A proxy is another machine, which would read signed requests that were not to leave this one. The
                    # address may have come from anywhere, so that only the client knows; it has sent nothing yet.
                    config = config.merge(AioConfig(proxies={}))
                    client = await opening.enter_async_context(self._client(session, service, region, config))
            # It may come from the environment or a configuration file, too.
            self._check_endpoint(f"the endpoint of {service}", client.meta.endpoint_url)
            signs = client.meta.config.signature_version is not UNSIGNED
            if signs:
                await credentials.load()
            self._stack.push_async_exit(opening.pop_all())
        self._open[service, region, profile] = connection = Connection(
            client,
            credentials if signs else None,
            tells_when_it_writes=getattr(config.http_session_cls, "tells_when_it_writes", False),
            regions=partial(_regions, session) if _is_of_aws(client.meta.endpoint_url) else tuple,
        )
        return connection

    def _client(self, session: AioSession, service: str, region: str | None, config: Any) -> Any:
        # Each request is signed with keys of its own. Were none named here, every client would have the session look
        # for its credentials, before it is made and before the others are.
        unused: Any = {"aws_access_key_id": "unused", "aws_secret_access_key": "unused"}
        return session.create_client(
            service,
            region_name=region,
            endpoint_url=self._endpoint_urls.get(service, self._endpoint_url),
            verify=self._verify,
            config=config,
            **unused,
        )

    def _check_endpoint(self, name: str, url: object) -> None:
        if not isinstance(url, str):
            raise refusal(name, _ENDPOINT, url)
        if not _ADDRESS.fullmatch(url):
            raise InvalidRequestError(f"{name} must be {_ENDPOINT}, got another string")
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname, parts.port
        except ValueError as error:
            raise InvalidRequestError(f"{name} must be {_ENDPOINT}, got {url!r:.200}: {error}") from error
        if parts.scheme not in ("http", "https") or not host:
            raise refusal(name, _ENDPOINT, url)
        if parts.scheme == "http" and not (_is_loopback(host) or self._allow_insecure):
            raise InvalidRequestError(
                f"{name}, {url!r:.200}, would send signed requests over plain http to another machine; "
                "use https, or allow_insecure_endpoint=True"
            )


def region_of(session: AioSession) -> str | None:
    """Return the region that a session's configuration names, or None."""
    with fit_to_show(), translated("session", sends=False):
        region: str | None = session.get_config_variable("region")
    return region


def _config(*given: Config | None) -> AioConfig:
    config = AioConfig(connect_timeout=10, read_timeout=30, max_pool_connections=32, http_session_cls=HttpSession)
    for one in given:
        if one is not None:
            # The stubs want an AioConfig; what merges is what the user has said, whichever class it is.
            config = config.merge(cast("AioConfig", one))
    ours = " ".join(filter(None, (getattr(config, "user_agent_extra", None), "lib/jobruns_sdk")))
    # One place retries: the caller of these connections. Otherwise retries multiply, and start Glue jobs twice.
    return config.merge(AioConfig(retries={"total_max_attempts": 1, "mode": "standard"}, user_agent_extra=ours))


def _with_user_agent(session: AioSession, config: AioConfig) -> AioConfig:
    """Return the configuration with the user agent in it: botocore puts it together twice a request unless it is given.

    Its extra parts are added by botocore. One with an application's id is left to botocore altogether.
    """
    options = (getattr(config, "user_agent", None), getattr(config, "user_agent_appid", None))
    with translated("session", sends=False):
        if any((*options, session.get_config_variable("user_agent_appid"))):
            return config
    return config.merge(AioConfig(user_agent=session.user_agent().removesuffix(session.user_agent_extra).rstrip()))


def _is_of_aws(url: str) -> bool:
    return bool(_AWS.search(urlsplit(url).hostname or ""))


def _regions(session: AioSession) -> Collection[str]:
    loader: Any = session.get_component("data_loader")
    return [region for one in loader.load_data("partitions")["partitions"] for region in one["regions"]]


def _is_on_this_machine(url: str) -> bool:
    return _is_loopback(urlsplit(url).hostname or "")


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
