"""Durations are drawn as far as they are known, and what has not ended is told apart."""

from datetime import UTC, timedelta
from typing import Any

import pytest

from jobruns_sdk import InvalidRequestError, RunState
from jobruns_sdk.pictures import Picture, durations
from tests.pictures.kit import ANALYTICS, DAY, ETL, EVIL, HOUR, MINUTE, NOW, SVG, elements, run


def of(*runs: Any, **options: Any) -> Picture:  # noqa: ANN401  # as durations() takes them
    given: dict[str, Any] = {"now": NOW, "zone": UTC}
    return durations(runs, **given | options)


def points(picture: Picture) -> list[tuple[str, str, str]]:
    """Return shape, style and state of each point."""
    shapes = [each for name in ("circle", "path") for each in elements(picture.svg(), name) if each.get("data-run")]
    styles = [(shape.get("class") or " ").split() for shape in shapes]
    return [(shape.tag.removeprefix(SVG), style, state) for shape, (style, state) in zip(shapes, styles, strict=True)]


def test_a_point_for_each_run_with_its_duration() -> None:
    runs = [run(f"jr_{n}", NOW - n * HOUR, n * MINUTE, queued=3 * MINUTE) for n in range(1, 6)]
    picture = of(*runs)

    assert [(bar.run.run_id, bar.end - bar.begin) for bar in picture.rows()] == [
        (f"jr_{n}", n * MINUTE) for n in range(5, 0, -1)
    ]
    assert all(bar.end - bar.begin == run.duration for bar, run in zip(picture.rows(), reversed(runs), strict=True))
    assert points(picture) == [("circle", "bar", "SUCCEEDED")] * 5
    assert ">median 3m 00s</text>" in picture.svg()


def test_what_goes_on_is_hollow_and_counts_on_and_what_is_queued_is_counted() -> None:
    picture = of(
        run("jr_1", NOW - 2 * HOUR, None, RunState.RUNNING),
        run("jr_2", NOW - HOUR, None, RunState.QUEUED, started_at=None),
        run("jr_3", NOW - HOUR, None, RunState.UNKNOWN),
    )

    assert [(bar.is_open, bar.end - bar.begin) for bar in picture.rows()] == [(True, 2 * HOUR), (True, HOUR)]
    assert points(picture) == [("circle", "hollow", "RUNNING"), ("path", "mark", "UNKNOWN")]
    assert "1 not started" in picture.text()
    assert "none succeeded" in picture.text()


@pytest.mark.parametrize("state", [RunState.FAILED, RunState.STOPPED, RunState.TIMED_OUT, RunState.PARTIALLY_SUCCEEDED])
def test_what_did_not_succeed_has_a_mark_and_no_part_in_the_median(state: RunState) -> None:
    picture = of(run("jr_1", took=MINUTE), run("jr_2", took=HOUR, state=state))

    assert ("path", "mark", str(state)) in points(picture)
    assert ">median 1m 00s</text>" in picture.svg()
    assert picture.text(60).splitlines()[0].split()[1][0] in "▁▂▃▄▅▆▇█"
    assert picture.text(60).splitlines()[0].split()[1][1] not in "▁▂▃▄▅▆▇█"


def test_the_newest_of_each_job_are_drawn() -> None:
    runs = [run(f"{job.path[0]}-{n}", NOW - n * HOUR, MINUTE, job=job) for job in (ETL, ANALYTICS) for n in range(9)]

    assert [bar.run.run_id for bar in of(*runs, last=2).rows()] == [
        *("00f1spark00demo9-1", "00f1spark00demo9-0"),
        *("nightly-etl-1", "nightly-etl-0"),
    ]


def test_points_lie_in_their_panel() -> None:
    runs = [run(f"jr_{n}", NOW - n * DAY, timedelta(seconds=7**n)) for n in range(8)]
    svg = of(*runs).svg()

    middles = [(float(each.get("cx") or 0), float(each.get("cy") or 0)) for each in elements(svg, "circle")]
    assert len(middles) == 8
    assert all(78 <= x <= 940 and 44 <= y <= 136 for x, y in middles)


@pytest.mark.parametrize("width", [40, 100])
@pytest.mark.parametrize("ascii", [True, False])
def test_text_fits(width: int, ascii: bool) -> None:  # noqa: A002, FBT001  # as Picture.text() names it
    states = [state for state in RunState if state is not RunState.QUEUED]
    runs = [run(f"jr_{n}", NOW - n * HOUR, n * MINUTE, states[n % 9], job=[ETL, EVIL][n % 2]) for n in range(300)]
    text = of(*runs).text(width, ascii=ascii)

    assert max(map(len, text.splitlines())) <= width
    assert text.isascii() is ascii


def test_no_runs_at_all() -> None:
    assert ">No runs</text>" in of().svg()
    assert of().text() == "2026-11-30 18:20:00 UTC to 2026-11-30 19:20:00 UTC: 0 runs"


def test_a_run_that_took_no_time() -> None:
    picture = of(run("jr_1", took=timedelta(0)))

    assert ">0</text>" in picture.svg()
    assert "▁" in picture.text()


@pytest.mark.parametrize("last", [0, -1, True, 2.5])
def test_what_is_refused(last: Any) -> None:  # noqa: ANN401  # which is refused
    with pytest.raises(InvalidRequestError, match="last must be"):
        of(last=last)
