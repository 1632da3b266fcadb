"""Personal fields are sealed before they are stored; without the subject's key nobody can read them again."""

import hmac
import os
from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from binascii import a2b_base64
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec.structs import replace

from domain.correction import FactCorrected
from domain.errors import Malformed, Unavailable
from domain.personal import personal_texts

SEALED = "sealed:1:"
"""What a sealed text begins with; then its subject and, in base64, mark, nonce and ciphertext: `sealed:1:lead-7:…`."""
UNREADABLE = "[sealed]"
NONCE = 12  # bytes
MARK = 4  # bytes of a text, before the nonce, that tell which of its subject's keys sealed it: one may follow another
HELD = 50_000  # unwrapped keys kept in memory at the most, between two appends


class MasterKey(Protocol):
    """What wraps the keys of data subjects: a key file here, a key service elsewhere."""

    def wrap(self, subject: str, key: bytes) -> bytes:
        """The subject's key, encrypted and bound to the subject."""
        ...

    def unwrap(self, subject: str, wrapped: bytes) -> bytes:
        """The subject's key again; Unavailable where this master key did not wrap it."""
        ...


class KeyFile:
    """A master key of 256 bits in a file that only its owner reads; made on first use."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._cipher: AESGCM | None = None

    def wrap(self, subject: str, key: bytes) -> bytes:
        nonce = os.urandom(NONCE)
        return nonce + self._master().encrypt(nonce, key, subject.encode())

    def unwrap(self, subject: str, wrapped: bytes) -> bytes:
        try:
            return self._master().decrypt(wrapped[:NONCE], wrapped[NONCE:], subject.encode())
        except InvalidTag:
            raise Unavailable(f"the key file {self.path} is not the one that sealed the data of {subject}") from None

    def _master(self) -> AESGCM:
        if self._cipher is None:
            self._cipher = AESGCM(self._read())
        return self._cipher

    def _read(self) -> bytes:
        if not self.path.exists():
            self._make()
        try:
            key = a2b_base64(self.path.read_bytes(), strict_mode=True)
        except (OSError, NotBase64) as error:
            raise Unavailable(f"the key file {self.path} cannot be read: {error}") from error
        if len(key) != 32:
            raise Unavailable(f"the key file {self.path} holds {len(key)} bytes, not a key of 32")
        return key

    def _make(self) -> None:
        """A new key, complete on disk before it has its name: of two that race, the first one stays."""
        try:
            with NamedTemporaryFile("wb", dir=self.path.parent, prefix=self.path.name) as file:
                file.write(b64encode(os.urandom(32)))
                file.flush()
                os.fsync(file.fileno())
                with suppress(FileExistsError):
                    os.link(file.name, self.path)
            if hasattr(os, "O_DIRECTORY"):  # the name must outlive a crash as surely as what is sealed under it
                folder = os.open(self.path.parent, os.O_RDONLY)
                os.fsync(folder)
                os.close(folder)
        except OSError as error:
            raise Unavailable(f"the key file {self.path} cannot be made: {error.strerror}") from error


class Vault:
    """Seals and opens the personal fields of events, one key a data subject.

    `stored` looks wrapped keys up. A key made here is in `fresh`, wrapped, until an append has stored it.
    """

    def __init__(self, master: MasterKey, stored: Callable[[Sequence[str]], dict[str, bytes]]) -> None:
        self.master, self.stored = master, stored
        self.fresh: dict[str, bytes] = {}
        self._keys: dict[str, bytes] = {}
        self._absent: set[str] = set()

    def load(self, subjects: Iterable[str]) -> None:
        """Look up the keys of several subjects at once."""
        wanted = [subject for subject in set(subjects) if subject not in self._keys]
        found = self.stored(wanted) if wanted else {}
        for subject, wrapped in found.items():
            self._keys[subject] = self.master.unwrap(subject, wrapped)
        self._absent.update(subject for subject in wanted if subject not in found)

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
        key, nonce = self._key(subject), os.urandom(NONCE)
        sealed = mark(key) + nonce + AESGCM(key).encrypt(nonce, text.encode(), bound_to(stream, field, subject))
        return f"{SEALED}{subject}:{urlsafe_b64encode(sealed).decode()}"

    def open(self, stream: str, event: Any) -> Any:
        """The event with each personal field readable, or `[sealed]` where the subject's key is gone."""
        if isinstance(event, FactCorrected) and event.replacement is not None:
            event = replace(event, replacement=self.open(stream, event.replacement))
        texts = personal_texts(event)
        return replace(event, **{n: self.open_text(stream, n, t) for n, t in texts.items()}) if texts else event

    def open_text(self, stream: str, field: str, text: str) -> str:
        """A sealed text made readable; Malformed where it was sealed for another place."""
        if not text.startswith(SEALED):
            return text
        subject, _, sealed = text.removeprefix(SEALED).rpartition(":")
        self.load([subject])
        key = self._keys.get(subject)
        try:
            raw = urlsafe_b64decode(sealed)
            if key is None or raw[:MARK] != mark(key):  # forgotten, whether or not the subject has a new key since
                return UNREADABLE
            nonce, rest = raw[MARK : MARK + NONCE], raw[MARK + NONCE :]
            return AESGCM(key).decrypt(nonce, rest, bound_to(stream, field, subject)).decode()
        except (InvalidTag, ValueError):
            raise Malformed(f"{field}: the sealed text in {stream} was not sealed there, or was changed") from None

    def take_fresh(self) -> dict[str, bytes]:
        """The wrapped keys made since the last call, to be stored in the append that needs them."""
        fresh, self.fresh = self.fresh, {}
        self._absent.clear()
        if len(self._keys) > HELD:
            self._keys = {subject: self._keys[subject] for subject in fresh}
        return fresh

    def forget(self, subjects: Iterable[str]) -> None:
        """Drop keys whose append failed: another writer may have stored other ones."""
        for subject in subjects:
            self._keys.pop(subject, None)
            self.fresh.pop(subject, None)

    def fingerprint(self, subject: str, text: bytes) -> bytes:
        """A digest of a text about the subject that nobody can try guesses on without the subject's key."""
        return hmac.digest(self._key(subject), text, "sha256")

    def _key(self, subject: str) -> bytes:
        if subject not in self._keys and subject not in self._absent:  # looked up before in this batch
            self.load([subject])
        if subject not in self._keys:
            self._keys[subject] = AESGCM.generate_key(256)
            self.fresh[subject] = self.master.wrap(subject, self._keys[subject])
        return self._keys[subject]


def bound_to(stream: str, field: str, subject: str) -> bytes:
    """The associated data of a sealed text: it opens nowhere else."""
    return "\x1f".join((stream, field, subject)).encode()


def mark(key: bytes) -> bytes:
    """What tells a key from the others that its subject had, without giving it away."""
    return hmac.digest(key, b"mark", "sha256")[:MARK]
