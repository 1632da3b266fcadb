"""Lists of records, and one record: what is asked is read as people write it, names are opened where that can be."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, tzinfo
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from domain.errors import Forbidden, Malformed, NotFound
from domain.recorded import Fact, instant
from infra.application.moments import Installation, first_day, last_day
from infra.application.questions import question, single
from infra.application.requests import is_text
from infra.application.spans import Today
from projections.query.metric import Query
from projections.query.question import Question
from projections.records import KINDS, cursor
from projections.records.kind import (
    AMOUNT,
    CALLER,
    FIRST_DAY,
    FLAG,
    LARGEST,
    LAST_DAY,
    SMALLEST,
    USUAL,
    WORDS,
    Filter,
    Histories,
    Kind,
    Values,
    Wanted,
    Written,
)
from projections.records.listing import Listing, Place, listing
from projections.versions import END

if TYPE_CHECKING:
    from infra.privacy.vault import Vault
    from infra.views import Views

MOMENT = ("known_at", "effective_at")
MONEY = ("convert_to", "base_currency")
PARTS = (*MOMENT, "view", "sort", "limit", "cursor", "totals")
"""What every list can be asked for beside its filters; MONEY where it has amounts."""
YES, NO = ("yes", "true"), ("no", "false")
MOST = 50  # values of one filter
NAMESAKES = 5_000  # streams that are read to see what they are called


Veil = Callable[[Any], Any]
"""An event without what is personal in it, for who may not read that."""


class Source(Installation, Protocol):
    """Where records are: a log, and the vault that opens what is sealed in it."""

    @property
    def vault(self) -> "Vault":
        """The vault of this thread, to read with."""
        ...


class Then:
    """An installation as it was at the moment of a list: its days are told from that one, on every page."""

    def __init__(self, app: Source, asked: Question) -> None:
        self.log, self._app, self._asked = app.log, app, asked

    def zone(self, known_at: int = END) -> tzinfo:
        """The organisation's zone, as known at the list's position."""
        return self._app.zone(min(known_at, self._asked.known_at))

    def now(self) -> datetime:
        """The moment of the list; now, where it is for that."""
        moment = self._asked.effective_at
        return self._app.now() if moment == END else instant(moment)

    def today(self) -> Today:
        """The day of the moment, and when the fiscal year starts."""
        return self._app.today()._replace(day=self.now().astimezone(self.zone()).date())


def kind_of(name: str) -> Kind:
    """The kind of that name, of one of its records or of several. Raises NotFound with those there are."""
    for kind in KINDS.values():
        if name in (kind.name, kind.plural):
            return kind
    raise NotFound(f"there are no records {name!r}; there are {', '.join(kind.plural for kind in KINDS.values())}")


def list_of(
    app: Source,
    views: "Views",
    name: str,
    texts: Mapping[str, Written],
    caller: str = "",
    veil: Veil | None = None,
    forced: Collection[str] = (),
    owners: frozenset[str] | None = None,
) -> Listing:
    """A page of the records of a kind that match. caller: who asks, for views that rest on it. veil: what hides names.
    forced: filters that the caller did not ask for, whose values need not stand anywhere. owners: whose records alone
    the caller sees, by who owns them now.

    Raises NotFound for a kind, a view or a value that there is not, Malformed naming the part that cannot be so.
    """
    kind = kind_of(name)
    texts = with_view(kind, texts, caller)
    check_parts(kind, texts)
    parts = {part: value for part, value in texts.items() if part in kind.filters}
    parts = {part: value for part, value in kind.usual.items() if part not in parts} | parts
    written = {part: [value] if isinstance(value, str) else list(value) for part, value in sorted(parts.items())}
    sort = single("sort", texts.get("sort") or kind.order)
    asked, after = place_of(app, kind, texts, written, sort)
    then = Then(app, asked)
    filters = {part: values_of(then, part, kind.filters[part], of) for part, of in written.items()}
    wanted = Wanted(filters, column(kind, sort), sort.startswith("-"), limit_of(texts), after, owners)
    totals = flag("totals", single("totals", texts.get("totals", "yes")))
    with views.pinned(asked) as (known_at, newest, query):
        digest = cursor.digest_of(kind.name, written, sort, *(texts.get(part) for part in MONEY))
        opened = histories(app, known_at, veil)
        for part, (name, *_) in filters.items():
            if kind.filters[part].reads == WORDS:
                if veil is not None:
                    raise Forbidden(f"{part}: who may not read names looks for none")
                filters[part] = streams_called(app, kind, query, name, opened)
        place = Place(known_at, newest, written, sort, digest, totals)
        found = listing(kind, query, wanted, place, opened)
    if after is None and (not found.records or any(len(values) > 1 for values in written.values())):
        check_values(views, kind, {part: of for part, of in written.items() if part not in forced})
    return found


def record_of(
    app: Source, views: "Views", name: str, stream: str, texts: Mapping[str, Written], veil: Veil | None = None
) -> Any:
    """One record with all that is known of it. veil: what hides names and notes.

    Raises NotFound where there is none at the moment, Malformed.
    """
    kind = kind_of(name)
    if strange := [part for part in texts if part not in MOMENT]:
        raise Malformed(f"{strange[0]}: a record is asked for at {' and '.join(MOMENT)} alone")
    asked = question(app, texts)
    with views.pinned(asked) as (known_at, _, query):
        found = kind.record(query, stream, histories(app, known_at, veil)) if is_text(stream) else None
    if found is None:
        when = " at that moment" if texts else ""
        raise NotFound(f"{stream}: there is no such {kind.name}{when}")
    return found


def histories(app: Source, known_at: int, veil: Veil | None = None) -> Histories:
    """The facts of streams up to a position, opened as far as their keys are there, or what a veil leaves of them."""

    def opened(streams: Sequence[str]) -> dict[str, list[Fact]]:
        vault = app.vault
        if vault.is_outdated:
            vault.refresh()
        facts = app.log.facts(streams, known_at)

        def seen(fact: Fact) -> Fact:
            event = vault.open(fact.stream, fact.event)
            return fact._replace(event=event if veil is None or event is None else veil(event))

        return {stream: [seen(fact) for fact in facts.get(stream, ())] for stream in streams}

    return opened


def list_document(found: Listing, position: int) -> dict[str, Any]:
    """The JSON form of a list, from tables that have reached a position: money as exact text, times as ISO."""
    totals = {} if found.totals is None else {"totals": msgspec.to_builtins(found.totals), "left_out": found.left_out}
    return {
        "kind": found.kind,
        "position": position,
        "known_at": found.known_at,
        "effective_at": instant(found.effective_at),
        "newest_fact_at": None if found.newest is None else instant(found.newest),
        "filters": found.filters,
        "sort": found.sort,
        "rows": msgspec.to_builtins(found.records),
        **({} if found.count is None else {"count": found.count}),
        **totals,
        "next": found.next or None,
    }


# What is asked for


def with_view(kind: Kind, texts: Mapping[str, Written], caller: str) -> dict[str, Written]:
    """What is asked for with the filters of the views that are; one that is asked for itself comes first."""
    views, found = texts.get("view") or (), dict[str, Written]()
    for name in [views] if isinstance(views, str) else views:
        if name not in kind.views:
            there = ", ".join(kind.views) or "none"
            raise NotFound(f"view: {kind.plural} have no view {name!r}; there are {there}")
        found |= kind.views[name]
    if CALLER in found.values() and not caller:
        raise Malformed("view: mine is a list of who asks, which nobody says: name the owner")
    of_caller = {part: caller if value == CALLER else value for part, value in found.items()}
    return {**of_caller, **{part: value for part, value in texts.items() if part != "view"}}


def check_parts(kind: Kind, texts: Mapping[str, Written]) -> None:
    """Raise Malformed for a part that lists of this kind do not have."""
    there = (*kind.filters, *PARTS, *(MONEY if kind.converts else ()))
    if strange := [part for part in texts if part not in there]:
        raise Malformed(f"{strange[0]}: a list of {kind.plural} has no such part; there are {', '.join(there)}")


def place_of(
    app: Source, kind: Kind, texts: Mapping[str, Written], written: Mapping[str, list[str]], sort: str
) -> tuple[Question, tuple[Any, ...] | None]:
    """(the moment, the key after which the page begins): those of the cursor, where there is one."""
    asked = question(app, {part: texts[part] for part in (*MOMENT, *MONEY) if part in texts})
    for part in MONEY:
        check_code(part, getattr(asked, part))
    text = single("cursor", texts.get("cursor") or "")
    if not text:
        return asked, None
    if any(part in texts for part in MOMENT):
        raise Malformed("cursor: a next page is for the moment of the first one; leave known_at and effective_at out")
    end = cursor.read(text)
    if end.list != cursor.digest_of(kind.name, written, sort, *(texts.get(part) for part in MONEY)):
        raise Malformed("cursor: it is of another list; a next page is asked for by the same filters and sort")
    if not 0 <= end.known_at <= app.log.head():
        raise Malformed("cursor: it is of another log")
    return Question(
        known_at=end.known_at, effective_at=end.effective_at, convert_to=asked.convert_to,
        base_currency=asked.base_currency,
    ), end.after  # fmt: skip


def check_code(part: str, code: str | None) -> None:
    """Raise Malformed where a currency is none."""
    from domain.money import check_currency

    if code is not None:
        check_currency(part, code)


def column(kind: Kind, sort: str) -> str:
    """By what a list is sorted. Raises Malformed where it cannot be."""
    name = sort.removeprefix("-")
    if name not in kind.sorts:
        raise Malformed(f"sort: {kind.plural} are sorted by {', '.join(kind.sorts)}, not by {name!r}")
    return name


def limit_of(texts: Mapping[str, Written]) -> int:
    """How many records make a page."""
    text = single("limit", texts.get("limit") or str(USUAL))
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and SMALLEST <= int(text) <= LARGEST):
        raise Malformed(f"limit: {text!r} is not a number from {SMALLEST} to {LARGEST}")
    return int(text)


def values_of(app: Installation, part: str, of: Filter, written: Sequence[str]) -> Values:
    """The values of a filter, each as it is read. Raises Malformed, or NotFound with the values there are."""
    if not of.several and len(written) > 1:
        raise Malformed(f"{part}: say one, not {len(written)}")
    if not written or len(written) > MOST:
        raise Malformed(f"{part}: give 1 to {MOST} values, not {len(written)}")
    if bad := next((text for text in written if not is_text(text)), None):
        raise Malformed(f"{part}: {bad!r} is not a text that could be stored")
    if of.among and (strange := [text for text in written if text not in of.among]):
        raise NotFound(f"{part}: there is no {strange[0]!r}; there are {', '.join(of.among)}")
    return tuple(READERS[of.reads](app, part, text) for text in written)


def check_values(views: "Views", kind: Kind, written: Mapping[str, list[str]]) -> None:
    """Raise NotFound for a value that stands nowhere, with those there are: asked where nothing was found."""
    from infra.views.filters import check_value

    with views.reading() as snapshot:
        for part, texts in written.items():
            if of := kind.filters[part].of:
                for text in texts:
                    check_value(snapshot, part, of, text)


def streams_called(app: Source, kind: Kind, asked: Query, text: str, opened: Histories) -> Values:
    """The streams whose sealed name at the moment has all the words of a text: looked up by keyed tokens, then read.

    Raises Malformed where there is no word, or where far too many have it; NotFound where there is no index.
    """
    from infra.privacy.subjects import find_by_words
    from infra.privacy.vault import words

    wanted = set(words(text))
    if not wanted:
        raise Malformed(f"name: {text!r} has no word to look for")
    assert kind.candidates and kind.name_of, "who is filtered by name has one"
    streams = kind.candidates(asked, find_by_words(app.log, app.vault, text))
    if len(streams) > NAMESAKES:
        raise Malformed(f"name: {len(streams):,} may be called so, more than {NAMESAKES:,}: say another word")
    facts = opened(streams)
    called = {stream: set(words(kind.name_of(facts[stream], asked.moment))) for stream in streams}
    return tuple(stream for stream, name in called.items() if wanted <= name)


def flag(part: str, text: str) -> bool:
    """Yes or no."""
    if text.lower() in YES:
        return True
    if text.lower() in NO:
        return False
    raise Malformed(f"{part}: {text!r} is neither yes nor no")


def amount(part: str, text: str) -> Decimal:
    """A number of units of a currency."""
    try:
        found = Decimal(text)
    except InvalidOperation:
        raise Malformed(f"{part}: {text!r} is not an amount such as 1500 or 1500.50") from None
    if not found.is_finite() or abs(found) >= 10**15:
        raise Malformed(f"{part}: {text} is not an amount of less than 10^15")
    return found


READERS: dict[str, Callable[[Installation, str, str], Any]] = {
    "text": lambda _app, _part, text: text,
    AMOUNT: lambda _, part, text: amount(part, text),
    FIRST_DAY: first_day,
    LAST_DAY: last_day,
    WORDS: lambda _app, _part, text: text,
    FLAG: lambda _, part, text: flag(part, text),
}
