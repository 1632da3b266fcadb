"""Codes and ids: what stands in the log in the clear for ever, and so holds nobody's words."""

import re

from domain.errors import Malformed

CODE = re.compile(r"[a-z0-9-]{1,40}")
IDENTIFIER = re.compile(r"[A-Za-z0-9._:-]{1,80}")
UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]")
PATH = re.compile(r"\.\.[/\\]|[/\\]\.\.")
SHOWN = 40  # characters of a refused text that a message quotes


def check_code(field: str, text: str, example: str) -> None:
    """Raise Malformed where a text is no code: reports count by it, and everybody reads it."""
    if not CODE.fullmatch(text):
        raise Malformed(
            f"{field}: {quoted(text)} is no code such as {example}: 1 to 40 of a-z, 0-9 and hyphens; words go to a note"
        )


def check_identifier(field: str, text: str) -> None:
    """Raise Malformed where a text is no id."""
    if not text.strip():
        raise Malformed(f"{field}: give the {field} an id of its own")
    if not IDENTIFIER.fullmatch(text):
        raise Malformed(
            f"{field}: {quoted(text)} is no id such as {field}-7: 1 to 80 of A-Z, a-z, 0-9 and ._:-; words go to a note"
        )


def check_printable(field: str, text: str) -> None:
    """Raise Malformed where a name that things are looked up by could be taken for another, or for a path.

    Control characters, those that turn the direction of writing, line ends and other blanks, and `..` beside a slash.
    """
    if not text.isprintable():
        raise Malformed(f"{field}: {quoted(text)} holds a character that cannot be seen")
    if PATH.search(text):
        raise Malformed(f"{field}: {quoted(text)} reads like a path")


def check_line(field: str, text: str) -> None:
    """Raise Malformed where a name in words is more than a line, or turns the direction of writing.

    It is not quoted: it may say something about a person.
    """
    if UNSEEN.search(text):
        raise Malformed(f"{field}: is one line of text, without control characters")


def quoted(text: str, most: int = SHOWN) -> str:
    """The beginning of a text as a message quotes it, in characters that can be seen."""
    beginning = text[:most]
    return (repr(beginning) if beginning.isprintable() else ascii(beginning)) + ("…" if len(text) > most else "")
