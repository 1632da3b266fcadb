"""The files for forecasters, from the terminal: the same on every database, refused in plain words."""

from pathlib import Path

import pyarrow.parquet

from tests.cli.program import Shell, document

DIGESTS = {
    "features": "3ac9869ee6151cbc673c4fb3d41b48dc3155b58b279a770aa144574ecf389328",
    "labels": "df30a60feb56a6cfe54489291945fea42fdd5247bebd6ee7df96bae0f40e51ac",
}  # of the same simulated year, on any machine and any database


def test_the_files_have_the_same_digests_on_every_database(shell: Shell, tmp_path: Path) -> None:
    assert shell("simulate", "--opportunities", "12", "--since", "2026-01-01", "--until", "2026-06-30")[0] == 0
    answer = document(shell("export", "features", "--every", "week", "--json"))
    assert {name: answer[name]["digest"] for name in DIGESTS} == DIGESTS
    assert answer["features"]["rows"] == pyarrow.parquet.read_metadata(tmp_path / "features.parquet").num_rows > 20
    code, out, err = shell("export", "features", "--every", "month", "--since", "2026-02-01", "--until", "2026-04-30")
    assert (code, out.count("parquet"), "on 3 days" in err) == (0, 2, True)
    assert shell("export", "features", "--known-at", "2026-03-31")[0] == 0


def test_what_cannot_be_done_is_said(shell: Shell) -> None:
    assert shell("simulate", "--opportunities", "2", "--since", "2026-01-01", "--until", "2026-06-30")[0] == 0
    for words, reason in (
        (("--every", "year"), "'year' is none of day, week, month, quarter"),
        (("--to", "nowhere"), "there is no folder"),
        (("--since", "soon"), "since: 'soon'"),
        (("--since", "2026-03-01", "--until", "2026-02-01"), "until: 2026-02-01 is before 2026-03-01, the first day"),
    ):
        code, out, err = shell("export", "features", *words)
        assert (code in (2, 3), out, reason in " ".join(err.split())) == (True, "", True), err
