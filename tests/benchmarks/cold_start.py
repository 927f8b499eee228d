"""A process that reads the first row of a Glue job, and tells what that took from its start, in processor time.

python -m tests.benchmarks.cold_start jobruns_sdk|aiobotocore|boto3 URL

Each as a program would be written: credentials from the environment, and nothing imported that it does not use.
"""

# ruff: noqa: PLC0415  # each program imports its own
import json
import os
import sys
import time
from typing import Any

REGION = "eu-west-1"


async def _ours(url: str) -> None:
    from jobruns_sdk import JobRunsClient

    async with JobRunsClient(region_name=REGION, endpoint_url=url) as client:
        async for run in client.glue("1").runs():
            assert run.id
            _tell()
            return


async def _aiobotocore(url: str) -> None:
    from aiobotocore.session import get_session

    session: Any = get_session()
    async with session.create_client("glue", region_name=REGION, endpoint_url=url) as client:
        pages = client.get_paginator("get_job_runs").paginate(JobName="1", PaginationConfig={"PageSize": 200})
        async for page in pages:
            assert page["JobRuns"][0]["Id"]
            _tell()
            return


def _boto3(url: str) -> None:
    import boto3

    maker: Any = boto3
    client = maker.client("glue", region_name=REGION, endpoint_url=url)
    for page in client.get_paginator("get_job_runs").paginate(JobName="1", PaginationConfig={"PageSize": 200}):
        assert page["JobRuns"][0]["Id"]
        _tell()
        return


def _tell() -> None:
    print(json.dumps(time.process_time()))  # noqa: T201  # tells whoever has started it


def main(who: str, url: str) -> None:
    """Read it."""
    os.environ |= dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "benchmark")
    # aiobotocore imports httpx where it is installed, as it is for our tests, and a terminal's colours with it. Python
    # takes a module that is None for one that is missing.
    modules: Any = sys.modules
    modules |= dict.fromkeys(("httpx", "httpx2"))
    if who == "boto3":
        _boto3(url)
        return
    import asyncio

    asyncio.run(_ours(url) if who == "jobruns_sdk" else _aiobotocore(url))


if __name__ == "__main__":
    main(*sys.argv[1:])
