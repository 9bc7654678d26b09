"""``graph``: what runs after what, drawn."""

from __future__ import annotations

import click

from silolake.cli.terminal import load_rooms


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
def graph(form: str, pipelines: tuple[str, ...]) -> None:
    """Draw what runs after what.

    Triggers, the steps of PIPELINES (all by default), the products they make, and the views that read those.
    """
    from silolake.graph import draw, graph_of

    click.echo(draw(graph_of(load_rooms(), pipelines), form))
