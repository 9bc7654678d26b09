"""The tables of EventBridge Scheduler: groups, schedules, and every invocation of a target."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS scheduler_groups (
    arn TEXT PRIMARY KEY,
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    tags TEXT NOT NULL,
    token TEXT NOT NULL,
    created_at TEXT NOT NULL,
    modified_at TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS scheduler_schedules (
    arn TEXT PRIMARY KEY,
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    group_name TEXT NOT NULL,
    name TEXT NOT NULL,
    body TEXT NOT NULL,
    token TEXT NOT NULL,
    due_at TEXT NOT NULL,
    created_at TEXT NOT NULL,
    modified_at TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS scheduler_due ON scheduler_schedules (due_at) WHERE due_at <> '';
CREATE TABLE IF NOT EXISTS scheduler_invocations (
    sequence INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    schedule TEXT NOT NULL,
    due_at TEXT NOT NULL,
    target TEXT NOT NULL,
    most_retries INTEGER NOT NULL,
    expires_at TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    attempt_at TEXT NOT NULL,
    status TEXT NOT NULL,
    said TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS scheduler_pending ON scheduler_invocations (attempt_at) WHERE status = 'PENDING'
"""
