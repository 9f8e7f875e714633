"""`-o csv-bom`: the same as csv, after one BOM; none on a terminal."""

from __future__ import annotations

import codecs
import csv
import io
import subprocess
from pathlib import Path

from tests.support.process import ZVOL, environment
from tests.support.warm import run

BOM = codecs.BOM_UTF8


def raw(form: str, env: dict[str, str], *arguments: str) -> bytes:
    command = [*ZVOL, "--sandbox", *(arguments or ("list",)), "-o", form]
    return subprocess.run(command, env=env, capture_output=True, check=True, timeout=60).stdout


def test_a_bom_and_then_csv(tmp_path: Path) -> None:
    env = environment(tmp_path / "home", {"LC_ALL": "C.UTF-8"})
    columns = ("list", "--columns", "name,uuid", "--sort", "name")
    with_bom, without = raw("csv-bom", env, *columns), raw("csv", env, *columns)
    assert with_bom == BOM + without
    assert not without.startswith(BOM)
    header, *rows = csv.reader(io.StringIO(with_bom.decode("utf-8-sig")))
    assert (header, len(rows) >= 9) == (["name", "uuid"], True)
    assert "数据库备份".encode() in with_bom


def test_an_empty_table_has_it_too(tmp_path: Path) -> None:
    env = environment(tmp_path / "home", {"LC_ALL": "C.UTF-8"})
    assert raw("csv-bom", env, "list", "--name", "nobody").startswith(BOM + b"name,")


def test_it_is_a_format_like_any_other(tmp_path: Path) -> None:
    env = environment(tmp_path / "home")
    assert "csv-bom" in run(["help", "output"], env).out
