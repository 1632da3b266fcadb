"""The Maven Analytics "CRM Sales Opportunities" folder as published: one current record a deal, no stage log.

What the folder leaves open is settled so: a row without a date happened at the snapshot date; the opening amount is
the product's list price, the outcome carries the closing amount; a deal begins in the stage that the row names, and
one that ended went through Engaging. The probabilities of the two stages are ours, the folder has none.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, tzinfo
from decimal import Decimal
from pathlib import Path

from domain.errors import Malformed, PipelineError
from domain.money import Money, checked
from domain.recorded import Request, Source
from domain.reference.process import PublishProcess, Stage
from infra.application.moments import day_end
from infra.importers.cells import number
from infra.importers.records import Record
from infra.importers.runner import Entry, Export
from infra.importers.tables import Row, date_format, fits, read_table

SYSTEM = "maven"
PROCESS = "process-maven"
TABLE = "sales_pipeline.csv"
COLUMNS = (
    "opportunity_id", "sales_agent", "product", "account", "deal_stage", "engage_date", "close_date", "close_value",
)  # fmt: skip
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
    days, ids = list[str](), Counter[str]()
    for row in read_table(path, COLUMNS):
        days += (row.cells["engage_date"], row.cells["close_date"])
        ids[row.cells["opportunity_id"]] += 1
    form = date_format(days, form)
    snapshot = snapshot or max((day for text in days if (day := fits(text, form))), default=None)
    if snapshot is None:
        raise Malformed(f"{TABLE}: no row has a date; say when the export was made (snapshot_date)")
    reader = RowReader(prices, snapshot, form, currency, zone)
    prelude = Request(
        stream=PROCESS, command=STAGES, actor=actor, occurred_at=day_end(snapshot, zone),
        source=Source(SYSTEM, "stages"),
    )  # fmt: skip
    batch = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    return Export(SYSTEM, batch, snapshot, (prelude,), ids.total(), entries(path, reader, ids))


def entries(path: Path, reader: "RowReader", ids: Counter[str]) -> Iterator[Entry]:
    """Each row as a record or as the reason why it is none."""
    for row in read_table(path, COLUMNS):
        name = row.cells["opportunity_id"]
        try:
            if not name:
                raise Malformed("opportunity_id: is empty")
            if ids[name] > 1:
                raise Malformed(f"opportunity_id: {ids[name]} rows share the id {name}; which one is the deal?")
            outcome = reader.record(row)
        except PipelineError as error:
            outcome = error
        yield Entry(TABLE, row.line, name, f"opportunity-{SYSTEM}-{name}", row.cells, outcome)


def price_list(path: Path) -> dict[str, tuple[str, Decimal]]:
    """The product's name and list price by its name without blanks: some rows of the folder leave them out."""
    return {
        row.cells["product"].replace(" ", ""): (row.cells["product"], number("sales_price", row.cells["sales_price"]))
        for row in read_table(path, ("product", "sales_price"))
    }


class RowReader:
    """Reads rows of the pipeline table."""

    def __init__(
        self, prices: dict[str, tuple[str, Decimal]], snapshot: date, form: str, currency: str, zone: tzinfo
    ) -> None:
        self.prices, self.snapshot, self.form, self.currency, self.zone = prices, snapshot, form, currency, zone

    def record(self, row: Row) -> Record:
        """The deal that a row holds, or Malformed naming the column."""
        cells = row.cells
        if (stage := cells["deal_stage"]) not in OUTCOMES:
            raise Malformed(f"deal_stage: {stage!r} is none of {', '.join(OUTCOMES)}")
        if (product := cells["product"].replace(" ", "")) not in self.prices:
            raise Malformed(f"product: {cells['product']!r} is not in products.csv")
        name, price = self.prices[product]
        outcome = OUTCOMES[stage]
        engaged = self.day("engage_date", cells, required=bool(outcome) or stage == "Engaging")
        closed = self.day("close_date", cells, required=bool(outcome))
        if closed < engaged:
            raise Malformed(f"close_date: {closed} is before engage_date, {engaged}")
        if max(engaged, closed) > self.snapshot:
            raise Malformed(f"close_date: {max(engaged, closed)} is after the snapshot date, {self.snapshot}")
        closing = Money(number("close_value", cells["close_value"]), self.currency) if outcome == "won" else None
        return Record(
            process=PROCESS,
            stage="prospecting" if stage == "Prospecting" else "engaging",
            amount=checked("sales_price", Money(price, self.currency)),
            opened_at=day_end(engaged, self.zone),
            moved_at=day_end(closed if outcome else engaged, self.zone),
            outcome=outcome,
            closing=checked("close_value", closing) if closing else None,
            account=cells["account"],
            owner=cells["sales_agent"],
            product=name,
        )

    def day(self, column: str, cells: dict[str, str], required: bool) -> date:
        """The date in a column; the snapshot date where the row's stage can do without."""
        text = cells[column]
        if not text and not required:
            return self.snapshot
        if (day := fits(text, self.form)) is None:
            raise Malformed(f"{column}: {text!r} is not a date of the years 2 to 9998 of the form {self.form}")
        return day
