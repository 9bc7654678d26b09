"""Runs shown to people and gone on with: what printed, the notebook as a page, one page of all, another attempt."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path
from typing import Any

import pytest

from .conftest import Lake

pytestmark = pytest.mark.xdist_group("lake")


@pytest.fixture
def report(lake: Lake) -> dict[str, Any]:
    """The run of the company report, as the journal has it."""
    listed = json.loads(lake.silolake("runs", "list", "--json", "--limit", "1000").stdout)
    (found,) = [each for each in listed if each["facts"]["notebook"] == "cross_silo_views/company_report"]
    return dict(found)


def test_the_logs_are_what_the_cells_printed(lake: Lake, report: dict[str, Any]) -> None:
    """Of a plot its kind is told; no escape code of a terminal is in them."""
    told = lake.silolake("runs", "logs", report["run"][:8]).stdout
    assert re.search(r"^cell \d+:$", told, re.MULTILINE)
    assert "image/png" in told
    assert "\x1b" not in told


def test_a_runs_notebook_opens_as_a_page_that_its_owner_alone_may_read(
    lake: Lake, report: dict[str, Any], tmp_path: Path
) -> None:
    out = tmp_path / "report.html"
    lake.silolake("runs", "open", report["run"], "--out", str(out))
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert "data:image/png;base64" in out.read_text()


def test_one_page_shows_every_run_and_needs_nothing_else(lake: Lake, tmp_path: Path) -> None:
    """Self-contained: it names no other file and no other host; and it shows no row of a silo."""
    out = tmp_path / "runs.html"
    lake.silolake("runs", "page", "--out", str(out))
    page = out.read_text()
    entries = json.loads(lake.silolake("runs", "list", "--json", "--limit", "1000").stdout)
    assert all(f'<tr id="{each["run"]}">' in page for each in entries)
    assert not re.findall(r'(?:src|href)="(?!#)[^"]*"|@import|url\(', page)
    assert f"{len(entries)} runs, as the journal had them" in page
    for silo in ("ewr", "jfk", "lga", "fleet"):
        assert f'<th scope="row">{silo}</th>' in page


def test_a_completed_run_is_tried_again_only_when_somebody_says_so(lake: Lake, report: dict[str, Any]) -> None:
    """It stays the same run, with another attempt."""
    (record,) = json.loads(lake.silolake("runs", "retry", report["run"][:10], "--json").stdout)
    assert (record["run"], record["status"], record["attempt"]) == (report["run"], "completed", report["attempt"] + 1)
    assert lake.silolake("runs", "resume").stdout == "Nothing to go on with.\n"


@pytest.mark.parametrize("words", [("logs",), ("open",), ("retry",)])
def test_a_run_that_is_not_there_is_told(lake: Lake, words: tuple[str, ...]) -> None:
    done = lake.silolake("runs", *words, "zzzz", check=False)
    assert done.returncode == 1 and "there is no run 'zzzz'" in done.stderr
