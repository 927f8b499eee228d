"""The command as a process, and what it has done."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from jobruns_sdk.testing import LocalService

COMMAND = [sys.executable, "-m", "jobruns_sdk"]
WITHOUT_RICH = [
    sys.executable,
    "-c",
    "import sys; sys.modules['rich'] = None; from jobruns_sdk.cli.main import main; sys.exit(main())",
]


class Done(NamedTuple):
    """What a process has left."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


class Shell:
    """Runs the command against a local service, as a shell does."""

    def __init__(self, service: LocalService, folder: Path) -> None:
        self.service = service
        self.folder = folder

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a terminal in UTC that has no settings but those of the service."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "JOBRUNS_"))}
        for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
            kept.pop(name, None)
        own = {
            "AWS_CONFIG_FILE": str(self.folder / "config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(self.folder / "credentials"),
            "AWS_EC2_METADATA_DISABLED": "true",
            "PYTHONDONTWRITEBYTECODE": "",
            "TZ": "UTC",
            "LC_ALL": "C.UTF-8",
        }
        return {**kept, **own, **self.service.environment}

    def __call__(
        self,
        *words: str,
        given: str = "",
        env: Mapping[str, str | None] | None = None,
        command: list[str] = COMMAND,
    ) -> Done:
        """Run a command line to its end; None takes a variable away."""
        environment = {**self.environment, **(env or {})}
        done = subprocess.run(  # noqa: S603  # ours
            [*command, *words],
            input=given,
            env={name: value for name, value in environment.items() if value is not None},
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="surrogateescape",
            timeout=120,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)
