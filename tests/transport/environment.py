"""AWS's environment variables and files, out of the tests' way."""

import os
from pathlib import Path
from typing import Final

import botocore
import pytest

_END: Final = "-----END CERTIFICATE-----\n"


@pytest.fixture(scope="session")
def one_authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with a single authority: to load all of them takes 50 ms for each client, ten times a test."""
    bundle = (Path(botocore.__file__).parent / "cacert.pem").read_text(encoding="utf-8")
    path = tmp_path_factory.mktemp("authorities") / "one.pem"
    path.write_text(bundle.partition(_END)[0] + _END, encoding="utf-8")
    return path


@pytest.fixture(autouse=True)
def no_aws_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, one_authority: Path) -> Path:
    """Hide what this machine tells AWS clients; return the path of the config file that a test may write instead."""
    for name in [name for name in os.environ if name.startswith("AWS_") or name.upper().endswith("_PROXY")]:
        monkeypatch.delenv(name)
    config = tmp_path / "aws-config"
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "aws-credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CA_BUNDLE", str(one_authority))
    return config
