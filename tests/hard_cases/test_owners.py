"""Case 5: an owner leaves, and the team changes, in mid-quarter."""

from decimal import Decimal

import pytest

from domain.errors import Rejected
from domain.opportunity.closing import WinOpportunity
from domain.opportunity.terms import ChangeOwner
from domain.recorded import micros
from domain.reference.team import ChangeTeam
from tests.desk import Q1, Desk, deal, eur, on
from tests.hard_cases import A, B, C, money


def test_case_5_an_owner_leaves_in_mid_quarter_and_takes_along_only_what_was_closed(desk: Desk):
    desk.tell("team-north", ChangeTeam("North", "dora", ("ann", "bob")), "01-01")
    for stream, amount in ((A, "1000"), (B, "2000"), (C, "300")):
        desk.tell(stream, deal(eur(amount), owner="ann"), "01-10")
    desk.tell(C, WinOpportunity(), "01-20")
    before = desk.now()
    desk.tell("team-north", ChangeTeam("North", "dora", ("bob", "cleo")), "02-15")
    for stream in (A, B):
        desk.tell(stream, ChangeOwner("bob"), "02-15")
    with pytest.raises(Rejected, match="the opportunity is won"):
        desk.tell(C, ChangeOwner("bob"), "02-15")
    both = [("need", "EUR", 2, money("3000"))]
    assert (desk.board(owner="ann"), desk.board(owner="bob")) == ([], both)
    assert (desk.board("02-14", owner="ann"), desk.board("02-14", owner="bob")) == (both, [])
    assert (desk.board(owner="ann", known_at=before), desk.board(owner="bob", known_at=before)) == (both, [])
    north = {"by": ("team",)}
    assert desk.groups("board", "02-14", **north) == [("team-north", 2)]
    assert desk.groups("board", **north) == [("team-north", 2)]  # with bob, who was in it all along
    assert desk.board("02-14", team="team-north") == desk.board(team="team-north") == both
    # C stays with ann, who is in no team any more: what the team won is asked for as things stood
    assert desk.win_rate("02-14", team="team-north", **Q1) == [("EUR", 1, 0, money("300"), money("0"), 1.0)]
    assert desk.win_rate(team="team-north", **Q1) == []
    assert desk.win_rate(team="team-north", known_at=before, **Q1) == desk.win_rate("02-14", team="team-north", **Q1)
    assert desk.groups("win-rate", **north, **Q1) == [("", 1)]
    assert desk.weighted(team="team-north") == [("need", Decimal("300"))]
    assert [row.stage for row in desk.ask("time-in-stage", owner="ann")] == ["need"]  # C's, which was won
    assert desk.generated(owner="bob", **Q1) == [("need", "EUR", 2, money("3000"))]
    assert desk.win_rate(owner="ann", **Q1) == [("EUR", 1, 0, money("300"), money("0"), 1.0)]
    team = desk.history("team-north")
    assert team.state_at(micros(on("02-14"))).members == ("ann", "bob")
    assert team.state_at(micros(on("02-16"))).members == ("bob", "cleo")
    assert desk.history("team-north", before).state.members == ("ann", "bob")
