"""The master key: one key in a file, under which the keys of all data subjects are wrapped, and its replacement."""

import os
from base64 import b64encode
from binascii import Error as NotBase64
from binascii import a2b_base64
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from domain.errors import Unavailable
from infra.privacy.sealing import cipher, unsealed
from infra.settings import user_folder

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE = 12  # bytes
NAMED = 8  # bytes of the digest of a master key, in front of all that it wrapped
SIZE = 32  # bytes of a key
HANDLES = "/proc/self/fd"  # where the files that this process has open can be named
FORMAT = "dealtrail-master-key 1"  # the first line of a key file; then the identity of its log, and the key in base 64


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

    def establish(self) -> bytes:
        """The name of the master key of a log that holds no key yet; Unavailable where it belongs to another log."""
        ...

    def missing(self) -> str:
        """Why no key can be unwrapped at all, and what to do; empty where the master key is there."""
        ...


class Contents(NamedTuple):
    """What a key file holds: the identity of the log that the key belongs to, and the key."""

    log: str
    key: bytes


class Opened(NamedTuple):
    """A master key in memory; its name is a digest, which tells keys apart and gives nothing away."""

    name: bytes
    cipher: "AESGCM"


class KeyFile:
    """A master key of 256 bits in a file that only its owner reads, bound to the log of which `log` says the identity.

    It is made for a log that holds no key yet, and never again: a log keeps the name of its master key, so that a file
    that is lost, or another one's, is seen. A copy of a log may open under the file of the log that it comes from; only
    the log that the file names may replace the key.

    While it is replaced, the next one stands beside it under `.next`, and for a moment the last one under `.old`.
    What either wrapped can be unwrapped: its first bytes say which one that was.
    """

    def __init__(self, path: Path, log: Callable[[], str]) -> None:
        self.path, self.log = path, log
        self.was_missing = False  # whether somebody wanted the key while its file was missing
        self.next, self.old = path.with_name(f"{path.name}.next"), path.with_name(f"{path.name}.old")
        self._opened: list[Opened] = []

    def wrap(self, subject: str, key: bytes, under: bytes = b"") -> bytes:
        found = self._key_of(under) if under else self._current()
        if found is None:
            whose = self._of_another_log() or ": it was replaced (master-key rotate)"
            raise Unavailable(f"the key file {self.path} is not the one in use{whose}")
        nonce = os.urandom(NONCE)
        return found.name + nonce + found.cipher.encrypt(nonce, key, subject.encode())

    def unwrap(self, subject: str, wrapped: bytes) -> bytes:
        nonce, rest = wrapped[NAMED : NAMED + NONCE], wrapped[NAMED + NONCE :]
        try:
            if found := self._key_of(wrapped[:NAMED]):
                return unsealed(found.cipher, nonce, rest, subject.encode())
        except ValueError:
            pass
        whose = self._of_another_log()
        raise Unavailable(f"the key file {self.path} is not the one that sealed the data of {subject}{whose}")

    def establish(self) -> bytes:
        if not self.path.exists():
            make(self.path, Contents(self.log(), os.urandom(SIZE)))
        self._check_owner("give this log one of its own (key_file)")
        return self._current().name

    def missing(self) -> str:
        if self._opened or self.path.exists():
            return ""
        self.was_missing = True
        return (
            f"the key file {self.path} of the log {self.log()} is missing: put it back, or say where it is (key_file); "
            "a new one would open nothing that was sealed"
        )

    def copy_to(self, other: "KeyFile") -> None:
        """Give a copy of this log a key file of its own, with the same key, unless it has one."""
        for mine, its in ((self.path, other.path), (self.next, other.next)):
            if mine.exists() and not its.exists():
                make(its, Contents(other.log(), read(mine).key))

    # Replacing it

    def prepare(self) -> bytes:
        """Put the next key beside this one, where it is not there yet; its name. Unavailable for another log's file."""
        self._current()
        self._check_owner("replace the key there, or give this log a copy of the file that names this log")
        if not self.next.exists():
            make(self.next, Contents(self.log(), os.urandom(SIZE)))
        return name_of(read(self.next).key)

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
        """The key under the file's own name."""
        return (self._opened or self._open())[0]

    def _key_of(self, name: bytes) -> Opened | None:
        """The key of a name; the files are read again where none of those in memory has it."""
        for known in (self._opened, None):
            for opened in self._open() if known is None else known:
                if opened.name == name:
                    return opened
        return None

    def _open(self) -> list[Opened]:
        if reason := self.missing():
            raise Unavailable(reason)
        keys = [read(self.path).key]
        with suppress(Unavailable):  # it may take this one's place at this moment: then it is read as such next time
            keys += [read(self.next).key] if self.next.exists() else []
        self._opened = [Opened(name_of(key), cipher(key)) for key in keys]
        return self._opened

    def _of_another_log(self) -> str:
        """Whose the file is, where it is not this log's."""
        owner, log = read(self.path).log, self.log()
        return "" if owner == log else f": it belongs to the log {owner}, and this is the log {log}"

    def _check_owner(self, remedy: str) -> None:
        if whose := self._of_another_log():
            raise Unavailable(f"the key file {self.path} cannot be used{whose}; {remedy}")


def name_of(key: bytes) -> bytes:
    """What tells master keys apart."""
    return sha256(b"dealtrail master key\x1f" + key).digest()[:NAMED]


def read(path: Path) -> Contents:
    """What a key file holds. Raises Unavailable for anything else."""
    try:
        first, log, text = path.read_text("ascii").splitlines()
        key = a2b_base64(text, strict_mode=True)
    except OSError as error:
        raise Unavailable(f"the key file {path} cannot be read: {error.strerror}") from error
    except (ValueError, NotBase64):
        first, log, key = "", "", b""
    if first != FORMAT or len(key) != SIZE:
        raise Unavailable(f"the key file {path} does not hold what a key file of dealtrail holds: three lines")
    return Contents(log, key)


def make(path: Path, contents: Contents) -> None:
    """A new key file, complete on disk before it has its name: of two that race, the first one stays."""
    try:
        if path.parent == user_folder():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        text = f"{FORMAT}\n{contents.log}\n{b64encode(contents.key).decode()}\n"
        with nameless(path) as (handle, name):
            os.write(handle, text.encode("ascii"))
            os.fsync(handle)
            with suppress(FileExistsError):
                # only with a folder does Python ask for the file behind a link; the name is absolute, so none counts
                os.link(name, path, src_dir_fd=handle if name.startswith(HANDLES) else None, follow_symlinks=True)
        sync_folder(path)  # the name must outlive a crash as surely as what is sealed under it
    except OSError as error:
        raise Unavailable(f"the key file {path} cannot be made: {error.strerror}") from error


@contextmanager
def nameless(path: Path) -> Generator[tuple[int, str]]:
    """A file without a name in a folder, and by what it can be given one: a process that is killed leaves nothing.

    Where the system has no such files it has a name of its own, gone when the context ends.
    """
    handle = -1
    if hasattr(os, "O_TMPFILE") and Path(HANDLES).is_dir():
        with suppress(OSError):  # not every file system has them
            handle = os.open(path.parent, os.O_TMPFILE | os.O_WRONLY, 0o600)
    if handle >= 0:
        try:
            yield handle, f"{HANDLES}/{handle}"
        finally:
            os.close(handle)
        return
    from tempfile import NamedTemporaryFile  # takes its time to load

    with NamedTemporaryFile("wb", dir=path.parent, prefix=path.name) as file:
        yield file.fileno(), file.name


def sync_folder(path: Path) -> None:
    """See to it that the names in a file's folder outlive a crash, where the system can."""
    if hasattr(os, "O_DIRECTORY"):
        folder = os.open(path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
