"""Mutated exports: each comes in row by row or is refused by name, never with another error, and no row is lost."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from domain.errors import PipelineError
from infra.application.app import App
from infra.importers import formats
from infra.importers.rehearsal import rehearsing
from infra.importers.runner import Import

CASES = Path(__file__).parent / "cases"
EXAMPLES = Path(__file__).parents[2] / "examples" / "mappings"
PIPEDRIVE = {
    "stages.csv": "stage_id,stage_name\n1,First\n2,Second\n",
    "users.csv": "id,name\n9,Bob\n10,Ann\n",
    "fields.csv": 'FIELD_KEY,FIELD_VALUE_OPTIONS\nlost_reason,"[{""id"": 1, ""label"": ""Too late""}]"\n',
    "activity.csv": "activity_id,type,assigned_to_user,deal_id,done,due_to\n70,call,9,5,True,2024-01-08T09:00:00\n",
    "deal_changes.csv": "deal_id,change_time,changed_field_key,new_value\n"
    "5,2024-01-02 08:00:00,add_time,2024-01-02T08:00:00\n5,2024-01-03 08:00:00,stage_id,1\n"
    "5,2024-01-04 08:00:00,value,120.50\n5,2024-01-05 08:00:00,lost_reason,1\n5,2024-01-06 08:00:00,status,open\n"
    "6,2024-01-02 08:00:00,add_time,2024-01-02T08:00:00\n6,2024-01-04 08:00:00,expected_close_date,2024-03-31\n",
}
SALESFORCE = {
    "opportunity.csv": "id,created_date,close_date,stage_name,is_closed,is_won,amount,probability,account_id,"
    "is_deleted\n"
    "006A,2024-01-02T08:00:00Z,2024-03-31,New,false,false,5,10,001A,false\n"
    "006B,2024-01-02T08:00:00Z,2024-02-01,Won,true,true,50.25,100,001A,false\n",
    "opportunity_history.csv": "id,created_date,close_date,stage_name,is_closed,is_won,amount,_fivetran_start\n"
    "006B,2024-01-02T08:00:00Z,2024-02-01,New,false,false,40,2024-01-03T00:00:00Z\n",
    "opportunity_line_item.csv": "id,opportunity_id,quantity,unit_price,created_date,discount\n"
    "00kA,006A,2,3.50,2024-01-05T08:00:00Z,10\n",
    "lead.csv": "id,created_date,is_converted,converted_opportunity_id,email,status\n"
    "00QA,2024-01-01,true,006B,jo@alder.example,Open\n00QB,2024-01-01,false,,,Unqualified\n",
    "task.csv": "id,what_id,who_id,is_closed,created_date,subject\n00TA,006A,,true,2024-01-05T08:00:00Z,Called\n",
    "account.csv": "id,name\n001A,Alder\n",
}
HUBSPOT = {
    "deal_pipeline.csv": "pipeline_id,label,display_order\ndefault,Sales,0\n",
    "deal_pipeline_stage.csv": "stage_id,pipeline_id,label,probability,display_order,closed_won\n"
    "new,default,New,0.1,0,FALSE\nwon,default,Won,1,1,TRUE\nlost,default,Lost,0,2,FALSE\n",
    "deal.csv": "deal_id,property_createdate,property_closedate,deal_pipeline_stage_id,deal_pipeline_id,owner_id,"
    "property_amount\n1,2024-01-02T08:00:00Z,1711843200000,new,default,7,5\n"
    "2,2024-01-02T08:00:00Z,2024-02-01,won,default,7,50.25\n",
    "deal_property_history.csv": "deal_id,timestamp,name,value\n2,2024-01-02T08:00:05Z,dealstage,new\n"
    "2,2024-01-10T08:00:00Z,dealstage,won\n"
    "2,2024-01-02T08:00:10Z,amount,40\n",
    "merged_deal.csv": "deal_id,merged_deal_id,_fivetran_synced\n2,1,2024-03-01T00:00:00Z\n",
    "owner.csv": "owner_id,email,first_name,last_name\n7,bob@alder.example,Bob,Birch\n",
}
MAVEN = {
    "sales_pipeline.csv": "opportunity_id,sales_agent,product,account,deal_stage,engage_date,close_date,close_value\n"
    "A,Ann,GTXPro,Isdom,Won,2017-01-02,2017-01-09,1\nB,Bob,GTXPro,,Prospecting,,,\n"
    "C,Bob,GTXPro,,Engaging,2017-01-12,,\n",
    "products.csv": "product,series,sales_price\nGTX Pro,GTX,4821\n",
}
ODD = (
    '"', '""', ",", ";", "\t", "\n", "\r", "\r\n", "\0", "\x1b[31m", "‮", "﻿", "é", "🂡", " ", "\xa0", "'", "=1+1",
    "0", "-1", "1e999", "NaN", "1,5", "1.000,50", "99999999999999999", "9" * 400, "x" * 3_000,
    "0001-01-01", "9999-12-31", "2026-02-30", "31/12/2026", "01/02/2026", "2026-03-29 02:30",
    "2026-01-05T10:00:00+14:00",
    "253402300799999", "eur", "Won", "Lost", "won", "D-1", "true", "None", "{}", "[1]", "a\nb",
)  # fmt: skip
BYTES = (b"\xff", b"\x80", b"\xef\xbb\xbf", b"\xff\xfe", b"\x00", b"\xc3")


def inputs() -> Iterator[tuple[str, str, dict[str, bytes], dict[str, str]]]:
    """(format, file, files, options) of everything that is mutated."""
    for case in sorted(CASES.iterdir()):
        files = {file.name: file.read_bytes() for file in case.iterdir() if file.name != "bigfield"}
        for mapping in sorted(name for name in files if name.endswith(".toml")):
            for table in sorted(name for name in files if name.endswith(".csv") and len(files[name]) < 5_000):
                if table.partition(".")[0] == mapping.partition(".")[0] or len(files) == 2:
                    yield "csv", table, files, {"mapping": mapping}
    for name, tables in (("pipedrive", PIPEDRIVE), ("salesforce", SALESFORCE), ("hubspot", HUBSPOT), ("maven", MAVEN)):
        yield name, "", {file: text.encode() for file, text in tables.items()}, {}


def mutated(draw: Random, content: bytes) -> bytes:
    """Some bytes, cells or lines of a file changed, doubled, swapped or gone."""
    for _ in range(draw.choice((1, 1, 1, 2, 4))):
        lines = content.split(b"\n")
        place, line = draw.randrange(len(content) + 1), draw.randrange(len(lines))
        other = draw.randrange(len(lines))
        match draw.randrange(9):
            case 0:
                content = content[:place] + draw.choice(ODD).encode() + content[place:]
            case 1:
                content = content[:place] + draw.choice(BYTES) + content[place:]
            case 2:
                content = content[:place] + content[place + draw.randrange(1, 9) :]
            case 3:
                content = b"\n".join([*lines[:line], lines[other], *lines[line:]])
            case 4:
                content = b"\n".join([*lines[:line], *lines[line + 1 :]])
            case 5:
                content = content[:place]
            case 6 | 7:
                cells = lines[line].split(b",")
                cells[draw.randrange(len(cells))] = draw.choice(ODD).encode()
                content = b"\n".join([*lines[:line], b",".join(cells), *lines[line + 1 :]])
            case _:
                lines[line], lines[other] = lines[other], lines[line]
                content = b"\n".join(lines)
    return content


def carried_out(app: App, plan: bool, format_: str, path: Path, rejects: Path, options: dict[str, Any]) -> str:
    """How an import goes: its refusal, or "" where each row came in, was there, or was rejected or left out."""
    try:
        export = formats.read(format_, path, "import:test", **options)
        beside = rehearsing(app)[0] if plan else app
        with beside.bulk() as dispatcher:
            summary = Import(dispatcher, export, "import:test", rejects).run(lambda _: None)
    except PipelineError as refusal:
        return str(refusal)
    accounted = summary.imported + summary.unchanged + summary.rejected + summary.left_out
    assert (summary.rows, accounted) == (export.total, export.total)
    return ""


@pytest.mark.parametrize(("count", "seed"), [(600, 1), pytest.param(20_000, 2, marks=pytest.mark.soak)])
def test_a_mutated_export_comes_in_row_by_row_or_is_refused_by_name(
    small: App, tmp_path: Path, count: int, seed: int
) -> None:
    draw, known = Random(seed), list(inputs())
    small.dispatcher()
    outcomes = set[tuple[str, bool]]()
    for number in range(count):
        format_, table, files, options = draw.choice(known)
        folder = tmp_path / "export"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        hit = draw.choice(sorted(files))
        for name, content in files.items():
            (folder / name).write_bytes(mutated(draw, content) if name == hit else content)
        given = {name: folder / value for name, value in options.items()}
        try:
            refusal = carried_out(small, draw.random() < 0.5, format_, folder / table, tmp_path / "rejects.csv", given)
        except Exception as error:
            kept = shutil.copytree(folder, tmp_path / f"failed-{number}")
            raise AssertionError(
                f"seed {seed}, number {number}: {format_} {table} {hit} in {kept}: {error!r}"
            ) from error
        outcomes.add((format_, refusal == ""))
    assert outcomes == {(format_, way) for format_, *_ in known for way in (True, False)}
