"""Numbers and amounts of money as people write them, as the exact texts that commands are made of."""

import re
from decimal import Decimal
from typing import NoReturn

from domain.errors import Malformed
from domain.money import MINOR_UNITS

NUMBER = re.compile(r"(?P<sign>[+-]?)(?P<whole>[0-9]{1,3}(?:,[0-9]{3})+|[0-9]*)(?:\.(?P<fraction>[0-9]+))?", re.ASCII)
MONEY = re.compile(r"(?P<before>[A-Za-z]{3})\s+(?P<first>.+)|(?P<last>.+?)\s*(?P<after>[A-Za-z]{3})", re.DOTALL)
GROUPED_BY_POINTS = re.compile(r"[+-]?[0-9]{1,3}(?:\.[0-9]{3})+(?:,[0-9]+)?")
LONGEST = 60  # characters of a number
RULE = "a point stands before the decimal places, and commas between groups of three digits"


class Written(str):
    """A number without commas; `places` is how many digits were written after its point."""

    __slots__ = ("places",)
    places: int


def number(field: str, text: str) -> Written:
    """A number as people write it, such as 2.5 or 1,250.75. Raises Malformed saying how it is written."""
    match = NUMBER.fullmatch(text.strip()) if len(text) <= LONGEST else None
    if match is None or not (match["whole"] or match["fraction"]):
        refuse(field, text)
    sign, whole, fraction = match["sign"].replace("+", ""), match["whole"].replace(",", ""), match["fraction"]
    written = Written(f"{sign}{whole or '0'}" + (f".{fraction}" if fraction else ""))
    written.places = len(fraction or "")
    return written


def from_zero(field: str, text: str) -> Decimal:
    """A number from 0 on. Raises Malformed for any other."""
    written = Decimal(number(field, text))
    if written < 0:
        raise Malformed(f"{field}: {text!r} is not a number from 0 on")
    return written


def refuse(field: str, text: str) -> NoReturn:
    """Raise Malformed for what is no number, with the number that it may have been meant to be."""
    stripped = re.sub(r"[\s'_]", "", text)
    if len(text) > LONGEST:
        raise Malformed(f"{field}: {text[:20]!r}… is no number: it has {len(text)} characters")
    if GROUPED_BY_POINTS.fullmatch(stripped):
        meant = stripped.translate({ord("."): ",", ord(","): "."})
    else:
        meant = stripped.replace(",", ".") if stripped.count(",") == 1 else stripped
    hint = f"write {meant}" if meant != text and NUMBER.fullmatch(meant) and meant else "write it like 1,250.75"
    raise Malformed(f"{field}: {text!r} is not a number as it is written here; {hint}: {RULE}")


def portion(field: str, text: str) -> str:
    """A part of a whole, as a number from 0 to 1 or in percent: 0.35 and 35% are one."""
    if text.rstrip().endswith("%"):
        return format(Decimal(number(field, text.rstrip().removesuffix("%"))).scaleb(-2), "f")
    written = number(field, text)
    if 1 < Decimal(written) <= 100:
        raise Malformed(f"{field}: {text} is not from 0 to 1; write {text}% for percent")
    return written


def money(field: str, text: str) -> dict[str, str]:
    """An amount with its currency, in either order, as the document of a command has it."""
    match = MONEY.fullmatch(text.strip()) if len(text) <= LONGEST else None
    if match is None:
        raise Malformed(f'{field}: {text[:LONGEST]!r} is not an amount with its currency, such as "12,500.00 EUR"')
    currency = (match["before"] or match["after"]).upper()
    amount = number(field, match["first"] or match["last"])
    if amount.startswith("-") and Decimal(amount):
        raise Malformed(f"{field}: {text} is negative; an amount is from 0 up")
    digits = MINOR_UNITS.get(currency, 2)
    if amount.places > digits:
        raise Malformed(
            f"{field}: {amount} has more than {digits} decimal places, {readings(amount, currency, digits)}"
        )
    return {"amount": amount, "currency": currency}


def readings(amount: Written, currency: str, digits: int) -> str:
    """What an amount with too many decimal places may have been meant to be, and how to write it."""
    whole, _, fraction = amount.partition(".")
    rest = fraction[digits:].strip("0")
    point = f"{int(whole):,}" + (f".{fraction[:digits]}" if digits else "")
    short = "" if rest else f"{point} {currency}"
    grouped = f"{int(whole + fraction):,} {currency}" if len(fraction) == 3 and 0 < len(whole.lstrip("0")) <= 3 else ""
    meant = [f"write {short} if the point stands before decimal places"] if short else []
    meant += [f"write {grouped} if it stands between thousands"] if grouped else []
    if rest and grouped:
        meant.insert(0, f"write it with {digits} of them, such as {point} {currency}, if the point stands before them")
    return f"the minor unit of {currency}: {', or '.join(meant) or f'round it to {digits}'}"
