"""Qualification frameworks: what each is called, and in which version it is in use."""

from msgspec import Struct

from domain.recorded import Fact
from domain.reference.framework import FrameworkPublished
from projections.versions import Projection, tags

VERSION = 1


class Framework(Struct, frozen=True):
    """A framework as it stood (`stream` is the framework), in its newest version, with so many criteria."""

    name: str
    framework_version: int
    criteria: int


def evolve(row: Framework | None, fact: Fact) -> Framework | None:
    """The framework after a fact."""
    match fact.event:
        case FrameworkPublished(number, name, criteria):
            return Framework(name, number, len(criteria))
        case _:
            return row


PROJECTION = Projection("frameworks", VERSION, "framework", tags(FrameworkPublished), Framework, evolve)
