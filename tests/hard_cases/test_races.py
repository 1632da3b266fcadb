"""Case 9: two people move one deal at once."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from domain.errors import Conflict, Malformed
from domain.opportunity.progress import ChangeStage
from domain.opportunity.terms import ChangeOwner
from domain.recorded import Request
from infra.application.dispatch import Receipt
from tests.desk import Desk, deal, eur
from tests.hard_cases import A, money


@pytest.mark.parametrize("cached", [False, True])
def test_case_9_of_two_who_move_one_deal_at_once_one_wins_and_the_other_learns_what_changed(desk: Desk, cached: bool):
    desk.tell(A, deal(eur("100")), "01-10")
    both, barrier = {"ann": ChangeStage("demo"), "bob": ChangeStage("offer")}, Barrier(2)

    def move(who: str) -> Receipt | Conflict:
        mine = desk.another()
        mine.histories.cached = cached
        mine.histories.load([A])
        request = Request(stream=A, command=both[who], actor=who, expected_version=1)
        barrier.wait()
        try:
            return mine.execute(request)
        except Conflict as conflict:
            return conflict

    with ThreadPoolExecutor(2) as pool:
        outcomes = dict(zip(both, pool.map(move, both), strict=True))
    [(winner, receipt)] = [(who, found) for who, found in outcomes.items() if isinstance(found, Receipt)]
    [(_, conflict)] = [(who, found) for who, found in outcomes.items() if isinstance(found, Conflict)]
    assert receipt.facts == ((A, 2),)
    assert (conflict.stream, conflict.expected, conflict.actual) == (A, 1, 2)
    assert str(conflict) == (
        f"{A} is at version 2, the decision was made at version 1; stage-changed came first: read it again"
    )
    assert desk.board() == [(both[winner].to, "EUR", 1, money("100"))]
    assert desk.tags(A) == ["opportunity-opened", "stage-changed"]


def test_case_9_a_version_that_was_not_seen_is_refused_and_a_repeated_request_is_not(desk: Desk):
    opened = desk.tell(A, deal(eur("100")), "01-10", expected_version=0, command_id="c-1")
    assert desk.tell(A, deal(eur("100")), "01-10", expected_version=0, command_id="c-1").facts == opened.facts
    with pytest.raises(Conflict, match=f"^{A} is at version 1, the decision was made at version 0; opportunity-opened"):
        desk.tell(A, ChangeOwner("bob"), "01-11", expected_version=0)
    with pytest.raises(Conflict, match=f"^{A} is at version 1, the decision was made at version 7: read it again$"):
        desk.tell(A, ChangeOwner("bob"), "01-11", expected_version=7)
    with pytest.raises(Malformed, match="expected_version: -1 is no version"):
        desk.tell(A, ChangeOwner("bob"), "01-11", expected_version=-1)
    assert desk.tell(A, ChangeOwner("bob"), "01-11", expected_version=1).facts == ((A, 2),)
