"""The tables of the Data Catalog.

A partition lies in a row of its own. ``sort_key`` is its values joined by the unit separator, so that the
partitions of one first value lie side by side, and filtering reads the index alone.
"""

from __future__ import annotations

SCHEMA = """
CREATE TABLE IF NOT EXISTS glue_databases (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at TEXT NOT NULL,
    tags TEXT NOT NULL,
    PRIMARY KEY (account, region, name)
) STRICT;
CREATE TABLE IF NOT EXISTS glue_tables (
    id INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    database TEXT NOT NULL,
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    body TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    UNIQUE (account, region, database, name),
    FOREIGN KEY (account, region, database) REFERENCES glue_databases ON DELETE CASCADE
) STRICT;
CREATE TABLE IF NOT EXISTS glue_table_versions (
    table_id INTEGER NOT NULL REFERENCES glue_tables ON DELETE CASCADE,
    version INTEGER NOT NULL,
    body TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    PRIMARY KEY (table_id, version)
) STRICT;
CREATE TABLE IF NOT EXISTS glue_partitions (
    id INTEGER PRIMARY KEY,
    table_id INTEGER NOT NULL REFERENCES glue_tables ON DELETE CASCADE,
    sort_key TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at TEXT NOT NULL,
    UNIQUE (table_id, sort_key)
) STRICT;
CREATE TABLE IF NOT EXISTS glue_partition_indexes (
    table_id INTEGER NOT NULL REFERENCES glue_tables ON DELETE CASCADE,
    name TEXT NOT NULL,
    keys TEXT NOT NULL,
    PRIMARY KEY (table_id, name)
) STRICT;
CREATE TABLE IF NOT EXISTS glue_column_statistics (
    table_id INTEGER NOT NULL REFERENCES glue_tables ON DELETE CASCADE,
    partition_key TEXT NOT NULL,
    column_name TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (table_id, partition_key, column_name)
) STRICT;
CREATE TABLE IF NOT EXISTS glue_resource_policies (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    body TEXT NOT NULL,
    hash TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    PRIMARY KEY (account, region)
) STRICT
"""
