"""New names: time-ordered and unique without asking anybody; and the randomness that they and seals are made of."""

import os
import threading
from uuid import UUID

AT_ONCE = 16_384  # bytes asked of the operating system together: each call costs as much as a name


class Drawn(threading.local):
    """Random bytes that no one has used yet, of one thread."""

    rest: bytes = b""
    at: int = 0


drawn = Drawn()
os.register_at_fork(after_in_child=lambda: setattr(drawn, "rest", b""))  # nobody uses what a parent may use


def draw(count: int) -> bytes:
    """So many random bytes, few of them, from the operating system's generator."""
    if drawn.at + count > len(drawn.rest):
        drawn.rest, drawn.at = os.urandom(AT_ONCE), 0
    drawn.at += count
    return drawn.rest[drawn.at - count : drawn.at]


def uuid7(moment: int) -> UUID:
    """A UUIDv7 (RFC 9562) of an instant in microseconds since 1970: 48 bits of milliseconds, 74 random ones."""
    random = int.from_bytes(draw(10), "big")
    high = (moment // 1000 & (1 << 48) - 1) << 80 | 0x7 << 76 | (random >> 62 & 0xFFF) << 64
    return UUID(int=high | 0b10 << 62 | random & (1 << 62) - 1)
