"""Which secrets botocore's own loggers print at DEBUG, measured with canaries."""

import asyncio
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Final

from tests.dangers.secrets.canaries import ACCESS_KEY, SECRET_KEY, TOKEN, WORD
from tests.dangers.secrets.results import results_of, sending
from tests.dangers.secrets.service import answering, canary_client
from tests.dangers.secrets.test_logs import Records

EXACT: Final = False  # it depends on botocore's version

_CANARIES: Final[Mapping[str, str]] = {
    "arguments of a Glue start": f"{WORD} of glue",
    "driver of an EMR Serverless start": f"s3://{WORD}/main.py",
    "properties among its configuration overrides": f"{WORD} of properties",
    "what an answer holds": f"{WORD} in ",
    "session token": TOKEN,
    "access key id": ACCESS_KEY,
    "secret access key": SECRET_KEY,
}


async def _everything() -> None:
    for call, given in sending():
        async with canary_client(answering) as (client, _):
            await results_of(client, call, given)


def _logged() -> list[tuple[str, str]]:
    handler, root = Records(), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        asyncio.run(_everything())
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    return handler.found


def render() -> str:
    """Return the table of canaries and the loggers that print them."""
    logged = _logged()
    rows: list[str] = []
    for what, canary in _CANARIES.items():
        names = sorted({f"`{name}`" for name, text in logged if canary in text})
        rows.append(f"| {what} | {', '.join(names) or 'none'} |")
    versions = ", ".join(f"{name} {version(name)}" for name in ("aiobotocore", "botocore", "aiohttp"))
    return "\n".join(
        (
            "| secret | loggers that print it at DEBUG |",
            "|---|---|",
            *rows,
            "",
            f"{len(list(sending()))} calls; {versions}; {datetime.now(UTC):%Y-%m-%d}.",
        )
    )
