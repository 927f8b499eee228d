"""The week's report runs as it stands."""

import os
import subprocess
import sys

import pytest

from tests.spark.kit import ROOT

pytest.importorskip("pyspark", reason="the extra engines is not installed")


def test_the_report_tells_of_each_account_region_and_service() -> None:
    own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    command = [sys.executable, str(ROOT / "examples" / "week_report.py")]
    done = subprocess.run(command, env=own, capture_output=True, text=True, check=False)  # noqa: S603  # ours
    assert done.returncode == 0, done.stderr[-3000:]
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in done.stdout.splitlines() if "|" in line]
    assert cells[0][:5] == ["account", "region", "service", "runs", "failed"]
    table = {tuple(row[:3]): row[3:] for row in cells[1:]}
    assert len(table) == 2 * 2 * 3
    for number, (account, region) in enumerate(
        (account, region) for account in ("prod", "dev") for region in ("eu-west-1", "us-east-1")
    ):
        for service in ("glue", "emr-serverless", "datazone"):
            runs, failed, percent, hours, message = table[account, region, service]
            assert int(failed) == 1 + number
            assert 41 <= int(runs) - int(failed) <= 42
            assert float(percent) > 90
            assert float(hours) > 3
            assert message == "disk 0 full"
