"""The verb `diff`: what is different between two moments, and the waterfall from one to the other."""

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Literal

from domain.money import Money
from infra.application.comparison import comparison, counts
from infra.cli.grammar import App, Parameter
from infra.cli.groups import ANSWERS
from infra.cli.metrics import EVERYTHING, QuestionOptions, show
from infra.cli.options import HERE, Options, stdout
from infra.cli.output import Column, Output, Table, bold, dim

if TYPE_CHECKING:
    from projections.figures.waterfall.differences import DealDifference


def register(app: App) -> None:
    """Add the verb."""
    app.command(diff, group=ANSWERS)


def diff(
    first: Annotated[
        str,
        Parameter(
            help="The earlier moment: a time, or the beginning of a day or a period; on axis known also a position.",
            example="last-quarter",
        ),
    ],
    second: Annotated[str, Parameter(help="The later one: a time, or the end of a day or a period.", example="today")],
    *,
    axis: Annotated[
        Literal["effective", "known"], Parameter(help="What happened between them, or what became known.")
    ] = "effective",
    form: Annotated[
        Literal["path", "net"], Parameter(help="The waterfall step by step, or from state to state.")
    ] = "path",
    limit: Annotated[int, Parameter(help="How many deals are shown of each kind; all under --json.")] = 10,
    questioning: QuestionOptions = EVERYTHING,
    asking: Options = HERE,
) -> None:
    """What is different between two moments: deals created, moved, changed, closed, and the waterfall."""
    with asking.reading() as app:
        compared, zone = comparison(app, first, second, axis, form, questioning.texts()), app.zone()
    if asking.json:
        return asking.answer({**compared.document(axis, form), "filters": questioning.given()})
    out, found = stdout(), compared.differences
    for kind, deals in counts(found).items():
        show_kind(out, kind, deals, [each for each in found if kind in each.kinds], limit)
    if not found:
        out.text("nothing is different")
    show(out, compared.waterfall, zone=zone)


def show_kind(out: Output, kind: str, deals: int, found: list["DealDifference"], limit: int) -> None:
    """The first deals of a kind: what each is worth, whose it is and with whom, and what is another in this way."""
    from projections.figures.waterfall.differences import CHANGED, MOVED

    out.text(bold(kind), f"{deals:,}")
    fields = {"moved": MOVED, "changed": CHANGED}.get(kind, ())
    table = Table("", "deal", Column("amount", right=True), "account", "owner", "changes", boxed=False)
    for each in found[:limit]:
        changes = [f"{c.field} {spelled(c.field, c.from_)} → {spelled(c.field, c.to)}" for c in each.changes
                   if c.field in fields]  # fmt: skip
        if kind == "lost" and each.reason:
            changes.append(each.reason)
        table.add("", each.stream, spelled("amount", each.amount), each.account, each.owner, ", ".join(changes))
    out.table(table)
    if deals > limit:
        out.text(dim(f"    … and {deals - limit:,} more (--limit, --json)"))


def spelled(field: str, text: str) -> str:
    """A side of a change: an amount with the digits of its currency, "-" for nothing."""
    amount, _, currency = text.partition(" ")
    return str(Money(Decimal(amount), currency)) if field == "amount" and currency else text or "-"
