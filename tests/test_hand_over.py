"""All that somebody works on is handed over at once: each by a fact of its own, or with the reason why not."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from domain.errors import Malformed, NotFound
from domain.lead import CaptureLead
from domain.lead.disposition import DisqualifyLead
from domain.money import Money
from domain.opportunity import OpenOpportunity
from domain.opportunity.closing import LoseOpportunity, WinOpportunity
from domain.opportunity.judgement import ChangeSplits, Share
from domain.opportunity.terms import ChangeAmount, ChangeOwner
from domain.recorded import Request
from domain.reference.process import STANDARD
from domain.reference.team import ChangeTeam
from infra.application.app import App, opened
from infra.application.hand_over import Envelope, Outcome, belongings, hand_over
from infra.settings import Settings

HALVES = (Share("ann", Decimal("0.5")), Share("eve", Decimal("0.5")))
ASKED = Envelope("mia", "ann leaves us")


def tell(app: App, stream: str, command: Any) -> None:
    app.execute(Request(stream=stream, command=command, actor="mia"))


def deal(amount: str, owner: str, process: str = "process-standard", **more: Any) -> OpenOpportunity:
    return OpenOpportunity(process, Money(Decimal(amount), "EUR"), owner=owner, **more)


@pytest.fixture
def app(log_url: str, tmp_path: Path) -> Iterator[App]:
    """Ann has two deals in one process, one in another, and a lead; two deals of hers are closed. Bob has one deal."""
    with opened(Settings(db=log_url, key_file=str(tmp_path / "key"))) as app:
        tell(app, "process-renewals", STANDARD)
        tell(app, "opportunity-1", deal("100", "ann", account="Acme", close_date=date(2030, 1, 1)))
        tell(app, "opportunity-2", deal("200.50", "ann"))
        tell(app, "opportunity-2", ChangeSplits(HALVES))
        tell(app, "opportunity-3", deal("300", "ann", "process-renewals"))
        for stream, command in (("opportunity-4", WinOpportunity()), ("opportunity-5", LoseOpportunity("price"))):
            tell(app, stream, deal("9", "ann"))
            tell(app, stream, command)
        tell(app, "opportunity-6", deal("400", "bob"))
        tell(app, "lead-1", CaptureLead("fair", "Globex", "ann", name="Jo Doe"))
        tell(app, "lead-2", CaptureLead("fair", owner="ann"))
        tell(app, "lead-2", DisqualifyLead("no-need"))
        yield app


def streams(app: App, *who: str) -> list[str]:
    return [row.stream for row in belongings(app, *who)]


def owner(app: App, stream: str) -> str:
    state: Any = app.dispatcher().history(stream).state
    return state.lead.profile.owner if stream.startswith("lead-") else state.deal.terms.owner


def test_what_somebody_works_on_are_the_open_deals_and_the_leads_in_work(app: App) -> None:
    lead, first, second, third = belongings(app, "bob", "ann")
    assert (lead.stream, lead.stage, lead.account, lead.amount) == ("lead-1", "new", "Globex", None)
    assert (first.stream, first.version, first.stage, first.account) == ("opportunity-1", 1, "discovery", "Acme")
    assert (second.stream, second.version, second.amount, second.shared) == (
        "opportunity-2",
        2,
        Decimal("200.50"),
        True,
    )
    assert third.stream == "opportunity-3"
    assert streams(app, "bob", "ann", "", "process-renewals") == ["opportunity-3"]


def test_a_team_is_handed_over_as_its_members_are_now(app: App) -> None:
    tell(app, "team-north", ChangeTeam("North", members=("ann", "bob")))
    assert streams(app, "bob", "", "team-north") == ["lead-1", "opportunity-1", "opportunity-2", "opportunity-3"]
    assert streams(app, "eve", "", "team-north")[-1] == "opportunity-6"
    assert streams(app, "eve", "bob", "team-north") == ["opportunity-6"]
    tell(app, "team-north", ChangeTeam("North", members=("bob",)))
    assert streams(app, "eve", "ann", "team-north") == []


def test_each_is_handed_over_by_a_fact_of_its_own(app: App) -> None:
    outcomes = [*hand_over(app, belongings(app, "bob", "ann"), "bob", ASKED)]
    assert outcomes == [
        Outcome("lead-1", True, 2), Outcome("opportunity-1", True, 2), Outcome("opportunity-2", True, 3),
        Outcome("opportunity-3", True, 2),
    ]  # fmt: skip
    assert [owner(app, each.stream) for each in outcomes] == ["bob"] * 4
    assert [owner(app, stream) for stream in ("opportunity-4", "opportunity-5", "lead-2")] == ["ann"] * 3
    [*_, last] = app.log.histories(["opportunity-1"])["opportunity-1"]
    assert (last.actor, app.vault.open_text("opportunity-1", "reason", last.reason)) == ("mia", "ann leaves us")
    assert belongings(app, "bob", "ann") == []


def test_one_that_moved_meanwhile_stays_and_the_others_go(app: App) -> None:
    looked_at = belongings(app, "bob", "ann")
    tell(app, "opportunity-1", ChangeOwner("eve"))
    tell(app, "opportunity-3", WinOpportunity())
    outcomes = {each.stream: each for each in hand_over(app, looked_at, "bob", ASKED)}
    assert {stream: each.ok for stream, each in outcomes.items()} == {
        "lead-1": True, "opportunity-1": False, "opportunity-2": True, "opportunity-3": False,
    }  # fmt: skip
    assert outcomes["opportunity-1"].error == "Conflict"
    assert "owner-changed came first" in outcomes["opportunity-1"].detail
    assert (owner(app, "opportunity-1"), owner(app, "opportunity-3")) == ("eve", "ann")


def test_asked_again_under_its_id_it_is_answered_as_before_and_doubles_nothing(app: App) -> None:
    looked_at, envelope = belongings(app, "bob", "ann"), ASKED._replace(command_id="leaving-ann")
    first = [*hand_over(app, looked_at, "bob", envelope)]
    tell(app, "opportunity-1", ChangeAmount(Money(Decimal(5), "EUR")))
    tell(app, "opportunity-2", ChangeOwner("ann"))
    head = app.log.head()
    assert [*hand_over(app, looked_at, "bob", envelope)] == first
    assert (app.log.head(), owner(app, "opportunity-2")) == (head, "ann")


@pytest.mark.parametrize(
    ("who", "refusal", "reason"),
    [
        (("bob", "ana"), NotFound, "owner: there is no 'ana'; there are ann, bob, eve"),
        (("bob", "ann", "team-x"), NotFound, "team: there is no 'team-x'; there are none yet"),
        (("bob", "ann", "", "standard"), NotFound, "pipeline: there is no 'standard'; there are process-standard"),
        (("ann", "ann"), Malformed, "to: they are ann's already"),
        ((" ", "ann"), Malformed, "to: say who gets them, the name is empty"),
        (("bob", ""), Malformed, "from: say whose deals are handed over, somebody's or a team's"),
    ],
    ids=["owner", "team", "process", "the same", "nobody", "of nobody"],
)
def test_what_cannot_be_handed_over_is_refused_with_the_reason(
    app: App, who: tuple[str, ...], refusal: type[Exception], reason: str
) -> None:
    with pytest.raises(refusal) as refused:
        belongings(app, *who)
    assert str(refused.value).startswith(reason)
