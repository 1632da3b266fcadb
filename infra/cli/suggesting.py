"""What somebody may have meant by a word that is no verb."""

from collections.abc import Iterable, Iterator, Sequence

from infra.application.names import names_of
from infra.cli.grammar import App, UnknownVerb, close
from infra.cli.helping import verbs_of

MOST = 3  # suggestions; more is a list, which help has


def refusal(error: UnknownVerb) -> str:
    """Why a word is refused, with the verbs that may have been meant."""
    here = " ".join(error.path)
    if not error.words:
        return f"{here or 'dealtrail'}: say what: {', '.join(error.app.verbs)}"
    near = suggestion(error.root, error.path, error.words)
    beside = f"; did you mean {near}?" if near else f"; dealtrail {here + ' ' if here else ''}--help lists all"
    return f"{error.words[0]!r} is no verb{f' of {here}' if here else ''}{beside}"


def suggestion(app: App, here: Sequence[str], words: Sequence[str]) -> str:
    """The verbs that a word behind others may have meant, as a sentence has them; empty where none is like it.

    First what is called so elsewhere or is the command's stored name, then what is written almost so, then what has
    the word in it.
    """
    noun, word, following = " ".join(here), words[0], [each for each in words[1:2] if not each.startswith("-")]
    paths = [path for path, _ in verbs_of(app)]
    below = {path[len(here)] for path in paths if path[: len(here)] == (*here,) and len(path) > len(here)}
    known = [f"{noun} {each}".strip() for each in close(word, below)]
    if len(known) == 1 and following and (*known[0].split(), *following) in paths:
        known = [f"{known[0]} {following[0]}"]
    for meant in (
        [*map(str, names_of(word))],
        [*called(paths, word)],
        known,
        [str(name) for tag in close(word, stored())[:1] for name in names_of(tag)] if not here else [],
        [" ".join(path) for path in paths if path[: len(here)] == (*here,) and word in path[-1].split("-")],
        [*called(paths, following[0])] if following else [],
    ):
        if meant := [*dict.fromkeys(meant)][:MOST]:
            return " or ".join(meant)
    return ""


def called(paths: Iterable[tuple[str, ...]], word: str) -> Iterator[str]:
    """The verbs, or groups of them, that a word stands for behind another one."""
    for path in paths:
        if word in path[1:]:
            yield " ".join(path[: path.index(word, 1) + 1])


def stored() -> Iterable[str]:
    """The names under which commands are stored."""
    from domain import COMMANDS

    return COMMANDS
