"""What stands in a query, a path or a header: each kind of value reads its text, and documents itself by the same."""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from domain.errors import Malformed
from domain.money import check_currency
from infra.application.requests import is_text
from infra.http.schemas import WITHOUT_NUL

LONGEST = 200  # characters of a text
LAST = 2**63 - 1
YEARS = "(?:19|20|21)[0-9]{2}"
LEAP_YEARS = "(?:(?:19|20|21)(?:0[48]|[2468][048]|[13579][26])|2000)"
DAYS = (
    f"{YEARS}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])", f"{YEARS}-(?:0[13-9]|1[0-2])-(?:29|30)",
    f"{YEARS}-(?:0[13578]|1[02])-31", f"{LEAP_YEARS}-02-29",
)  # fmt: skip
DAY = "|".join(DAYS)
CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,6})?(?:Z|[+-](?:0[0-9]|1[0-3]):[0-5][0-9])"
WORDS = "today|yesterday|(?:last|this|next)-(?:week|month|quarter|year)|(?:mon|tues|wednes|thurs|fri|satur|sun)day"
PERIOD = f"{YEARS}-(?:0[1-9]|1[0-2])|[qQ][1-4] {YEARS}"


class Value(Protocol):
    """A kind of value."""

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON Schema of its text."""
        ...

    def read(self, field: str, text: str) -> Any:
        """What a text means. Raises Malformed naming the field."""
        ...


class Text(NamedTuple):
    """A text, perhaps of a pattern, which is in words what `is_such` says."""

    pattern: str = ""
    is_such: str = ""
    least: int = 0
    most: int = LONGEST

    @property
    def schema(self) -> dict[str, Any]:
        """A string, without the NUL character, which databases differ on."""
        pattern = f"^(?:{self.pattern})$" if self.pattern else WITHOUT_NUL[None]
        return {"type": "string", "minLength": self.least, "maxLength": self.most, "pattern": pattern}

    def read(self, field: str, text: str) -> str:
        """The text itself."""
        if not self.least <= len(text) <= self.most:
            raise Malformed(f"{field}: has {len(text)} characters, not from {self.least} to {self.most}")
        if not is_text(text):
            raise Malformed(f"{field}: holds a character that cannot be stored")
        if self.pattern and not re.fullmatch(self.pattern, text):
            raise Malformed(f"{field}: {text!r} is not {self.is_such}")
        return text


class Whole(NamedTuple):
    """A whole number within bounds."""

    least: int = 0
    most: int = LAST

    @property
    def schema(self) -> dict[str, Any]:
        """An integer."""
        return {"type": "integer", "minimum": self.least, "maximum": self.most}

    def read(self, field: str, text: str) -> int:
        """The number, as its digits say."""
        if not re.fullmatch("0|-?[1-9][0-9]{0,18}", text) or not self.least <= int(text) <= self.most:
            raise Malformed(f"{field}: {text[:LONGEST]!r} is not a whole number from {self.least} to {self.most}")
        return int(text)


class Choice(NamedTuple):
    """One of some texts."""

    choices: Sequence[str]

    @property
    def schema(self) -> dict[str, Any]:
        """A string that is one of them."""
        return {"type": "string", "enum": [*self.choices]}

    def read(self, field: str, text: str) -> str:
        """The choice."""
        if text not in self.choices:
            raise Malformed(f"{field}: {text[:LONGEST]!r} is none of {', '.join(self.choices)}")
        return text


class Currency(NamedTuple):
    """A currency by its code."""

    @property
    def schema(self) -> dict[str, Any]:
        """One of the codes."""
        return {"$ref": "#/components/schemas/Currency"}

    def read(self, field: str, text: str) -> str:
        """The code."""
        check_currency(field, text[:LONGEST])
        return text


class Flag(NamedTuple):
    """Yes or no."""

    @property
    def schema(self) -> dict[str, Any]:
        """A boolean."""
        return {"type": "boolean"}

    def read(self, field: str, text: str) -> bool:
        """Whether it is true."""
        if text not in ("true", "false"):
            raise Malformed(f"{field}: {text[:LONGEST]!r} is neither true nor false")
        return text == "true"


class Moment(NamedTuple):
    """A moment as people write it: a time with its zone, a day, a word such as today or last-quarter, 2026-07, Q3 2026.

    instants: whether it may be a time, or is of whole days. position: whether it may be a position of the log.
    """

    instants: bool = True
    position: bool = False

    @property
    def pattern(self) -> str:
        """All the ways in which it is written."""
        ways = [DAY, WORDS, PERIOD]
        ways += [f"(?:{DAY})T{CLOCK}", "now"] if self.instants else []
        ways += ["0|[1-9][0-9]{0,17}"] if self.position else []
        return "|".join(ways)

    @property
    def name(self) -> str:
        """What its schema is called."""
        return "PositionOrMoment" if self.position else "Moment" if self.instants else "DayOrPeriod"

    @property
    def schema(self) -> dict[str, Any]:
        """The schema of that name."""
        return {"$ref": f"#/components/schemas/{self.name}"}

    @property
    def whole_schema(self) -> dict[str, Any]:
        """A string."""
        return {"type": "string", "pattern": f"^(?:{self.pattern})$", "description": f"It is {self.in_words()}."}

    def read(self, field: str, text: str) -> str:
        """The text; who asks the question knows the zone and the day that it is."""
        if not re.fullmatch(self.pattern, text):
            raise Malformed(f"{field}: {text[:LONGEST]!r} is not {self.in_words()}")
        return text

    def in_words(self) -> str:
        """How it is written, in a few words."""
        ways = ["a day (2026-01-31), today, a weekday, last-week, this-month, 2026-07 or Q3 2026"]
        ways += ["a time with its zone (2026-01-31T09:30:00Z)"] if self.instants else []
        ways += ["a position of the log"] if self.position else []
        return ", or ".join(reversed(ways))


MOMENTS = (Moment(), Moment(position=True), Moment(instants=False))
"""The ways in which moments are written, each with a schema of its own name."""
