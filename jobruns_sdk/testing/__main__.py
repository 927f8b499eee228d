"""Serve job runs on this machine, for any AWS client: `python -m jobruns_sdk.testing`."""

import argparse
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from types import FrameType

from jobruns_sdk.testing.local import LocalService


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m jobruns_sdk.testing", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="the port to listen on; a free one unless given")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (%(default)s)")
    parser.add_argument(
        "--allow-remote", action="store_true", help="permit an address that other machines can reach: there is no login"
    )
    parser.add_argument("--seed", choices=("demo", "none"), default="demo", help="what to begin with (%(default)s)")
    parser.add_argument("--speed", type=float, default=60.0, help="how fast time passes, 1 being real (%(default)s)")
    parser.add_argument(
        "--region",
        default="us-east-1",
        help="the region of the line that is printed (%(default)s); jobs are in every region",
    )
    parser.add_argument("--quotas", action="store_true", help="throttle as AWS's published quotas say")
    return parser


def _interrupt(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise KeyboardInterrupt


def _serve(local: LocalService, seed: str) -> None:
    if seed == "demo":
        local.add_demo()
    variables = " ".join(f"{name}={value}" for name, value in local.environment.items())
    sys.stdout.write(f"Serving EMR Serverless, DataZone and Glue job runs at {local.url}\nexport {variables}\n")
    sys.stdout.flush()
    threading.Event().wait()


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until interrupted; 0 afterwards, 2 where the options or the address cannot be used."""
    parser = _parser()
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        local = LocalService(
            start=datetime.now(UTC),
            speed=options.speed,
            quotas=options.quotas,
            host=options.host,
            port=options.port,
            allow_remote=options.allow_remote,
            region_name=options.region,
        )
        with local, suppress(KeyboardInterrupt):
            _serve(local, options.seed)
    except (ValueError, OSError) as error:
        parser.error(str(error))
    return 0


if __name__ == "__main__":
    sys.exit(main())
