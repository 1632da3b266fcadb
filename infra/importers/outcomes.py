"""How an import goes: what an entry leads to, what of it is refused, and what it comes to in rows and facts."""

from typing import NamedTuple

import msgspec

from domain.errors import PipelineError
from domain.recorded import Request
from infra.importers.entries import Entry
from infra.importers.tables import Row


class Summary(msgspec.Struct):
    """How an import went, in rows of the export, and the number of facts it appended.

    Left out is what only describes a deal or lead that has ended. Mended are rows that are in already, and say
    otherwise by the mapping as it is now.
    """

    rows: int = 0
    imported: int = 0
    unchanged: int = 0
    rejected: int = 0
    left_out: int = 0
    facts: int = 0
    history: bool = False
    mended: int = 0


class Refusal(NamedTuple):
    """Some rows of which nothing was done, and why; `left_out` where nothing was to be done."""

    entry: Entry
    reason: PipelineError
    left_out: bool = False


class Plan(NamedTuple):
    """What an entry leads to: requests, each with the change that it was made of, and what is refused beforehand."""

    entry: Entry
    requests: list[Request]
    rows: list[Row | None]
    refused: list[Refusal]
