"""A lead and the deal that it became come in by themselves, in either order: which facts then say the same of both."""

from collections.abc import Sequence

from msgspec.structs import replace

from domain import Command
from domain.correction import CorrectFact
from domain.errors import Rejected
from domain.history import History
from domain.lead import ConvertLead
from domain.opportunity import Deleted, Lost, Merged, Open, OpenOpportunity, OpportunityOpened, Won
from domain.opportunity.terms import RenameOpportunity
from infra.privacy.vault import Vault

Existing = Open | Won | Lost | Merged | Deleted
OF_THE_DEAL = "said by the deal's own row"
OF_THE_LEAD = "said by the lead that became the deal"


def opened_by_a_lead(history: History) -> bool:
    """Whether the conversion of a lead opened the deal."""
    return bool(history.version and opening_of(history).lead)


def opening_of(history: History) -> OpportunityOpened:
    """How a deal that is there was opened, as it stands."""
    state: Existing = history.state  # pyright: ignore[reportAssignmentType]
    return state.deal.opened


def without_forgotten_name(history: History, command: Command, vault: Vault) -> Command | None:
    """What a command asks beside the name of a deal whose person was erased, for whom no words are kept; None: no more.

    Of any other deal the command as it is.
    """
    told = command.replacement if isinstance(command, CorrectFact) else command
    if not isinstance(told, RenameOpportunity | OpenOpportunity | OpportunityOpened) or not told.name:
        return command
    if not history.version or not vault.erased(history.decider.subject(history.stream, history.state, None)):
        return command
    if isinstance(told, RenameOpportunity):
        return None
    if isinstance(told, OpenOpportunity):
        return replace(told, name="")
    assert isinstance(command, CorrectFact)
    return replace(command, replacement=replace(told, name=""))


def completed_opening(history: History, said: OpenOpportunity) -> CorrectFact | None:
    """What makes the opening by a lead say what the deal's own row says; None where more happened to the deal since.

    Rejected where the row has it in another process.
    """
    first, opened = history.facts[0], opening_of(history)
    if any(fact.corrects != first.version for fact in history.facts[1:]):
        return None
    if said.process != opened.process:
        raise Rejected(f"the export has the deal in {said.process}, the lead that became it in {opened.process}")
    return CorrectFact(first.version, OF_THE_DEAL, filled(opened, said))


def filled(opened: OpportunityOpened, said: OpenOpportunity) -> OpportunityOpened:
    """An opening with what else is said of it; what is left empty stays, as does the lead."""
    texts = {
        name: getattr(said, name) or getattr(opened, name)
        for name in ("stage", "account", "owner", "product", "close_date", "name")
    }
    return replace(opened, amount=said.amount, source=opened.source or said.source, **texts)


def check_claim(converted: dict[str, str], lead: str, command: ConvertLead) -> None:
    """Raise Rejected where another lead of the export became the deal; `converted` are the leads so far, by deal."""
    if (other := converted.setdefault(command.opportunity, lead)) != lead:
        raise Rejected(f"convert-lead: another lead, {other}, became {command.opportunity}")


def conversion(
    history: History, lead: str, source: str, profile: Sequence[str], command: ConvertLead
) -> tuple[CorrectFact | None, ConvertLead]:
    """The conversion into a deal that is there already, and what makes that deal's opening name the lead.

    `source`, and `profile` with company and owner, are the lead's. Rejected where the deal came from another lead.
    """
    opened = opening_of(history)
    if opened.lead not in ("", lead):
        raise Rejected(f"convert-lead: another lead, {opened.lead}, became {command.opportunity}")
    company, owner = profile
    account = opened.account or command.account or company
    owner = opened.owner or command.owner or owner
    linked = replace(opened, lead=lead, source=source, account=account, owner=owner)
    converted = replace(
        command, process=opened.process, amount=opened.amount, account=account, owner=owner, product=opened.product,
        stage="", close_date=opened.close_date,
    )  # fmt: skip
    correction = CorrectFact(history.facts[0].version, OF_THE_LEAD, linked)
    return (None if linked == opened else correction), converted
