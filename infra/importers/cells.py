"""Reading a cell as what its column means: a number, money, a truth, an id, a reason as a code."""

import re
from collections.abc import Mapping
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Literal

from domain.codes import UNSEEN
from domain.errors import Malformed
from domain.money import CURRENCIES, EXACT, LARGEST, MINOR_UNITS, Money, checked
from infra.importers.references import digest, plain

DIGITS = 40  # of a number before and after its point at the most
TRUTHS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False, "": False}
Rounding = Literal["", "half-up", "half-even", "down"]
ROUNDINGS = {"half-up": ROUND_HALF_UP, "half-even": ROUND_HALF_EVEN, "down": ROUND_DOWN}
CODE = re.compile("[a-z0-9-]{1,40}")
IDENTIFIER = re.compile("[A-Za-z0-9._:-]{1,80}")
LABEL_WORDS = 4  # of a reason at the most that may become a code: more is a sentence, which may be about somebody
CATCH_ALL, OTHER = "unknown", "other"
SHORT_ID = re.compile("00[0-9A-Za-z]{13}")  # Salesforce's, which tells capitals from small letters
CHECK_CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"

Cells = Mapping[str, str]


def number(column: str, text: str) -> Decimal:
    """A plain decimal number, or Malformed naming the column."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or abs(value.adjusted()) > DIGITS or not text.isascii() or "_" in text:
        raise Malformed(f"{column}: {text[:DIGITS]!r} is not a number")
    return value


def money(column: str, text: str, currency: str) -> Money:
    """An amount; an empty cell is nothing, 0."""
    return checked(column, Money(number(column, text or "0"), known_currency(f"{column}.currency", currency)))


def known_currency(field: str, text: str) -> str:
    """A currency by its code, in capitals or not; Malformed where ISO 4217 has none."""
    if (code := text.upper()) not in CURRENCIES:
        raise Malformed(f"{field}: {text[:DIGITS]!r} is not an ISO 4217 code such as EUR")
    return code


def rounded(amount: Decimal, currency: str, rounding: Rounding) -> Decimal:
    """An amount in the digits of its currency, by a rounding that was asked for; unchanged without one."""
    if not rounding or not 0 <= amount < LARGEST:
        return amount
    return amount.quantize(Decimal(1).scaleb(-MINOR_UNITS.get(currency, 2)), ROUNDINGS[rounding], EXACT)


def truth(cells: Cells, column: str) -> bool:
    """Whether a column says so; an empty or a missing cell does not."""
    if (found := TRUTHS.get(cells.get(column, "").lower())) is None:
        raise Malformed(f"{column}: {cells[column]!r} is neither true nor false")
    return found


def coded(text: str) -> tuple[str, str]:
    """A reason as a code that reports count by, and the words where the code does not say them all.

    A label of a few words becomes a code: `Pricing Issues` is pricing-issues. What is longer may be about somebody.
    """
    if not text or CODE.fullmatch(text):
        return text or CATCH_ALL, ""
    code = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    is_label = CODE.fullmatch(code) and text.isascii() and len(text.split()) <= LABEL_WORDS
    return (code if is_label else OTHER), text


def code(label: str) -> str:
    """A label of a list, such as a kind of activity, as a code; one that this loses is told by a digest."""
    kept = re.sub(r"[^a-z0-9]+", "-", label.lower()).strip("-")
    return (
        kept if CODE.fullmatch(kept) and label.isascii() else f"{kept[:33].strip('-')}-{digest(label)[:6]}".lstrip("-")
    )


def identifier(name: str) -> str:
    """An id of an activity or a line, or a digest of it where it has characters that such ids do not have."""
    name = plain(name)
    return name if IDENTIFIER.fullmatch(name) else digest(name)


def seen(column: str, text: str) -> str:
    """A name on one line, blanks of any kind as one; Malformed where it holds what cannot be seen."""
    text = " ".join(text.split())
    if not text.isprintable():
        raise Malformed(f"{column}: {text[:DIGITS]!r} holds a character that cannot be seen")
    return text


def titled(text: str) -> str:
    """What a deal is called, on one line; what cannot be seen there is a blank."""
    return " ".join(UNSEEN.sub(" ", text).split())


def whole_id(name: str) -> str:
    """An id; Salesforce's with 15 characters as the one with 18, in which the last three say which are capitals."""
    if not SHORT_ID.fullmatch(name):
        return name
    thirds = (name[start : start + 5] for start in (0, 5, 10))
    bits = (sum(1 << place for place, letter in enumerate(third) if "A" <= letter <= "Z") for third in thirds)
    return name + "".join(CHECK_CHARACTERS[value] for value in bits)
