"""A sales process: its table, its versions, and how one finds a way through its stages."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from domain import BY_KIND, Context
from domain.errors import Malformed, Rejected
from domain.reference.process import (
    LONGEST,
    STANDARD,
    ProcessPublished,
    ProcessRetired,
    Published,
    PublishProcess,
    RenameStage,
    RetireProcess,
    RetireStage,
    Stage,
    StageRenamed,
    StageRetired,
    Version,
    published,
)
from tests.domain.pipelines import FIRST, RENEWALS, REVISED
from tests.domain.table import Refused, Row, check, fold, rows, tag, uncovered
from tests.offenders import every

PROCESS = BY_KIND["process"]
STREAM = "process-sales"

PUBLISHED = ProcessPublished(1, "Sales", FIRST.stages)
SECOND = ProcessPublished(2, "Sales", REVISED.stages)
RENAMED = StageRenamed(1, "need", "Interest")
DEMO_GONE = StageRetired(1, "demo", "offer")
STATES = {
    "absent": (),
    "published": (PUBLISHED,),
    "revised": (PUBLISHED, SECOND),
    "with a stage renamed": (PUBLISHED, RENAMED),
    "with a stage retired": (PUBLISHED, DEMO_GONE),
    "with two stages retired": (PUBLISHED, DEMO_GONE, StageRetired(1, "offer", "need")),
    "retired": (PUBLISHED, ProcessRetired()),
}
PUBLISH = PublishProcess("Sales", FIRST.stages)
REVISE = PublishProcess("Sales", REVISED.stages)
RENAME = RenameStage("need", "Interest")
RETIRE = RetireStage("demo", "offer")
NO_DEMO = Refused("the process has no stage 'demo'; its open stages are need, trial, offer")
GONE = "demo is retired in favour of offer; the open stages are need, offer"
ENDED = {
    tag(command): Refused(f"{tag(command)}: the process is retired; allowed: nothing")
    for command in (PUBLISH, RENAME, RETIRE)
}
ABSENT = {
    tag(command): Refused(f"{tag(command)}: the process is not published; allowed: publish-process")
    for command in (RENAME, RETIRE, RetireProcess())
}
TABLE = [
    Row("absent", PUBLISH, STATES["published"]),
    *(Row("absent", command, ABSENT[tag(command)]) for command in (RENAME, RETIRE, RetireProcess())),
    #
    Row("published", PUBLISH, (), "as it is"),
    Row("published", REVISE, (SECOND,), "other stages"),
    Row("published", PublishProcess("New business", FIRST.stages),
        (ProcessPublished(2, "New business", FIRST.stages),), "another name"),
    Row("published", RENAME, (RENAMED,)),
    Row("published", RenameStage("need", "Need"), (), "to its name"),
    Row("published", RenameStage("won", "Sold"), (StageRenamed(1, "won", "Sold"),), "a won stage"),
    Row("published", RenameStage("trial", "Trial"), Refused(
        "the process has no stage 'trial'; it has need, demo, offer, won, lost"), "a stage of no version"),
    Row("published", RETIRE, (DEMO_GONE,)),
    Row("published", RetireStage("demo", "demo"), Refused(
        "retire-stage: demo cannot be retired in favour of itself"), "in favour of itself"),
    Row("published", RetireStage("trial", "demo"), Refused(
        "the process has no stage 'trial'; its open stages are need, demo, offer"), "one that is not there"),
    Row("published", RetireStage("demo", "trial"), Refused(
        "the process has no stage 'trial'; its open stages are need, demo, offer"), "in favour of none"),
    Row("published", RetireStage("won", "demo"), Refused(
        "won is a won stage, entered by win-opportunity alone; the open stages are need, demo, offer"), "a won one"),
    Row("published", RetireStage("demo", "lost"), Refused(
        "lost is a lost stage, entered by lose-opportunity alone; the open stages are need, demo, offer"), "for lost"),
    Row("published", RetireProcess(), (ProcessRetired(),)),
    #
    Row("revised", REVISE, (), "as it is"),
    Row("revised", PUBLISH, (ProcessPublished(3, "Sales", FIRST.stages),), "as it was"),
    Row("revised", RENAME, (StageRenamed(2, "need", "Interest"),)),
    Row("revised", RenameStage("demo", "Show"), Refused(
        "the process has no stage 'demo'; it has need, trial, offer, won, lost, dropped"), "of the first version"),
    Row("revised", RETIRE, NO_DEMO, "of the first version"),
    Row("revised", RetireStage("trial", "offer"), (StageRetired(2, "trial", "offer"),)),
    Row("revised", RetireProcess(), (ProcessRetired(),)),
    #
    Row("with a stage renamed", REVISE, (SECOND,)),
    Row("with a stage renamed", RENAME, (), "to its name"),
    Row("with a stage renamed", RenameStage("need", "Need"), (StageRenamed(1, "need", "Need"),), "back"),
    Row("with a stage renamed", RetireStage("need", "demo"), (StageRetired(1, "need", "demo"),)),
    Row("with a stage renamed", RetireProcess(), (ProcessRetired(),)),
    #
    Row("with a stage retired", REVISE, (SECOND,)),
    Row("with a stage retired", RenameStage("demo", "Show"), (StageRenamed(1, "demo", "Show"),), "the retired one"),
    Row("with a stage retired", RETIRE, (), "again"),
    Row("with a stage retired", RetireStage("demo", "need"), Refused(GONE), "in favour of another"),
    Row("with a stage retired", RetireStage("need", "demo"), Refused(GONE), "in favour of the retired one"),
    Row("with a stage retired", RetireStage("offer", "need"), (StageRetired(1, "offer", "need"),), "another"),
    Row("with a stage retired", RetireProcess(), (ProcessRetired(),)),
    #
    Row("with two stages retired", REVISE, (SECOND,)),
    Row("with two stages retired", RENAME, (RENAMED,)),
    Row("with two stages retired", RetireStage("need", "offer"), Refused(
        "offer is retired in favour of need; the open stages are need"), "the last open one"),
    Row("with two stages retired", RetireProcess(), (ProcessRetired(),)),
    #
    *(Row("retired", command, ENDED[tag(command)]) for command in (PUBLISH, RENAME, RETIRE)),
    Row("retired", RetireProcess(), ()),
]  # fmt: skip


@every(("given", "when", "then"), rows(TABLE))
def test_a_command_leads_to_these_facts_or_is_refused_in_these_words(given, when, then):
    check(PROCESS, fold(PROCESS, STATES[given]), when, then, Context(STREAM))


def test_the_table_has_every_state_beside_every_command():
    assert uncovered(TABLE, STATES, PROCESS.commands) == set()


@every(
    ("given", "version", "possible"),
    [
        ("absent", 1, True), ("absent", 2, False), ("published", 1, False), ("published", 2, True),
        ("published", 3, False), ("revised", 2, False), ("revised", 3, True), ("with a stage retired", 2, True),
        ("retired", 2, False),
    ],
)  # fmt: skip
def test_versions_are_numbered_without_a_gap_until_the_process_is_retired(given, version, possible):
    event = ProcessPublished(version, "Sales", FIRST.stages)
    assert PROCESS.possible(fold(PROCESS, STATES[given]), event) == possible


@every("given", STATES)
@every("event", [RENAMED, DEMO_GONE, ProcessRetired()], ids=tag)
def test_a_process_could_have_been_changed_between_its_first_version_and_its_end(given, event):
    assert PROCESS.possible(fold(PROCESS, STATES[given]), event) == (given not in ("absent", "retired"))


def test_older_versions_stay_for_the_deals_that_follow_them():
    state = fold(PROCESS, STATES["revised"])
    assert state == Published("Sales", {1: FIRST.stages, 2: REVISED.stages})
    assert state.newest == 2


def test_facts_lead_to_these_states():
    found = {given: fold(PROCESS, facts) for given, facts in STATES.items()}
    first = Published("Sales", {1: FIRST.stages})
    assert found["absent"] is None
    assert found["with a stage renamed"] == replace(first, names={"need": "Interest"})
    assert found["with a stage retired"] == replace(first, retired={"demo": "offer"})
    assert found["with two stages retired"] == replace(first, retired={"demo": "offer", "offer": "need"})
    assert found["retired"] == replace(first, ended=True)


@every("event", [RENAMED, DEMO_GONE, ProcessRetired()], ids=tag)
def test_what_was_never_published_does_not_change(event):
    assert PROCESS.evolve(None, event) is None


def test_a_stage_that_is_published_again_is_in_use_again_under_its_new_name():
    revisions = (RENAMED, StageRenamed(1, "demo", "Show"), DEMO_GONE, StageRetired(1, "need", "offer"), SECOND)
    state = fold(PROCESS, (PUBLISHED, *revisions))
    assert (state.names, state.retired) == ({"demo": "Show"}, {"demo": "offer"})  # the second version has no demo
    assert [stage.id for stage in state.version(2).open_stages] == ["need", "trial", "offer"]


def test_a_retired_stage_is_entered_from_no_version_and_its_replacement_is_named():
    state = fold(PROCESS, (PUBLISHED, DEMO_GONE, SECOND))
    for version, allowed in ((1, "need, offer"), (2, "need, trial, offer")):
        found = state.version(version)
        assert ", ".join(stage.id for stage in found.open_stages) == allowed
    with pytest.raises(Rejected) as refusal:
        state.version(1).open_stage("demo")
    assert str(refusal.value) == GONE


def test_a_retired_stage_is_not_passed_over_and_deals_open_in_the_first_one_that_is_left():
    found = fold(PROCESS, (PUBLISHED, DEMO_GONE, StageRetired(1, "need", "offer"))).version(1)
    assert found.first.id == "offer"
    assert found.between("need", found.open_stage("offer")) == ()


def test_a_version_out_of_its_turn_changes_nothing():
    state = fold(PROCESS, STATES["revised"])
    assert {PROCESS.evolve(state, ProcessPublished(n, "Other", RENEWALS.stages)) == state for n in (1, 2, 4)} == {True}


# Finding a way through the stages


def test_deals_begin_in_the_first_open_stage_wherever_the_closed_ones_stand():
    assert (FIRST.first.id, RENEWALS.first.id) == ("need", "review")


@every(
    ("here", "to", "direction", "between"),
    [
        ("need", "demo", "forward", ()), ("need", "offer", "forward", ("demo",)), ("offer", "need", "back", ("demo",)),
        ("offer", "demo", "back", ()), ("trial", "offer", "forward", ()), ("demo", "demo", "back", ()),
    ],
)  # fmt: skip
def test_a_move_has_a_direction_and_passes_over_open_stages(here, to, direction, between):
    assert FIRST.direction(here, FIRST.open_stage(to)) == direction
    assert FIRST.between(here, FIRST.open_stage(to)) == between


@every(
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


@every("found", [{}, {STREAM: None}, {STREAM: FIRST}], ids=["not read", "no history", "another kind"])
def test_a_process_that_is_not_published_cannot_be_followed(found):
    with pytest.raises(Rejected, match=r"^process-sales is not published: publish it first \(publish-process\)$"):
        published(Context("opportunity-7", found), STREAM)


def test_the_process_that_ships_can_be_published():
    [event] = PROCESS.decide(None, STANDARD, Context("process-standard"))
    assert [stage.id for stage in PROCESS.evolve(None, event).versions[1]] == [
        "discovery", "proposal", "negotiation", "won", "lost",
    ]  # fmt: skip


# What is not even asked

NEED, DEMO, OFFER, WON, LOST = FIRST.stages


def first_stage(**news: object) -> tuple[Stage, ...]:
    return replace(NEED, **news), DEMO, OFFER, WON, LOST


def many(count: int) -> tuple[Stage, ...]:
    more = (replace(OFFER, id=f"s{number}", order=100 + number) for number in range(count - 5))
    return (*FIRST.stages, *more)


@every(
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


def test_a_stage_renamed_to_nothing_is_malformed():
    with pytest.raises(Malformed, match=r"^name: a stage needs a name$"):
        RenameStage("need", " ")


@every(
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


def test_a_named_qualifying_stage_makes_another_version_and_is_kept_by_version():
    command = replace(PUBLISH, qualifying_stage="demo")
    state = fold(PROCESS, (PUBLISHED,))
    [event] = PROCESS.decide(state, command, Context(STREAM))
    assert event == ProcessPublished(2, "Sales", FIRST.stages, "demo")
    again = fold(PROCESS, (PUBLISHED, event))
    assert again.qualifying == {2: "demo"}
    assert PROCESS.decide(again, command, Context(STREAM)) == ()
    assert len(PROCESS.decide(again, PUBLISH, Context(STREAM))) == 1


@every("stage", ["won", "lost", "nowhere"])
def test_only_an_open_stage_qualifies(stage):
    with pytest.raises(Malformed, match=f"qualifying_stage: '{stage}' is none of the open stages need, demo, offer"):
        PublishProcess("Sales", FIRST.stages, stage)


@every("character", ["\x1e", "\x1f", "\n", "\0"])
def test_no_id_of_a_stage_holds_a_control_character(character):
    with pytest.raises(Malformed, match="use lower-case letters"):
        PublishProcess("Sales", first_stage(id=f"need{character}"))


def test_two_processes_may_share_stages_and_differ_in_their_order():
    assert Version((NEED, DEMO)).direction("need", DEMO) == "forward"
    assert Version((replace(DEMO, order=5), NEED)).direction("need", replace(DEMO, order=5)) == "back"
