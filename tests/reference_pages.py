"""docs/reference/commands.md and settings.md: the terminal's commands and the settings, as the program has them."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from msgspec import Meta, Struct

from infra.cli.grammar import OPTIONS, App, Argument
from infra.cli.helping import meaning, signature, usage, verbs_of
from infra.cli.main import application
from infra.settings import PREFIX, TABLES, Settings

FOLDER = Path(__file__).parents[1] / "docs" / "reference"
COMMANDS, SETTINGS = FOLDER / "commands.md", FOLDER / "settings.md"
OFTEN = 3  # verbs that share a group of options, from which on it is described once for all
NAMES = "(?:[a-z_]+, )*[a-z_]+"
SAID = re.compile(rf"(?:^|(?<=[.;] ))({NAMES}): (.+?)(?=[.;] {NAMES}: |\.?$)")
BOUNDS = {"ge": "from", "gt": "above", "le": "to", "lt": "below"}

COMMANDS_HEAD = """# The terminal's commands

A noun, then a verb; a few verbs stand alone. This page is written by `make generate` from what the program itself
says under `--help`. Options stand before or after the verb; `-` in the place of a file is stdin or stdout; a value that
begins with a dash is written `--option=-value`. Exit codes and the forms of values: [the terminal](terminal.md).

`dealtrail --help` lists the nouns, `dealtrail NOUN --help` the verbs of one, `dealtrail NOUN VERB --help` what one
takes; `dealtrail completion bash` (or `zsh`, `fish`) prints a script that completes them.
"""

SETTINGS_HEAD = """# Settings

A file `dealtrail.toml` where the program starts, overridden by the environment, overridden by the command line.
`dealtrail config` prints what holds, without secrets. An empty variable counts as none; a name that no setting
has is refused in the file. Written by `make generate` from `infra/settings.py`.
"""

SETTINGS_FOOT = """## Of the terminal alone

| variable | means |
| --- | --- |
| `COLUMNS` | how wide tables are, where it is no terminal that they are printed on |
| `NO_COLOR` | no colours, whatever it says |
| `DEALTRAIL_DEBUG` | 1: a fault of dealtrail itself prints its traceback, in the place of a file with it |
| `XDG_DATA_HOME` | where `dealtrail/` holds the master keys of logs on PostgreSQL; by default `~/.local/share` |
| `PGPASSWORD`, `~/.pgpass` and the like | what the URL of a PostgreSQL leaves out, as libpq reads it |
"""


def cell(text: str) -> str:
    """A text as a cell of a table: nothing in it is taken for markup."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table of Markdown."""
    names = [*head]
    lines = [names, ["---"] * len(names), *(list(row) for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def commands_page() -> str:
    """The page of all verbs, group by group as help lists them."""
    app = application.__wrapped__()  # a test may have added verbs of its own to the one that is kept
    often = shared(app)
    parts = [COMMANDS_HEAD, "## What many verbs take\n"]
    for title, arguments in often.items():
        parts += [f"### {title}\n", options(arguments)]
    for group in sorted({verb.group for verb in app.verbs.values()}, key=lambda group: (group.order, group.title)):
        parts.append(f"## {group.title}\n")
        for name, below in app.verbs.items():
            if below.group == group:
                parts += section(name, below, often)
    return "\n".join(parts)


def shared(app: App) -> dict[str, tuple[Argument, ...]]:
    """Groups of options that many verbs have alike, by their titles."""
    counted = Counter(pair for _, verb in verbs_of(app) for pair in by_group(verb).items())
    often = [(title, arguments) for (title, arguments), count in counted.items() if count >= OFTEN]
    return {title: arguments for title, arguments in often if title != OPTIONS}


def by_group(verb: App) -> dict[str, tuple[Argument, ...]]:
    """A verb's options, but not what stands in a place of its own, by the titles that help gives them."""
    groups: dict[str, tuple[Argument, ...]] = {}
    for argument in verb.arguments():
        if not argument.positional:
            groups[argument.group] = (*groups.get(argument.group, ()), argument)
    return groups


def section(name: str, below: App, often: dict[str, tuple[Argument, ...]]) -> Iterator[str]:
    """A noun with its verbs, or a verb that stands alone."""
    yield f"### {name}\n"
    if below.verb is not None:
        yield from described((name,), below, often)
        return
    if below.help:
        yield f"{cell(below.help)}\n"
    for path, verb in verbs_of(below, (name,)):
        yield f"#### {' '.join(path)}\n"
        yield from described(path, verb, often)


def described(path: tuple[str, ...], verb: App, often: dict[str, tuple[Argument, ...]]) -> Iterator[str]:
    """How a verb is used, what it does and what it takes."""
    yield f"    dealtrail {' '.join(path)} {usage(verb)}\n"
    for paragraph in verb.help.split("\n\n"):
        yield f"{cell(paragraph)}\n"
    places = [argument for argument in verb.arguments() if argument.positional]
    groups = by_group(verb)
    own = [each for title, arguments in groups.items() if often.get(title) != arguments for each in arguments]
    if places or own:
        yield options([*places, *own])
    alike = [title for title, arguments in groups.items() if often.get(title) == arguments]
    if alike:
        yield f"And those of {', '.join(f'[{title}](#{anchor(title)})' for title in alike)}.\n"


def anchor(title: str) -> str:
    """The name by which a heading is linked to."""
    return re.sub(r"[^\w-]", "", title.lower().replace(" ", "-"))


def options(arguments: Iterable[Argument]) -> str:
    """What is given to a verb, with what it means and an example."""
    rows = [
        (
            f"`{each.title if each.positional else signature(each)}`",
            cell(meaning(each._replace(example=""))),
            f"`{cell(each.example)}`" if each.example else "",
        )
        for each in arguments
    ]
    return table(("", "means", "example"), rows)


def settings_page() -> str:
    """The page of all settings: their names in the file and in the environment, defaults, values and meanings."""
    parts = [SETTINGS_HEAD, "## At the top of the file\n", rows_of(Settings, "")]
    for name, struct in TABLES.items():
        parts += [f"## The table `[{name}]`\n", f"{introduction(struct)}\n", rows_of(struct, name)]
    return "\n".join([*parts, SETTINGS_FOOT])


def introduction(struct: type[Struct]) -> str:
    """What is set by a table, from the first sentence of its docstring."""
    return f"{(struct.__doc__ or '').partition(':')[0]}."


def meanings(struct: type[Struct]) -> dict[str, str]:
    """What each field means, as the docstring has it: NAME, NAME: MEANING."""
    text = " ".join((struct.__doc__ or "").partition("\n\n")[2].split())
    return {name: what for names, what in SAID.findall(text) for name in names.split(", ")}


def rows_of(struct: type[Struct], named: str) -> str:
    """The rows of a table's settings."""
    prefix, said = f"{PREFIX}{named.upper()}_" if named else PREFIX, meanings(struct)
    defaults = struct()
    rows = [
        (
            f"`{name}`",
            f"`{prefix}{name.upper()}`",
            default(getattr(defaults, name)),
            values(kind),
            cell(said[name][:1].upper() + said[name][1:]),
        )
        for name, kind in get_type_hints(struct, include_extras=True).items()
        if name in struct.__struct_fields__ and name not in TABLES
    ]
    return table(("in the file", "in the environment", "by default", "values", "means"), rows)


def default(value: Any) -> str:
    """A default as it is written in the file."""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value}`" if value != "" else "empty"


def values(kind: Any) -> str:
    """What a setting may be."""
    if get_origin(kind) is Annotated:
        plain, *marks = get_args(kind)
        bounds = [
            f"{word} {getattr(mark, bound):,}"
            for mark in marks
            if isinstance(mark, Meta)
            for bound, word in BOUNDS.items()
            if getattr(mark, bound) is not None
        ]
        return ", ".join([values(plain), " ".join(bounds)])
    if get_origin(kind) is Literal:
        return ", ".join(f"`{each}`" if each else "empty" for each in get_args(kind))
    return {str: "text", int: "a whole number", float: "a number", bool: "`true`, `false`"}[kind]
