"""The translation of exceptions of botocore and aiohttp into the error tree."""

import socket
import ssl
from collections.abc import Generator
from contextlib import contextmanager
from json import JSONDecodeError
from typing import Final

import aiohttp
from botocore import exceptions as botocore

from jobruns_sdk.errors import AccessDeniedError, CredentialsError, InvalidRequestError, JobRunsError, TransportError
from jobruns_sdk.transport.error_answers import kind_from_code
from jobruns_sdk.transport.operation import sending
from jobruns_sdk.transport.underlying import UnderlyingError, words_of

_CREDENTIALS: Final = (
    botocore.CredentialRetrievalError,
    botocore.InvalidConfigError,
    botocore.NoAuthTokenError,
    botocore.NoCredentialsError,
    botocore.PartialCredentialsError,
    botocore.ProfileNotFound,
    botocore.RefreshWithMFAUnsupportedError,
    botocore.SSOError,
    botocore.TokenRetrievalError,
    botocore.UnauthorizedSSOTokenError,
)
_BAD_ARGUMENTS: Final = (
    botocore.EndpointProviderError,
    botocore.InvalidRegionError,
    botocore.NoRegionError,
    botocore.ParamValidationError,
    botocore.UnknownEndpointError,
    botocore.UnknownServiceError,
    UnderlyingError,
    ValueError,
)
_NO_SERVICES: Final = "services configuration does not exist"
# Refused or timed out while connecting: the service has not seen a byte. Our own HTTP session tells when it has a
# connection. Of others only the exception underneath tells: aiobotocore reports a connection that broke later as
# EndpointConnectionError, too. A proxy's refusal of a tunnel is such a case.
_NOT_SENT: Final = (
    aiohttp.ClientConnectorError,
    aiohttp.ClientHttpProxyError,
    aiohttp.ConnectionTimeoutError,
    socket.gaierror,
)
_HTTPX: Final = ("httpx", "httpx2")
_CONNECTING: Final = ("ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError", "UnsupportedProtocol")
# aiobotocore reads certificates when the first request is about to be sent.
_UNREADABLE: Final = (FileNotFoundError, IsADirectoryError, PermissionError, ssl.SSLError)
_REDIRECTED: Final = (aiohttp.RedirectClientError, aiohttp.TooManyRedirects)
# What a person has to see to: a code of a device, a log-in in a browser.
_OF_PERSONS: Final = (
    EOFError,
    botocore.RefreshWithMFAUnsupportedError,
    botocore.SSOError,
    botocore.TokenRetrievalError,
)
_WHERE_TO_LOOK: Final = (
    "set AWS_PROFILE, or AWS_ACCESS_KEY_ID with its secret key; run `aws configure` or `aws sso login`; "
    "or pass session="
)
_REFUSALS: Final = (AccessDeniedError, CredentialsError, InvalidRequestError)
# What asking somebody for credentials ends with, and nothing else that happens while a client is made.
_OF_OTHERS: Final = (
    JSONDecodeError,
    botocore.ConnectionError,
    botocore.HTTPClientError,
    botocore.MetadataRetrievalError,
)
_ANY: Final = (
    botocore.BotoCoreError,
    botocore.HTTPClientError,
    aiohttp.ClientError,
    OSError,
    UnderlyingError,
    ValueError,
)


@contextmanager
def translated(service: str, operation: str | None = None, *, sends: bool = True) -> Generator[None]:
    """Raise what botocore and aiohttp raise as errors of this package; the service's own answers are read before.

    Args:
        service: The service's name, kept in the error.
        operation: The AWS operation, kept in the error.
        sends: Whether a request may be sent meanwhile, whose outcome would be in doubt.
    """
    try:
        yield
    except JobRunsError as error:
        error.service, error.operation = error.service or service, error.operation or operation
        raise
    except _ANY as error:
        raise _translation(error, service, operation, sends=sends) from error


@contextmanager
def getting_credentials(*, but: tuple[type[Exception], ...] = (), retryable: bool = False) -> Generator[None]:
    """Raise as CredentialsError what goes wrong, which is often a failure of another service, or of other code.

    Args:
        but: What may go wrong besides, and is raised as it is.
        retryable: Whether the same may succeed when it is repeated, as far as it needs no person.
    """
    try:
        yield
    except CredentialsError:
        raise
    except Exception as error:
        if isinstance(error, but) and not isinstance(error, _OF_OTHERS):
            raise
        text = words_of(error)
        if isinstance(error, JSONDecodeError):
            text = f"what should give credentials gave no JSON: {text}"
        if isinstance(error, EOFError):
            text = "a code of an MFA device is asked for, and there is no terminal to type it in: hand over a session"
        code = error.response.get("Error", {}).get("Code") if isinstance(error, botocore.ClientError) else None
        is_final = isinstance(error, _OF_PERSONS) or kind_from_code(code or "", {}) in _REFUSALS
        raise CredentialsError(text, code=code, retryable=retryable and not is_final) from error


def _is_of_connecting(cause: object) -> bool:
    # aiobotocore's other HTTP session is httpx's, which need not be installed and tells of no connection that is made.
    kind = type(cause)
    return kind.__module__.partition(".")[0] in _HTTPX and kind.__name__ in _CONNECTING


def _translation(error: Exception, service: str, operation: str | None, *, sends: bool) -> JobRunsError:
    cause = getattr(error, "kwargs", {}).get("error")
    text = str(error) or type(error).__name__
    # botocore has one class for all that is wrong in a profile, which is mostly about credentials.
    if lacks_services := isinstance(error, botocore.InvalidConfigError) and _NO_SERVICES in text:
        text = f"{text} Add it to the configuration file as [services NAME], or take the line services = NAME away."
    if isinstance(error, _CREDENTIALS) and not lacks_services:
        # None found: who would give them may not have answered, which botocore does not tell apart.
        if isinstance(error, botocore.NoCredentialsError):
            text = f"{text}: {_WHERE_TO_LOOK}"
        return CredentialsError(
            text, retryable=isinstance(error, botocore.NoCredentialsError), service=service, operation=operation
        )
    if isinstance(error, botocore.SSLError):
        return TransportError(text, sent=False, retryable=False, service=service, operation=operation)
    if lacks_services or isinstance(error, _BAD_ARGUMENTS) or (isinstance(error, botocore.BotoCoreError) and not sends):
        return InvalidRequestError(text, service=service, operation=operation)
    if isinstance(cause, _UNREADABLE):
        text = f"a file of certificates cannot be read ({cause}): see AWS_CA_BUNDLE and the configuration's ca_bundle"
        return TransportError(text, sent=False, retryable=False, service=service, operation=operation)
    if isinstance(cause, _REDIRECTED):
        return TransportError(
            f"the request was redirected: {cause}", retryable=False, service=service, operation=operation
        )
    call = sending()
    sent = sends and (call is None or call.written) and not (isinstance(cause, _NOT_SENT) or _is_of_connecting(cause))
    if isinstance(cause, aiohttp.ClientHttpProxyError):
        text = f"the proxy refused to connect: HTTP {cause.status} {cause.message}: {text}"
    if sent and isinstance(error, botocore.EndpointConnectionError):
        text = f"the connection was lost: {cause}"
    return TransportError(text, sent=sent, service=service, operation=operation)
