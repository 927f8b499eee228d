"""The command beside a boto3 script and AWS's own command: a list of 20 runs, and the start alone.

    python -m tests.benchmarks.command_line [--rounds N] [--aws PATH]

Told are the processor's time and the time that passes, in one run. AWS's command is measured where one is named.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from functools import partial

from tests.benchmarks.measuring import alternately, compiled, processor_seconds
from tests.benchmarks.server import serving

BOTO3 = """
import boto3
client = boto3.client("glue", region_name="eu-west-1")
for run in client.get_job_runs(JobName="1", MaxResults=20)["JobRuns"]:
    print(run["JobRunState"], run["Id"], run["StartedOn"], run.get("ExecutionTime"), sep="\\t")
"""
# aiobotocore imports httpx where it is installed, as it is for our tests. A module that is None counts as missing.
PLAIN = "import sys; sys.modules |= dict.fromkeys(('httpx', 'httpx2')); "
JOBRUNS = [sys.executable, "-c", f"{PLAIN} from jobruns_sdk.cli.main import main; sys.exit(main())"]


def contest(aws: str | None) -> Mapping[str, Sequence[str]]:
    """Return the commands, by what the table calls them."""
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "jobruns --help": [*JOBRUNS, "--help"],
        "import aiobotocore.session": [sys.executable, "-c", f"{PLAIN} import aiobotocore.session"],
        "jobruns ls": [*JOBRUNS, "ls", "glue:1", "--region", "eu-west-1"],
        "a boto3 script": [sys.executable, "-c", BOTO3],
    }
    if aws is not None:
        listing = ["glue", "get-job-runs", "--job-name", "1", "--max-results", "20", "--region", "eu-west-1"]
        commands |= {"aws glue get-job-runs": [aws, *listing]}
    return commands


def _measured(command: Sequence[str]) -> tuple[float, float]:
    began = time.perf_counter()
    spent = processor_seconds(command)
    return spent, time.perf_counter() - began


def main() -> int:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.command_line", description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--aws", metavar="PATH", help="AWS's own command")
    options = parser.parse_args()
    with serving() as url, compiled():
        os.environ |= {
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": "benchmark",
            "AWS_SECRET_ACCESS_KEY": "benchmark",
            "AWS_PAGER": "",
        }
        commands = contest(options.aws)
        for command in commands.values():  # so that their bytecode is there
            processor_seconds(command)
        found = alternately({name: partial(_measured, one) for name, one in commands.items()}, options.rounds)
    for name, times in found.items():
        spent, passed = (statistics.median(column) * 1000 for column in zip(*times, strict=True))
        print(f"{name:<28} {spent:6.0f} ms of a processor {passed:6.0f} ms passed")  # noqa: T201  # a benchmark tells
    return 0


if __name__ == "__main__":
    sys.exit(main())
