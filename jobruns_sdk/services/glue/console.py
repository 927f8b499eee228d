"""The pages of runs in the console."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from jobruns_sdk.model.refs import RunRef

_CONSOLES: Final[Mapping[str, str]] = {"cn-": "console.amazonaws.cn", "us-gov-": "console.amazonaws-us-gov.com"}


def console_url(run: RunRef) -> str:
    """Return the address of a Glue run in the console."""
    region = run.job.region or ""
    host = next((host for start, host in _CONSOLES.items() if region.startswith(start)), "console.aws.amazon.com")
    job, run_id = quote(run.job.path[0], safe=""), quote(run.run_id, safe="")
    return f"https://{host}/gluestudio/home?region={region}#/job/{job}/run/{run_id}"
