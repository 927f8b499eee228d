"""Signed requests go over plain http to this machine only, wherever the address comes from."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from jobruns_sdk import InvalidRequestError, JobRunsClient
from tests.dangers.input.calls import CALLS, SentError, silent_client

Way = Callable[[pytest.MonkeyPatch, Path, str], None]

ELSEWHERE: Final = (
    "http://example.com",
    "http://127.0.0.1.evil.com",
    "http://localhost.evil.com",
    "http://0.0.0.0:4566",
    "http://[::]:4566",
    "http://2130706433",
    "http://0x7f000001",
    "http://017700000001",
    "http://127.1",
    "http://localhost.",
    "http://[::ffff:10.0.0.1]",
    "http://[fe80::1%25lo]",
    "HTTP://EXAMPLE.COM",
    "hTTp://10.0.0.7:4566",
    "http://xn--lcalhost-i1a",
)
"""Addresses of other machines, or that somebody may take for others."""

NO_ADDRESS: Final = (
    "http://localhost@evil.com",
    "https://key:secret@example.com",
    "http://127.0.0.1\\@evil.com",
    "http://evil.com#@localhost",
    "http://evil.com?@localhost",
    "http://localhost\r\n.evil.com",
    "http://local\thost",
    " http://localhost",
    "http://localhost ",
    "http://loc\u0430lhost",
    "http://\uff4c\uff4fcalhost",
    "http://127\u30020.0.1",
    "https://example.com/?x=y",
    "file:///etc/passwd",
    "//localhost",
    "localhost:4566",
    "http:localhost",
    "http:///localhost",
    "http://localhost:99999",
    "http://localhost:x",
    "http://[::1",
)
HERE: Final = (
    "http://localhost:4566",
    "HTTP://LOCALHOST:4566",
    "http://127.0.0.1",
    "http://127.8.8.8:1/prefix",
    "http://[::1]:9",
    "http://[0:0:0:0:0:0:0:1]:9",
    "https://example.com",
    "HTTPS://example.com",
)


@pytest.mark.parametrize("url", ELSEWHERE)
def test_plain_http_to_another_machine_is_refused_unless_it_is_allowed(url: str) -> None:
    with pytest.raises(InvalidRequestError, match="allow_insecure_endpoint=True"):
        JobRunsClient(endpoint_url=url)

    JobRunsClient(endpoint_url=url, allow_insecure_endpoint=True)


@pytest.mark.parametrize("url", NO_ADDRESS)
@pytest.mark.parametrize("allow", [False, True])
def test_what_may_be_read_in_two_ways_is_no_address(url: str, allow: bool) -> None:  # noqa: FBT001  # a parameter of the test
    with pytest.raises(InvalidRequestError, match="endpoint_url must be an http or https address") as caught:
        JobRunsClient(endpoint_url=url, allow_insecure_endpoint=allow)

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", HERE)
def test_this_machine_and_https_are_allowed(url: str) -> None:
    JobRunsClient(endpoint_url=url)


def by_environment(monkeypatch: pytest.MonkeyPatch, _: Path, url: str) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)


def by_service_in_the_environment(monkeypatch: pytest.MonkeyPatch, _: Path, url: str) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_GLUE", url)


def by_file(_: pytest.MonkeyPatch, config: Path, url: str) -> None:
    config.write_text(f"[default]\nendpoint_url = {url}\n", encoding="utf-8")


def by_service_in_the_file(_: pytest.MonkeyPatch, config: Path, url: str) -> None:
    config.write_text(
        f"[default]\nservices = ours\n[services ours]\nglue =\n  endpoint_url = {url}\n", encoding="utf-8"
    )


WAYS: Final = (by_environment, by_service_in_the_environment, by_file, by_service_in_the_file)


@pytest.mark.parametrize("say", WAYS)
@pytest.mark.parametrize("url", ["http://example.com", "http://127.0.0.1.evil.com", "http://localhost@evil.com"])
async def test_an_address_from_elsewhere_is_held_to_the_same(
    monkeypatch: pytest.MonkeyPatch,
    no_aws_environment: Path,
    say: Callable[[pytest.MonkeyPatch, Path, str], None],
    url: str,
) -> None:
    say(monkeypatch, no_aws_environment, url)
    async with silent_client(max_attempts=1) as (client, session):
        for _ in range(2):
            with pytest.raises(InvalidRequestError, match="the endpoint of glue"):
                await CALLS["glue.run"](client)
        assert session.sent == 0

    if "@" not in url:
        async with silent_client(max_attempts=1, allow_insecure_endpoint=True) as (client, session):
            with pytest.raises(SentError):
                await CALLS["glue.run"](client)
            assert session.urls == [f"{url}/"]
