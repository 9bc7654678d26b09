"""How Athena prints a value in a result: as text, by its type.

https://docs.aws.amazon.com/athena/latest/ug/querying-finding-output-files.html
"""

from __future__ import annotations

from silolake.sql.translation.casts import as_text
from silolake.sql.translation.values import text
from silolake.sql.types import Type, field_name


def result_text(sql: str, kind: Type) -> str:
    """The DuckDB text that prints a value the way Athena's result files do; NULL stays NULL.

    >>> result_text("x", Type("boolean"))
    'CAST(x AS VARCHAR)'
    """
    match kind.name:
        case "double" | "real":
            return f"trino_java_text({sql})"
        case "varbinary":
            # Bytes are printed as pairs of hex digits with blanks between: 65 68 3f.
            return rf"rtrim(regexp_replace(lower(hex({sql})), '(..)', '\1 ', 'g'))"
        case "array":
            inner = f"list_transform({sql}, lambda trino_r: coalesce({result_text('trino_r', kind.of[0])}, 'null'))"
            return f"('[' || array_to_string({inner}, ', ') || ']')"
        case "map":
            key, value = (
                result_text(f"trino_r.{side}", of) for side, of in zip(("key", "value"), kind.of, strict=True)
            )
            pairs = f"list_transform(map_entries({sql}), lambda trino_r: {key} || '=' || coalesce({value}, 'null'))"
            return f"('{{' || array_to_string({pairs}, ', ') || '}}')"
        case "row":
            parts = []
            for i, of in enumerate(kind.of):
                name = field_name(kind, i)
                value = result_text(f"struct_extract({sql}, {text(name)})", of)
                parts.append(f"{text(name + '=')} || coalesce({value}, 'null')")
            joined = " || ', ' || ".join(parts)
            return f"CASE WHEN {sql} IS NOT NULL THEN '{{' || {joined} || '}}' END"
        case "json":
            return f"CAST(json({sql}) AS VARCHAR)"
        case "unknown":
            return f"CAST({sql} AS VARCHAR)"
        case _:
            return as_text(sql, kind)
