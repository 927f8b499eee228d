"""The exceptions underneath our errors, made fit for a log: without secrets, what holds them, and control characters.

A log prints an error with its whole chain, and there botocore and aiohttp keep the request, its signature, and the
address of a proxy with its password.
"""

import base64
import os
import re
import sys
from collections.abc import Awaitable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from json import JSONDecodeError
from typing import Any, Final, TypeVar, cast
from urllib.parse import unquote
from urllib.request import getproxies

from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from jobruns_sdk.errors import JobRunsError, harmless, shorten

T = TypeVar("T")

HIDDEN: Final = "<hidden>"
_SHORTEST: Final = 4  # characters: what is shorter stands in texts by chance
_VARIABLES: Final = re.compile(r"AWS_(?:SECRET_ACCESS_KEY|S\w+_TOKEN|CONTAINER_AUTHORIZATION_TOKEN|BEARER_TOKEN\w*)")
_PATTERNS: Final = (
    # Before the last @ stands a password, which may hold any other sign, @ and / among them.
    re.compile(r"(//)[^\s\"']*(?=@)"),
    re.compile(r"(authorization[\"']?\s*[:=,]\s*b?[\"']?)[^\"'\r\n]+", re.IGNORECASE),
    re.compile(r"(x-amz-security-token[\"']?\s*[:=,]\s*b?[\"']?|credential=|signature=)[^\s,;&'\"]+", re.IGNORECASE),
    re.compile(r"((?:aws_?secret_?access_?key|aws_?(?:session|security)_?token)\W*)[^\s\"'\\,;}<]+", re.IGNORECASE),
    # As JSON, XML, Python and configuration files have them, and as texts quote these.
    re.compile(
        r"((?:secret_?(?:access_?)?key|(?:session|access|refresh|id|auth)_?token|(?<=[\"'<])token|password|client_?secret)"
        r"[\\\"'\s]*[:=>][\\\"'\s]*)[^\s\"'\\,;}<]+",
        re.IGNORECASE,
    ),
)
# They keep the whole text that could not be read, which may be what a credential process has printed.
_KEEP_TEXTS: Final = (JSONDecodeError, ResponseParserError, UnicodeError)


class UnderlyingError(Exception):
    """The words of an exception that cannot be shown as it is, after the name of its class."""


def without_secrets(text: str) -> str:
    """Return a string without passwords of addresses, signatures, keys and tokens."""
    for secret in sorted(known_secrets(), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    for pattern in _PATTERNS:
        text = pattern.sub(rf"\g<1>{HIDDEN}", text)
    return text


def known_secrets(proxies: Iterable[str] = ()) -> Iterator[str]:
    """Yield what this process was told, so that it is known wherever it stands.

    Args:
        proxies: Addresses of proxies besides those of the environment.
    """
    for name, value in os.environ.items():
        if _VARIABLES.fullmatch(name) and len(value) >= _SHORTEST:
            yield value
    for address in {*getproxies().values(), *filter(None, proxies)}:
        login, at, _ = address.rpartition("@")
        login = login.rpartition("//")[2]
        password = login.partition(":")[2]
        if at:
            yield base64.b64encode(unquote(login).encode(errors="replace")).decode()  # as it travels
            yield from {text for text in (password, unquote(password)) if len(text) >= _SHORTEST}


@contextmanager
def fit_to_show() -> Generator[None]:
    """Raise errors of this package, and all that they came of, without what a log must not show."""
    outer = sys.exception()  # what the caller is handling is the caller's own, and stays as it is
    try:
        yield
    except JobRunsError as error:
        _make_fit(error, outer)
        shorten(error)
        raise


def fitting(error: BaseException, outer: BaseException | None = None) -> BaseException:
    """Return an exception and what it came of, or others that show the same without secrets."""
    return _fit(error, outer, set())


async def fit_result(made: Awaitable[T]) -> T:
    """Return what is made, or raise what went wrong as it may be shown: asyncio's debug output shows how tasks end."""
    outer = sys.exception()
    failure: BaseException
    try:
        return await made
    except JobRunsError as error:
        _make_fit(error, outer)
        failure = error
    except Exception as error:  # noqa: BLE001  # raised below, where it has no context
        failure = fitting(error, outer)
    raise failure


def _make_fit(error: JobRunsError, outer: BaseException | None) -> None:
    if error.http_status is None:  # a service's own words were seen to where they were read
        error.message = without_secrets(error.message)
        error.args = (error.message,)
    under = _underneath(error, outer)
    cause = None if under is None else _fit(under, outer, {id(error)})
    error.__cause__ = cause
    error.__context__ = outer if cause is None else cause
    error.__suppress_context__ = cause is not None


def _underneath(error: BaseException, outer: BaseException | None) -> BaseException | None:
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return None if cause is outer else cause


def _fit(error: BaseException, outer: BaseException | None, seen: set[int]) -> BaseException:
    seen.add(id(error))
    under = _underneath(error, outer)
    below = None if under is None or id(under) in seen else _fit(under, outer, seen)
    if isinstance(error, JobRunsError) or (below is under and _is_fit(error)):
        return error
    shown = _stand_in(error)
    if below is None:
        shown.__context__ = outer
    else:
        shown.__cause__ = below
    return shown


def _is_fit(error: BaseException) -> bool:
    """True if all that shows of an exception is plain, no secret, and harmless to a terminal."""
    attributes = cast("Mapping[str, object]", getattr(error, "__dict__", {}))
    if isinstance(error, _KEEP_TEXTS) or (error.__suppress_context__ and error.__cause__ is None and error.__context__):
        return False
    texts = [str(error), repr(error), *map(repr, error.args), repr(dict(attributes))]
    return all(map(_is_plain, (*error.args, *attributes.values()))) and all(_shown(one) == one for one in texts)


def _is_plain(value: object) -> bool:
    match value:
        case dict():
            return all(map(_is_plain, cast("dict[str, object]", value).values()))
        case list() | tuple():
            return all(map(_is_plain, cast("list[object]", value)))
        case _:
            return value is None or isinstance(value, str | int | float | bool)


def words_of(error: BaseException) -> str:
    """Return the words of an exception that are its own: botocore's parsers add the whole answer to theirs."""
    text = str(error) or type(error).__name__
    return text.partition("\n")[0] if isinstance(error, ResponseParserError) else text


def _shown(text: str) -> str:
    return harmless(without_secrets(text))


def _stand_in(error: BaseException) -> BaseException:
    """Return an exception of the same class that holds its words only, or of ours where that cannot be made."""
    kind: Any = type(error)
    text = _shown(words_of(error))
    try:
        bare: BaseException = kind.__new__(kind, text)
        bare.args = (text,)
        if isinstance(error, ClientError):  # what was wrong
            vars(bare)["response"] = {"Error": {"Code": error.response.get("Error", {}).get("Code")}}
        if str(bare) == text and _shown(repr(bare)) == repr(bare):
            return bare
    except Exception:  # noqa: BLE001, S110  # classes of anybody's, which may need anything
        pass
    return UnderlyingError(f"{kind.__module__}.{kind.__qualname__}: {text}")
