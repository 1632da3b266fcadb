"""Gives a log its first master key, and replaces it: then keys that left with a backup open nothing any more."""

from collections.abc import Mapping
from typing import NamedTuple

from domain.errors import Conflict, NotFound
from infra.privacy.master_key import NAMED
from infra.privacy.vault import COMMITTED, KeyFile, Vault
from infra.store.log import ERASED, MASTER, Append, Log

PAGE = 500  # keys wrapped anew in one transaction
ATTEMPTS = 100  # at one page, where other writers keep coming first


class Rotated(NamedTuple):
    """How many keys were wrapped anew, and whether this run only finished one that was cut short."""

    keys: int
    finished_earlier: bool


def begin(log: Log, vault: Vault) -> bool:
    """Give a log its master key; whether it had none. Raises Unavailable where the one that it has is not there."""
    vault.establish()
    fresh, standing = vault.take_fresh(), vault.take_standing()
    if not fresh:
        return False
    try:
        log.append(Append((), keys=fresh, standing=standing))
    except Conflict:  # somebody else did at this moment
        vault.forget(fresh)
        return False
    return True


def rotate(log: Log, vault: Vault, master: KeyFile) -> Rotated:
    """Wrap every key under a new master key, then destroy the old one. Killed anywhere, it goes on when run again.

    From the first step on, an append that would store a key under the old one is a conflict, and is decided anew. At
    every moment the files beside each other open every key. Raises Unavailable where a key cannot be unwrapped: then
    the old master key stays; or where it belongs to another log. NotFound where this one has none yet.
    """
    if not log.keys([MASTER]):
        raise NotFound("this log has no master key yet: there is nothing to replace")
    if finished := master.replaced():
        master.replace()
        return Rotated(0, finished)
    name = master.prepare()
    put_in_use(log, name)
    count, after = 0, ""
    while page := log.keys_after(after, PAGE):
        count += wrapped_anew(log, vault, master, page, name)
        after = max(page)
    master.replace()
    vault.refresh()
    log.scrub()
    return Rotated(count, False)


def put_in_use(log: Log, name: bytes) -> None:
    """Have every new key wrapped under the master key of a name."""
    before = log.keys([MASTER]).get(MASTER)
    if before != name:
        log.append(Append((), standing={MASTER: before}, keys={MASTER: name}))


def wrapped_anew(log: Log, vault: Vault, master: KeyFile, page: Mapping[str, bytes], name: bytes) -> int:
    """Wrap some keys under the master key of a name, unless they are already; how many were not."""
    for attempt in range(1, ATTEMPTS + 1):
        old = {
            subject: stored
            for subject, stored in page.items()
            if subject != MASTER and stored != ERASED and stored[COMMITTED : COMMITTED + NAMED] != name
        }
        if not old:
            return 0
        new = {subject: vault.wrap(subject, vault.unwrap(subject, stored), name) for subject, stored in old.items()}
        try:
            log.append(Append((), standing=old, keys=new))
            return len(old)
        except Conflict:  # somebody was erased meanwhile
            if attempt == ATTEMPTS:
                raise
            page = log.keys(list(page))
    raise AssertionError("unreachable")
