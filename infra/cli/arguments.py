"""The words of a command line as they were meant: what begins with a dash may be a value."""

import re
from collections.abc import Sequence

from cyclopts import App

OPTION = re.compile(r"--[a-z][a-z0-9-]*(?:=.*)?|-h", re.DOTALL)


def with_values(app: App, words: Sequence[str]) -> list[str]:
    """The words, each value that begins with a dash joined to the option in front of it.

    An option is what is written like one, with two dashes and letters: a value like that takes `--option=value`.
    """
    if not any(is_dashed(word) for word in words):
        return list(words)
    flags, joined = flags_of(app, words), list[str]()
    for place, word in enumerate(words):
        before = words[place - 1] if place else ""
        if "--" in words[:place] or not (is_dashed(word) and takes_value(before, flags)):
            joined.append(word)
        else:
            joined[-1] = f"{before}={word}"
    return joined


def is_dashed(word: str) -> bool:
    """Whether a word begins with a dash and is no option."""
    return word.startswith("-") and word != "--" and not OPTION.fullmatch(word)


def takes_value(word: str, flags: set[str]) -> bool:
    """Whether a word is an option whose value is the next one."""
    return bool(OPTION.fullmatch(word)) and "=" not in word and word not in flags


def flags_of(app: App, words: Sequence[str]) -> set[str]:
    """The options of the verb that is called which take no value."""
    _, apps, _ = app.parse_commands(list(words))
    arguments = apps[-1].assemble_argument_collection(parse_docstring=False) if apps[-1].default_command else ()
    return {"--help", "--version"} | {name for each in arguments if each.hint is bool for name in each.names}
