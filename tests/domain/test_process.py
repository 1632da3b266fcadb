"""A sales process: its table, its versions, and how one finds a way through its stages."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from domain import BY_KIND, Context
from domain.errors import Malformed, Rejected
from domain.process import LONGEST, STANDARD, ProcessPublished, Published, PublishProcess, Stage, Version, published
from tests.domain.pipelines import FIRST, RENEWALS, REVISED
from tests.domain.table import Row, check, fold, rows

PROCESS = BY_KIND["process"]
STREAM = "process-sales"

STATES = {
    "absent": (),
    "published": (ProcessPublished(1, "Sales", FIRST.stages),),
    "revised": (ProcessPublished(1, "Sales", FIRST.stages), ProcessPublished(2, "Sales", REVISED.stages)),
}
TABLE = [
    Row("absent", PublishProcess("Sales", FIRST.stages), STATES["published"]),
    Row("published", PublishProcess("Sales", FIRST.stages), (), "as it is"),
    Row("published", PublishProcess("Sales", REVISED.stages), (STATES["revised"][1],), "other stages"),
    Row("published", PublishProcess("New business", FIRST.stages),
        (ProcessPublished(2, "New business", FIRST.stages),), "another name"),
    Row("revised", PublishProcess("Sales", REVISED.stages), (), "as it is"),
    Row("revised", PublishProcess("Sales", FIRST.stages), (ProcessPublished(3, "Sales", FIRST.stages),), "as it was"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "when", "then"), rows(TABLE))
def test_a_process_is_published_as_its_next_version_and_never_refused(given, when, then):
    check(PROCESS, fold(PROCESS, STATES[given]), when, then, Context(STREAM))


@pytest.mark.parametrize(
    ("given", "version", "possible"),
    [
        ("absent", 1, True), ("absent", 2, False), ("published", 1, False), ("published", 2, True),
        ("published", 3, False), ("revised", 2, False), ("revised", 3, True),
    ],
)  # fmt: skip
def test_versions_are_numbered_without_a_gap(given, version, possible):
    event = ProcessPublished(version, "Sales", FIRST.stages)
    assert PROCESS.possible(fold(PROCESS, STATES[given]), event) == possible


def test_older_versions_stay_for_the_deals_that_follow_them():
    state = fold(PROCESS, STATES["revised"])
    assert state == Published("Sales", {1: FIRST, 2: REVISED})
    assert state.newest == 2


def test_a_version_out_of_its_turn_changes_nothing():
    state = fold(PROCESS, STATES["revised"])
    assert {PROCESS.evolve(state, ProcessPublished(n, "Other", RENEWALS.stages)) == state for n in (1, 2, 4)} == {True}


# Finding a way through the stages


def test_deals_begin_in_the_first_open_stage_wherever_the_closed_ones_stand():
    assert (FIRST.first.id, RENEWALS.first.id) == ("need", "review")


@pytest.mark.parametrize(
    ("here", "to", "direction", "between"),
    [
        ("need", "demo", "forward", ()), ("need", "offer", "forward", ("demo",)), ("offer", "need", "back", ("demo",)),
        ("offer", "demo", "back", ()), ("trial", "offer", "forward", ()), ("demo", "demo", "back", ()),
    ],
)  # fmt: skip
def test_a_move_has_a_direction_and_passes_over_open_stages(here, to, direction, between):
    assert FIRST.direction(here, FIRST.open_stage(to)) == direction
    assert FIRST.between(here, FIRST.open_stage(to)) == between


@pytest.mark.parametrize(
    ("stage", "reason"),
    [
        ("trial", "the process has no stage 'trial'; its open stages are need, demo, offer"),
        ("", "the process has no stage ''; its open stages are need, demo, offer"),
        ("Need", "the process has no stage 'Need'; its open stages are need, demo, offer"),
        ("won", "won is a won stage, entered by win-opportunity alone; the open stages are need, demo, offer"),
        ("lost", "lost is a lost stage, entered by lose-opportunity alone; the open stages are need, demo, offer"),
    ],
)
def test_only_an_open_stage_of_the_process_can_be_entered(stage, reason):
    with pytest.raises(Rejected) as refusal:
        FIRST.open_stage(stage)
    assert str(refusal.value) == reason


@pytest.mark.parametrize("found", [{}, {STREAM: None}, {STREAM: FIRST}], ids=["not read", "no history", "another kind"])
def test_a_process_that_is_not_published_cannot_be_followed(found):
    with pytest.raises(Rejected, match=r"^process-sales is not published: publish it first \(publish-process\)$"):
        published(Context("opportunity-7", found), STREAM)


def test_the_process_that_ships_can_be_published():
    [event] = PROCESS.decide(None, STANDARD, Context("process-standard"))
    assert [stage.id for stage in PROCESS.evolve(None, event).versions[1].stages] == [
        "discovery", "proposal", "negotiation", "won", "lost",
    ]  # fmt: skip


# What is not even asked

NEED, DEMO, OFFER, WON, LOST = FIRST.stages


def first_stage(**news: object) -> tuple[Stage, ...]:
    return replace(NEED, **news), DEMO, OFFER, WON, LOST


def many(count: int) -> tuple[Stage, ...]:
    more = (replace(OFFER, id=f"s{number}", order=100 + number) for number in range(count - 5))
    return (*FIRST.stages, *more)


@pytest.mark.parametrize(
    ("stages", "reason"),
    [
        ((), "stages: 0 given; a process has from 3 (open, won, lost) to 60"),
        ((NEED, WON), "stages: 2 given; a process has from 3 (open, won, lost) to 60"),
        (many(LONGEST + 1), "stages: 61 given; a process has from 3 (open, won, lost) to 60"),
        ((DEMO, NEED, WON, LOST), "stages.order: must rise from stage to stage, got [20, 10, 40, 50]"),
        ((NEED, replace(DEMO, order=10), WON, LOST),
         "stages.order: must rise from stage to stage, got [10, 10, 40, 50]"),
        ((NEED, replace(DEMO, id="need"), WON, LOST), "stages.id: two stages share an id"),
        ((WON, LOST, replace(WON, id="won2", order=60)), "stages.kind: no stage of kind open"),
        ((NEED, DEMO, LOST), "stages.kind: no stage of kind won"),
        ((NEED, DEMO, OFFER), "stages.kind: no stage of kind lost, won"),
        (first_stage(id="Need"), "stages[Need].id: use lower-case letters, digits and hyphens, at most 64"),
        (first_stage(id=""), "stages[].id: use lower-case letters, digits and hyphens, at most 64"),
        (first_stage(id="n" * 65), f"stages[{'n' * 65}].id: use lower-case letters, digits and hyphens, at most 64"),
        (first_stage(probability=Decimal("1.01")), "stages[need].probability: 1.01 is not from 0 to 1"),
        (first_stage(probability=Decimal("-0.1")), "stages[need].probability: -0.1 is not from 0 to 1"),
        (first_stage(probability=Decimal("NaN")), "stages[need].probability: NaN is not from 0 to 1"),
        (first_stage(probability=Decimal("Infinity")), "stages[need].probability: Infinity is not from 0 to 1"),
        (first_stage(probability=Decimal("0.12345")),
         "stages[need].probability: 0.12345 is finer than a basis point (0.0001)"),
        ((NEED, replace(WON, probability=Decimal("0.9")), LOST),
         "stages[won].probability: a won stage has 1 and a lost stage 0, not 0.9"),
        ((NEED, WON, replace(LOST, probability=Decimal("0.1"))),
         "stages[lost].probability: a won stage has 1 and a lost stage 0, not 0.1"),
        (first_stage(stale_days=0), "stages[need].stale_days: 0 is not a number of days"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_process_that_contradicts_itself_is_malformed(stages, reason):
    with pytest.raises(Malformed) as refusal:
        PublishProcess("Sales", stages)
    assert str(refusal.value) == reason


def test_a_process_without_a_name_is_malformed():
    with pytest.raises(Malformed, match=r"^name: a process needs a name$"):
        PublishProcess(" ", FIRST.stages)


@pytest.mark.parametrize(
    "stages",
    [
        many(LONGEST), first_stage(id="n" * 64), first_stage(probability=Decimal(0)),
        first_stage(probability=Decimal(1)),
        first_stage(probability=Decimal("0.0001")), first_stage(probability=Decimal("0.50000000")),
        first_stage(stale_days=1),
    ],
)  # fmt: skip
def test_a_process_at_its_bounds_can_be_published(stages):
    assert PublishProcess("Sales", stages).stages == stages


def test_two_processes_may_share_stages_and_differ_in_their_order():
    assert Version((NEED, DEMO)).direction("need", DEMO) == "forward"
    assert Version((replace(DEMO, order=5), NEED)).direction("need", replace(DEMO, order=5)) == "back"
