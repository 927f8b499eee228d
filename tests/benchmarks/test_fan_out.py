import re

import pytest

from tests.benchmarks import fan_out


@pytest.mark.benchmark
def test_it_compares_what_reads_the_same_runs(capsys: pytest.CaptureFixture[str]) -> None:
    fan_out.main(["--jobs", "3", "--runs", "1000", "--latency", "0", "--memory-jobs", "4", "--memory-runs", "300"])

    head, *rows, streamed, few, many = capsys.readouterr().out.splitlines()
    assert head.split()[:2] == ["runs", "calls"]
    figures = [re.split(r"\s{2,}", row)[1:] for row in rows]
    # A tenth of the runs of each job, in five pages or in the first one.
    assert [row[:2] for row in figures] == [["300", "15"], ["300", "3"], ["300", "3"], ["300", "3"]]
    assert re.fullmatch(r"4 jobs of 300 runs, any: peak \d+ MB; \d+ s; by tenths:( -?\d+){10}", streamed)
    assert few.startswith("1 jobs of 300 runs, newest: peak ")
    assert many.startswith("4 jobs of 300 runs, newest: peak ")
