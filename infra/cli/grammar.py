"""How a command line is read: verbs, their arguments and options, as the functions behind them declare them."""

import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from functools import partial
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, TypeVar, Union, get_args, get_origin

OPTION = re.compile(r"(?P<name>--[a-z][a-z0-9-]*)(?:=(?P<value>.*))?", re.DOTALL)
NUMBER = re.compile(r"-?[0-9]{1,18}")
HELP = ("--help", "-h")
OPTIONS = "Options"
DEEPEST = 2  # words by which modules are known, of the three that a verb has at the most

Verb = Callable[..., Any]
Class = TypeVar("Class", bound=type)


class UsageError(Exception):
    """A command line that nobody can carry out, and why."""


class UnknownVerb(UsageError):
    """A word that is no verb: `words` stand behind `path`, where `app` has none of that name, in the program `root`."""

    def __init__(self, root: "App", app: "App", path: Sequence[str], words: Sequence[str]) -> None:
        self.root, self.app, self.path, self.words = root, app, tuple(path), tuple(words)


class HelpWanted(Exception):
    """Somebody asks how a verb is used."""

    def __init__(self, app: "App", path: Sequence[str]) -> None:
        self.app, self.path = app, tuple(path)


@dataclass(frozen=True)
class Parameter:
    """What is said of an argument or an option beside its type; as a decorator, of a class of options.

    name: how it is written, if not after its own name; "*" for a class whose fields are options. group: the title
    under which help lists it. example: a value as it is typed.
    """

    help: str = ""
    name: str = ""
    group: str = ""
    example: str = ""

    def __call__(self, options: Class) -> Class:
        """Declare a class of options."""
        options.parameter = self  # type: ignore[attr-defined]
        return options


class Group(NamedTuple):
    """A title under which help lists verbs, and its place among the others."""

    title: str
    order: int = 0


PLAIN = Group("Verbs", 0)


class Argument(NamedTuple):
    """One argument or option of a verb.

    path: the parameter of the function, and the field of its class of options where it is one. kind: str, int, bool or
    Path. positional: whether it may stand without its name.
    """

    path: tuple[str, ...]
    name: str
    kind: type[Any]
    help: str
    group: str
    many: bool = False
    choices: tuple[str, ...] = ()
    required: bool = False
    positional: bool = False
    default: Any = None
    example: str = ""

    @property
    def is_flag(self) -> bool:
        """Whether it takes no value."""
        return self.kind is bool

    @property
    def title(self) -> str:
        """How help calls what stands in its place."""
        return self.path[-1].rstrip("_").upper().replace("_", "-")


@dataclass
class App:
    """A verb, or several under one name."""

    name: str = ""
    help: str = ""
    verb: Verb | None = None
    group: Group = PLAIN
    verbs: "dict[str, App]" = field(default_factory=dict[str, "App"])

    def command(self, verb: Verb, name: str = "", group: Group = PLAIN) -> None:
        """Add a verb, under the name of its function unless another is given."""
        name = name or verb.__name__.strip("_").replace("_", "-")
        self.verbs[name] = App(name, inspect.getdoc(verb) or "", verb, group)

    def noun(self, name: str, about: str = "", group: Group = PLAIN) -> "App":
        """What verbs are added to that stand behind this word: several modules may."""
        return self.verbs.setdefault(name, App(name, about, group=group))

    def __call__(self, words: Sequence[str]) -> Any:
        """Carry out a command line. Raises as `call` does, and what the verb raises."""
        return self.call(words)()

    def call(self, words: Sequence[str]) -> Callable[[], Any]:
        """The call that a command line is. UsageError where it is none, HelpWanted where that is what it asks for."""
        app, path, early, rest = self.resolved(words)
        words = [*early, *rest]
        stop = words.index("--") if "--" in words else len(words)
        if any(word in HELP for word in words[:stop]):
            raise HelpWanted(app, path)
        if app.verb is None:
            if not path and not words:
                raise HelpWanted(app, path)
            raise UnknownVerb(self, app, path, rest)
        placed, named = app.bound(words, " ".join(path))
        return partial(app.verb, *placed, **named)

    def resolved(self, words: Sequence[str]) -> "tuple[App, list[str], list[str], list[str]]":
        """The verb that words call, its name, the options that stand before it, and the words that are left."""
        app, path, early, rest = self, list[str](), list[str](), list(words)
        while rest and app.verbs:
            word = rest[0]
            if word in app.verbs:
                app = app.verbs[word]
                path.append(rest.pop(0))
            elif (match := OPTION.fullmatch(word)) and word not in HELP:
                early, rest = early + rest[: taken(match)], rest[taken(match) :]
            else:
                break
        return app, path, early, rest

    def arguments(self) -> list[Argument]:
        """The arguments and options of the verb."""
        return [each for one in self.parameters() for each in arguments_of(one)]

    def parameters(self) -> "Iterable[inspect.Parameter]":
        """The parameters of the verb's function; a derived verb has them made when they are asked for."""
        declared: Callable[[], Iterable[inspect.Parameter]] | None = getattr(self.verb, "parameters", None)
        return declared() if declared else inspect.signature(self.verb).parameters.values()  # type: ignore[arg-type]

    def bound(self, words: Sequence[str], called: str) -> tuple[list[Any], dict[str, Any]]:
        """What the verb's function is called with."""
        known = self.arguments()
        found = read(words, known)
        lacking = [each for each in known if each.required and each.path not in found]
        if lacking:
            names = ", ".join(each.title if each.positional else each.name for each in lacking)
            raise UsageError(f"{called}: {names} {'is' if len(lacking) == 1 else 'are'} missing (--help says more)")
        assert self.verb is not None
        placed, named = list[Any](), dict[str, Any]()
        for one in self.parameters():
            options = class_of(one.annotation)
            if options is not None:
                given = {path[1]: value for path, value in found.items() if path[0] == one.name and len(path) == 2}
                named |= {one.name: options(**given)} if given or one.default is None else {}
            elif (one.name,) not in found:
                if one.kind is one.POSITIONAL_ONLY:
                    placed.append(one.default)
            elif one.kind is one.POSITIONAL_ONLY:
                placed.append(found[one.name,])
            else:
                named[one.name] = found[one.name,]
        return placed, named


FLAGS = {"--json", "--confirm-clock"}
"""The options of every verb that take no value, so that they may stand before it."""


def read(words: Sequence[str], known: Sequence[Argument]) -> dict[tuple[str, ...], Any]:
    """The values that words give to arguments and options. Raises UsageError naming the word."""
    options = {each.name: each for each in known if each.name}
    places = [each for each in known if each.positional]
    found, rest, literal = dict[tuple[str, ...], Any](), list(words), False
    while rest:
        word = rest.pop(0)
        match = None if literal else OPTION.fullmatch(word)
        if word == "--" and not literal:
            literal = True
        elif match is None:
            if not literal and word.startswith("-") and word != "-" and len(word) > 1:
                raise UsageError(f"Unknown option: {word} (a value that begins with a dash follows --, or its option)")
            free = [each for each in places if each.path not in found]
            if not free:
                raise UsageError(f"{word!r} is one word too many")
            found[free[0].path] = converted(free[0], word)
        else:
            argument = options.get(match["name"])
            if argument is None:
                near = " or ".join(close(match["name"], options))
                raise UsageError(f"Unknown option: {match['name']}" + (f"; did you mean {near}?" if near else ""))
            take(argument, match["value"], rest, found)
    return found


def take(argument: Argument, value: str | None, rest: list[str], found: dict[tuple[str, ...], Any]) -> None:
    """Read an option, and its value from the next word where it does not stand in the same one."""
    if argument.is_flag:
        if value is not None:
            raise UsageError(f"{argument.name} takes no value")
        found[argument.path] = True
        return
    if value is None:
        if not rest or OPTION.fullmatch(rest[0]) or rest[0] in ("--", *HELP):
            raise UsageError(f"{argument.name} requires an argument (one like an option: {argument.name}=…)")
        value = rest.pop(0)
    if argument.many:
        found[argument.path] = (*found.get(argument.path, ()), converted(argument, value))
    elif argument.path in found:
        raise UsageError(f"{argument.name} is given twice")
    else:
        found[argument.path] = converted(argument, value)


def converted(argument: Argument, text: str) -> Any:
    """A word as the type of its argument."""
    name = argument.title if argument.positional else argument.name
    if argument.choices and text not in argument.choices:
        raise UsageError(f"{name}: {text!r} is none of {', '.join(argument.choices)}")
    if argument.kind is int:
        if not NUMBER.fullmatch(text):
            raise UsageError(f"{name}: {text!r} is not a whole number")
        return int(text)
    return Path(text) if argument.kind is Path else text


def arguments_of(one: inspect.Parameter) -> Iterator[Argument]:
    """The arguments that a parameter of a function stands for: itself, or the fields of its class of options."""
    options = class_of(one.annotation)
    if options is None:
        blank = one.default is inspect.Parameter.empty
        positional = one.kind is not one.KEYWORD_ONLY
        yield argument((one.name,), one.annotation, None if blank else one.default, blank, positional, OPTIONS)
        return
    group = options.parameter.group or OPTIONS
    for each in fields(options):
        yield argument((one.name, each.name), each.type, each.default, each.default is MISSING, False, group)


def argument(path: tuple[str, ...], hint: Any, default: Any, required: bool, positional: bool, group: str) -> Argument:
    """An argument by its type and what is said of it."""
    inner, said = annotated(hint)
    parts = get_args(inner) if get_origin(inner) in (Union, UnionType) else (inner,)
    kind = next(part for part in parts if part is not NoneType)
    many, choices = get_origin(kind) in (tuple, list), ()
    if many:
        kind = get_args(kind)[0]
    if get_origin(kind) is Literal:
        kind, choices = str, get_args(kind)
    name = said.name if said.name.startswith("--") else f"--{path[-1].rstrip('_').replace('_', '-')}"
    group = said.group or group
    return Argument(path, name, kind, said.help, group, many, choices, required, positional, default, said.example)


def annotated(hint: Any) -> tuple[Any, Parameter]:
    """A type, and what is said beside it."""
    if get_origin(hint) is Annotated:
        inner, *beside = get_args(hint)
        return inner, next((each for each in beside if isinstance(each, Parameter)), Parameter())
    return hint, Parameter()


def class_of(hint: Any) -> Any:
    """The class of options that a type is, or may be; None for any other."""
    return next((part for part in (hint, *get_args(hint)) if is_dataclass(part) and hasattr(part, "parameter")), None)


def close(word: str, known: Iterable[str]) -> list[str]:
    """The known words that are most like a word, the nearest first."""
    from difflib import get_close_matches  # takes its time to load

    return get_close_matches(word, [*known], 3, 0.6)


def leading(words: Sequence[str]) -> list[str]:
    """The first words of a line that are no options and no values of one, as far as that is seen before it is read."""
    found, rest = list[str](), list(words)
    while rest and len(found) < DEEPEST:
        match = OPTION.fullmatch(rest[0])
        if match and rest[0] not in HELP:
            rest = rest[taken(match) :]
        elif rest[0].startswith("-"):
            break
        else:
            found.append(rest.pop(0))
    return found


def taken(option: re.Match[str]) -> int:
    """How many words an option before the verb takes: itself, and its value where it does not hold it."""
    return 1 if option["value"] is not None or option["name"] in FLAGS else 2
