"""Changes as a mapping reads them: the rows of one deal or lead, in any order, become its story."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import date, datetime
from typing import NamedTuple

from domain import Command
from domain.errors import Malformed, PipelineError
from domain.lead import CaptureLead, ConvertLead
from domain.lead.disposition import DisqualifyLead, NurtureLead, ReopenLead
from domain.lead.profile import AssignLead, ContactLead, EnrichLead
from domain.lead.qualification import QualifyLead
from domain.money import Money
from domain.opportunity import OpenOpportunity
from domain.opportunity.closing import LoseOpportunity, ReopenOpportunity, WinOpportunity
from domain.opportunity.progress import ChangeStage
from domain.opportunity.terms import ChangeAccount, ChangeAmount, ChangeCloseDate, ChangeOwner, RenameOpportunity
from infra.importers.cells import code, coded, titled
from infra.importers.entries import Change, Story
from infra.importers.mapping.cells import Cells
from infra.importers.mapping.file import DEAL, LEAD, Field, Mapping, Step, steps
from infra.importers.mapping.records import deal_of, step_of
from infra.importers.tables import Row

SEPARATOR = "\x1f"  # between the words of a row
OPENINGS = ("opened", "captured")
ONCE = ("product", "source")  # what a deal's opening alone says
CHANGED = (
    "owner",
    "account",
    "amount",
    "close_date",
    "name",
    "stage",
    "lost_reason",
    "won",
    "reopened",
)  # of an open deal
LAST = ("stage", "status", "won", "lost_reason", "reopened")  # of one row: what closes a deal comes after its terms


class Telling(NamedTuple):
    """What one row tells: when, of which fields, with the version that orders rows of one instant."""

    at: datetime
    version: tuple[int, str]
    row: Row
    says: dict[str, str]


class StoryReader:
    """Reads the changes of one deal or lead after the other."""

    def __init__(self, told: Mapping, cells: Cells) -> None:
        self.told, self.cells, self.steps = told, cells, steps(told)
        self.process = told.process.stream if told.process else ""
        self.fields = {w: Field(is_=f) if isinstance(f, str) else f for w, f in told.fields.items()}
        self.wide = [name for name in (*DEAL, *LEAD) if name in cells.columns and name not in ("currency", "source")]
        self.opens = any(field.is_ in OPENINGS for field in self.fields.values())
        self.versioned = "version" in cells.columns

    def read(self, name: str, rows: list[Row]) -> tuple[Row, Story]:
        """The first row of a deal or lead, and its story, with the rows that cannot be read by themselves.

        Of one instant, terms come before what may close the deal. Malformed naming the column.
        """
        tellings, refused = list[Telling](), list[tuple[Row, PipelineError]]()
        for row in rows:
            try:
                tellings.append(self.telling(row))
            except PipelineError as reason:
                refused.append((row, reason))
        tellings.sort(key=lambda telling: (telling.at, any(name in LAST for name in telling.says), telling.version))
        if self.versioned:
            check_versions(self.cells, name, tellings)
        story = DealStory(self, tellings) if self.told.kind == "deal" else LeadStory(self, tellings)
        changes = story.changes()
        return rows[0], Story(tuple(changes), (*refused, *story.refused))

    def happened(self, row: Row) -> Iterator[datetime | None]:
        """The time of a row, if it can be read."""
        with suppress(Malformed):
            yield self.cells.moment("at", row)

    def telling(self, row: Row) -> Telling:
        """What a row tells."""
        cells = self.cells
        if (at := cells.moment("at", row)) is None:
            raise Malformed(f"line {row.line}: {cells.column_name('at')}: is empty")
        version = cells.version(row) if self.versioned else (row.line, "")
        if not self.fields:
            return Telling(at, version, row, {name: text for name in self.wide if (text := cells.text(name, row))})
        word = cells.text("field", row)
        if (field := self.fields.get(word)) is None:
            raise Malformed(f"line {row.line}: {cells.column_name('field')}: {word!r} is not in [fields]")
        return Telling(at, version, row, {field.is_: cells.translated(field, word, cells.text("value", row))})

    def column(self, field: str) -> str:
        """Where a field is told: its own column, or the one for the values of all."""
        return self.cells.column_name(field if field in self.cells.columns or not self.fields else "value")

    def change_key(self, telling: Telling, *fields: str) -> str:
        """What tells a change from every other one: its row's version, or else its time and what the row says of it.

        Other columns do not matter.
        """
        if self.versioned:
            return f"version {telling.version} {' '.join(fields)}"
        names = ["value"] if self.fields else [name for name in fields if name in self.cells.columns]
        columns = [self.cells.columns[name].column for name in ("at", *names)]
        return SEPARATOR.join((*fields, *(telling.row.cells.get(column, "") for column in columns)))

    def openings(self, tellings: list[Telling]) -> tuple[Telling | None, list[Telling]]:
        """The opening with all that is first told in its instant, if there is one, and what else is told.

        Without a word in [fields] for the opening, the first row is the opening.
        """
        begun = [t for t in tellings if not self.opens or any(name in t.says for name in OPENINGS)]
        if not begun:
            return None, tellings
        if self.opens and len(begun) > 1:
            lines = " and ".join(str(t.row.line) for t in begun)
            raise Malformed(
                f"{self.cells.column_name('id')}: {len(begun)} {self.told.kind}s share the id (lines {lines})"
            )
        at = self.cells.calendar.begun(begun[0].at, *(telling.at for telling in tellings))
        says, later = dict(begun[0].says), list[Telling]()
        for telling in tellings:
            if telling is begun[0]:
                continue
            new = {name for name in telling.says if telling.at == at and name not in says}
            says |= {name: telling.says[name] for name in new}
            if len(new) < len(telling.says):
                later.append(telling._replace(says={n: text for n, text in telling.says.items() if n not in new}))
        return begun[0]._replace(at=at, says=says), later


class DealStory:
    """The story of one deal."""

    def __init__(self, reader: StoryReader, tellings: list[Telling]) -> None:
        self.reader, self.cells, self.tellings = reader, reader.cells, tellings
        self.closed, self.stage, self.reason, self.ended = False, "", "", ""
        self.reasons = {t.at: t.says["lost_reason"] for t in tellings if "lost_reason" in t.says}
        self.now: dict[str, str] = {}
        self.refused: list[tuple[Row, PipelineError]] = []

    def changes(self) -> list[Change]:
        """The deal's changes in effective order; `refused` are the rows that tell nothing that can be."""
        first, later = self.reader.openings(self.tellings)
        found = self.opening(first, later) if first else list[Change]()
        for telling in later:
            try:
                if first and telling.at < first.at:
                    self.check_before(first, telling)
                found += self.later(telling)
            except PipelineError as reason:
                self.refused.append((telling.row, reason))
        return found

    def check_before(self, first: Telling, telling: Telling) -> None:
        """Raise Malformed where a row tells of a time before the opening what the opening itself tells otherwise."""
        for name, text in telling.says.items():
            if first.says.get(name, text) != text:
                show, at = self.cells.calendar.text_of, self.cells.column_name("at")
                raise Malformed(
                    f"{at}: {show(telling.at)} is before {show(first.at)}, the opening, whose {name} is another"
                )

    def opening(self, first: Telling, later: list[Telling]) -> list[Change]:
        """The opening with all that was told in its instant; its stage is the first one told, whenever that was."""
        says, row, steps = first.says, first.row, self.reader.steps
        words = [says["stage"]] if "stage" in says else [t.says["stage"] for t in later if "stage" in t.says][:1]
        step = step_of(steps, self.reader.column("stage"), words[0]) if words else Step("")
        ended = step.to in ("won", "lost")
        self.stage = step.through if ended else step.to
        opening = OpenOpportunity(
            self.reader.process, self.money(row, says.get("amount", "")), self.stage, says.get("account", ""),
            says.get("owner", ""), says.get("product", ""),
            self.day(says["close_date"]) if "close_date" in says else None,
            source=self.cells.text("source", row) or says.get("source", ""), name=titled(says.get("name", "")),
        )  # fmt: skip
        self.now = {name: text for name, text in says.items() if not (ended and name == "stage")}
        found = [Change(first.at, opening, change_key="opened", row=row)]
        for name in LAST:
            if name in says and (name != "stage" or ended):
                found += self.change(first, name, says[name], says)
        return found

    def later(self, telling: Telling) -> list[Change]:
        """What a row changes: what it says as before is none."""
        says, found = telling.says, list[Change]()
        names = says if len(says) == 1 else sorted(says, key=lambda name: (name in LAST, name))
        for name in names:
            if self.now.get(name) == says[name]:
                continue
            if name in CHANGED:
                found += self.change(telling, name, says[name], says)
            elif name in ONCE and says[name]:
                raise Malformed(f"{self.reader.column(name)}: {name} is told at the opening, and of another deal anew")
        return found

    def change(self, telling: Telling, name: str, text: str, says: dict[str, str]) -> list[Change]:
        """One field's change, where it is one."""
        self.reason = says.get("lost_reason") or self.reasons.get(telling.at) or self.now.get("lost_reason", "")
        command = self.command(telling.row, name, text)
        self.now[name] = text
        if command is None:
            return []
        key = self.reader.change_key(telling, name)
        if name == "name":  # nobody may try guesses on the digest of what it is called
            key = SEPARATOR.join((name, telling.at.isoformat()))
        return [Change(telling.at, command, change_key=key, row=telling.row)]

    def command(self, row: Row, name: str, text: str) -> Command | None:
        """What is asked where a field is told to be something else."""
        match name:
            case "stage":
                return self.moved(step_of(self.reader.steps, self.reader.column("stage"), text))
            case "owner":
                return ChangeOwner(text)
            case "account":
                return ChangeAccount(text)
            case "amount":
                return ChangeAmount(self.money(row, text))
            case "close_date":
                return ChangeCloseDate(self.day(text))
            case "name":
                return RenameOpportunity(titled(text))
            case "lost_reason":
                return self.lost(text) if self.closed or not self.loses_later(row) else None
            case "won":
                return self.won()
            case "reopened":
                return self.reopened("")
            case _:
                return None

    def money(self, row: Row, text: str) -> Money:
        """An amount; none is nothing, in the currency that the row or the mapping names."""
        numbers, currency = self.cells.numbers, self.cells.text("currency", row)
        column = self.reader.column("amount")
        return numbers.read(column, text or "0", currency)

    def day(self, text: str) -> date:
        """The day on which the deal is expected to close."""
        return self.cells.calendar.day_of(self.reader.column("close_date"), text)

    def moved(self, step: Step) -> Command | None:
        """A move to another stage, the deal's ending, or its beginning again."""
        if step.to == "won":
            return self.won()
        if step.to == "lost":
            return self.lost(self.reason)
        if self.closed:
            return self.reopened(step.to)
        self.stage = step.to
        return ChangeStage(step.to)

    def won(self) -> Command:
        """The deal is won, for what it is worth by then."""
        self.closed, self.ended = True, ""
        return WinOpportunity()

    def loses_later(self, row: Row) -> bool:
        """Whether the next stage that is told after a row is that of lost deals: a reason before it only says why."""
        rows = [telling.row for telling in self.tellings]
        words = [telling.says["stage"] for telling in self.tellings[rows.index(row) + 1 :] if "stage" in telling.says]
        return bool(words) and words[0] in self.reader.steps and self.reader.steps[words[0]].to == "lost"

    def lost(self, reason: str) -> Command | None:
        """The deal is lost, for a reason; where that is told already, once is enough."""
        told, note = coded(reason)
        if self.closed and self.ended == told:
            return None
        self.closed, self.ended = True, told
        return LoseOpportunity(told, note=note)

    def reopened(self, stage: str) -> Command:
        """The deal is open again."""
        self.closed, self.stage = False, stage or self.stage
        self.now.pop("lost_reason", None)
        return ReopenOpportunity("the export says so", stage)


class LeadStory:
    """The story of one lead."""

    def __init__(self, reader: StoryReader, tellings: list[Telling]) -> None:
        self.reader, self.cells, self.tellings = reader, reader.cells, tellings
        self.left, self.qualified = False, False
        self.now: dict[str, str] = {}
        self.refused: list[tuple[Row, PipelineError]] = []

    def changes(self) -> list[Change]:
        """The lead's changes in effective order; `refused` are the rows that tell nothing that can be."""
        first, later = self.reader.openings(self.tellings)
        found = self.opening(first) if first else list[Change]()
        for telling in later:
            try:
                found += self.later(telling)
            except PipelineError as reason:
                self.refused.append((telling.row, reason))
        return found

    def opening(self, first: Telling) -> list[Change]:
        """The capture with all that was told in its instant."""
        says = first.says
        texts = {name: says.get(name, "") for name in ("company", "owner", "name", "email", "phone", "note")}
        source = self.cells.text("source", first.row) or says.get("source", "") or "unknown"
        found = [Change(first.at, CaptureLead(source=source, **texts), change_key="captured", row=first.row)]
        self.now = {name: text for name, text in says.items() if name != "status"}
        return found + self.moved(first, says["status"], says) if "status" in says else found

    def later(self, telling: Telling) -> list[Change]:
        """What a row changes: what it says as before is none."""
        says, found = telling.says, list[Change]()
        new = {name: text for name, text in says.items() if text and self.now.get(name) != text}
        self.now |= new
        if known := {name: new[name] for name in ("company", "name", "email", "phone") if name in new}:
            found.append(self.change(telling, EnrichLead(**known), "enriched", *known))
        if "owner" in new:
            found.append(self.change(telling, AssignLead(new["owner"]), "owner"))
        return found + self.moved(telling, new["status"], says) if "status" in new else found

    def change(self, telling: Telling, command: Command, *fields: str) -> Change:
        """What a row asks for."""
        return Change(telling.at, command, change_key=self.reader.change_key(telling, *fields), row=telling.row)

    def moved(self, telling: Telling, word: str, says: dict[str, str]) -> list[Change]:
        """What a new status means that somebody did."""
        status, cells, row = step_of(self.reader.steps, self.reader.column("status"), word).to, self.cells, telling.row
        commands = list[ReopenLead | ContactLead | NurtureLead | QualifyLead | DisqualifyLead | ConvertLead]()
        if self.left and status != "disqualified":
            commands.append(ReopenLead("the export says so"))
        match status:
            case "working":
                channel = code(cells.text("channel", row) or "unknown")
                commands.append(ContactLead(f"{telling.at:%Y%m%dT%H%M%S}", channel))
            case "nurturing":
                commands.append(NurtureLead())
            case "disqualified":
                reason = cells.text("disqualified_reason", row) or says.get("disqualified_reason", "")
                commands.append(DisqualifyLead(*coded(reason)))
            case "qualified" | "converted":
                if not self.qualified:
                    commands.append(QualifyLead(override_reason="qualified before the import"))
                if status == "converted":
                    deal = deal_of(self.reader.told, cells, row)
                    commands.append(ConvertLead(deal.stream, deal.process, deal.amount, stage=deal.stage))
            case _:
                pass
        self.left, self.qualified = status == "disqualified", status == "qualified"
        return [self.change(telling, command, "status", str(place)) for place, command in enumerate(commands)]


def check_versions(cells: Cells, name: str, tellings: list[Telling]) -> None:
    """Raise Malformed where two rows of one deal or lead share a version, and are not the same row again."""
    seen: dict[tuple[int, str], Telling] = {}
    for telling in tellings:
        other = seen.setdefault(telling.version, telling)
        if (other.at, other.says) != (telling.at, telling.says):
            lines = f"{other.row.line} and {telling.row.line}"
            raise Malformed(
                f"{cells.column_name('version')}: rows of {name} share a version (lines {lines}); which counts?"
            )
