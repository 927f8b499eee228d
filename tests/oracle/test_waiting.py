"""A short form of the oracle of waits, watches and stops; the long form is `python -m tests.oracle.waiting`."""

import random

import pytest

from tests.oracle.waiting import Examiner, Schedule
from tests.oracle.waiting_plans import Planner
from tests.oracle.waiting_programs import Pace, Stop, Wait, Watch
from tests.oracle.waiting_world import Life, Outage, Phase, Work, World

# Chosen among a thousand so that every kind of program, end, trouble and refusal that three schedules or more have is
# there, in as few requests as may be; and two in which waits woke each other for ever.
# fmt: off
SEEDS = (
    22, 136,
    345, 347, 368, 397, 405, 509, 512, 513, 515, 520, 533, 541, 542, 544, 546, 548, 551, 554,
    555, 563, 579, 585, 599, 609, 619, 635, 636, 648, 653, 659, 674, 685, 686, 690, 702, 704,
    709, 713, 725, 734, 740, 753, 755, 793, 810, 818, 837, 843, 848, 850, 855, 878, 888, 901,
)
# fmt: on
TEN_MINUTES = 600.0
MOST_ROUNDS = 20


@pytest.fixture(scope="module")
def examiner() -> Examiner:
    return Examiner()


def quiet_schedule(work: Work) -> Schedule:
    """Return a schedule of one job, in which nobody does anything yet and all goes well."""
    world = World(random.Random(1))
    return Schedule(1, world, Planner(world, grace=1800.0), [world.add_work(work)], horizon=3600.0)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_schedule_of_waits_watches_and_stops_keeps_every_promise(examiner: Examiner, seed: int) -> None:
    _, complaints = examiner.examine(seed)
    assert complaints == []


def test_thirty_waits_of_one_job_look_no_oftener_than_a_few(examiner: Examiner) -> None:
    schedule = quiet_schedule(Work("glue", "etl"))
    work = schedule.works[0]
    for number in range(30):
        phases = [Phase(-100.0 - number, "RUNNING", 0), Phase(4000.0, "SUCCEEDED", 0)]
        life = schedule.world.add(Life(work, f"jr_{number:04}", phases))
        schedule.records.append(Wait(0.0, Pace(), None, life=life))
    _, complaints = examiner.judge(schedule)
    rounds = [heard for heard in schedule.world.heard if heard.at < TEN_MINUTES and heard.operation == "GetJobRuns"]
    assert complaints == []
    # The due times belong to the job: thirty waits look as often as one, whose intervals grow from 10 s to a minute.
    assert len(rounds) <= MOST_ROUNDS
    assert len([heard for heard in schedule.world.heard if heard.operation == "GetJob"]) <= 1


@pytest.mark.parametrize("readable", [True, False])
def test_a_stop_in_the_pause_before_a_retry_stops_the_retry(examiner: Examiner, *, readable: bool) -> None:
    schedule = quiet_schedule(Work("glue", "etl", max_retries=1, readable=readable))
    phases = [
        Phase(-900.0, "RUNNING", 0),
        Phase(-20.0, "FAILED", 0),
        Phase(60.0, "STARTING", 1),
        Phase(90.0, "RUNNING", 1),
        Phase(9000.0, "SUCCEEDED", 1),
    ]
    life = schedule.world.add(Life(schedule.works[0], "jr_0001", phases))
    schedule.records.append(Stop(0.0, Pace(), of=[life]))
    _, complaints = examiner.judge(schedule)
    assert complaints == []
    assert life.end.state == "STOPPED"


def test_a_run_that_ends_before_its_job_can_be_read_is_told_of_once(examiner: Examiner) -> None:
    schedule = quiet_schedule(Work("emr-serverless", "00fapp0001"))
    work = schedule.works[0]
    schedule.world.outages.append(Outage(0.0, 120.0, "500", operations=frozenset({"ListJobRuns"})))
    life = schedule.world.add(Life(work, "00f0000000000001", [Phase(-100.0, "RUNNING", 1), Phase(30.0, "SUCCESS", 1)]))
    watch = Watch(0.0, Pace(), 3600.0, runs=[life], jobs=[work])
    schedule.records.append(watch)
    _, complaints = examiner.judge(schedule)
    assert complaints == []
    assert [change.run.native_state for _, change in watch.changes] == ["RUNNING", "SUCCESS"]
