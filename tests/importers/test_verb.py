"""The verb `import` says by its exit code that something was rejected, reads stdin, and lists for its owner alone."""

import stat
from pathlib import Path

from tests.cli.program import dealtrail
from tests.importers.test_cases import CASES


def run(folder: Path, *arguments: str, stdin: str = "") -> tuple[int, str, str]:
    ran = dealtrail(
        "import", "csv", *arguments, folder=folder, stdin=stdin, DEALTRAIL_DB=f"sqlite:///{folder / 'l.db'}"
    )
    return ran.code, ran.out, ran.err


def test_rejections_change_the_exit_code_and_the_rest_is_in(tmp_path: Path) -> None:
    case = CASES / "one-bad-date"
    code, out, _ = run(tmp_path, str(case / "deals.csv"), "--mapping", str(case / "deals.toml"))
    assert (code, "2 imported" in out, "1 rejected" in out) == (4, True, True)
    assert stat.S_IMODE((tmp_path / "deals.csv.rejects.csv").stat().st_mode) == 0o600
    case, other = CASES / "kwd", tmp_path / "other"
    other.mkdir()
    assert run(other, str(case / "deals.csv"), "--mapping", str(case / "deals.toml"))[0] == 0


def test_an_export_comes_from_stdin(tmp_path: Path) -> None:
    case = CASES / "short-row"
    code, out, _ = run(
        tmp_path, "-", "--mapping", str(case / "deals.toml"), "--json", stdin=(case / "deals.csv").read_text()
    )
    assert (code, '"imported":1' in out) == (4, True)
    assert (tmp_path / "stdin.rejects.csv").is_file()


def test_what_a_hostile_export_is_rejected_for_shows_no_escapes(tmp_path: Path) -> None:
    case = CASES / "formula"
    code, out, err = run(tmp_path, str(case / "deals.csv"), "--mapping", str(case / "deals.toml"), "--plan")
    assert (code, "\x1b" in out + err) == (4, False)


def test_a_mended_mapping_is_said_and_applied(tmp_path: Path) -> None:
    case = CASES / "kwd"
    assert run(tmp_path, str(case / "deals.csv"), "--mapping", str(case / "deals.toml"))[0] == 0
    mended = tmp_path / "mended.toml"
    mended.write_text((case / "deals.toml").read_text().replace('"KWD"', '"BHD"'))
    _, out, _ = run(tmp_path, str(case / "deals.csv"), "--mapping", str(mended))
    assert "1 rows that were in already say otherwise" in out
    assert "opportunity-opened: amount" in out
    _, out, _ = run(tmp_path, str(case / "deals.csv"), "--mapping", str(mended), "--correct")
    assert "1 imported (1 facts)" in out
