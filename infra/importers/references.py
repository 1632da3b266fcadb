"""Rows found by the ids that other tables refer to them by, also where an anonymised copy wrote only a digest."""

import base64
import binascii
import hashlib
from collections.abc import Iterable
from typing import Generic, TypeVar

T = TypeVar("T")
DIGEST = 16  # bytes of an MD5 digest
LENGTH = 24  # characters of one in base64


class References(Generic[T]):
    """Things by id. An id is met by itself or by its MD5 digest, in base64 or in hexadecimal."""

    def __init__(self, pairs: Iterable[tuple[str, T]] = ()) -> None:
        self.found: dict[str, T] = {}
        digests: dict[str, T] = {}
        for name, thing in pairs:
            self.found[plain(name)] = thing
            digests[digest(name)] = thing
        self.found = digests | self.found

    def get(self, name: str) -> T | None:
        """What an id refers to, if it is there."""
        return self.found.get(plain(name)) if name else None


def digest(text: str) -> str:
    """The MD5 digest of a text, in hexadecimal: how anonymised copies write it, nothing is kept secret by it here."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


NOTHING = digest("")


def plain(text: str) -> str:
    """An id, with a digest in base64 written in hexadecimal."""
    if len(text) == LENGTH and text.endswith("=="):
        try:
            raw = base64.b64decode(text, validate=True)
        except binascii.Error:
            return text
        return raw.hex() if len(raw) == DIGEST else text
    return text


def cell_text(text: str) -> str:
    """What a cell says; the digest of an empty text says nothing."""
    return "" if plain(text) == NOTHING else text
