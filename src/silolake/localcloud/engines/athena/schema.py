"""The tables of workgroups, catalogs, saved statements and query history."""

from __future__ import annotations

SCHEMA = """
CREATE TABLE IF NOT EXISTS athena_workgroups (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    state TEXT NOT NULL,
    description TEXT NOT NULL,
    configuration TEXT NOT NULL,
    created_at TEXT NOT NULL,
    tags TEXT NOT NULL,
    PRIMARY KEY (account, region, name)
) STRICT;
CREATE TABLE IF NOT EXISTS athena_data_catalogs (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    parameters TEXT NOT NULL,
    tags TEXT NOT NULL,
    PRIMARY KEY (account, region, name)
) STRICT;
CREATE TABLE IF NOT EXISTS athena_named_queries (
    id TEXT PRIMARY KEY,
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    workgroup TEXT NOT NULL,
    token TEXT NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS athena_named_queries_of ON athena_named_queries (account, region, workgroup, id);
CREATE TABLE IF NOT EXISTS athena_prepared_statements (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    workgroup TEXT NOT NULL,
    name TEXT NOT NULL,
    query TEXT NOT NULL,
    description TEXT NOT NULL,
    modified_at TEXT NOT NULL,
    PRIMARY KEY (account, region, workgroup, name)
) STRICT;
CREATE TABLE IF NOT EXISTS athena_executions (
    sequence INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    workgroup TEXT NOT NULL,
    token TEXT NOT NULL,
    asked TEXT NOT NULL,
    body TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    error TEXT NOT NULL,
    statistics TEXT NOT NULL,
    columns TEXT NOT NULL,
    update_count INTEGER,
    submitted_at TEXT NOT NULL,
    completed_at TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS athena_executions_of ON athena_executions (account, region, workgroup, sequence);
CREATE INDEX IF NOT EXISTS athena_executions_by_token ON athena_executions (account, region, token);
CREATE INDEX IF NOT EXISTS athena_executions_unfinished ON athena_executions (state)
    WHERE state IN ('QUEUED', 'RUNNING')
"""
