"""The shape of the code: what its style promises is measured. (Imports between folders: import-linter.)"""

import ast
import re
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("domain", "projections", "consumers", "infra")
MODULES = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
EVERYWHERE = [*MODULES, *sorted((ROOT / "tests").rglob("*.py"))]
IMPURE = {"now", "utcnow", "today", "uuid4", "urandom", "getrandbits", "environ", "open", "print"}
UNDECIDED = {"utils", "helpers", "common", "misc", "base", "manager", "service", "impl"}


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


WORDS = {"found", "asked", "told", "said", "named", "shown", "made"}
"""What names of functions, types, fields and modules never hold: they do not say what is returned or held."""
GIVEN = ("NotFound", "connection_made")
"""Names that hold one all the same: of an error that every reader knows, and of what asyncio calls."""


@cache
def nodes(path: Path) -> list[ast.AST]:
    """What a module consists of: several tests look at it."""
    return [*ast.walk(ast.parse(path.read_text()))]


def public_names(path: Path) -> list[tuple[int, str]]:
    """The line and the name of each function, type and field of a module, and the module's own."""
    names = [(1, path.stem)]
    for node in nodes(path):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.append((node.lineno, node.name))
        if isinstance(node, ast.ClassDef):
            fields = [each for each in node.body if isinstance(each, ast.AnnAssign)]
            names += [(field.lineno, field.target.id) for field in fields if isinstance(field.target, ast.Name)]
    return [(line, name) for line, name in names if not name.startswith("_")]


def test_a_module_says_what_it_is_and_fits_in_one_reading() -> None:
    wrong = []
    for path in MODULES:
        text = path.read_text()
        if len(text.splitlines()) > 400 or (text and not ast.get_docstring(nodes(path)[0])) or path.stem in UNDECIDED:
            wrong.append(name(path))
    assert not wrong, "at most 400 lines, a docstring, and a name that says what is in it"


def test_a_name_says_what_is_returned_or_held() -> None:
    wrong = [
        f"{name(path)}:{line} {word}"
        for path in MODULES
        for line, word in public_names(path)
        if word not in ("NotFound", "connection_made")
        and WORDS & {part.lower() for part in re.findall("[A-Z]?[a-z]+", word)}
    ]
    assert not wrong, f"no name holds {', '.join(sorted(WORDS))}"


def test_a_docstring_is_never_the_same_as_another_one() -> None:
    same = [
        f"{name(path)}:{node.lineno} {node.name}"
        for path in MODULES
        for node in nodes(path)
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and (ast.get_docstring(node) or "").startswith(("The same", "This same"))
    ]
    assert not same, "say what it is"


def test_no_message_names_an_option_of_the_terminal() -> None:
    """What the terminal calls things, the terminal says: others have no options."""
    wrong = [
        f"{name(path)}:{node.lineno} {node.value}"
        for path in MODULES
        if not name(path).startswith("infra/cli/")
        for node in nodes(path)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.search(r"(?<![-\w])--[a-z]", node.value)
    ]
    assert not wrong


def test_a_function_fits_on_a_screen() -> None:
    long = [
        f"{name(path)}:{node.lineno} {node.name}"
        for path in EVERYWHERE
        for node in nodes(path)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (node.end_lineno or 0) - node.lineno >= 60
    ]
    assert not long, "at most 60 lines"


def test_what_decides_and_folds_never_asks_for_time_chance_or_files() -> None:
    wrong = [
        f"{name(path)}:{node.lineno}"
        for path in MODULES
        if name(path).startswith(("domain/", "projections/"))
        for node in nodes(path)
        if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in IMPURE
    ]
    assert not wrong


@pytest.mark.filterwarnings("ignore::UserWarning")  # of a server's look for a runtime folder
def test_a_benchmark_is_there_to_be_run() -> None:
    for path in (ROOT / "tests" / "benchmarks").glob("[a-z]*.py"):
        assert callable(import_module(f"tests.benchmarks.{path.stem}").run), name(path)


def test_an_impure_call_would_be_seen() -> None:
    [call] = [node for node in ast.walk(ast.parse("datetime.now()")) if isinstance(node, ast.Call)]
    assert getattr(call.func, "attr", "") in IMPURE


def test_the_recomputation_shares_no_code_with_what_it_checks() -> None:
    for path in sorted((ROOT / "tests" / "recompute").glob("*.py")):
        modules = [node.module or "" for node in nodes(path) if isinstance(node, ast.ImportFrom)]
        modules += [alias.name for node in nodes(path) if isinstance(node, ast.Import) for alias in node.names]
        assert modules, name(path)
        assert not {module.partition(".")[0] for module in modules} & {*FOLDERS, "msgspec", "sqlalchemy"}, name(path)
