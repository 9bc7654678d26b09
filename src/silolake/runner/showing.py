"""Runs shown to people: what a notebook printed as text, the notebook as a page, and one page of all runs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

from silolake.runner.journal import COMPLETED, Entry

_ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def transcript(executed: str) -> Iterator[str]:
    """What the cells of an executed notebook printed, line by line, each cell under its number. Pure.

    Of an output that is no text, a plot for instance, its kinds are told.
    """
    for number, cell in enumerate(json.loads(executed)["cells"], 1):
        outputs = [line for output in cell.get("outputs", ()) for line in _text_of(output).splitlines()]
        status = cell.get("metadata", {}).get("papermill", {}).get("status", "")
        if outputs or status not in ("completed", ""):
            yield f"cell {number}{f', {status}' if status not in ('completed', '') else ''}:"
            yield from (f"  {line}" for line in outputs)


def _text_of(output: dict[str, Any]) -> str:
    match output.get("output_type"):
        case "stream":
            return _joined(output.get("text", ""))
        case "error":
            return _ESCAPES.sub("", "\n".join(output.get("traceback") or [f"{output['ename']}: {output['evalue']}"]))
        case _:
            data = output.get("data", {})
            shown = any(kind.startswith("image/") for kind in data) or "text/plain" not in data
            return f"[{', '.join(sorted(data))}]" if shown else _joined(data["text/plain"])


def _joined(text: str | list[str]) -> str:
    return _ESCAPES.sub("", text if isinstance(text, str) else "".join(text))


def as_html(executed: str, *, with_input: bool = True) -> str:
    """An executed notebook as a page of its own. Pure."""
    import nbformat
    from nbconvert import HTMLExporter

    page, _ = HTMLExporter(exclude_input=not with_input).from_notebook_node(nbformat.reads(executed, as_version=4))
    return str(page)


def page_of(lake: str, entries: Sequence[Entry]) -> str:
    """All runs on one self-contained page: per account and notebook how the last one ended, and every one below. Pure.

    It tells what the journal knows, which is no row of any silo; executed notebooks stay where they are.

    Args:
        lake: the lake's name.
        entries: newest first.
    """
    from jinja2 import Environment, StrictUndefined

    text = (files("silolake") / "runner" / "runs.html.j2").read_text(encoding="utf-8")
    template = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    notebooks = sorted({str(each.facts["notebook"]) for each in entries})
    accounts = sorted({str(each.facts["account"]) for each in entries})
    last: dict[tuple[str, str], Entry] = {}
    for each in reversed(entries):
        last[str(each.facts["account"]), str(each.facts["notebook"])] = each
    return template.from_string(text).render(
        lake=lake,
        written_at=datetime.now(UTC).isoformat(timespec="seconds"),
        notebooks=notebooks,
        accounts=accounts,
        last=last,
        entries=entries,
        completed=COMPLETED,
        words_of=words_of,
        seconds_of=seconds_of,
    )


def words_of(entry: Entry) -> str:
    """A run's parameters and occasion in words: ``silo=ewr · 12 drops``."""
    said = [f"{name}={value}" for name, value in dict(entry.facts["parameters"]).items()]
    match entry.facts["occasion"]:
        case {"delivered": list(drops)}:
            said.append(f"{len(drops)} drop{'s' if len(drops) != 1 else ''}")
        case {"due": str(at)}:
            said.append(f"due {at}")
        case {"ended": str(pipeline)}:
            said.append(f"after {pipeline}")
    return " · ".join(said)


def seconds_of(entry: Entry) -> str:
    """How long a run's last attempt took, or nothing while it goes on."""
    if not entry.ended_at:
        return ""
    took = datetime.fromisoformat(entry.ended_at) - datetime.fromisoformat(entry.started_at)
    return f"{took.total_seconds():.1f} s"
