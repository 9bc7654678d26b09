"""Views as the Glue catalog keeps them: Presto's encoding.

A view is a Glue table of type VIRTUAL_VIEW whose ``ViewOriginalText`` holds base64 of a JSON document.
https://docs.aws.amazon.com/athena/latest/ug/views.html
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass

from silolake.sql.grammar.lexer import Dialect
from silolake.sql.grammar.types import TypeGrammar
from silolake.sql.refusals import SqlRefused
from silolake.sql.schemas import Column

_OPENING, _CLOSING = "/* Presto View: ", " */"
EXPANDED = "/* Presto View */"


@dataclass(frozen=True, slots=True)
class ViewText:
    """What a view's encoding says: its query, where its names are looked up, and the columns it promised."""

    sql: str
    catalog: str
    database: str
    columns: tuple[Column, ...]


def encode_view(sql: str, catalog: str, schema: str, columns: Sequence[Column]) -> str:
    """The ``ViewOriginalText`` of a view.

    >>> decode_view(encode_view("SELECT 1 AS a", "awsdatacatalog", "raw", ())).sql
    'SELECT 1 AS a'
    """
    document = {
        "originalSql": sql,
        "catalog": catalog,
        "schema": schema,
        "columns": [{"name": column.name, "type": str(column.type)} for column in columns],
    }
    encoded = base64.b64encode(json.dumps(document).encode()).decode()
    return f"{_OPENING}{encoded}{_CLOSING}"


def decode_view(text: str) -> ViewText:
    """What a ``ViewOriginalText`` says.

    Raises: SqlRefused where it is not a view of Athena's.
    """
    if not (text.startswith(_OPENING) and text.endswith(_CLOSING)):
        raise SqlRefused("View data missing prefix: " + text[:40], "INVALID_VIEW")
    try:
        document = json.loads(base64.b64decode(text[len(_OPENING) : -len(_CLOSING)], validate=True))
        columns = tuple(
            Column(column["name"], TypeGrammar(column["type"], Dialect.TRINO).type()) for column in document["columns"]
        )
        return ViewText(
            document["originalSql"], document.get("catalog") or "awsdatacatalog", document.get("schema") or "", columns
        )
    except (binascii.Error, ValueError, KeyError, TypeError) as fault:
        raise SqlRefused(f"Invalid view JSON: {fault}", "INVALID_VIEW") from fault
