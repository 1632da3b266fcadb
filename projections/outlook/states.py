"""The states of deals as somebody asks for them: by days of a calendar, stages of a process, teams and a currency."""

from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np

from domain.recorded import Fact
from projections.outlook.archive import Archive, Text, archived
from projections.outlook.days import as_date
from projections.outlook.lives import NEVER, NONE, Ints, Numbers
from projections.query.references import References

UNKNOWN = -1
"""An amount of which no rate says what it is worth."""


class Exchange:
    """Turns amounts into the currency of the forecast."""

    def __init__(self, references: References, into: str, base: str = "") -> None:
        self.into, self.base, self._rates = into, base, references.rates

    def worth(self, units: int, currency: str, day: int) -> int:
        """What minor units of a currency were worth on a day; UNKNOWN without a rate."""
        found = self._rates.convert(units, currency, self.into, as_date(day), self.base)
        return UNKNOWN if found is None else found


class Known:
    """An archive with what no deal owns, as known at its position: all that cuts are made of.

    texts: of each kind of codes. first: the earliest day on which anything about any deal was available, NEVER where
    nothing was.
    """

    def __init__(self, archive: Archive, references: References, currency: str, base_currency: str = "") -> None:
        self.archive, self.references = archive, references
        self.calendar, self.exchange = archive.calendar, Exchange(references, currency, base_currency)
        self.texts: dict[str, list[Text]] = {kind: [*codes] for kind, codes in archive.texts.items()}
        self.texts["team"] = sorted({turn.team for of in references.teams.stretches.values() for turn in of} - {""})
        self._of_stage = {(each.process, each.process_version, each.stage): each.category for each in references.stages}
        self.texts["category"] = sorted({*self.texts["judged"], *self._of_stage.values()} - {""})
        self.first = int(archive.states.known_from.min()) if len(archive.states.deal) else NEVER

    @cached_property
    def category(self) -> Numbers:
        """The code of each state's category: as judged by hand, else as its stage has it. Shape: (states,)."""
        s, codes = self.archive.states, {text: code for code, text in enumerate(self.texts["category"])}
        versions = int(s.process_version.max(initial=0)) + 1
        of_stage = [
            codes.get(self._of_stage.get((process, version, stage), ""), NONE)
            for process, stage in self.texts["stage"]
            for version in range(versions)
        ]
        by_hand = [*(codes[text] for text in self.texts["judged"]), NONE]
        own = np.array([*of_stage, NONE], np.int16)[s.stage * np.int32(versions) + s.process_version]
        return np.where(s.judged == NONE, own, np.array(by_hand, np.int16)[s.judged])

    def team(self, owners: Numbers, moments: Ints) -> Ints:
        """The code of the team that each owner was in at an instant, NONE for none."""
        of, codes = self.references.teams, {team: code for code, team in enumerate(self.texts["team"])}
        found = np.full(len(owners), NONE, np.int32)
        theirs: set[int] = set(np.unique(owners).tolist())
        for code, owner in enumerate(self.texts["owner"]):
            if code in theirs and (turns := of.stretches.get(str(owner))):
                his = np.flatnonzero(owners == code)
                place = np.searchsorted(np.array([turn.since for turn in turns[1:]], np.int64), moments[his], "right")
                found[his] = np.array([codes.get(turn.team, NONE) for turn in turns])[place]
        return found

    def worth(self, units: Numbers, currencies: Numbers, days: Ints) -> Ints:
        """What minor units of currencies, by code, were worth on days; UNKNOWN without a rate."""
        found = units.astype(np.int64)
        for code, currency in enumerate(self.texts["currency"]):
            if currency == self.exchange.into:
                continue
            its = np.flatnonzero(currencies == code)
            dated, place = np.unique(days[its], return_inverse=True)
            rated = np.array([self.exchange.worth(1, str(currency), day) != UNKNOWN for day in dated.tolist()], bool)
            found[its] = UNKNOWN
            for at in its[rated[place]].tolist():
                found[at] = self.exchange.worth(int(units[at]), str(currency), int(days[at]))
        return found


def known(histories: Iterable[Sequence[Fact]], references: References, currency: str, base_currency: str = "") -> Known:
    """All deals, from the facts of each stream in order of version; other streams are skipped.

    references: what no deal owns, as known at the position of the facts, whenever it was published or set. currency:
    that of the forecast.
    """
    return Known(archived(histories, references.calendar), references, currency, base_currency)
