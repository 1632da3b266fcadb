"""How a deal begins: in a stage of the newest version of a sales process."""

from datetime import date

from msgspec import Struct
from msgspec.structs import replace

from domain.codes import check_line
from domain.errors import Rejected
from domain.money import Money, checked
from domain.personal import Personal
from domain.reference.process import Published


class OpportunityOpened(Struct, frozen=True, tag="opportunity-opened"):
    """A deal began, in a stage of a version of a sales process (`process` is that stream)."""

    process: str
    process_version: int
    stage: str
    amount: Money
    account: str = ""
    owner: str = ""
    product: str = ""
    close_date: date | None = None
    lead: str = ""
    source: str = ""
    note: Personal = ""
    name: Personal = ""


class OpenOpportunity(Struct, frozen=True, tag="open-opportunity", forbid_unknown_fields=True):
    """Open a deal in a pipeline; in its first stage unless `stage` says otherwise."""

    process: str
    amount: Money
    stage: str = ""
    account: str = ""
    owner: str = ""
    product: str = ""
    close_date: date | None = None
    lead: str = ""
    source: str = ""
    note: Personal = ""
    name: Personal = ""

    def __post_init__(self) -> None:
        checked("amount", self.amount)
        check_line("name", self.name)


Event = OpportunityOpened
Command = OpenOpportunity


def opened(command: OpenOpportunity, process: Published) -> OpportunityOpened:
    """The opening in the newest version of the process, in the stage asked for or its first."""
    if process.ended:
        raise Rejected(f"open-opportunity: {command.process} is retired; open it in another process")
    version = process.version(process.newest)
    stage = version.open_stage(command.stage or version.first.id)
    return OpportunityOpened(
        command.process, process.newest, stage.id, command.amount, command.account, command.owner,
        command.product, command.close_date, command.lead, command.source, command.note, command.name,
    )  # fmt: skip


def is_same(opening: OpportunityOpened, command: OpenOpportunity) -> bool:
    """Whether the deal was opened just so; a source that is left out may have been its lead's."""
    if command.lead and not command.source:
        command = replace(command, source=opening.source)
    asked = {name: getattr(command, name) for name in command.__struct_fields__ if name != "stage"}
    had = {name: getattr(opening, name) for name in asked}
    return asked == had and command.stage in ("", opening.stage)
