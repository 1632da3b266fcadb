"""HubSpot's merged deals: each into the one that survived it, chains from their ends, so that each deal counts once."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from domain import Command
from domain.errors import Malformed, PipelineError
from domain.opportunity.closing import LoseOpportunity, ReopenOpportunity, WinOpportunity
from domain.opportunity.removal import MergeOpportunity
from infra.importers.entries import Change, Entry, Story
from infra.importers.hubspot.pipelines import SYSTEM
from infra.importers.tables import Row
from infra.importers.times import Calendar

UNDONE = (ReopenOpportunity, LoseOpportunity)
COLUMNS = ("deal_id", "merged_deal_id", "_fivetran_synced")


class Outcome(NamedTuple):
    """What a merge must know of a deal's story: when it ends, and whether the deal is won by then."""

    last: datetime
    won: bool

    @classmethod
    def of(cls, story: Story) -> "Outcome":
        """As told by its changes, one at least."""
        endings = [c.command for c in story.changes if isinstance(c.command, (WinOpportunity, *UNDONE))]
        return cls(story.changes[-1].occurred_at, bool(endings) and isinstance(endings[-1], WinOpportunity))


class Merges:
    """The table of merged deals, read as a graph. `merged` are the ids of those that another one survives."""

    def __init__(self, rows: Sequence[Row], file: str, calendar: Calendar) -> None:
        self.file, self.calendar = file, calendar
        self.rows = defaultdict[str, list[Row]](list)
        for row in rows:
            self.rows[row.cells["merged_deal_id"]].append(row)
        self.merged = {name for name in self.rows if not isinstance(self.survivor(name), PipelineError)}

    def after(self, name: str) -> set[str]:
        """Every deal that survived this one, directly or by way of others."""
        found, ahead = set[str](), [name]
        while ahead:
            for row in self.rows.get(ahead.pop(), ()):
                if (survivor := row.cells["deal_id"]) not in found:
                    found.add(survivor)
                    ahead.append(survivor)
        return found

    def survivor(self, name: str) -> Row | PipelineError:
        """The row with the deal that a merged one went into first, or why it cannot be told.

        HubSpot names the last survivor of a chain for all that went before, too: of several, the one that went
        into all the others is meant.
        """
        rows = self.rows[name]
        if name in self.after(name):
            return Malformed(f"merged_deal_id: {name} would survive its own merge, by way of others")
        names = {row.cells["deal_id"] for row in rows}
        for row in rows:
            if names <= self.after(row.cells["deal_id"]) | {row.cells["deal_id"]}:
                return row
        return Malformed(f"merged_deal_id: {name} is merged into {' and '.join(sorted(names))}; which one survives?")

    def entries(self, told: Mapping[str, Outcome | PipelineError]) -> Iterator[Entry]:
        """Each merged deal, those first that went into one which was merged itself.

        A deal that this export has no more is merged all the same, where an older export had it.
        """
        for name in sorted(self.rows, key=lambda one: -len(self.after(one))):
            row = self.survivor(name)
            rows = self.rows[name]
            says = row if isinstance(row, PipelineError) else self.story(row, told)
            place = rows[0] if isinstance(row, PipelineError) else row
            yield Entry(self.file, place.line, name, f"opportunity-{SYSTEM}-{name}", place.cells, says, len(rows))

    def story(self, row: Row, told: Mapping[str, Outcome | PipelineError]) -> Story | PipelineError:
        """The merge of a deal. One that was won is opened again for it: its survivor counts, won or not."""
        name, survivor = row.cells["merged_deal_id"], row.cells["deal_id"]
        found = told.get(name)
        for deal in (name, survivor):
            if isinstance(wrong := told.get(deal), PipelineError):
                return Malformed(f"deal_id, merged_deal_id: {deal} cannot be imported itself: {wrong}")
        try:
            at = self.calendar.instant(row.cells, "_fivetran_synced")
        except PipelineError as error:
            return error
        commands = list[Command]()
        if isinstance(found, Outcome):
            at = max(at, found.last)
            if found.won:
                commands.append(ReopenOpportunity("merged in HubSpot"))
        commands.append(MergeOpportunity(f"opportunity-{SYSTEM}-{survivor}", "merged in HubSpot"))
        return Story(tuple(Change(at, command) for command in commands))
