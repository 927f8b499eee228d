"""What the tests of Spark share: sessions, readers, and the rows that the SDK itself yields."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib.util import find_spec
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from jobruns_sdk import JobRunsClient
from jobruns_sdk.testing import LocalService
from tests.fanout.kit import client_of, session_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

ROOT: Final = Path(__file__).parents[2]
SECRET: Final = "wJalrXUtnFEMI-canary"  # noqa: S105  # it opens nothing
"""The secret key of every account; it must not be seen anywhere."""
LOOPBACK: Final = {"SPARK_LOCAL_IP": "127.0.0.1", "SPARK_LOCAL_HOSTNAME": "localhost"}
"""Else Spark looks the machine's name up, which need not be known."""

Rows = list[dict[str, Any]]


def environment(folder: Path, tokens: str) -> dict[str, str]:
    """The environment of Spark's processes: its own credentials, those of two profiles, and where roles are assumed."""
    profiles = "".join(
        f"[{name}]\naws_access_key_id = {name}-key\naws_secret_access_key = {SECRET}\n" for name in ("prod", "dev")
    )
    (folder / "credentials").write_text(profiles, encoding="utf-8")
    (folder / "config").write_text("", encoding="utf-8")
    return {
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "credentials"),
        "AWS_CONFIG_FILE": str(folder / "config"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL_STS": tokens,
        "PYSPARK_PYTHON": sys.executable,
        **LOOPBACK,
        "PYTHONPATH": str(ROOT),
    }


def session(master: str, folder: Path, settings: Mapping[str, str] | None = None) -> "SparkSession":
    """Return a new Spark session, which finds the data source where the package is installed, or is told of it."""
    from pyspark.sql import SparkSession  # noqa: PLC0415  # it need not be installed

    from jobruns_sdk.spark import JobRunsDataSource  # noqa: PLC0415

    builder = SparkSession.builder.master(master)
    for name, value in {
        "spark.ui.enabled": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.log.level": "ERROR",
        **(settings or {}),
    }.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    if find_spec("pyspark_jobruns") is None:  # PySpark 4.0 refuses to be told of what it has found
        spark.dataSource.register(JobRunsDataSource)
    return spark


def program(kind: str, folder: Path, options: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    """Start a program of `tests.spark.programs`, with its processes in a group of their own."""
    modules = folder / "modules"
    modules.mkdir(exist_ok=True)
    # As an installation has it, at the top level.
    shutil.copy(ROOT / "jobruns_sdk" / "spark" / "pyspark_jobruns.py", modules)
    own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    own |= environment(folder, "http://127.0.0.1:9")
    own["PYTHONPATH"] = f"{ROOT}{os.pathsep}{modules}"
    command = [sys.executable, "-m", "tests.spark.programs", kind, str(folder), json.dumps(options)]
    with (folder / f"{kind}.log").open("ab") as log:
        return subprocess.Popen(command, env=own, cwd=folder, stdout=log, stderr=log, start_new_session=True)  # noqa: S603


def read(spark: "SparkSession", local: LocalService, jobs: Iterable[str], **options: object) -> "DataFrame":
    """Return what the data source reads of a local service."""
    given = {"endpoint": local.url, "jobs": " ".join(jobs), **options}
    return spark.read.format("jobruns").options(**given).load()


def rows(frame: "DataFrame") -> Rows:
    """Return the rows of a frame in an order of their own."""
    return in_order(frame.toArrow().to_pylist())


def in_order(found: Sequence[dict[str, Any]]) -> Rows:
    """Return rows in the order of their references."""
    return sorted(found, key=itemgetter("run_ref", "attempt"))


def client(local: LocalService) -> JobRunsClient:
    """Return a client with the accounts that Spark's processes have."""
    sessions = {name: session_of(f"{name}-key") for name in ("prod", "dev")}
    return client_of(local, sessions=sessions)


def throttle(local: LocalService, *, one_in: int, calls: int = 1000) -> None:
    """Let one in so many calls be throttled."""
    for last in range(one_in - 1, calls, one_in):
        local.fault("*", "throttle", after=last)
