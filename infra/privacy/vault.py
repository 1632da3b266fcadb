"""Personal fields are sealed before they are stored; without the subject's key nobody can read them again."""

import hmac
import re
import time
import unicodedata
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import Any, NamedTuple

from msgspec.structs import replace

from domain.correction import FactCorrected
from domain.errors import Malformed, Rejected, Unavailable
from domain.personal import personal_texts
from infra.identifiers import draw
from infra.privacy.master_key import NONCE, KeyFile, MasterKey
from infra.privacy.sealing import cipher, new_key, unsealed
from infra.store.log import DIGESTS, ERASED, INDEX, MASTER

SEALED = "sealed:1:"
"""What a sealed text begins with; then its subject and, in base64, mark, nonce and ciphertext: `sealed:1:lead-7:…`."""
UNREADABLE = "[sealed]"
FORGOTTEN = "[erased]"
MARK = 4  # bytes of a text, before the nonce, that tell which of its subject's keys sealed it: one may follow another
COMMITTED = 32  # bytes in front of a wrapped key that commit to the key inside
WORD = re.compile(r"\w+")
WORDS = 20  # of a name that it can be looked up by
HELD = 50_000  # unwrapped keys kept in memory at the most, between two appends
HELD_SECONDS = 10.0  # that a key stays in memory at the most: so long may another process still read who was erased


class Held(NamedTuple):
    """A subject's key in memory, and the form in which it is stored."""

    key: bytes
    stored: bytes


class Erasures:
    """How many erasures the vaults of one process have seen: each looks keys up anew after one that another did."""

    count = 0


class Vault:
    """Seals and opens the personal fields of events, one key a data subject.

    `stored` looks keys up in their stored form: a commitment, then the key under the master key; an empty one says
    that the subject was erased. A key made here is in `fresh` until an append has stored it. What is sealed rests on
    keys that must still stand when it is stored: `take_standing` names them. Used by one thread at a time.
    """

    def __init__(
        self,
        master: MasterKey,
        stored: Callable[[Sequence[str]], dict[str, bytes]],
        erasures: Erasures | None = None,
    ) -> None:
        self.master, self.stored, self.erasures = master, stored, erasures or Erasures()
        self.fresh: dict[str, bytes] = {}
        self._taken: frozenset[str] = frozenset()  # whose append may be under way
        self._keys: dict[str, Held] = {}
        self._erased: set[str] = set()
        self._absent: set[str] = set()
        self._locked: set[str] = set()  # stored, but the master key is missing
        self._first = b""  # the name of the master key, where the append that puts it in use may be under way
        self._standing: dict[str, bytes | None] = {}
        self.used: set[str] = set()  # whose keys were used, until somebody else counts anew
        self._since = time.monotonic()
        self._count = self.erasures.count

    def load(self, subjects: Iterable[str]) -> None:
        """Look up the keys of several subjects at once. Raises Unavailable for one that is not what it was.

        Where the master key is missing, a subject's texts read `[sealed]`, and its key is Unavailable.
        """
        if self.is_outdated:
            self.refresh()
        known = (self._keys, self._erased, self._locked)
        wanted = [subject for subject in set(subjects) if not any(subject in each for each in known)]
        found = self.stored(wanted) if wanted else {}
        for subject, stored in found.items():
            if stored == ERASED:
                self._erased.add(subject)
            elif self.master.missing():
                self._locked.add(subject)
            else:
                self._keys[subject] = Held(self.unwrap(subject, stored), stored)
        self._absent.update(subject for subject in wanted if subject not in found)

    @property
    def is_outdated(self) -> bool:
        """Whether what was read of persons may belong to somebody erased by now."""
        return time.monotonic() - self._since > HELD_SECONDS or self._count != self.erasures.count

    def refresh(self) -> None:
        """Let go of all keys that are surely stored, so that they are looked up anew."""
        kept = self.fresh.keys() | self._taken
        self._keys = {subject: held for subject, held in self._keys.items() if subject in kept}
        self._erased, self._absent, self._locked = set(), set(), set()
        self._since = time.monotonic()
        self._count = self.erasures.count

    def wrap(self, subject: str, key: bytes, under: bytes = b"") -> bytes:
        """A key in its stored form."""
        return commitment(subject, key) + self.master.wrap(subject, key, under)

    def unwrap(self, subject: str, stored: bytes) -> bytes:
        """The key in a stored form; Unavailable where it is not the one that was committed to."""
        key = self.master.unwrap(subject, stored[COMMITTED:])
        if not hmac.compare_digest(commitment(subject, key), stored[:COMMITTED]):
            raise Unavailable(f"the key of {subject} is not the one that was made for it: somebody put another there")
        return key

    def knows(self, subject: str) -> bool:
        """Whether a subject has, or had before it was erased, a key."""
        self.load([subject])
        return any(subject in each for each in (self._keys, self._erased, self._locked))

    def erased(self, subject: str) -> bool:
        """Whether a subject was erased."""
        self.load([subject])
        return subject in self._erased

    def seal(self, stream: str, subject: str, event: Any) -> Any:
        """The event with each personal field sealed for the subject; an empty one stays empty."""
        if isinstance(event, FactCorrected) and event.replacement is not None:
            event = replace(event, replacement=self.seal(stream, subject, event.replacement))
        texts = personal_texts(event)
        return (
            replace(event, **{n: self.seal_text(stream, n, subject, t) for n, t in texts.items()}) if texts else event
        )

    def seal_text(self, stream: str, field: str, subject: str, text: str) -> str:
        """A text sealed for the subject, of use in that stream and field alone."""
        key, nonce = self.key(subject), draw(NONCE)
        sealed = mark(key) + nonce + cipher(key).encrypt(nonce, text.encode(), bound_to(stream, field, subject))
        return f"{SEALED}{subject}:{urlsafe_b64encode(sealed).decode()}"

    def open(self, stream: str, event: Any) -> Any:
        """The event with each personal field readable, or `[sealed]` where its key is gone, or `[erased]`."""
        if isinstance(event, FactCorrected) and event.replacement is not None:
            event = replace(event, replacement=self.open(stream, event.replacement))
        texts = personal_texts(event)
        return replace(event, **{n: self.open_text(stream, n, t) for n, t in texts.items()}) if texts else event

    def open_text(self, stream: str, field: str, text: str) -> str:
        """A sealed text made readable; Malformed where it was sealed for another place."""
        if not text.startswith(SEALED):
            return text
        subject, sealed = subject_of(text), text.rpartition(":")[2]
        self.load([subject])
        if subject in self._erased:
            return FORGOTTEN
        held = self._keys.get(subject)
        try:
            raw = urlsafe_b64decode(sealed)
            if held is None or raw[:MARK] != mark(held.key):  # gone, whether or not the subject has a new key since
                return UNREADABLE
            nonce, rest = raw[MARK : MARK + NONCE], raw[MARK + NONCE :]
            return unsealed(cipher(held.key), nonce, rest, bound_to(stream, field, subject)).decode()
        except ValueError:
            raise Malformed(f"{field}: the sealed text in {stream} was not sealed there, or was changed") from None

    def take_fresh(self) -> dict[str, bytes]:
        """The stored forms of the keys made since the last call, to be stored in the append that needs them."""
        fresh, self.fresh = self.fresh, {}
        self._taken, self._first = frozenset(fresh), fresh.get(MASTER, b"")
        self._absent.clear()
        if len(self._keys) > HELD:
            self._keys = {subject: held for subject, held in self._keys.items() if subject in fresh}
        return fresh

    def take_standing(self) -> dict[str, bytes | None]:
        """What must be stored under each subject when the append happens that holds what was sealed since the last."""
        standing, self._standing = self._standing, {}
        return standing

    def forget(self, subjects: Iterable[str]) -> None:
        """Drop keys whose append failed: another writer may have stored other ones."""
        for subject in subjects:
            self._keys.pop(subject, None)
            self.fresh.pop(subject, None)
            if subject == MASTER:
                self._first = b""

    def erase(self, subjects: Iterable[str]) -> None:
        """Drop the keys of those who were forgotten, here and in the other vaults of this process."""
        self.forget(subjects)
        self.erasures.count += 1

    def fingerprint(self, subject: str, text: bytes) -> bytes:
        """A digest of a text about the subject that nobody can try guesses on without the subject's key."""
        return hmac.digest(self.key(subject), text, "sha256")

    def digest(self, text: bytes) -> bytes:
        """A digest of a text about nobody, such as a command, that nobody can try guesses on who has the log alone."""
        if DIGESTS not in self._keys:
            if self.erased(DIGESTS):
                raise Rejected(
                    "this log was copied without its keys: what was asked of the original cannot be told from what is "
                    "new, so it takes no commands under an id and no imports"
                )
            self.key(DIGESTS)
        self._use(DIGESTS)
        return hmac.digest(self._keys[DIGESTS].key, text, "sha256")  # never erased, so no append need assert it

    def token(self, email: str) -> bytes | None:
        """What an address is looked up by, of use to nobody without the index's key; None where there is no index."""
        if self.erased(INDEX):
            return None
        return hmac.digest(self.key(INDEX), b"email\x1f" + normal(email).encode(), "sha256")

    def word_tokens(self, name: str) -> list[bytes]:
        """What the words of a name are looked up by, one each; none where there is no index."""
        if self.erased(INDEX):
            return []
        key = self.key(INDEX)
        return [hmac.digest(key, b"word\x1f" + word.encode(), "sha256") for word in words(name)]

    def key(self, subject: str) -> bytes:
        """The subject's key, made where there is none; Rejected where the subject was erased."""
        if subject not in self._keys and subject not in self._absent:  # looked up before in this batch
            self.load([subject])
        if subject in self._erased:
            raise Rejected(f"{subject} was erased: nothing about this person in words can be recorded any more")
        if subject in self._locked:
            raise Unavailable(self.master.missing() or "the key file is back: ask again")
        if subject not in self._keys:
            self._make(subject)
        self._use(subject)
        self.rest_on([subject])
        return self._keys[subject].key

    def rest_on(self, subjects: Iterable[str]) -> None:
        """Have the next append assert that keys which were used are stored as they were."""
        for subject in subjects:
            if subject in self._keys and subject not in self.fresh:
                self._standing[subject] = self._keys[subject].stored

    def renew(self, subject: str) -> None:
        """Make a key in the place of an erased one: the index's, which is nobody's."""
        self._erased.discard(subject)
        self._standing[subject] = ERASED
        self._make(subject)

    def establish(self) -> None:
        """Have the next append put a master key in use, where the log has none: with the first write to a new log.

        Raises Unavailable where the log has one, and it is not there.
        """
        self.wrap(MASTER, bytes(32), self._under())

    def require(self) -> None:
        """Raise Unavailable where the log has keys, and the master key that opens them is missing."""
        if self.stored([MASTER]).get(MASTER) and (reason := self.master.missing()):
            raise Unavailable(reason)

    def _use(self, subject: str) -> None:
        self.used.add(subject)
        if subject in self.fresh and MASTER in self.fresh:  # which the append that stores the key puts in use
            self.used.add(MASTER)

    def _make(self, subject: str) -> None:
        key = new_key()
        self.fresh[subject] = self.wrap(subject, key, self._under())
        self._keys[subject] = Held(key, self.fresh[subject])

    def _under(self) -> bytes:
        """The name of the master key that new keys are wrapped under; the first of all is put in use with them."""
        if MASTER not in self._standing:
            self._standing[MASTER] = self._first or self.stored([MASTER]).get(MASTER)
        if self._standing[MASTER] is None and MASTER not in self.fresh:
            self.fresh[MASTER] = self.master.establish()
        return self._standing[MASTER] or self.fresh[MASTER]


def bound_to(stream: str, field: str, subject: str) -> bytes:
    """The associated data of a sealed text: it opens nowhere else."""
    return "\x1f".join((stream, field, subject)).encode()


def mark(key: bytes) -> bytes:
    """What tells a key from the others that its subject had, without giving it away."""
    return hmac.digest(key, b"mark", "sha256")[:MARK]


def subject_of(sealed: str) -> str:
    """Whose key sealed a text; empty for a text that is not sealed."""
    return sealed.removeprefix(SEALED).rpartition(":")[0] if sealed.startswith(SEALED) else ""


def commitment(subject: str, key: bytes) -> bytes:
    """What a subject's key was when it was made, without giving it away: no other key passes for it."""
    return sha256(b"dealtrail key\x1f" + subject.encode() + b"\x1f" + key).digest()


def normal(email: str) -> str:
    """An address as it is compared: without blanks around it, whatever its case and form of Unicode."""
    return unicodedata.normalize("NFKC", email.strip()).casefold()


def words(name: str) -> list[str]:
    """The words of a name as they are compared, each once and in order: whatever their case and form of Unicode."""
    found = WORD.findall(unicodedata.normalize("NFKC", name).casefold())
    return list(dict.fromkeys(found))[:WORDS]


__all__ = ["FORGOTTEN", "SEALED", "UNREADABLE", "KeyFile", "MasterKey", "Vault", "subject_of", "words"]
