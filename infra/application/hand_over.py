"""Hands over what somebody works on, deals and leads, to somebody else: each by a request of its own."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from domain import kind
from domain.errors import Malformed, NotFound, PipelineError
from domain.lead import New, Nurturing, Qualified, Working
from domain.lead.profile import AssignLead
from domain.opportunity import Open
from domain.opportunity.states import Deal
from domain.opportunity.terms import ChangeOwner
from domain.recorded import Request
from domain.reference.team import TeamChanged
from infra.application.histories import Histories

if TYPE_CHECKING:
    from infra.application.app import App
    from infra.application.receipts import Receipt

BATCH = 500  # requests decided and appended together


class Belonging(Struct, frozen=True):
    """A deal or a lead that is to be handed over, as it stands.

    version: of its stream. stage: a lead's status. account: a lead's company. amount: in units of the currency; a lead
    has none. shared: whether sellers share in the deal, which handing it over leaves as it is.
    """

    stream: str
    version: int
    owner: str
    stage: str
    account: str
    amount: Decimal | None = None
    currency: str = ""
    shared: bool = False


class Outcome(Struct, frozen=True):
    """What became of one: handed over by a fact, or why not."""

    stream: str
    ok: bool
    version: int = 0
    error: str = ""
    detail: str = ""


class Envelope(NamedTuple):
    """Who asks for it, and why. A `command_id` makes it repeatable: each request is named after it and its stream."""

    actor: str
    reason: str = ""
    on_behalf_of: str = ""
    command_id: str = ""
    correlation_id: str = ""


def belongings(app: "App", to: str, owner: str, team: str = "", process: str = "") -> list[Belonging]:
    """What an owner works on now, or all in a team, to be given to somebody; with a process its deals alone, no leads.

    Raises NotFound for an owner, a team or a process that there is not, Malformed where nobody is meant.
    """
    from infra.application.questions import check_values  # SQL expressions take their time to load
    from projections.query.belongings import belongings as chosen
    from projections.query.question import Question

    if not owner and not team:
        raise Malformed("from: say whose deals are handed over, somebody's or a team's")
    if not to.strip():
        raise Malformed("to: say who gets them, the name is empty")
    if to == owner:
        raise Malformed(f"to: they are {to}'s already")
    with app.views() as views:
        check_values(views, Question(owner=owner or None, team=team or None, pipeline=process or None))
        owners = [name for name in owners_of(app, owner, team) if name != to]
        with views.reading() as snapshot:
            streams = [str(stream) for (stream,) in snapshot.select(chosen(owners, process))] if owners else []
    histories = Histories(app.log, app.vault)
    histories.load(streams)
    rows = [belonging(stream, histories[stream].version, histories[stream].state) for stream in streams]
    return [row for row in rows if row and row.owner in owners]


def owners_of(app: "App", owner: str, team: str) -> list[str]:
    """Whose deals are meant: the owner's, or everybody's in the team; nobody's where the owner is not in it."""
    if not team:
        return [owner]
    histories = Histories(app.log, app.vault)
    state = histories[team].state if kind(team) == "team" else None
    if not isinstance(state, TeamChanged):
        raise NotFound(f"team: there is no {team}")
    return [name for name in state.members if owner in ("", name)]


def belonging(stream: str, version: int, state: object) -> Belonging | None:
    """A deal or a lead as it stands; None where nobody works on it any more."""
    if isinstance(state, Open):
        deal: Deal = state.deal
        terms, worth = deal.terms, deal.amount
        shared = bool(deal.judgement.shares)
        stage = deal.progress.stage
        return Belonging(stream, version, terms.owner, stage, terms.account, worth.amount, worth.currency, shared)
    if isinstance(state, New | Working | Nurturing | Qualified):
        profile, status = state.lead.profile, type(state).__name__.lower()
        return Belonging(stream, version, profile.owner, status, profile.company)
    return None


def hand_over(app: "App", rows: Sequence[Belonging], to: str, envelope: Envelope) -> Iterator[Outcome]:
    """Give each to somebody, and say what became of it; one that moved since it was looked at stays where it is."""
    for start in range(0, len(rows), BATCH):
        batch = rows[start : start + BATCH]
        outcomes = app.execute_all([request(row, to, envelope) for row in batch])
        yield from (outcome_of(row, outcome) for row, outcome in zip(batch, outcomes, strict=True))


def request(row: Belonging, to: str, envelope: Envelope) -> Request:
    """What is asked of one deal or lead, as it was looked at."""
    return Request(
        stream=row.stream,
        command=AssignLead(to) if kind(row.stream) == "lead" else ChangeOwner(to),
        actor=envelope.actor,
        reason=envelope.reason,
        on_behalf_of=envelope.on_behalf_of,
        command_id=f"{envelope.command_id}:{row.stream}" if envelope.command_id else "",
        correlation_id=envelope.correlation_id,
        expected_version=row.version,
    )


def outcome_of(row: Belonging, outcome: "Receipt | PipelineError") -> Outcome:
    """What became of one."""
    if isinstance(outcome, PipelineError):
        return Outcome(row.stream, False, error=type(outcome).__name__, detail=str(outcome))
    return Outcome(row.stream, True, max((version for _, version in outcome.facts), default=row.version))
