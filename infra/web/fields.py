"""The fields of forms: those of a command, with rows where one holds several things; as texts, and read again."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple, cast, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Struct
from msgspec.structs import FieldInfo, fields

from domain.errors import Malformed, PipelineError
from domain.money import Money
from infra.application.meanings import meaning_of
from infra.application.spans import Today
from infra.application.written_fields import choices_of, document, is_json, members
from infra.application.written_values import portion
from infra.web.lines import words

LONG = ("note", "text")
PORTIONS = ("probability", "share")
"""The fields of rows that are parts of a whole, also written in percent."""
YES_NO = ("yes", "no")
SPOKEN = str.maketrans({"`": None, "_": " "})
SPARE = 3  # rows that stand empty, for more
MOST = 100  # rows of a form
STEP = 10  # from the order of a row to that of the next one
LONGEST = 64  # characters of an id that is made of a name
ROW = re.compile(r"(?P<name>[a-z_]+)\[(?P<row>[^\]]*)\](?:\.(?P<field>[a-z_]+))?")


Titles = Mapping[str, Mapping[str, str]]
"""What a field may be, by its name: what each choice is called."""


class Field(NamedTuple):
    """A field of a form: what it is called, what it holds, what is wrong with it, and what it may be.

    rows: the fields of each of the several things that it holds, where it does.
    """

    name: str
    title: str
    value: str
    hint: str
    wrong: str
    kind: str
    choices: tuple[str, ...] = ()
    required: bool = False
    titles: Mapping[str, str] | None = None
    rows: "Sequence[Sequence[Field]]" = ()


def fields_of(command: type[Any], values: Mapping[str, str], wrong: Mapping[str, str], titles: Titles) -> list[Field]:
    """The fields of the form of a command, with more rows than `more` of the values says."""
    hints = get_type_hints(command, include_extras=True)
    return [field(command, each, hints[each.name], values, wrong, titles.get(each.name)) for each in fields(command)]


def field(
    command: type[Any],
    each: FieldInfo,
    hint: Any,
    values: Mapping[str, str],
    wrong: Mapping[str, str],
    titles: Mapping[str, str] | None,
) -> Field:
    """A field of a form, by the type of the command's."""
    name, meaning = each.encode_name, meaning_of(command, each.name)
    if of := row_type(hint):
        about = f"{meaning.text} {' '.join((of.__doc__ or '').split())}".translate(SPOKEN)
        rows = rows_of(name, of, values, wrong)
        return Field(name, title_of(name), "", about, wrong.get(name, ""), "rows", (), each.required, None, rows)
    choices = tuple(titles) if titles else choices_of(hint)
    hinted = f"{meaning.text} {form_of(hint)} Such as {example_of(meaning.example)}".replace("  ", " ")
    kind = "long" if name in LONG else kind_of(hint)
    value = values.get(name, "")
    return Field(name, title_of(name), value, hinted, wrong.get(name, ""), kind, choices, each.required, titles)


def title_of(name: str) -> str:
    """What stands above a field."""
    return words(name.replace("_", "-"))


def kind_of(hint: Any) -> str:
    """What a field of a type takes: a day, a number or any text."""
    kinds = {*members(hint)}
    return "number" if kinds & {Money, Decimal} else "date" if date in kinds else "text"


def form_of(hint: Any) -> str:
    """How a value of a type is written, where that is not plain to see."""
    if hint == tuple[str, ...]:
        return "Several, with commas between them."
    return "As JSON." if is_json(hint) else ""


def document_of(command: type[Any], values: Mapping[str, str], today: Today) -> dict[str, Any]:
    """The document of a command that the fields of a form make; one left empty is left out."""
    hints = get_type_hints(command, include_extras=True)
    found: dict[str, Any] = {}
    for each in fields(command):
        name, hint = each.encode_name, hints[each.name]
        if of := row_type(hint):
            rows = enumerate(rows_in(name, of, values))
            found[name] = [row_document(f"{name}[{number}]", of, row, today) for number, row in rows]
        elif name in values:
            found[name] = value_of(name, values[name], hint, today)
    return {name: value for name, value in found.items() if value != []}


def value_of(name: str, text: str, hint: Any, today: Today) -> Any:
    """A field's text as the document of a command has it. Raises Malformed naming the field."""
    if hint == tuple[str, ...]:
        return [each.strip() for each in text.split(",") if each.strip()]
    if hint is bool:
        return text == YES_NO[0]
    return document(name, text, hint, today.day)


def example_of(example: Any) -> str:
    """An example as a form shows it: an amount with its currency, plain texts, or JSON."""
    match example:
        case {"amount": str(amount), "currency": str(currency)}:
            return str(Money(Decimal(amount), currency))
        case str():
            return example
        case list() | tuple() if all(isinstance(each, str) for each in cast("list[Any]", example)):
            return ", ".join(cast("list[str]", example))
        case _:
            return msgspec.json.encode(example).decode()


def plain(value: Any) -> str:
    """A value as a field of a form takes it."""
    match value:
        case None:
            return ""
        case bool():
            return YES_NO[not value]
        case tuple():
            return ", ".join(map(str, cast("tuple[Any, ...]", value)))
        case _:
            return str(value)


def faults(command: type[Any], error: PipelineError, values: Mapping[str, str], *others: str) -> dict[str, str]:
    """What is wrong with a field of a form, of the command's or another one; nothing where it is with no field."""
    path, _, reason = str(error).partition(": ")
    names = {*others, *(each.encode_name for each in fields(command))}
    name = re.split(r"[.\[]", path, maxsplit=1)[0]
    if not isinstance(error, Malformed) or name not in names:
        return {}
    if (match := ROW.fullmatch(path)) and match["field"]:
        ids = [number for number in range(MOST) if values.get(f"{name}-{number}-id") == match["row"]]
        number = ids[0] if ids else match["row"]
        return {f"{name}-{number}-{match['field']}": reason}
    return {name: reason if path == name else f"{path.removeprefix(name).lstrip('.')}: {reason}"}


# Rows


def row_type(hint: Any) -> type[Struct] | None:
    """What the rows of a field are; None where it does not hold several of a kind."""
    of = get_args(hint)[0] if get_origin(hint) is tuple and get_args(hint)[1:] == (...,) else None
    return of if isinstance(of, type) and issubclass(of, Struct) else None


def rows_in(name: str, of: type[Struct], values: Mapping[str, str]) -> list[dict[str, str]]:
    """The rows of a form that hold anything, each with its id and its order, by their order."""
    names = [each.encode_name for each in fields(of)]
    found = list[dict[str, str]]()
    for number in range(MOST):
        row = {each: text for each in names if (text := values.get(f"{name}-{number}-{each}", ""))}
        if not row:
            continue
        if "id" in names:
            row.setdefault("id", identifier(row.get(names[1], "")))
        if "order" in names:
            before = found[-1]["order"] if found else ""
            row.setdefault("order", str(int(before) + STEP) if before.isdecimal() else str(STEP * (len(found) + 1)))
        found.append(row)
    if all(row.get("order", "").isdecimal() for row in found):
        found.sort(key=lambda row: int(row["order"]))
    return found


def arranged(command: type[Any], values: Mapping[str, str]) -> dict[str, str]:
    """The values of a form, its rows in their order and numbered so, whichever were left empty."""
    found = dict(values)
    for each, hint in get_type_hints(command).items():
        if of := row_type(hint):
            rows = rows_in(each, of, values)
            found = {name: text for name, text in found.items() if not name.startswith(f"{each}-")}
            found |= {f"{each}-{place}-{name}": text for place, row in enumerate(rows) for name, text in row.items()}
    return found


def texts_of(name: str, items: Sequence[Struct]) -> dict[str, str]:
    """What rows of a form hold that say what is so."""
    return {
        f"{name}-{number}-{each.encode_name}": text
        for number, item in enumerate(items)
        for each in fields(item)
        if (text := plain(getattr(item, each.name)))
    }


def rows_of(name: str, of: type[Struct], values: Mapping[str, str], wrong: Mapping[str, str]) -> list[list[Field]]:
    """The rows of a form, as they are filled, and some that are empty; the first one says how they are."""
    filled = len(rows_in(name, of, values))
    more = int(text) if (text := values.get("more", "")).isdecimal() else 0
    hints = get_type_hints(of, include_extras=True)
    return [
        [
            Field(
                key := f"{name}-{number}-{each.encode_name}",
                title_of(each.encode_name),
                values.get(key, ""),
                "" if number else left_empty(each),
                wrong.get(key, ""),
                kind_of(hints[each.name]),
                YES_NO if hints[each.name] is bool else choices_of(hints[each.name]),
            )
            for each in fields(of)
        ]
        for number in range(min(max(filled, more, SPARE) + SPARE, MOST))
    ]


def left_empty(each: FieldInfo) -> str:
    """What a field of a row is that is left empty."""
    if each.name == "id":
        return "Left empty, made of the text beside it."
    if each.name == "order":
        return "Left empty, after the row before."
    usual = plain(each.default) if not each.required else ""
    return f"Left empty: {usual}." if usual else ""


def row_document(path: str, of: type[Struct], row: Mapping[str, str], today: Today) -> dict[str, Any]:
    """The document of a row. Raises Malformed naming its field."""
    hints = get_type_hints(of, include_extras=True)
    return {
        each.encode_name: portion(f"{path}.{each.name}", row[each.encode_name])
        if each.name in PORTIONS
        else value_of(f"{path}.{each.name}", row[each.encode_name], hints[each.name], today)
        for each in fields(of)
        if each.encode_name in row
    }


def identifier(text: str) -> str:
    """An id made of a text: its letters and digits, lower case, with hyphens between words."""
    ascii_ = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", ascii_).strip("-")[:LONGEST]
