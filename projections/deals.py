"""Which deals a question is about, and what those still open are worth: the conditions and sums metrics share."""

from sqlalchemy import ColumnElement, FromClause, and_, func, literal_column, select

from projections.opportunities import TABLE
from projections.question import Asked, Question
from projections.versions import END, effective, known

BILLION = 10**9


def wanted(rows: FromClause, question: Question) -> list[ColumnElement[bool]]:
    """The question's filters, one condition each."""
    values = {
        "process": question.pipeline,
        "owner": question.owner,
        "product": question.product,
        "source": question.source,
        "currency": question.currency,
    }
    return [rows.c[name] == value for name, value in values.items() if value is not None]


def standing(rows: FromClause, question: Question) -> ColumnElement[bool]:
    """The deals as they stood at the question's moment, those that its filters ask for."""
    moment = known(rows, question.known_at), effective(rows, question.effective_at)
    return and_(*moment, *wanted(rows, question))


def within(column: ColumnElement[int], question: Question) -> list[ColumnElement[bool]]:
    """The conditions for an instant to lie in the question's period."""
    since = [] if question.since is None else [column >= question.since]
    until = [] if question.until is None else [column < question.until]
    return [*since, *until]


def status_is(rows: FromClause, status: str) -> ColumnElement[bool]:
    """Deals of one status, written out: SQLite fits partial indexes to literals only."""
    return rows.c.status == literal_column(f"'{status}'")


def total(column: ColumnElement[int]) -> tuple[ColumnElement[int], ColumnElement[int]]:
    """A sum in two parts: minor units of many large deals pass 64 bits, where SQLite gives up."""
    return func.sum(column // BILLION), func.sum(column % BILLION)


def whole(high: int, low: int) -> int:
    """The sum that `total` took apart."""
    return int(high) * BILLION + int(low)


def open_sums(question: Question) -> Asked:
    """(process, version, stage, currency, probability, deals, the amount in two parts) of the open deals then."""
    o = TABLE.c
    group = (o.process, o.process_version, o.stage, o.currency, o.probability)
    asked = select(*group, func.count(), *total(o.amount)).where(status_is(TABLE, "open"), standing(TABLE, question))
    index = covering(question)
    return (asked.with_hint(TABLE, f"INDEXED BY {index}", "sqlite") if index else asked).group_by(*group)


def covering(question: Question) -> str:
    """The index that holds all that is summed of open deals at such a moment; none for both axes at once."""
    match question.known_at == END, question.effective_at == END:
        case True, True:
            return "opportunities_now"
        case False, True:
            return "opportunities_k"
        case True, False:
            return "opportunities_e"
        case _:
            return ""
