"""Runs the benchmarks, prints a table, and writes ``build/bench.json``; exit code 1 if a goal is missed."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

import click
from rich import box
from rich.console import Console
from rich.table import Table

from bench import kernels, lake, local_cloud, plans
from bench.measuring import BENCHMARKS, Benchmark, Measured
from bench.workspace import ROOT, Failed

MODULES = (local_cloud, lake, kernels, plans)
"""Named, so that each has registered its benchmarks."""


@click.command()
@click.option("--only", type=click.Choice(list(BENCHMARKS)), help="One benchmark instead of all.")
def main(only: str | None) -> None:
    """Measure, and hold each value against its goal."""
    chosen = [BENCHMARKS[only]] if only else list(BENCHMARKS.values())
    out, taken = Console(highlight=False), []
    for each in chosen:
        with out.status(each.about):
            try:
                taken.append((each, each.take()))
            except Failed as error:
                click.echo(f"{each.name}: {error}", err=True)
                sys.exit(1)
    out.print(table(taken))
    path = ROOT / "build" / "bench.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps([asdict(measured) for _, measured in taken], indent=1) + "\n")
    out.print(f"written to {path.relative_to(ROOT)}")
    sys.exit(0 if all(measured.met for _, measured in taken) else 1)


def table(taken: list[tuple[Benchmark, Measured]]) -> Table:
    """What was measured, for people."""
    shown = Table(box=box.SIMPLE)
    for heading in ("benchmark", "value", "goal", "", "what is measured"):
        shown.add_column(heading, justify="right" if heading in ("value", "goal") else "left", overflow="fold")
    for each, measured in taken:
        value, goal = f"{measured.value:.2f} {each.unit}", f"{each.goal:g} {each.unit}"
        shown.add_row(each.name, value, goal, "met" if measured.met else "missed", each.about)
    return shown


if __name__ == "__main__":
    main()
