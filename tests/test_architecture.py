"""The shape of the code: what its style promises is measured. (Imports between folders: import-linter.)"""

import ast
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


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_module_says_what_it_is_and_fits_in_one_reading(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= 400
    assert ast.get_docstring(ast.parse(text)) or not text
    assert path.stem not in UNDECIDED


@pytest.mark.parametrize("path", EVERYWHERE, ids=name)
def test_a_function_fits_on_a_screen(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 60, f"{name(path)}:{node.lineno} {node.name}"


@pytest.mark.parametrize("path", [p for p in MODULES if name(p).startswith(("domain/", "projections/"))], ids=name)
def test_what_decides_and_folds_never_asks_for_time_chance_or_files(path: Path) -> None:
    calls = {
        getattr(node.func, "attr", getattr(node.func, "id", ""))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
    }
    assert not calls & IMPURE


@pytest.mark.filterwarnings("ignore::UserWarning")  # of a server's look for a runtime folder
@pytest.mark.parametrize("path", sorted((ROOT / "tests" / "benchmarks").glob("[a-z]*.py")), ids=name)
def test_a_benchmark_is_there_to_be_run(path: Path) -> None:
    assert callable(import_module(f"tests.benchmarks.{path.stem}").run)


def test_an_impure_call_would_be_seen() -> None:
    [call] = [node for node in ast.walk(ast.parse("datetime.now()")) if isinstance(node, ast.Call)]
    assert getattr(call.func, "attr", "") in IMPURE


@pytest.mark.parametrize("path", sorted((ROOT / "tests" / "recompute").glob("*.py")), ids=name)
def test_the_recomputation_shares_no_code_with_what_it_checks(path: Path) -> None:
    nodes = list(ast.walk(ast.parse(path.read_text())))
    modules = [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    modules += [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    assert modules
    assert not {module.partition(".")[0] for module in modules} & {*FOLDERS, "msgspec", "sqlalchemy"}
