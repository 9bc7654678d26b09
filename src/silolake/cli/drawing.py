"""``graph``: what runs after what, drawn."""

from __future__ import annotations

from dataclasses import asdict

import click

from silolake.cli.terminal import json_option, load_rooms, print_json


@click.command()
@click.option(
    "--as",
    "form",
    type=click.Choice(["text", "mermaid", "dot"]),
    default="text",
    show_default=True,
    help="A tree to read here, or a drawing for Markdown or Graphviz.",
)
@click.argument("pipelines", nargs=-1)
@json_option
def graph(form: str, pipelines: tuple[str, ...], as_json: bool) -> None:
    """Draw what runs after what.

    Triggers, the steps of PIPELINES (all by default), the products they make, and the views that read those.
    """
    from silolake.graph import draw, graph_of

    found = graph_of(load_rooms(), pipelines)
    print_json(asdict(found)) if as_json else click.echo(draw(found, form))
