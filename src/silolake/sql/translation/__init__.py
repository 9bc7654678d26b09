"""From a Trino query, its names resolved and its types known, to DuckDB text."""
