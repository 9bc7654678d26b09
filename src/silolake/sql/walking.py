"""Going through a query's tree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from silolake.sql.tree import Node, Query


def children(node: Node) -> Iterator[Node]:
    """The nodes directly beneath a node, in the order of the text."""
    for each in fields(node):
        yield from _nodes(getattr(node, each.name))


def _nodes(value: object) -> Iterator[Node]:
    if isinstance(value, Node):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _nodes(item)


def walk(node: Node, into_queries: bool = True) -> Iterator[Node]:
    """A node and all beneath it; ``into_queries=False`` stops at nested queries."""
    yield node
    for child in children(node):
        if into_queries or not isinstance(child, Query):
            yield from walk(child, into_queries)
