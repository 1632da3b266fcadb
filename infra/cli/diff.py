"""The verb `diff`: what is different between two moments, and the waterfall from one to the other."""

from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec.structs import replace

from domain.errors import Malformed
from domain.recorded import instant
from infra.application.answers import digits, rows
from infra.application.moments import at, before, moment_known, position, position_before
from infra.cli.grammar import App, Parameter
from infra.cli.groups import ANSWERS
from infra.cli.metrics import EVERYTHING, QuestionOptions, show
from infra.cli.options import HERE, Options, stdout
from infra.cli.output import Column, Output, Table, bold, dim

if TYPE_CHECKING:
    from infra.application.app import App as Installation
    from infra.views import Answer
    from projections.figures.waterfall.differences import DealDifference
    from projections.query.question import Question


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
    from infra.application.questions import check_values

    with asking.reading() as app, app.views() as views:
        question = waterfall_question(app, first, second, axis, form, questioning)
        found = views.compare(question)
        waterfall = views.ask("waterfall", question)
        check_values(views, question)
        zone = app.zone()
    counts = counted(found)
    if asking.json:
        return asking.answer({
            "axis": axis, "form": form, **ends(question, waterfall), "filters": questioning.given(), "counts": counts,
            "differences": msgspec.to_builtins(found), "waterfall": rows(waterfall), "left_out": waterfall.left_out,
        })  # fmt: skip
    out = stdout()
    for kind, deals in counts.items():
        show_kind(out, kind, deals, [each for each in found if kind in each.kinds], limit)
    if not found:
        out.text("nothing is different")
    show(out, waterfall, zone=zone)


def waterfall_question(
    app: "Installation", first: str, second: str, axis: str, form: str, questioning: QuestionOptions
) -> "Question":
    """The question of the waterfall between two moments."""
    from infra.application.questions import question as read_question

    taken = ("since", "until", "known_before", "mode")
    if strange := [name for name in questioning.given() if name in taken]:
        raise Malformed(f"{strange[0]}: the two moments and --form say that already")
    question = read_question(app, questioning.texts())
    if axis == "known":
        if questioning.known_at is not None:
            raise Malformed("known_at: on the known axis the two moments are those")
        since, until = position_before(app, first, "moment"), position(app, second, "moment")
        moment = question.effective_at if questioning.effective_at is not None else moment_known(app, second, "moment")
        question = replace(question, known_before=since, known_at=until, effective_at=moment, mode=form)
    else:
        if questioning.effective_at is not None:
            raise Malformed("effective_at: on the effective axis the two moments are those")
        since, until = before(app, "moment", first), at(app, "moment", second)
        question = replace(question, since=since + 1, until=until + 1, effective_at=until, mode=form)
    if since >= until:
        raise Malformed(f"{first}: the first moment must lie before the second, {second}")
    return question


def ends(question: "Question", waterfall: "Answer") -> dict[str, Any]:
    """The two moments, on both axes."""
    if question.since is not None and question.until is not None:
        positions = waterfall.known_at, waterfall.known_at
        times = question.since - 1, question.until - 1
    else:
        positions = question.known_before, waterfall.known_at
        times = waterfall.effective_at, waterfall.effective_at
    return {
        name: {"known_at": known_at, "effective_at": instant(time)}
        for name, known_at, time in zip(("from", "to"), positions, times, strict=True)
    }


def counted(found: list["DealDifference"]) -> dict[str, int]:
    """How many deals there are of each kind, in the order of the kinds."""
    from projections.figures.waterfall.differences import KINDS

    counts = Counter(kind for each in found for kind in each.kinds)
    return {kind: counts[kind] for kind in KINDS if counts[kind]}


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
    return f"{digits(Decimal(amount), currency)} {currency}" if field == "amount" and currency else text or "-"
