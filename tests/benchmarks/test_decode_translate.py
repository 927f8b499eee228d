import re

import pytest

from tests.benchmarks import decode_translate


def test_it_prints_a_ratio_for_each_page(capsys: pytest.CaptureFixture[str]) -> None:
    decode_translate.main(["--rounds", "1"])

    emr_serverless, glue = capsys.readouterr().out.splitlines()
    form = r"{} \(\d+ kB\): [\d.]+ ms here, [\d.]+ ms by botocore's parser: 1/[\d.]+"
    assert re.fullmatch(form.format("EMR Serverless, 50 runs"), emr_serverless)
    assert re.fullmatch(form.format("Glue, 200 runs with arguments"), glue)


@pytest.mark.parametrize("page", [decode_translate.emr_serverless_page(3), decode_translate.glue_page(3)])
def test_both_ways_read_the_same_runs(page: decode_translate.Page) -> None:
    ids = [row.get("id") or row["Id"] for row in page.parsed()[page.rows]]

    assert [run.id for run in page.runs()] == ids
    assert len(set(ids)) == 3
