"""The clients that a service hands out: for it alone, whatever this machine says of AWS."""

from typing import Final

import pytest
from botocore.config import Config

from jobruns_sdk import InvalidRequestError
from jobruns_sdk.testing import LocalService

MACHINES: Final = [
    pytest.param("AWS_PROFILE", "nobody", id="a profile that there is not"),
    pytest.param("AWS_CONFIG_FILE", __file__, id="a configuration that is none"),
    pytest.param("AWS_SHARED_CREDENTIALS_FILE", __file__, id="credentials that are none"),
    pytest.param("HTTP_PROXY", "http://127.0.0.1:1", id="a proxy"),
]


@pytest.mark.parametrize("config", [None, Config(read_timeout=7)], ids=["no config", "a config"])
@pytest.mark.parametrize(("name", "value"), MACHINES)
async def test_nothing_of_this_machine_is_heeded(
    local: LocalService, monkeypatch: pytest.MonkeyPatch, name: str, value: str, config: Config | None
) -> None:
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv(name, value)
    async with local.client(config=config) as client:
        assert await client.jobs("glue").collect() == []


def test_a_config_that_is_none_is_refused_as_by_any_client(local: LocalService) -> None:
    with pytest.raises(InvalidRequestError, match="config must be"):
        local.client(config={"read_timeout": 7})
