"""The pictures and tables of the pages follow the code's own tables."""

import re
from collections.abc import Mapping
from typing import Final
from xml.etree import ElementTree as ET

import pytest

from docs import drawing, places, quotas, timeline
from docs.filters import JOBS, observed, table
from docs.lives import MACHINES, Step, steps
from jobruns_sdk import RunState
from jobruns_sdk.services.registry import QUOTAS
from jobruns_sdk.testing.world.lifecycle import EMR_SERVERLESS, GLUE, Machine
from tests.testing import test_state_machine as legal

SVG: Final = "{http://www.w3.org/2000/svg}"


def shown(picture: str) -> list[tuple[str | None, str | None]]:
    """The boxes of a picture: a state's name, and what it means."""
    boxes = ET.fromstring(picture).iter(f"{SVG}g")  # noqa: S314  # made here
    return [(box.get("data-native"), box.get("data-state")) for box in boxes]


def arrows(picture: str) -> set[tuple[str | None, str | None]]:
    found = ET.fromstring(picture).iter(f"{SVG}path")  # noqa: S314  # made here
    return {(arrow.get("data-from"), arrow.get("data-to")) for arrow in found if arrow.get("data-to")}


def drawn(machine: Machine) -> str:
    return drawing.state_machine(machine.service, drawing.STATES[machine.service], steps(machine))


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.service)
def test_a_service_is_drawn_with_all_its_states_and_steps(machine: Machine) -> None:
    picture = drawn(machine)
    assert sorted(shown(picture)) == sorted(
        (name, str(state)) for name, state in drawing.STATES[machine.service].items()
    )
    assert arrows(picture) == {(step.before, step.after) for step in steps(machine) if step.before}
    assert "<script" not in picture
    assert picture.count("http") == 1  # the name of the format


@pytest.mark.parametrize(
    ("machine", "edges", "more"),
    [(GLUE, legal.GLUE, {("RUNNING", "ERROR"), ("RUNNING", "EXPIRED")}), (EMR_SERVERLESS, legal.EMR, set[object]())],
    ids=["glue", "emr-serverless"],
)
def test_the_steps_are_those_that_the_local_service_is_held_to(
    machine: Machine, edges: Mapping[str, frozenset[str]], more: set[object]
) -> None:
    allowed = {(before, after) for before, afters in edges.items() for after in afters}
    found = {(step.before, step.after) for step in steps(machine) if step not in RETRIED}
    assert found == allowed | more


RETRIED: Final = {Step("FAILED", "STARTING", retry=True)}  # another run in Glue's list


def test_a_retry_is_another_attempt() -> None:
    assert {step for machine in MACHINES for step in steps(machine) if step.retry} == {
        Step("RUNNING", "PENDING", retry=True),
        *RETRIED,
    }


def test_a_picture_changes_with_its_table() -> None:
    known = drawing.STATES["glue"]
    changed = {**known, "ERROR": RunState.STOPPED, "PAUSED": RunState.QUEUED}
    taken = [*steps(GLUE), Step("RUNNING", "PAUSED")]

    picture = drawing.state_machine("Glue", changed, taken)

    assert ("PAUSED", "QUEUED") in shown(picture)
    assert ("ERROR", "STOPPED") in shown(picture)
    assert ("RUNNING", "PAUSED") in arrows(picture)
    assert ("PAUSED", "QUEUED") in shown(drawing.unification({**drawing.STATES, "glue": changed}))


def test_what_states_mean_is_drawn_for_all() -> None:
    boxes = shown(drawing.unification(drawing.STATES))
    expected = [(name, str(state)) for states in drawing.STATES.values() for name, state in states.items()]
    assert sorted(boxes, key=str) == sorted([*expected, *((str(state), str(state)) for state in RunState)], key=str)


async def test_the_table_of_filters_is_what_is_sent() -> None:
    found = await observed()
    here, early = "client-side", "client-side; reading stops early"
    assert found == {
        "one state": dict(zip(JOBS, ("server-side, `states`", "server-side, `status`", here), strict=True)),
        "several states": dict(zip(JOBS, ("server-side, `states`, one list per state", here, here), strict=True)),
        "`created_after=`": dict(
            zip(JOBS, ("server-side, `createdAtAfter`; made exact client-side", early, early), strict=True)
        ),
        "`created_before=`": dict(
            zip(JOBS, ("server-side, `createdAtBefore`; made exact client-side", here, here), strict=True)
        ),
        '`mode="BATCH"`': dict(zip(JOBS, ("server-side, `mode`", *["no such filter"] * 2), strict=True)),
        '`order="oldest"`': dict(zip(JOBS, ("rejected", "server-side, `sortOrder`", "rejected"), strict=True)),
        "`limit=`": dict.fromkeys(JOBS, early),
        "`page_size=`": dict(
            zip(
                JOBS,
                ("server-side, `maxResults`", "server-side, `maxResults`", "server-side, `MaxResults`"),
                strict=True,
            )
        ),
    }
    assert table(found).count("\n") == len(found) + 2


async def test_retries_are_drawn_as_they_were_lived() -> None:
    found = await timeline.lived()
    bars = list(ET.fromstring(timeline.picture(found)).iter(f"{SVG}rect"))  # noqa: S314  # made here
    failed, succeeded = "FAILED", "SUCCEEDED"

    assert [(bar.get("data-row"), bar.get("data-state")) for bar in bars if bar.get("data-row")] == [
        ("jr_0123", failed),
        ("jr_0123_attempt_1", failed),
        ("jr_0123_attempt_2", succeeded),
    ]
    assert [(bar.get("data-attempt"), bar.get("data-state")) for bar in bars if bar.get("data-attempt")] == [
        ("1", failed),
        ("2", failed),
        ("3", succeeded),
    ]
    assert (found.run.begin, found.run.end) == (found.rows[0].begin, found.rows[-1].end)


async def test_a_cursor_is_drawn_where_it_stood() -> None:
    found = await places.walked()
    boxes = ET.fromstring(places.picture(found)).iter(f"{SVG}rect")  # noqa: S314  # made here
    drawn = [box.get("data-run") for box in boxes if box.get("data-run")]

    assert found.pages == [4, 4, 2]
    assert drawn == ["taken"] * 6 + ["left"] * 4
    assert (len(found.taken), len(found.rest)) == (6, 4)
    assert not set(found.taken) & set(found.rest)


def test_quotas_are_shown_as_they_are_kept() -> None:
    quota = QUOTAS["emr-serverless", "ListJobRuns"]
    assert quotas.instants()[: quota.burst] == [0.0] * quota.burst
    assert quotas.instants()[quota.burst] == pytest.approx(1 / quota.rate)
    rows = re.findall(r"^\| ([\w-]+) \| (\w+) \| ([\d.]+) \| (\d+) \|$", quotas.table(), re.MULTILINE)
    assert {(service, name): (float(rate), int(burst)) for service, name, rate, burst in rows} == {
        names: (quota.rate, quota.burst) for names, quota in QUOTAS.items()
    }
