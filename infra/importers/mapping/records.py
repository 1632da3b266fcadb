"""Current records as a mapping reads them: what a row says of a deal or of a lead as it stands."""

from datetime import datetime
from decimal import Decimal

from domain.errors import Malformed
from domain.money import Money
from infra.importers.leads import Deal, LeadRecord
from infra.importers.mapping.cells import Cells
from infra.importers.mapping.file import Mapping, Step, steps
from infra.importers.records import Record
from infra.importers.tables import Row

HAPPENED = ("contacted", "qualified", "disqualified", "converted")  # to a lead, each at a time of its own


class RecordReader:
    """Reads the record of one deal or lead after the other."""

    def __init__(self, told: Mapping, cells: Cells) -> None:
        self.told, self.cells, self.steps = told, cells, steps(told)
        self.process = told.process.stream if told.process else ""

    def read(self, name: str, rows: list[Row]) -> tuple[Row, Record | LeadRecord]:
        """The row that counts of those under one id, and what it says; Malformed naming the column."""
        row = newest(name, rows, self.cells)
        return row, self.deal(row) if self.told.kind == "deal" else self.lead(row)

    def deal(self, row: Row) -> Record:
        """The deal that a row holds."""
        cells = self.cells
        step, word = self.step("stage", row), row.cells.get(cells.column_name("stage"), "")
        outcome = step.to if step.to in ("won", "lost") else ""
        opened = cells.moment("opened_at", row)
        if opened is None and word not in cells.columns["opened_at"].undated:
            raise Malformed(f"{cells.column_name('opened_at')}: is empty")
        opened = opened or cells.snapshot
        changed = cells.moment("changed_at", row)
        closed = cells.moment("closed_at", row) or changed if outcome else None
        if outcome and closed is None:
            raise Malformed(f"{cells.column_name('closed_at')}: is empty, but the deal is {outcome}")
        if closed and closed < opened:
            raise Malformed(
                f"{cells.column_name('closed_at')}: {closed:%Y-%m-%d} is before {opened:%Y-%m-%d}, its opening"
            )
        if (last := closed or opened) > cells.snapshot:
            raise Malformed(
                f"{cells.column_name('closed_at' if closed else 'opened_at')}: {last} is after the snapshot date"
            )
        amount = cells.money("amount", row)
        if amount is None:
            raise Malformed(f"{cells.column_name('amount')}: is empty; a default says what that means")
        closing = cells.money("closing", row) if outcome == "won" else None
        if outcome == "won" and closing is None and "closing" in cells.columns:
            raise Malformed(f"{cells.column_name('closing')}: is empty, but the deal is won")
        due = cells.text("close_date", row)
        return Record(
            process=self.process, stage=step.through if outcome else step.to,
            amount=amount, opened_at=opened, moved_at=closed or changed or cells.snapshot,
            outcome=outcome, closing=(closing or amount) if outcome == "won" else None,
            lost_reason=cells.text("lost_reason", row) or "unknown", account=cells.text("account", row),
            owner=cells.text("owner", row), product=cells.text("product", row), source=cells.text("source", row),
            close_date=cells.moments.day(cells.column_name("close_date"), due) if due else None,
            current="closing" not in cells.columns,
            staged_at=cells.moment("staged_at", row) or changed or cells.snapshot,
        )  # fmt: skip

    def step(self, field: str, row: Row) -> Step:
        """Where the row says that the deal or lead stands; without [stages], its word is a stage's id."""
        return step_of(self.steps, self.cells.column_name(field), self.cells.text(field, row))

    def lead(self, row: Row) -> LeadRecord:
        """The lead that a row holds. Its times say what became of it; where it has a status, only as far as that."""
        cells = self.cells
        captured = cells.moment("captured_at", row)
        if captured is None:
            raise Malformed(f"{cells.column_name('captured_at')}: is empty")
        if captured > cells.snapshot:
            raise Malformed(f"{cells.column_name('captured_at')}: {captured} is after the snapshot date")
        changed = cells.moment("changed_at", row) or cells.snapshot
        times = {name: cells.moment(f"{name}_at", row) for name in HAPPENED}
        if "status" in cells.columns:
            times = by_status(self.step("status", row).to, times, changed)
        for name, moment in times.items():
            if moment and moment < captured:
                column = cells.column_name(f"{name}_at")
                raise Malformed(f"{column}: {moment:%Y-%m-%d} is before {captured:%Y-%m-%d}, its capture")
        texts = {name: cells.text(name, row) for name in ("company", "owner", "name", "email", "phone", "note")}
        return LeadRecord(
            source=cells.text("source", row) or "unknown", captured_at=captured, changed_at=changed, **texts,
            channel=cells.text("channel", row) or "unknown",
            contacted_at=times["contacted"], qualified_at=times["qualified"], disqualified_at=times["disqualified"],
            disqualified_reason=cells.text("disqualified_reason", row) or "unknown",
            converted_at=times["converted"], deal=deal_of(self.told, cells, row) if times["converted"] else None,
        )  # fmt: skip


def by_status(status: str, times: dict[str, datetime | None], changed: datetime) -> dict[str, datetime | None]:
    """When what the status says happened: at its own time, or with the last change; nothing that it rules out."""
    reached = {
        "new": (), "working": ("contacted",), "nurturing": ("contacted",), "qualified": ("qualified",),
        "disqualified": ("disqualified",), "converted": ("qualified", "converted"),
    }[status]  # fmt: skip
    told = {name: moment if name == "contacted" or name in reached else None for name, moment in times.items()}
    for name in reached[-1:]:
        told[name] = told[name] or changed
    return told


def step_of(known: dict[str, Step], column: str, word: str) -> Step:
    """What a word for a stage or status means; Malformed where [stages] does not have it."""
    if not known:
        return Step(word)
    if word not in known:
        raise Malformed(f"{column}: {word!r} is not in [stages]; there are {', '.join(known)}")
    return known[word]


def deal_of(told: Mapping, cells: Cells, row: Row) -> Deal:
    """The deal that a converted lead became."""
    name = cells.text("opportunity", row)
    if not name or told.process is None:
        raise Malformed(
            f"{cells.column_name('opportunity')}: the lead is converted: say into which deal, and its process"
        )
    nothing = Money(Decimal(0), cells.text("currency", row) or told.numbers.currency)
    amount = cells.money("amount", row) or nothing
    return Deal(f"opportunity-{told.system}-{name}", told.process.stream, amount, cells.text("stage", row))


def newest(name: str, rows: list[Row], cells: Cells) -> Row:
    """The row that counts of those under one id: the one of the highest version. Malformed where that is not one."""
    if len(rows) == 1:
        return rows[0]
    lines = ", ".join(str(row.line) for row in rows)
    if "version" not in cells.columns:
        raise Malformed(
            f"{cells.column_name('id')}: {len(rows)} rows share the id {name} (lines {lines}); which one counts?"
        )
    placed = [(cells.version(row), row) for row in rows]
    highest = max(version for version, _ in placed)
    [*found] = (row for version, row in placed if version == highest)
    if len(found) > 1:
        both = ", ".join(str(row.line) for row in found)
        raise Malformed(
            f"{cells.column_name('version')}: rows of {name} share a version (lines {both}); which one counts?"
        )
    return found[0]
