"""Digests by which a forecast can be held to what it was: of its figures, and of its table of deals."""

from collections.abc import Iterable
from hashlib import sha256

import numpy as np
import numpy.typing as npt

from projections.outlook.forecasting import Outlook
from projections.outlook.lives import Floats, Ints, Keys, Lives

CHANCE_DIGITS = 10**9
"""Chances are taken in billionths."""


def figures_digest(outlook: Outlook) -> str:
    """Of the figures of every level: SHA-256, in hexadecimal."""
    parts: list[bytes] = [f"{outlook.cut} {outlook.first} {outlook.last} {outlook.currency} {outlook.seed}".encode()]
    for each in outlook.figures:
        parts.append("\x1f".join((each.measure, each.level, *each.labels)).encode())
        parts += [data(array) for array in (each.booked, each.open, each.new, each.mean, each.p10, each.p50, each.p90)]
    return joined(parts)


def deals_digest(outlook: Outlook, lives: Lives) -> str:
    """Of the open deals, in the order of their keys: chances in billionths, amounts and means in minor units."""
    key = lives.deals.key[outlook.deals.at]
    order = np.argsort(key, kind="stable")
    chances = np.rint(outlook.chances * CHANCE_DIGITS).astype(np.int64)
    return joined(data(array[order]) for array in (key, chances, outlook.amounts, outlook.means))


def joined(parts: Iterable[bytes]) -> str:
    """The digest of parts, each with its length before it."""
    whole = sha256()
    for part in parts:
        whole.update(len(part).to_bytes(8, "little") + part)
    return whole.hexdigest()


def data(array: Ints | Keys | Floats) -> bytes:
    """Numbers of 64 bits, the lowest byte first."""
    kind: npt.DTypeLike = array.dtype.newbyteorder("<")
    return np.ascontiguousarray(array, kind).tobytes()
