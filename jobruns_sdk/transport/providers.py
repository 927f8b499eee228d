"""The look for a session's credentials: by an STS that the caller may choose, and with helpers that can be ended.

Else all is as the session itself looks. A helper is what the configuration calls ``credential_process``.
"""

import asyncio
import subprocess
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final, cast
from weakref import WeakKeyDictionary

from aiobotocore.credentials import (
    AioAssumeRoleProvider,
    AioCanonicalNameCredentialSourcer,
    AioContainerProvider,
    AioCredentialResolver,
    AioEnvProvider,
    AioInstanceMetadataProvider,
    AioProcessProvider,
    AioProfileProviderBuilder,
    create_credential_resolver,
)
from aiobotocore.session import AioSession

_FOUND: Final[WeakKeyDictionary[AioSession, dict[str | None, Any]]] = WeakKeyDictionary()
_PROCESS: Final = "credential_process"
_GIVEN_UP: Final = 1.0  # seconds after which to look whether anybody still waits for what a helper writes


async def get_credentials(session: AioSession, region: str | None, sts: str | None) -> Any:
    """Return the credentials that a session has, or that are found for it, once for all its clients.

    Args:
        session: The session.
        region: The region in which roles are assumed, if the session names none.
        sts: The address of the STS by which roles are assumed; None leaves it to the session.
    """
    if _Known.credentials(session) is not None or not _needs_ours(session, sts):
        return await session.get_credentials()
    found = _FOUND.setdefault(session, {})
    if found.get(sts) is None:
        found[sts] = await load_credentials(session, region, sts)
    return found[sts]


async def load_credentials(session: AioSession, region: str | None, sts: str | None) -> Any:
    """Look for a session's credentials, whatever was found before."""
    resolver: Any = session.get_component("credential_provider")
    if _needs_ours(session, sts):
        resolver = _resolver(session, region, sts, resolver)
    return await resolver.load_credentials()


def _needs_ours(session: AioSession, sts: str | None) -> bool:
    """True with an STS of one's own, or where the profile or one that it takes its credentials from has a helper."""
    if sts is not None:
        return True
    profiles: dict[str, Mapping[str, Any]] = dict(session.full_config.get("profiles", {}))
    profile = profiles.pop(_profile(session), None)
    while profile is not None and _PROCESS not in profile:
        profile = profiles.pop(profile.get("source_profile", ""), None)
    return profile is not None


def _profile(session: AioSession) -> str:
    return session.get_config_variable("profile") or "default"


class _Known(AioSession):
    """A session that says what credentials it has."""

    def credentials(self: Any) -> Any:
        return self._credentials


class _Nested:
    """A session for those who look for credentials: it makes their clients, that of STS with its address."""

    def __init__(self, session: AioSession, sts: str | None) -> None:
        self._session = session
        self._sts = sts

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def create_client(self, service_name: str, **options: Any) -> Any:
        if service_name == "sts" and self._sts is not None:
            options["endpoint_url"] = self._sts
        return self._session.create_client(service_name, **options)


def _resolver(session: AioSession, region: str | None, sts: str | None, own: Any) -> Any:
    """Return a resolver of the kind that sessions have, or a session's own one if it is of another kind."""
    nested: Any = _Nested(session, sts)
    usual: Any = create_credential_resolver(nested, region_name=region)
    if type(own) is not AioCredentialResolver or [*map(type, own.providers)] != [*map(type, usual.providers)]:
        return own
    profile = _profile(session)
    cache: Any = cast("Any", own).get_provider(AioAssumeRoleProvider.METHOD).cache  # it may be a file's
    sources: list[Any] = [AioEnvProvider()]
    sources += [one for one in own.providers if isinstance(one, AioContainerProvider | AioInstanceMetadataProvider)]

    def creating(service_name: str, **options: Any) -> Any:
        return nested.create_client(service_name, **{"region_name": region, **options})

    def ours(provider: Any) -> Any:
        match provider:
            case AioProcessProvider():
                return _process_provider(session, profile)
            case AioAssumeRoleProvider():
                return AioAssumeRoleProvider(
                    load_config=lambda: session.full_config,
                    client_creator=creating,
                    cache=cache,
                    profile_name=profile,
                    credential_sourcer=AioCanonicalNameCredentialSourcer(sources),
                    profile_provider_builder=_Builder(nested, cache, region),
                )
            case _:
                return provider

    return AioCredentialResolver([ours(provider) for provider in usual.providers])


class _Builder:
    """The maker of the providers of a profile that another one names as its source."""

    def __init__(self, session: Any, cache: Any, region: str | None) -> None:
        self._session = session
        self._builder: Any = AioProfileProviderBuilder(session, cache=cache, region_name=region)

    def providers(self, profile_name: str, **options: Any) -> list[Any]:
        return [
            _process_provider(self._session, profile_name) if isinstance(one, AioProcessProvider) else one
            for one in self._builder.providers(profile_name, **options)
        ]


def _process_provider(session: Any, profile: str) -> Any:
    return AioProcessProvider(profile_name=profile, load_config=lambda: session.full_config, popen=_Helper.begin)


class _Helper:
    """A helper process, as asyncio has processes, but read in a thread.

    Asyncio in debug mode tells what its callbacks are given and what its tasks return: here, the first bytes of keys.
    """

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process
        self._is_given_up = False
        self._read: tuple[bytes, bytes] = (b"", b"")

    @classmethod
    async def begin(cls, *command: str, **options: Any) -> "_Helper":
        """Begin a process."""
        process: Any = subprocess.Popen(command, **options)  # noqa: S603, ASYNC220  # as configured; asyncio does no less
        return cls(process)

    @property
    def returncode(self) -> int | None:
        """The exit status, None before that."""
        return self._process.returncode

    async def communicate(self) -> tuple[bytes, bytes]:
        """Return what it has written, when it has ended; who gives up ends it."""
        loop, done = asyncio.get_running_loop(), asyncio.Event()
        threading.Thread(target=self._communicate, args=(loop, done.set), daemon=True).start()
        try:
            await done.wait()
        except asyncio.CancelledError:
            self._is_given_up = True
            self._process.kill()
            raise
        return self._read

    def _communicate(self, loop: asyncio.AbstractEventLoop, done: Callable[[], None]) -> None:
        with self._process:  # its pipes are closed, and it is waited for
            # A child of its own may hold its pipes for as long as it likes, though the process itself is killed.
            while not self._is_given_up:
                with suppress(subprocess.TimeoutExpired):
                    self._read = self._process.communicate(timeout=_GIVEN_UP)
                    break
        with suppress(RuntimeError):  # nobody waits any more
            loop.call_soon_threadsafe(done)
