"""From the exceptions of botocore and aiohttp to the error tree."""

import socket
from collections.abc import Generator
from contextlib import contextmanager
from json import JSONDecodeError
from typing import Final

import aiohttp
from botocore import exceptions as botocore

from jobruns_sdk.errors import (
    CredentialsError,
    InvalidRequestError,
    JobRunsError,
    TransportError,
)

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
    ValueError,
)
# Refused or timed out while connecting: the service has not seen a byte. Only the exception underneath tells:
# https://github.com/aio-libs/aiobotocore reports a connection that broke later as EndpointConnectionError too.
_NOT_SENT: Final = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, socket.gaierror)
_REDIRECTED: Final = (aiohttp.RedirectClientError, aiohttp.TooManyRedirects)
_ANY: Final = (
    botocore.BotoCoreError,
    botocore.ClientError,
    botocore.HTTPClientError,
    aiohttp.ClientError,
    OSError,
    ValueError,
)


@contextmanager
def translated(service: str, operation: str | None = None) -> Generator[None]:
    """Raise what botocore and aiohttp raise as errors of this package.

    The service's own error answers are read before: a ClientError here is that of a service that gives credentials.
    """
    try:
        yield
    except JobRunsError:
        raise
    except _ANY as error:
        raise _translation(error, service, operation) from error
    except RuntimeError as error:
        # This is how botocore says that credentials are expired as soon as they are refreshed.
        if "credentials" not in str(error):
            raise
        raise CredentialsError(str(error), service=service, operation=operation) from error


def _translation(error: Exception, service: str, operation: str | None) -> JobRunsError:
    cause = getattr(error, "kwargs", {}).get("error")
    text = str(error) or type(error).__name__
    if isinstance(error, botocore.ClientError):
        code = error.response.get("Error", {}).get("Code")
        return CredentialsError(text, code=code, service=service, operation=operation)
    if isinstance(error, JSONDecodeError):
        text = f"what should give credentials gave no JSON: {text}"
    if isinstance(error, (*_CREDENTIALS, JSONDecodeError)):
        return CredentialsError(text, service=service, operation=operation)
    if isinstance(error, botocore.SSLError):
        return TransportError(text, sent=False, retryable=False, service=service, operation=operation)
    if isinstance(error, _BAD_ARGUMENTS):
        return InvalidRequestError(text, service=service, operation=operation)
    if isinstance(cause, _REDIRECTED):
        return TransportError(
            f"the request was redirected: {cause}", retryable=False, service=service, operation=operation
        )
    sent = not isinstance(cause, _NOT_SENT)
    if sent and isinstance(error, botocore.EndpointConnectionError):
        text = f"the connection was lost: {cause}"
    return TransportError(text, sent=sent, service=service, operation=operation)
