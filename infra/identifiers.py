"""New names: time-ordered and unique without asking anybody."""

import os
from uuid import UUID


def uuid7(moment: int) -> UUID:
    """A UUIDv7 (RFC 9562) of an instant in microseconds since 1970: 48 bits of milliseconds, 74 random ones."""
    random = int.from_bytes(os.urandom(10), "big")
    high = (moment // 1000 & (1 << 48) - 1) << 80 | 0x7 << 76 | (random >> 62 & 0xFFF) << 64
    return UUID(int=high | 0b10 << 62 | random & (1 << 62) - 1)
