"""Help for people and for shells: what a verb does and takes, on a screen, and completion of its words."""

import re
from collections.abc import Iterator, Sequence

from infra.cli.grammar import App, Argument, Group
from infra.cli.output import Output, bold, dim, folded

SHELLS = ("bash", "zsh", "fish")
CLOSING = "NOUN --help lists a noun's verbs, VERB --help says what a verb takes. --version."
EXAMPLES = "What stands behind an option is an example of its value."
MARGIN, NARROWEST, WIDEST = 2, 20, 100
ROOM, LITTLE = 27, 14  # columns for a name, and for a noun; a longer one stands on a line of its own


def show_help(out: Output, app: App, path: Sequence[str]) -> None:
    """How a verb is used; of a name with several verbs, which there are."""
    width = min(out.width or WIDEST, WIDEST)
    called = " ".join(("dealtrail", *path))
    line = f"Usage: {called} {usage(app) if app.verb else 'VERB …' if path else 'NOUN VERB …, or VERB …'}"
    for place, text in enumerate(folded(line, width)):
        out.print(bold(text) if place == 0 else f"  {text}")
    out.print("")
    for paragraph in app.help.split("\n\n"):
        for line in folded(" ".join(paragraph.split()), width):
            out.print(line)
        out.print("")
    room = ROOM if path else LITTLE
    for title, rows in sections(app, width - MARGIN - room):
        out.print(bold(title))
        for name, text in rows:
            entry(out, name, text, width, room)
        out.print("")
    out.print(dim(EXAMPLES if app.verb else f"{called} VERB --help says what a verb takes." if path else CLOSING))


def usage(app: App) -> str:
    """The words that follow a verb."""
    known = app.arguments()
    places = [each.title if each.required else f"[{each.title}]" for each in known if each.positional]
    needed = [signature(each) for each in known if each.required and not each.positional]
    return " ".join([*places, *needed, "[OPTIONS]"])


def sections(app: App, width: int) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Titles, each with names and what they mean; a noun means its verbs, as many as a line has room for."""
    if app.verb is None:
        groups = sorted({verb.group for verb in app.verbs.values()}, key=lambda group: (group.order, group.title))
        for group in groups:
            below = {name: verb for name, verb in app.verbs.items() if verb.group == group}
            yield (
                group.title,
                [
                    (name, clauses(first_line(verb.help), width) if verb.verb else summed(list(verb.verbs), width))
                    for name, verb in below.items()
                ],
            )
        return
    known = app.arguments()
    if places := [each for each in known if each.positional]:
        yield "Arguments", [(each.title, meaning(each)) for each in places]
    options = [each for each in known if not each.positional]
    for group in dict.fromkeys(each.group for each in options):
        yield group, [row(each) for each in options if each.group == group]


def clauses(text: str, width: int) -> str:
    """As many clauses of a sentence as a width has room for; all of it where the first is too long."""
    parts = text.split(", ")
    return next((fit for count in range(len(parts), 0, -1) if len(fit := ", ".join(parts[:count])) <= width), text)


def summed(names: Sequence[str], width: int) -> str:
    """Names with commas between them; where they are more than a width has room for, how many more there are."""
    count, text = len(names), ", ".join(names)
    while count > 1 and len(text) > width:
        count -= 1
        text = f"{', '.join(names[:count])} and {len(names) - count} more"
    return text


def row(argument: Argument) -> tuple[str, str]:
    """How an option is written, with its example where that has room, and what it means."""
    written = f"{argument.name} {argument.example}"
    if argument.example and len(written) <= ROOM - 2:
        return written, meaning(argument._replace(example=""))
    return signature(argument), meaning(argument)


def signature(argument: Argument) -> str:
    """How an option is written."""
    return argument.name if argument.is_flag else f"{argument.name} …"


def meaning(argument: Argument) -> str:
    """What an argument means, what it may be, what it is where it is left out, and an example."""
    text = argument.help
    if not all(re.search(rf"\b{re.escape(choice)}\b", text) for choice in argument.choices):
        text = f"{text} One of {', '.join(argument.choices)}.".strip()
    if argument.many and "several" not in text:
        text = f"{text} May be given several times.".strip()
    if argument.required and not argument.positional:
        text = f"{text} Required.".strip()
    if argument.default not in (None, "", (), False) and isinstance(argument.default, str | int):
        text = f"{text} By default {argument.default}.".strip()
    return f"{text} Example: {argument.example}" if argument.example else text


def entry(out: Output, name: str, text: str, width: int, room: int) -> None:
    """A name and what it means beside it, or below where the name is long."""
    lines = list(folded(text, max(NARROWEST, width - MARGIN - room)))
    if len(name) > room - 2:
        out.print(f"{' ' * MARGIN}{name}")
    else:
        out.print(f"{' ' * MARGIN}{name:<{room}}{lines.pop(0) if lines else ''}".rstrip())
    for line in lines:
        out.print(f"{' ' * (MARGIN + room)}{line}")


def first_line(text: str) -> str:
    """What a help text says first."""
    return re.split(r"[.;:](?= |$)", " ".join(text.split("\n\n")[0].split()))[0]


def verbs_of(app: App, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], App]]:
    """Every verb with its words, those within others too."""
    for name, verb in app.verbs.items():
        if verb.verb is None:
            yield from verbs_of(verb, (*path, name))
        else:
            yield (*path, name), verb


def completion(app: App, shell: str) -> str:
    """The script that makes a shell complete verbs and options."""
    words = {path: sorted({each.name for each in verb.arguments()} | {"--help"}) for path, verb in verbs_of(app)}
    names = {path[:depth] for path in words for depth in range(len(path))}
    below = {name: sorted({path[len(name)] for path in words if path[: len(name)] == name}) for name in names}
    cases = {" ".join(path): known for path, known in {**below, **words}.items()}
    if shell == "fish":
        return fish(cases)
    script = bash(cases)
    return f"autoload -U +X bashcompinit && bashcompinit\n{script}" if shell == "zsh" else script


def bash(cases: dict[str, list[str]]) -> str:
    """Completion for bash, by the words before the cursor that are verbs."""
    known = "|".join(sorted(filter(None, cases)))
    return "\n".join((
        "_dealtrail() {",
        '  local current="${COMP_WORDS[COMP_CWORD]}" verb="" words="" word',
        '  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do',
        f'    case "|{known}|" in *"|${{verb:+$verb }}$word|"*) verb="${{verb:+$verb }}$word" ;; *) break ;; esac',
        "  done",
        '  case "$verb" in',
        *(f'    "{name}") words="{" ".join(below)}" ;;' for name, below in sorted(cases.items())),
        "  esac",
        '  COMPREPLY=($(compgen -W "$words" -- "$current"))',
        "}",
        "complete -o default -F _dealtrail dealtrail",
        "",
    ))  # fmt: skip


def fish(cases: dict[str, list[str]]) -> str:
    """Completion for fish."""
    lines = ["complete -c dealtrail -e"]
    for name, known in sorted(cases.items()):
        here = " && ".join(f"__fish_seen_subcommand_from {part}" for part in name.split()) or "__fish_use_subcommand"
        options = " ".join(each for each in known if each.startswith("-"))
        verbs = " ".join(each for each in known if not each.startswith("-"))
        if verbs:
            beside = f" && not __fish_seen_subcommand_from {verbs}" if name else ""
            lines.append(f"complete -c dealtrail -f -n '{here}{beside}' -a '{verbs}'")
        lines += [f"complete -c dealtrail -n '{here}' -l {option[2:]}" for option in options.split()]
    return "\n".join([*lines, ""])


__all__ = ["SHELLS", "Group", "completion", "show_help", "verbs_of"]
