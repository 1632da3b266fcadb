"""A cursor: where a page of a list ended, and which list that was, as one text that says nothing to people."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from hashlib import blake2b
from typing import Any

import msgspec
from msgspec import Struct

from domain.errors import Malformed


class Cursor(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The end of a page: the key of its last record, and the position and instant that all pages of its list are for.

    list: a digest of the kind, filters and sort of the list, of which alone it is a place.
    """

    known_at: int
    effective_at: int
    list: str
    after: tuple[int | float | str, ...]


def digest_of(*parts: Any) -> str:
    """Which list: a digest of what it was asked for."""
    return blake2b(msgspec.json.encode(parts, order="deterministic"), digest_size=6).hexdigest()


def written(cursor: Cursor) -> str:
    """A cursor as a text."""
    return urlsafe_b64encode(msgspec.json.encode(cursor)).decode().rstrip("=")


def read(text: str) -> Cursor:
    """The cursor that a text is. Raises Malformed for any other text."""
    try:
        return msgspec.json.decode(urlsafe_b64decode(text + "=" * (-len(text) % 4)), type=Cursor)
    except (Error, ValueError, msgspec.MsgspecError):
        raise Malformed("cursor: it is not one that a list gave as its next") from None
