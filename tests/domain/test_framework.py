"""A qualification framework: its table and its versions. What it does to a lead is in the lead's table."""

import pytest
from msgspec.structs import replace

from domain import BY_KIND, Context
from domain.errors import Malformed, Rejected
from domain.reference.framework import BANT, Criterion, FrameworkPublished, Published, PublishFramework, published
from tests.domain.table import Row, check, fold, rows
from tests.offenders import every

FRAMEWORK = BY_KIND["framework"]
STREAM = "framework-meddic"

PAIN = Criterion("identify-pain", "What hurts?", ("none", "latent", "acute"), ("acute",))
CHAMPION = Criterion("champion", "Who sells for us inside?", required=False)
BOTH = (PAIN, CHAMPION)

STATES = {
    "absent": (),
    "published": (FrameworkPublished(1, "MEDDIC", BOTH),),
    "revised": (FrameworkPublished(1, "MEDDIC", BOTH), FrameworkPublished(2, "MEDDIC", (PAIN,))),
}
TABLE = [
    Row("absent", PublishFramework("MEDDIC", BOTH), STATES["published"]),
    Row("published", PublishFramework("MEDDIC", BOTH), (), "as it is"),
    Row("published", PublishFramework("MEDDIC", (PAIN,)), (STATES["revised"][1],), "other criteria"),
    Row("published", PublishFramework("MEDDPICC", BOTH), (FrameworkPublished(2, "MEDDPICC", BOTH),), "another name"),
    Row("revised", PublishFramework("MEDDIC", (PAIN,)), (), "as it is"),
    Row("revised", PublishFramework("MEDDIC", BOTH), (FrameworkPublished(3, "MEDDIC", BOTH),), "as it was"),
]


@every(("given", "when", "then"), rows(TABLE))
def test_a_framework_is_published_as_its_next_version_and_never_refused(given, when, then):
    check(FRAMEWORK, fold(FRAMEWORK, STATES[given]), when, then, Context(STREAM))


@every(
    ("given", "version", "possible"),
    [
        ("absent", 1, True), ("absent", 2, False), ("published", 1, False), ("published", 2, True),
        ("revised", 2, False), ("revised", 3, True),
    ],
)  # fmt: skip
def test_versions_are_numbered_without_a_gap(given, version, possible):
    assert FRAMEWORK.possible(fold(FRAMEWORK, STATES[given]), FrameworkPublished(version, "MEDDIC", BOTH)) == possible


def test_only_the_newest_version_is_in_use():
    assert fold(FRAMEWORK, STATES["revised"]) == Published(2, "MEDDIC", (PAIN,))


def test_a_version_out_of_its_turn_changes_nothing():
    state = fold(FRAMEWORK, STATES["revised"])
    assert {FRAMEWORK.evolve(state, FrameworkPublished(n, "Other", BOTH)) == state for n in (1, 2, 4)} == {True}


def test_a_criterion_is_found_by_its_id():
    framework = Published(1, "MEDDIC", BOTH)
    assert (framework.criterion("champion"), framework.criterion("sponsor")) == (CHAMPION, None)


@every("found", [{}, {STREAM: None}, {STREAM: PAIN}], ids=["not read", "no history", "another kind"])
def test_a_framework_that_is_not_published_cannot_be_used(found):
    with pytest.raises(Rejected, match=r"^framework-meddic is not published: publish it first \(publish-framework\)$"):
        published(Context("lead-7", found), STREAM)


def test_the_framework_that_ships_asks_for_budget_and_need_at_least():
    assert [criterion.id for criterion in BANT.criteria] == ["budget", "authority", "need", "timeline"]
    assert [criterion.id for criterion in BANT.criteria if criterion.required] == ["budget", "need"]


@every(
    ("name", "criteria", "reason"),
    [
        (" ", BOTH, "name: a framework needs a name"),
        ("MEDDIC", (), "criteria: a framework needs at least one"),
        ("MEDDIC", (PAIN, PAIN), "criteria.id: two criteria share an id"),
        ("MEDDIC", (replace(PAIN, id=""),), "criteria[].id: must not be empty"),
        ("MEDDIC", (replace(CHAMPION, met=()),),
         "criteria[champion].met: [] is not a part of the answers ['yes', 'no']"),
        ("MEDDIC", (replace(CHAMPION, met=("yes", "maybe")),),
         "criteria[champion].met: ['yes', 'maybe'] is not a part of the answers ['yes', 'no']"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_framework_that_contradicts_itself_is_malformed(name, criteria, reason):
    with pytest.raises(Malformed) as refusal:
        PublishFramework(name, criteria)
    assert str(refusal.value) == reason
