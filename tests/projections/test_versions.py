"""The engine by itself: which rows one stream's facts make, and that the short way makes the same as the long one."""

from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from domain.recorded import Fact
from projections import PROJECTIONS
from projections.rows import opportunities
from projections.versions import END, available_order, cells, history_cells, in_order, relevant, versions
from tests.projections.histories import histories
from tests.projections.test_moments import EXAMPLES
from tests.projections.test_rows import BACK, FORWARD, OPENED, facts
from tests.thorough import thorough


def times(given: list[Fact]) -> list[tuple[int, ...]]:
    """(version, known_from, known_to, effective_from, effective_to) of every row."""
    return sorted(tuple(version[2:3] + version[4:8]) for version in versions(opportunities.PROJECTION, given))


def test_a_fact_in_order_closes_one_row_and_makes_two():
    assert times(facts((OPENED, FORWARD))) == [
        (1, 1, 2, 10, END),
        (1, 2, END, 10, 20),
        (2, 2, END, 20, END),
    ]


def test_a_late_fact_closes_what_it_makes_untrue_and_nothing_else():
    opened, forward, back = facts((OPENED, FORWARD, BACK))
    assert times([opened, forward, back._replace(occurred_at=15)]) == [
        (1, 1, 2, 10, END),
        (1, 2, 3, 10, 20),
        (1, 3, END, 10, 15),
        (2, 2, END, 20, END),  # in demo from 20 on, as was known before
        (3, 3, END, 15, 20),
    ]


def test_a_fact_before_the_opening_takes_effect_with_it():
    opened, forward = facts((OPENED, FORWARD))
    made = versions(opportunities.PROJECTION, [opened, forward._replace(occurred_at=5)])
    assert [(v.effective_from, v.row.visit_from) for v in made if v.version == 2] == [(10, 10)]


def test_a_correction_takes_the_place_of_what_it_corrects():
    opened, forward = facts((OPENED, FORWARD))
    taken_back = Fact(3, "stream-1", 3, "fact-corrected", 30, None, corrects=2)
    made = versions(opportunities.PROJECTION, [opened, forward, taken_back])
    (now,) = [v for v in made if v.known_to == v.effective_to == END]
    assert (now.row.stage, now.known_from, now.effective_from) == ("new", 3, 10)


def test_what_a_correction_stands_for_began_where_that_stands():
    opened, forward = facts((OPENED, FORWARD))
    anew = Fact(3, "stream-1", 3, "fact-corrected", 20, forward.event, corrects=2)
    (now,) = [v for v in versions(opportunities.PROJECTION, [opened, forward, anew]) if v.known_to == v.effective_to]
    assert (now.version, now.row.began) == (2, 2)


def test_a_correction_of_a_fact_that_does_not_count_changes_nothing():
    skipped = Fact(1, "stream-1", 1, "activity-completed", 10, None)
    correction = Fact(2, "stream-1", 2, "fact-corrected", 10, None, corrects=1)
    assert versions(opportunities.PROJECTION, relevant(opportunities.PROJECTION, [skipped, correction])) == []


def test_a_first_page_must_begin_with_the_beginning():
    opened, forward = facts((OPENED, FORWARD))
    assert in_order((), [opened, forward])
    assert not in_order((), [forward])


@thorough(5 * EXAMPLES)
@given(log=histories())
def test_the_short_way_makes_the_same_rows(log: list[Fact]):
    for projection in PROJECTIONS:
        for _, group in groupby(sorted(log, key=lambda fact: (fact.stream, fact.version)), lambda fact: fact.stream):
            if counted := relevant(projection, group):
                made = [cells(projection, version) for version in versions(projection, counted)]
                assert sorted(history_cells(projection, counted)) == sorted(made)


@thorough(5 * EXAMPLES)
@given(log=histories(), data=st.data())
def test_what_could_be_known_at_an_instant_is_what_the_facts_available_by_then_make(
    log: list[Fact], data: st.DataObject
):
    log = [fact._replace(available=data.draw(st.integers(0, 9))) for fact in log]
    for _, group in groupby(sorted(log, key=lambda fact: (fact.stream, fact.version)), lambda fact: fact.stream):
        if counted := relevant(opportunities.PROJECTION, group):
            made = versions(opportunities.PROJECTION, available_order(counted))
            for moment in range(10):
                seen = {row[1:4] + row[6:] for row in made if row.known_from <= moment < row.known_to}
                there = [fact for fact in counted if fact.available <= moment]
                whole = versions(opportunities.PROJECTION, there) if there else []
                assert seen == {row[1:4] + row[6:] for row in whole if row.known_to == END}
