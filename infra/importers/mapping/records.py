"""Current records as a mapping reads them: what a row says of a deal or of a lead as it stands."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from decimal import Decimal

from domain.errors import Malformed
from domain.money import Money, checked
from domain.opportunity.line_items import Line, SetLineItem, amount
from infra.importers.cells import code, coded, identifier, known_currency, number, titled
from infra.importers.leads import Deal, LeadRecord
from infra.importers.mapping.cells import Cells
from infra.importers.mapping.file import Mapping, Step, steps
from infra.importers.records import Record
from infra.importers.tables import Row

HAPPENED_AT = (
    "opened_at", "staged_at", "changed_at", "captured_at", "contacted_at", "qualified_at", "disqualified_at",
    "converted_at",
)  # fmt: skip
HAPPENED = ("contacted", "qualified", "disqualified", "converted")  # to a lead, each at a time of its own


class RecordReader:
    """Reads the record of one deal or lead after the other."""

    def __init__(self, told: Mapping, cells: Cells) -> None:
        self.told, self.cells, self.steps = told, cells, steps(told)
        self.process = told.process.stream if told.process else ""

    def read(self, name: str, rows: list[Row]) -> tuple[Row, Record | LeadRecord]:
        """The row that counts of those under one id, and what it says; Malformed naming the column."""
        if self.told.several_rows:
            return rows[0], together(self.told, self.cells, [(row, self.deal(row)) for row in rows])
        row = newest(name, rows, self.cells)
        return row, self.deal(row) if self.told.kind == "deal" else self.lead(row)

    def happened(self, row: Row) -> Iterator[datetime | None]:
        """The times in a row of what has happened, as far as it can be read: of what is open the end is a plan."""
        fields = [name for name in HAPPENED_AT if name in self.cells.columns]
        if self.told.kind == "deal" and self.outcome(row):
            fields.append("closed_at")
        for name in fields:
            with suppress(Malformed):
                yield self.cells.moment(name, row)

    def outcome(self, row: Row) -> str:
        """Won or lost, where a row says so."""
        with suppress(Malformed):
            if (to := self.step("stage", row).to) in ("won", "lost"):
                return to
        return ""

    def deal(self, row: Row) -> Record:
        """The deal that a row holds."""
        cells = self.cells
        step, word = self.step("stage", row), row.cells.get(cells.column_name("stage"), "")
        outcome = step.to if step.to in ("won", "lost") else ""
        opened, changed = cells.moment("opened_at", row), cells.moment("changed_at", row)
        if opened is None and word not in cells.columns["opened_at"].undated:
            raise Malformed(f"{cells.column_name('opened_at')}: is empty")
        staged = cells.moment("staged_at", row)
        closed = cells.moment("closed_at", row) or changed if outcome else None
        if outcome and closed is None:
            raise Malformed(f"{cells.column_name('closed_at')}: is empty, but the deal is {outcome}")
        opened = cells.calendar.begun(opened or cells.snapshot, staged, closed)
        check_order(cells, "opened_at", opened, {"closed_at": closed})
        check_come(cells, {"staged_at": staged, "changed_at": changed})
        amount, price = cells.money("amount", row), cells.money("unit_price", row)
        if amount is None and price is None:
            raise Malformed(f"{cells.column_name('amount')}: is empty; a default says what that means")
        closing = cells.money("closing", row) if outcome == "won" else None
        if outcome == "won" and closing is None and "closing" in cells.columns:
            raise Malformed(f"{cells.column_name('closing')}: is empty, but the deal is won")
        amount = amount or Money(Decimal(0), price.currency if price else "")
        reason, note = coded(cells.text("lost_reason", row))
        return Record(
            process=self.process, stage=step.through if outcome else step.to, amount=amount, opened_at=opened,
            seen_at=cells.snapshot, closed_at=closed, outcome=outcome,
            closing=(closing or amount) if outcome == "won" else None, lost_reason=reason, lost_note=note,
            account=cells.text("account", row), owner=cells.text("owner", row), product=cells.text("product", row),
            source=cells.text("source", row), close_date=cells.day("close_date", row),
            current="closing" not in cells.columns, staged_at=staged, changed_at=changed,
            name=titled(cells.text("name", row)),
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
        changed = cells.moment("changed_at", row) or cells.snapshot
        times = {name: cells.moment(f"{name}_at", row) for name in HAPPENED}
        if "status" in cells.columns:
            times = by_status(self.step("status", row).to, times, changed)
        captured = cells.calendar.begun(captured, *times.values())
        check_order(cells, "captured_at", captured, {f"{name}_at": moment for name, moment in times.items()})
        check_come(cells, {"changed_at": changed})
        texts = {name: cells.text(name, row) for name in ("company", "owner", "name", "email", "phone", "note")}
        reason, note = coded(cells.text("disqualified_reason", row))
        return LeadRecord(
            source=cells.text("source", row) or "unknown", captured_at=captured, changed_at=changed,
            seen_at=cells.snapshot, **texts,
            channel=code(cells.text("channel", row) or "unknown"),
            contacted_at=times["contacted"], qualified_at=times["qualified"], disqualified_at=times["disqualified"],
            disqualified_reason=reason, disqualified_note=note,
            converted_at=times["converted"], deal=deal_of(self.told, cells, row) if times["converted"] else None,
        )  # fmt: skip


def check_order(cells: Cells, begins: str, begun: datetime, later: dict[str, datetime | None]) -> None:
    """Raise Malformed where something ends before it begins, or had not come when the export was made."""
    show = cells.calendar.text_of
    for name, moment in {begins: begun, **later}.items():
        if moment and moment < begun:
            what = "opening" if begins == "opened_at" else "capture"
            raise Malformed(f"{cells.column_name(name)}: {show(moment)} is before {show(begun)}, its {what}")
    check_come(cells, {begins: begun, **later})


def check_come(cells: Cells, times: dict[str, datetime | None]) -> None:
    """Raise Malformed where something is said to have happened that had not come when the export was made."""
    show = cells.calendar.text_of
    for name, moment in times.items():
        if moment and moment > cells.snapshot:
            raise Malformed(
                f"{cells.column_name(name)}: {show(moment)} is after the snapshot date, {show(cells.snapshot)}"
            )


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
    worth = cells.money("amount", row)
    if worth is None:
        currency = cells.text("currency", row) or told.numbers.currency
        worth = Money(Decimal(0), known_currency(cells.column_name("currency"), currency))
    return Deal(f"opportunity-{told.system}-{name}", told.process.stream, worth, cells.text("stage", row))


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


def together(told: Mapping, cells: Cells, found: list[tuple[Row, Record]]) -> Record:
    """The deal that several rows make: what they say of the deal itself they say alike, the amounts are parts of it.

    Malformed naming the column in which they differ.
    """
    (first, record), *others = found
    items = tuple(line_item(cells, row, each, place) for place, (row, each) in enumerate(found, 1))
    whole = [without_parts(each) for _, each in found]
    for (row, _), each in zip(others, whole[1:], strict=True):
        differing = [name for name in each._fields if getattr(each, name) != getattr(whole[0], name)]
        if differing:
            raise Malformed(
                f"{cells.column_name(differing[0])}: the rows of one deal differ in it (lines {first.line}, {row.line})"
            )
    if told.several_rows == "line-items":
        lines = {item.item: Line(item.product, item.quantity, item.unit_price, item.discount) for item in items}
        if len(lines) < len(items):
            raise Malformed(f"{cells.column_name('item')}: several rows of one deal are the same line item")
        return whole[0]._replace(lines=items, amount=amount(lines))
    if len({each.amount.currency for _, each in found}) > 1:
        raise Malformed(f"{cells.column_name('currency')}: the rows of one deal have amounts in several currencies")
    products = {each.product for _, each in found}
    return whole[0]._replace(
        amount=total(each.amount for _, each in found),
        closing=total(each.closing for _, each in found if each.closing) if record.closing else None,
        product=record.product if len(products) == 1 else "",
    )


def without_parts(record: Record) -> Record:
    """A record as far as it is about the whole deal."""
    nothing = Money(Decimal(0), record.amount.currency)
    return record._replace(amount=nothing, closing=None, product="", changed_at=None)


def total(parts: Iterable[Money]) -> Money:
    """What several amounts of one currency come to."""
    amounts = list(parts)
    return checked("amount", Money(sum((part.amount for part in amounts), Decimal(0)), amounts[0].currency))


def line_item(cells: Cells, row: Row, record: Record, place: int) -> SetLineItem:
    """The line item that a row is: by its own id or product, one of it for the row's amount where it says no more."""
    price = cells.money("unit_price", row) or record.amount
    quantity = cells.text("quantity", row)
    discount = cells.text("discount", row)
    return SetLineItem(
        identifier(cells.text("item", row) or record.product or f"line-{place}"), record.product,
        number(cells.column_name("quantity"), quantity or "1"), price,
        number(cells.column_name("discount"), discount or "0") / 100,
    )  # fmt: skip
