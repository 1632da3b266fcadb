"""The Maven Analytics "CRM Sales Opportunities" folder as published: one current record a deal, no stage log.

What the folder leaves open is settled so: a row without a date happened at the snapshot date; the opening amount is
the product's list price, the outcome carries the closing amount; a deal begins in the stage that the row names, and
one that ended went through Engaging. The probabilities of the two stages are ours, the folder has none.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from pathlib import Path

from domain.errors import Malformed, PipelineError
from domain.money import Money, checked
from domain.recorded import Request
from domain.reference.process import PublishProcess, Stage
from infra.importers.cells import money, number
from infra.importers.entries import Entry, Export
from infra.importers.records import Record
from infra.importers.tables import Row, Table, read_table, whole_table
from infra.importers.times import Calendar, Forms

SYSTEM = "maven"
PROCESS = "process-maven"
TABLE = "sales_pipeline.csv"
COLUMNS = (
    "opportunity_id", "sales_agent", "product", "account", "deal_stage", "engage_date", "close_date", "close_value",
)  # fmt: skip
DATES = ("engage_date", "close_date")
STAGES = PublishProcess(
    "Maven CRM",
    (
        Stage("prospecting", "Prospecting", 10, "open", Decimal("0.20"), "pipeline"),
        Stage("engaging", "Engaging", 20, "open", Decimal("0.50"), "best-case"),
        Stage("won", "Won", 30, "won", Decimal(1), "closed"),
        Stage("lost", "Lost", 40, "lost", Decimal(0), "omitted"),
    ),
)
OUTCOMES = {"Prospecting": "", "Engaging": "", "Won": "won", "Lost": "lost"}


def read(
    folder: Path,
    actor: str,
    snapshot: date | None = None,
    form: str | None = None,
    currency: str = "USD",
    zone: tzinfo = UTC,
) -> Export:
    """The deals of the folder, to be run. `snapshot` is the day of the export, by default its latest date;
    `form` the strptime format of its dates. NotFound or Malformed where the folder as a whole cannot be read.
    """
    path = folder / TABLE
    prices = price_list(folder / "products.csv")
    ids = Counter[str]()
    table, rows = Table(path, COLUMNS), 0
    forms, times = Forms(form or ""), list[tuple[str, str]]()
    for _, cells, wrong in table.rows():
        rows += 1
        if not wrong:
            row = table.by_column(cells)
            ids[row["opportunity_id"]] += 1
            times += ((column, row[column]) for column in DATES if row[column])
    for column, text in times:
        forms.add(column, text)
    forms.check()
    calendar = Calendar(forms, zone, zone)
    calendar.set_latest(snapshot, (at for column, text in times if (at := calendar.known(column, text))))
    reader = RowReader(prices, calendar, currency)
    prelude = Request(stream=PROCESS, command=STAGES, actor=actor, occurred_at=calendar.latest)
    batch = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    found = entries(path, reader, ids)
    return Export(SYSTEM, batch, calendar.snapshot, (prelude,), rows, found, frozenset(COLUMNS))


def entries(path: Path, reader: "RowReader", ids: Counter[str]) -> Iterator[Entry]:
    """Each row as a record or as the reason why it is none."""
    for row in read_table(path, COLUMNS):
        name = row.cells.get("opportunity_id", "")
        try:
            if row.wrong:
                raise Malformed(row.wrong)
            if not name:
                raise Malformed("opportunity_id: is empty")
            if ids[name] > 1:
                raise Malformed(f"opportunity_id: {ids[name]} rows share the id {name}; which one is the deal?")
            outcome = reader.record(row)
        except PipelineError as error:
            outcome = error
        cells = {} if row.wrong else row.cells
        yield Entry(TABLE, row.line, name, f"opportunity-{SYSTEM}-{name}", cells, outcome)


def price_list(path: Path) -> dict[str, tuple[str, Decimal]]:
    """The product's name and list price by its name without blanks: some rows of the folder leave them out."""
    return {
        row.cells["product"].replace(" ", ""): (row.cells["product"], number("sales_price", row.cells["sales_price"]))
        for row in whole_table(path, ("product", "sales_price"))
    }


class RowReader:
    """Reads rows of the pipeline table."""

    def __init__(self, prices: dict[str, tuple[str, Decimal]], calendar: Calendar, currency: str) -> None:
        self.prices, self.calendar, self.currency = prices, calendar, currency

    def record(self, row: Row) -> Record:
        """The deal that a row holds, or Malformed naming the column."""
        cells = row.cells
        if (stage := cells["deal_stage"]) not in OUTCOMES:
            raise Malformed(f"deal_stage: {stage!r} is none of {', '.join(OUTCOMES)}")
        if (product := cells["product"].replace(" ", "")) not in self.prices:
            raise Malformed(f"product: {cells['product']!r} is not in products.csv")
        name, price = self.prices[product]
        outcome, show = OUTCOMES[stage], self.calendar.text_of
        engaged = self.moment("engage_date", cells, required=bool(outcome) or stage == "Engaging")
        closed = self.moment("close_date", cells, required=bool(outcome))
        engaged = self.calendar.begun(engaged, closed)
        if closed < engaged:
            raise Malformed(f"close_date: {show(closed)} is before engage_date, {show(engaged)}")
        if (last := max(engaged, closed)) > self.calendar.latest:
            raise Malformed(f"close_date: {show(last)} is after the snapshot date, {self.calendar.snapshot}")
        return Record(
            process=PROCESS,
            stage="prospecting" if stage == "Prospecting" else "engaging",
            amount=checked("sales_price", Money(price, self.currency)),
            opened_at=engaged,
            seen_at=self.calendar.latest,
            closed_at=closed if outcome else None,
            staged_at=engaged,
            outcome=outcome,
            closing=money("close_value", cells["close_value"], self.currency) if outcome == "won" else None,
            account=cells["account"],
            owner=cells["sales_agent"],
            product=name,
        )

    def moment(self, column: str, cells: dict[str, str], required: bool) -> datetime:
        """The time in a column; that of the export where the row's stage can do without."""
        if not cells[column] and not required:
            return self.calendar.latest
        return self.calendar.read(column, cells[column])
