"""A kind of record: what its records hold, what they are filtered and sorted by, and who finds those of a moment."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from msgspec import Struct

from domain.recorded import Fact
from projections.query.metric import Query
from projections.query.units import Amount

TEXT, AMOUNT, FIRST_DAY, LAST_DAY, FLAG, WORDS = "text", "amount", "first day", "last day", "flag", "words"
"""How the value of a filter is read: as it is, as a decimal number, as the day with which a period begins or ends, as
yes or no, as words of a sealed name, which are turned into the streams that have them."""
CALLER = "\0caller"
"""The value of a filter in a view that stands for who asks."""
ANY = "any"
"""The value that lifts a filter which counts where nothing else is asked for."""
SMALLEST, USUAL, LARGEST = 1, 50, 500  # records of a page

Written = str | Sequence[str]
"""The value of a filter as it is written, or several."""
Values = tuple[Any, ...]
Row = Sequence[Any]
Key = tuple[Any, ...]
"""By what a record is sorted; its stream, which is its own, comes last."""
Histories = Callable[[Sequence[str]], Mapping[str, Sequence[Fact]]]
"""The facts of some streams as known at the position that a list is for, opened where the keys are there."""


class Filter(NamedTuple):
    """What a kind can be filtered by: any of several values.

    condition: for the values, what must be so of a row: a condition of SQL, or of a record. reads: how a value is
    read. among: the values that there are, where these never change. of: where those that there are stand, a field of
    the views' filters; empty where a value may be anything. several: whether more than one value may be given.
    """

    meaning: str
    condition: Callable[[Query, Values], Any]
    reads: str = TEXT
    among: tuple[str, ...] = ()
    of: str = ""
    several: bool = False


class Wanted(NamedTuple):
    """Which records: those that meet all of the filters, sorted, a page of them, after the key of the last one.

    owners: the sellers whose records alone are wanted, by who owns them now, whatever the moment; None for everybody's.
    """

    filters: Mapping[str, Values]
    sort: str
    descending: bool = False
    limit: int = USUAL
    after: Key | None = None
    owners: frozenset[str] | None = None


class Total(Struct, frozen=True):
    """All matching records of one currency, and what they are worth."""

    currency: str
    count: int
    amount: Amount


class Totals(NamedTuple):
    """How many records match, what they are worth by currency, and how many could not be converted, by reason."""

    records: int
    amounts: Sequence[Total] = ()
    left_out: Mapping[str, int] = {}


class Kind(NamedTuple):
    """What can be listed. `name` is that of one of them, which its streams begin with.

    columns: those of a record that a table shows. usual: the filters that count where they are not asked for. order:
    the sort where none is asked for, with a minus for the other way round. views: lists with a name, by their filters.
    page: a page and one record more, where there is one, each with its key. totals: of all that match. records: of the
    rows of a page. record: one with all that is known of it, None where there is none at the moment.
    candidates: where records have sealed names, the streams that may have one sealed for some people; name_of: what a
    stream is called at an instant.
    """

    name: str
    plural: str
    meaning: str
    of: type[Struct]
    columns: tuple[str, ...]
    filters: Mapping[str, Filter]
    sorts: Mapping[str, Any]
    order: str
    page: Callable[[Query, Wanted, Histories], Iterable[tuple[Key, Row]]]
    totals: Callable[[Query, Wanted, Histories], Totals]
    records: Callable[[Query, Sequence[Row], Histories], Sequence[Any]]
    record: Callable[[Query, str, Histories], Any]
    usual: Mapping[str, str] = {}
    views: Mapping[str, Mapping[str, Written]] = {}
    converts: bool = False
    candidates: Callable[[Query, Sequence[str]], Sequence[str]] | None = None
    name_of: Callable[[Sequence[Fact], int], str] | None = None
