"""Which rows of an answer are shown, in which order and with which columns: what every figure's verb can be asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from msgspec.structs import replace

from domain.errors import Malformed
from infra.cli.grammar import Parameter

if TYPE_CHECKING:
    from infra.views import Answer


@Parameter(name="*", group="The rows")
@dataclass(frozen=True)
class RowOptions:
    """The options of a verb whose answer has rows."""

    sort: Annotated[
        str | None, Parameter(help="By which column; with - before it, the other way round.", example="-amount")
    ] = None
    limit: Annotated[int | None, Parameter(help="How many rows at the most.", example="10")] = None
    columns: Annotated[
        str | None, Parameter(help="Which columns, with commas between.", example="stage,deals,amount")
    ] = None

    def shaped(self, answer: "Answer") -> "Answer":
        """The answer with its rows sorted and cut, which its notes say. Raises Malformed naming the part."""
        if self.limit is not None and self.limit < 1:
            raise Malformed(f"limit: at least one row, not {self.limit}")
        rows = [*zip(answer.groups, answer.records, strict=True)]
        if self.sort is not None and rows:
            name = checked(answer, "sort", self.sort.removeprefix("-"))
            there = [row for row in rows if value(row, name) is not None]
            none = [row for row in rows if value(row, name) is None]
            there.sort(key=lambda row: value(row, name), reverse=self.sort.startswith("-"))
            rows = [*there, *none]
        cut = rows[: self.limit]
        notes = [f"{len(cut):,} of {len(rows):,} rows"] if len(cut) < len(rows) else []
        return replace(
            answer, groups=[group for group, _ in cut], records=[record for _, record in cut],
            notes=[*answer.notes, *notes],
        )  # fmt: skip

    def names(self, answer: "Answer") -> Sequence[str]:
        """The columns that are asked for; all where none are. Raises Malformed for one that there is not."""
        if self.columns is None or not answer.records:
            return columns_of(answer)
        return list(dict.fromkeys(checked(answer, "columns", name) for name in self.columns.split(",")))


ALL_ROWS = RowOptions()


def columns_of(answer: "Answer") -> Sequence[str]:
    """The columns of an answer: what it is grouped by, then the fields of its records."""
    return [*answer.groups[0], *answer.records[0].__struct_fields__] if answer.records else []


def checked(answer: "Answer", part: str, name: str) -> str:
    """A column by its name, as it is written. Raises Malformed with those there are."""
    there, wanted = columns_of(answer), name.strip().replace("-", "_").replace(" ", "_")
    if wanted not in there:
        raise Malformed(f"{part}: {answer.metric} has no {name.strip()!r}; there are {', '.join(there)}")
    return wanted


def value(row: tuple[dict[str, str], Any], name: str) -> Any:
    """What a row holds in a column."""
    group, record = row
    return group[name] if name in group else getattr(record, name)
