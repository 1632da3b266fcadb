"""What is kept about a person: found by an address, shown as a whole, and an index of addresses that can be cleared."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import msgspec

from domain.correction import FactCorrected
from domain.errors import Conflict, NotFound
from domain.personal import emails, names, personal_texts
from domain.recorded import Recorded
from domain.reference.subject import PREFIX
from infra.privacy.vault import FORGOTTEN, UNREADABLE, Vault, subject_of
from infra.store.log import INDEX, Append, Log

EMAIL, NAME = "email", "name"
PAGE = 1000  # addresses and names put into the index in one append
CLEARED = "the index of addresses and names was cleared; dealtrail subject rebuild-index builds it from the log"
ATTEMPTS = 5  # at one page, where other writers keep coming first


class Entry(NamedTuple):
    """An e-mail address, or a name, as it stands in the log, sealed, and where."""

    stream: str
    field: str
    text: str
    subject: str


def find(log: Log, vault: Vault, email: str) -> list[str]:
    """The subjects that an address was ever recorded of, in order. Raises NotFound where there is no index."""
    token = vault.token(email) if vault.knows(INDEX) else None
    if token is None and vault.erased(INDEX):
        raise NotFound(CLEARED)
    return log.subjects_of_token(token) if token else []


def find_by_words(log: Log, vault: Vault, text: str) -> list[str]:
    """The subjects of whom a name with all the words of a text was ever recorded, in order.

    Raises NotFound where there is no index.
    """
    tokens = vault.word_tokens(text) if vault.knows(INDEX) else []
    if not tokens and vault.erased(INDEX):
        raise NotFound(CLEARED)
    found = [set(subjects) for subjects in log.subjects_by_token(tokens).values()]
    return sorted(set[str].intersection(*found)) if found and len(found) == len(tokens) else []


def gathered(log: Log, subject: str) -> list[Recorded]:
    """Everything about a person in order of position, as stored.

    The whole history of the stream that the person's key is named after, and of the decisions to hold and erase; of
    all other streams the facts that hold a text sealed for the person. Raises NotFound where there is none.
    """
    own = (subject, PREFIX + subject)
    streams = sorted({*own, *log.streams_about(subject)})
    found = [
        fact
        for history in log.histories(streams).values()
        for fact in history
        if fact.stream in own or subject in subjects_in(fact)
    ]
    if not any(subject in subjects_in(fact) for fact in found) and not log.keys([subject]):
        raise NotFound(f"{subject}: nothing about such a person was ever recorded")
    return sorted(found, key=lambda fact: fact.position)


def subjects_in(fact: Recorded) -> set[str]:
    """Whom the sealed texts of a fact are about."""
    event = fact.event
    parts = [event, event.replacement] if isinstance(event, FactCorrected) and event.replacement else [event]
    texts = [fact.reason, *(text for part in parts for text in personal_texts(part).values())]
    return {subject for text in texts if (subject := subject_of(text))}


def clear_index(log: Log, vault: Vault) -> None:
    """Destroy the index of addresses and names with its key; none is kept until it is built again."""
    log.append(Append((), erase=[INDEX]))
    vault.refresh()


def rebuild_index(log: Log, vault: Vault) -> int:
    """Build the index of addresses and names from the log under a new key; how many addresses were read.

    What is captured meanwhile enters under the new key, and who is erased meanwhile does not enter.
    """
    vault.require()
    clear_index(log, vault)
    vault.renew(INDEX)
    log.append(Append((), keys=vault.take_fresh(), standing=vault.take_standing()))
    count, entries = 0, entries_in(log)
    while page := list(islice(entries, PAGE)):
        count += enter(log, vault, page)
    return count


def entries_in(log: Log) -> Iterator[Entry]:
    """Every address and every name in the log; a correction's too."""
    for facts in log.scan(log.head()):
        for fact in facts:
            for field, texts in ((EMAIL, emails), (NAME, names)):
                for text in texts(fact.event) if isinstance(fact.event, msgspec.Struct) else ():
                    yield Entry(fact.stream, field, text, subject_of(text) or fact.stream)


def enter(log: Log, vault: Vault, page: Sequence[Entry]) -> int:
    """Put addresses and the words of names into the index, unless their subject was erased; how many addresses."""
    for attempt in range(1, ATTEMPTS + 1):
        subjects = {entry.subject for entry in page}
        vault.load(subjects)
        tokens, addresses = list[tuple[bytes, str]](), 0
        for entry in page:
            text = vault.open_text(entry.stream, entry.field, entry.text)
            if text in (FORGOTTEN, UNREADABLE):
                continue
            if entry.field == NAME:
                tokens += [(token, entry.subject) for token in vault.word_tokens(text)]
            elif token := vault.token(text):
                tokens.append((token, entry.subject))
                addresses += 1
        vault.rest_on(subjects)
        try:
            log.append(Append((), standing=vault.take_standing(), tokens=tokens))
            return addresses
        except Conflict:  # somebody was erased meanwhile, or the index was cleared
            vault.refresh()
            if attempt == ATTEMPTS:
                raise
    raise AssertionError("unreachable")
