"""What every database checks alike before it stores an append."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast
from uuid import uuid4

import msgspec

from domain.errors import Conflict, Malformed
from domain.recorded import micros
from infra.store.log import Append, Appended, Draft, Row

if TYPE_CHECKING:
    from eventsourcing.persistence import StoredEvent

LARGEST = 512 * 1024  # bytes of an event as stored: it is published as one message, and brokers take 1 MiB

EARLIEST, LATEST = (micros(end.replace(tzinfo=UTC)) for end in (datetime.min, datetime.max))


def expected_heads(append: Append) -> list[tuple[str, int]]:
    """The version that each stream written or read must be at; a stream that is both stands twice.

    Raises ValueError where the versions of a stream's drafts are not contiguous: a bug of the caller.
    """
    heads: dict[str, int] = {}
    last: dict[str, int] = {}
    for draft in append.drafts:
        stream, version = draft.stream, draft.version
        if stream not in heads:
            heads[stream] = version - 1
        elif version != last[stream] + 1:
            raise ValueError(f"version {version} of {stream} follows version {last[stream]} in one append")
        last[stream] = version
    return [*heads.items(), *append.reads.items()]


def outcomes_of(outcomes: Sequence[Appended | Exception]) -> list[Appended | Conflict]:
    """What became of each append; raises the first failure that is no conflict."""
    for outcome in outcomes:
        if isinstance(outcome, Exception) and not isinstance(outcome, Conflict):
            raise outcome
    return cast(list[Appended | Conflict], list(outcomes))


def refuse_oversized(draft: Draft) -> None:
    """Raises Malformed where an event, its personal fields sealed, and the texts around it are more than LARGEST."""
    texts = (draft.stream, draft.tag, *draft[6:])
    if len(draft.body) + 4 * sum(map(len, texts)) <= LARGEST:  # whatever they are in UTF-8
        return
    size = len(draft.body) + sum(len(text.encode(errors="surrogatepass")) for text in texts)
    if size > LARGEST:
        raise Malformed(f"{draft.stream}: {draft.tag} is {size} bytes as stored; an event has {LARGEST} at most")


def refuse_unstorable(append: Append) -> None:
    """Raises Malformed for an event that is too large or out of the calendar, or a text not stored alike everywhere."""
    for draft in append.drafts:
        refuse_oversized(draft)
        if not EARLIEST <= draft.occurred_at <= LATEST:
            raise Malformed(f"{draft.stream}: {draft.tag} happened outside the years 1 to 9999 in UTC")
    refuse_unstorable_text(append)


def refuse_unstorable_text(append: Append) -> None:
    """Raises Malformed where a text cannot be stored alike everywhere: NUL characters, lone surrogates."""
    texts = [text for draft in append.drafts for text in (draft.stream, draft.tag, *draft[6:])]
    texts += [text for pair in append.answers for text in pair]
    texts += (*append.keys, *append.standing, *append.erase, *(subject for _, subject in append.tokens))
    try:
        stored = "".join(texts).encode()
    except UnicodeEncodeError as error:
        raise Malformed(f"a text of the append is not Unicode: {error.reason}") from error
    if b"\0" in stored:
        raise Malformed("a text of the append holds a NUL character, which no database stores alike")


def plain_drafts(events: "Sequence[StoredEvent]", now: int) -> list[Draft]:
    """Events that came by the eventsourcing library's own interface, in a default envelope."""
    return [
        Draft(uuid4(), str(event.originator_id), event.originator_version, event.topic, event.state, now, "")
        for event in events
    ]


def answer_rows(appends: Sequence[Append]) -> list[Row]:
    """Answers as values for their table."""
    return [
        (actor, command_id, answer.digest, msgspec.json.encode(answer.facts).decode())
        for append in appends
        for (actor, command_id), answer in append.answers.items()
    ]
