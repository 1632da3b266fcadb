"""A fact that cannot be decoded or folded parks its stream for one projection, and nothing else."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import NotFound, Unavailable
from domain.money import Money
from domain.opportunity.closing import OpportunityWon
from domain.opportunity.progress import StageChanged
from domain.opportunity.terms import ChangeAmount
from domain.recorded import Fact, Request, Unreadable
from infra.application.dispatch import Dispatcher
from infra.privacy.vault import KeyFile, Vault
from infra.store import Log
from infra.store.codec import encode
from infra.store.log import Append
from infra.views import Views
from infra.views.workers import tables_at
from projections import PROJECTIONS
from projections.rows import opportunities
from projections.versions import END, Projection
from tests.projections.conftest import Over
from tests.projections.histories import histories
from tests.projections.test_moments import EXAMPLES
from tests.projections.test_views import draft, grow
from tests.thorough import thorough

ON, MOVED = StageChanged("a", "b", 1, "forward"), StageChanged("b", "c", 1, "forward")

WON = OpportunityWon(Money(Decimal(7), "EUR"), "")


class Fragile:
    """An `evolve` that fails on moves to one stage, until it is mended."""

    def __init__(self) -> None:
        self.stage = "c"

    def __call__(self, row: Any, fact: Fact) -> Any:
        if isinstance(fact.event, StageChanged) and fact.event.to == self.stage:
            raise ValueError(f"no fold for {self.stage}")
        return opportunities.evolve(row, fact)


def unreadable(log: Log, stream: str, version: int, tag: str = "stage-changed", body: bytes = b'{"to":[]}') -> None:
    """Append what no decoder reads."""
    log.append(Append([draft(stream, version, MOVED, 40)._replace(tag=tag, body=body)]))


@pytest.fixture
def fragile() -> Fragile:
    return Fragile()


@pytest.fixture
def views(log_url: str, log: Log, fragile: Fragile) -> Iterator[Views]:
    """Views whose opportunities cannot follow a move to c."""
    projections: tuple[Projection, ...] = (opportunities.PROJECTION._replace(evolve=fragile), *PROJECTIONS[1:])
    with Views(tables_at(log_url), log, projections) as opened:
        yield opened


def stages(views: Views) -> list[tuple[str, int]]:
    return [(row.stage, row.deals) for row in views.ask("board").records]


def test_a_fact_that_cannot_be_decoded_parks_its_stream_and_the_others_go_on(views: Views, log: Log):
    grow(log, 2)
    unreadable(log, "opportunity-0", 4)
    grow(log, 1, first=2)
    log.append(Append([draft("opportunity-0", 5, MOVED, 50), draft("opportunity-1", 4, ON, 50)]))
    assert views.catch_up(page=2, far=END) == log.head()
    (parked,) = views.parked()
    assert (parked.projection, parked.stream, parked.version, parked.tag) == (
        "opportunities", "opportunity-0", 4, "stage-changed",
    )  # fmt: skip
    assert "ValidationError" in parked.error or "DecodeError" in parked.error
    assert stages(views) == [("a", 1), ("b", 2)]  # the third deal went back before it went on
    kept, was = views.digest(), views.parked()
    views.rebuild(part=3)
    assert (views.digest(), views.parked()) == (kept, was)
    assert {each.projection: each.parked for each in views.kept() if each.parked} == {"opportunities": 1}


PARKS: dict[str, set[str]] = {
    "splits-changed": {"opportunities"},
    "not-yet-invented": set(),
    "activity-scheduled": {"follow_ups"},
    "stage-changed": {"opportunities"},
    "fact-corrected": {"follow_ups", "opportunities"},
}


@pytest.mark.parametrize(("tag", "parks"), PARKS.items(), ids=PARKS)
def test_only_a_fact_that_counts_parks_its_stream(views: Views, log: Log, tag: str, parks: set[str]):
    grow(log, 1)
    unreadable(log, "opportunity-0", 4, tag, b"\xff")
    log.append(Append([draft("opportunity-0", 5, ON, 50)]))
    views.catch_up(far=END)
    assert {each.projection for each in views.parked()} == parks
    assert stages(views) == ([("a", 1)] if "opportunities" in parks else [("b", 1)])


def test_the_deciding_side_refuses_what_it_cannot_read(log: Log, tmp_path: Any):
    grow(log, 1)
    unreadable(log, "opportunity-0", 4)
    for read in (lambda: log.facts(["opportunity-0"], 99), lambda: log.page(0, 99), lambda: list(log.scan(log.head()))):
        with pytest.raises(Unavailable, match=r"opportunity-0, version 4"):
            read()
    dispatcher = Dispatcher(log, Vault(KeyFile(tmp_path / "key", log.identity), log.keys))
    with pytest.raises(Unavailable, match=r"opportunity-0, version 4"):
        dispatcher.execute(Request(stream="opportunity-0", command=ChangeAmount(Money(Decimal(5), "EUR")), actor="ann"))
    (*_, last) = log.tolerant().facts(["opportunity-0"], 99)["opportunity-0"]
    assert isinstance(last.event, Unreadable)


def test_a_fold_that_fails_parks_the_stream_until_it_is_mended(views: Views, log: Log, fragile: Fragile):
    grow(log, 3)
    log.append(
        Append(
            [
                draft("opportunity-1", 4, MOVED, 40),
                draft("opportunity-1", 5, WON, 50),
            ]
        )
    )
    unreadable(log, "opportunity-2", 4)
    views.catch_up(far=END)
    assert next((each.stream, each.version, each.error[:10]) for each in views.parked()) == (
        "opportunity-1",
        4,
        "ValueError",
    )
    freed, still = views.retry()
    assert (freed, [each.stream for each in still]) == ([], ["opportunity-1", "opportunity-2"])
    assert views.check().equal
    fragile.stage = ""
    assert not views.check().equal  # what would be made now is more than what is kept
    freed, still = views.retry()
    assert ([each.stream for each in freed], [each.stream for each in still]) == (["opportunity-1"], ["opportunity-2"])
    assert views.check().equal
    log.append(Append([draft("opportunity-0", 4, MOVED, 60)]))
    views.catch_up()
    assert views.check().equal
    kept = views.digest()
    views.rebuild()
    assert views.digest() == kept
    with pytest.raises(NotFound, match="no projection has parked it"):
        views.retry("opportunity-1")


def test_a_stream_may_be_parked_by_its_very_first_fact(views: Views, log: Log):
    grow(log, 1)
    log.append(Append([draft("opportunity-9", 1, MOVED, 10)._replace(tag="opportunity-opened", body=encode("?"))]))
    log.append(Append([draft("opportunity-9", 2, MOVED, 10)]))
    views.catch_up(page=1, far=END)
    assert {(each.stream, each.version) for each in views.parked()} == {("opportunity-9", 1)}
    assert {each.projection for each in views.parked()} == {"follow_ups", "opportunities"}
    assert views.check().equal


@thorough(EXAMPLES)
@given(facts=histories(), broken=st.sets(st.integers(0, 20), max_size=3), page=st.integers(1, 9))
def test_poison_leaves_the_same_rows_page_by_page_and_rebuilt(
    over: Over, facts: list[Fact], broken: set[int], page: int
):
    poisoned = [fact._replace(event=Unreadable("?")) if place in broken else fact for place, fact in enumerate(facts)]
    views = over(poisoned)
    assert views.catch_up(page, far=END) == facts[-1].position
    kept, parked = views.digest(), views.parked()
    views.rebuild(part=5)
    assert (views.digest(), views.parked()) == (kept, parked)
    assert views.check().equal
    readable = over(facts)
    readable.catch_up(page, far=END)
    untouched = {fact.stream for fact in facts} - {each.stream for each in parked}
    assert untouched or parked
