"""The master key: one key in a file, under which the keys of all data subjects are wrapped, and its replacement."""

import os
from base64 import b64encode
from binascii import Error as NotBase64
from binascii import a2b_base64
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import NamedTuple, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.errors import Unavailable

NONCE = 12  # bytes
NAMED = 8  # bytes of the digest of a master key, in front of all that it wrapped
SIZE = 32  # bytes of a key


class MasterKey(Protocol):
    """What wraps the keys of data subjects: a key file here, a key service elsewhere."""

    def wrap(self, subject: str, key: bytes, under: bytes = b"") -> bytes:
        """The subject's key, encrypted and bound to the subject; under the master key of that name where one is said.

        Raises Unavailable where there is no master key of the name.
        """
        ...

    def unwrap(self, subject: str, wrapped: bytes) -> bytes:
        """The subject's key again; Unavailable where this master key did not wrap it."""
        ...


class Opened(NamedTuple):
    """A master key in memory; its name is a digest, which tells keys apart and gives nothing away."""

    name: bytes
    cipher: AESGCM


class KeyFile:
    """A master key of 256 bits in a file that only its owner reads; made on first use.

    While it is replaced, the next one stands beside it under `.next`, and for a moment the last one under `.old`.
    What either wrapped can be unwrapped: its first bytes say which one that was.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.next, self.old = path.with_name(f"{path.name}.next"), path.with_name(f"{path.name}.old")
        self._opened: list[Opened] = []

    def wrap(self, subject: str, key: bytes, under: bytes = b"") -> bytes:
        found = self._named(under) if under else self._current()
        if found is None:
            raise Unavailable(f"the key file {self.path} is not the one in use: it was replaced (keys rotate)")
        nonce = os.urandom(NONCE)
        return found.name + nonce + found.cipher.encrypt(nonce, key, subject.encode())

    def unwrap(self, subject: str, wrapped: bytes) -> bytes:
        nonce, rest = wrapped[NAMED : NAMED + NONCE], wrapped[NAMED + NONCE :]
        try:
            if found := self._named(wrapped[:NAMED]):
                return found.cipher.decrypt(nonce, rest, subject.encode())
        except (InvalidTag, ValueError):
            pass
        raise Unavailable(f"the key file {self.path} is not the one that sealed the data of {subject}")

    # Replacing it

    def prepare(self) -> bytes:
        """Put the next key beside this one, where it is not there yet; its name."""
        self._current()
        if not self.next.exists():
            make(self.next)
        return name_of(read(self.next))

    def replace(self) -> None:
        """Put the next key in the place of this one, and destroy this one. Done again after a crash, it goes on."""
        try:
            if self.next.exists():
                self.old.unlink(missing_ok=True)  # a second name of this key, from a run that was killed
                self.old.hardlink_to(self.path)
                self.next.replace(self.path)  # from here on the next one is this one
                sync_folder(self.path)
            self.destroy_old()
        except OSError as error:
            raise Unavailable(f"the key file {self.path} cannot be replaced: {error.strerror}") from error
        self._opened = []

    def replaced(self) -> bool:
        """Whether a replacement was cut short after the next key had taken its place."""
        return self.old.exists() and not self.next.exists()

    def destroy_old(self) -> None:
        """Write over the last key, then remove it. (A file system or a disk that copies on write keeps its own.)"""
        if self.old.exists() and not self.old.samefile(self.path):
            with self.old.open("r+b") as file:
                size = file.seek(0, os.SEEK_END)
                for fill in (os.urandom(size), bytes(size)):
                    file.seek(0)
                    file.write(fill)
                    file.flush()
                    os.fsync(file.fileno())
            self.old.unlink()
            sync_folder(self.path)

    # Reading it

    def _current(self) -> Opened:
        """The key under the file's own name; made where there is none."""
        return (self._opened or self._open())[0]

    def _named(self, name: bytes) -> Opened | None:
        """The key of a name; the files are read again where none of those in memory has it."""
        for known in (self._opened, None):
            for opened in self._open() if known is None else known:
                if opened.name == name:
                    return opened
        return None

    def _open(self) -> list[Opened]:
        if not self.path.exists():
            make(self.path)
        keys = [read(self.path)]
        with suppress(Unavailable):  # it may take this one's place at this moment: then it is read as such next time
            keys += [read(self.next)] if self.next.exists() else []
        self._opened = [Opened(name_of(key), AESGCM(key)) for key in keys]
        return self._opened


def name_of(key: bytes) -> bytes:
    """What tells master keys apart."""
    return sha256(b"dealtrail master key\x1f" + key).digest()[:NAMED]


def read(path: Path) -> bytes:
    """The key that a file holds. Raises Unavailable for anything else."""
    try:
        key = a2b_base64(path.read_bytes(), strict_mode=True)
    except (OSError, NotBase64) as error:
        raise Unavailable(f"the key file {path} cannot be read: {error}") from error
    if len(key) != SIZE:
        raise Unavailable(f"the key file {path} holds {len(key)} bytes, not a key of {SIZE}")
    return key


def make(path: Path) -> None:
    """A new key, complete on disk before it has its name: of two that race, the first one stays."""
    try:
        with NamedTemporaryFile("wb", dir=path.parent, prefix=path.name) as file:
            file.write(b64encode(os.urandom(SIZE)))
            file.flush()
            os.fsync(file.fileno())
            with suppress(FileExistsError):
                os.link(file.name, path)
        sync_folder(path)  # the name must outlive a crash as surely as what is sealed under it
    except OSError as error:
        raise Unavailable(f"the key file {path} cannot be made: {error.strerror}") from error


def sync_folder(path: Path) -> None:
    """See to it that the names in a file's folder outlive a crash, where the system can."""
    if hasattr(os, "O_DIRECTORY"):
        folder = os.open(path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
