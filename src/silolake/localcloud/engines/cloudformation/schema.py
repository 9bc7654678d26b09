"""The tables of CloudFormation: stacks and their journal, change sets, stack sets and their operations."""

from __future__ import annotations

SCHEMA = """
CREATE TABLE IF NOT EXISTS cfn_stacks (
    id TEXT PRIMARY KEY,
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    status TEXT NOT NULL,
    reason TEXT NOT NULL,
    template TEXT NOT NULL,
    parameters TEXT NOT NULL,
    tags TEXT NOT NULL,
    capabilities TEXT NOT NULL,
    role_arn TEXT NOT NULL,
    on_failure TEXT NOT NULL,
    is_protected INTEGER NOT NULL,
    outputs TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT,
    deleted_at TEXT,
    token TEXT NOT NULL,
    work TEXT
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS cfn_stacks_live ON cfn_stacks (account, region, name) WHERE deleted_at IS NULL;
CREATE TABLE IF NOT EXISTS cfn_resources (
    stack TEXT NOT NULL REFERENCES cfn_stacks (id),
    logical_id TEXT NOT NULL,
    type TEXT NOT NULL,
    physical_id TEXT NOT NULL,
    status TEXT NOT NULL,
    reason TEXT NOT NULL,
    properties TEXT NOT NULL,
    attributes TEXT NOT NULL,
    needs TEXT NOT NULL,
    deletion_policy TEXT NOT NULL,
    action TEXT NOT NULL,
    stage TEXT NOT NULL,
    work TEXT NOT NULL,
    name_token TEXT NOT NULL,
    is_adopted INTEGER NOT NULL,
    before TEXT,
    updated_at TEXT NOT NULL,
    PRIMARY KEY (stack, logical_id)
) STRICT;
CREATE TABLE IF NOT EXISTS cfn_leftovers (
    number INTEGER PRIMARY KEY,
    stack TEXT NOT NULL REFERENCES cfn_stacks (id),
    resource TEXT NOT NULL,
    policy TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS cfn_events (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    stack TEXT NOT NULL REFERENCES cfn_stacks (id),
    logical_id TEXT NOT NULL,
    physical_id TEXT NOT NULL,
    type TEXT NOT NULL,
    status TEXT NOT NULL,
    reason TEXT NOT NULL,
    properties TEXT NOT NULL,
    token TEXT NOT NULL,
    at TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS cfn_events_of ON cfn_events (stack, number);
CREATE TABLE IF NOT EXISTS cfn_exports (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    stack TEXT NOT NULL REFERENCES cfn_stacks (id),
    value TEXT NOT NULL,
    PRIMARY KEY (account, region, name)
) STRICT;
CREATE TABLE IF NOT EXISTS cfn_imports (
    stack TEXT NOT NULL REFERENCES cfn_stacks (id),
    name TEXT NOT NULL,
    PRIMARY KEY (stack, name)
) STRICT;
CREATE TABLE IF NOT EXISTS cfn_retained (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    type TEXT NOT NULL,
    physical_id TEXT NOT NULL,
    stack_name TEXT NOT NULL,
    logical_id TEXT NOT NULL,
    properties TEXT NOT NULL,
    PRIMARY KEY (account, region, type, physical_id, stack_name, logical_id)
) STRICT;
CREATE TABLE IF NOT EXISTS cfn_change_sets (
    id TEXT PRIMARY KEY,
    stack TEXT NOT NULL REFERENCES cfn_stacks (id),
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    status TEXT NOT NULL,
    reason TEXT NOT NULL,
    execution_status TEXT NOT NULL,
    wanted TEXT NOT NULL,
    changes TEXT NOT NULL,
    created_at TEXT NOT NULL,
    UNIQUE (stack, name)
) STRICT;
CREATE TABLE IF NOT EXISTS cfn_stack_sets (
    id TEXT PRIMARY KEY,
    organization TEXT NOT NULL,
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    status TEXT NOT NULL,
    template TEXT NOT NULL,
    parameters TEXT NOT NULL,
    tags TEXT NOT NULL,
    capabilities TEXT NOT NULL,
    deploys_itself INTEGER NOT NULL,
    retains_stacks INTEGER NOT NULL,
    depends_on TEXT NOT NULL,
    is_managed INTEGER NOT NULL,
    version INTEGER NOT NULL,
    token TEXT NOT NULL,
    created_at TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS cfn_stack_sets_live ON cfn_stack_sets (organization, region, name)
    WHERE status = 'ACTIVE';
CREATE TABLE IF NOT EXISTS cfn_stack_set_targets (
    stack_set TEXT NOT NULL REFERENCES cfn_stack_sets (id),
    unit TEXT NOT NULL,
    region TEXT NOT NULL,
    PRIMARY KEY (stack_set, unit, region)
) STRICT;
CREATE TABLE IF NOT EXISTS cfn_stack_instances (
    stack_set TEXT NOT NULL REFERENCES cfn_stack_sets (id),
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    unit TEXT NOT NULL,
    stack_name TEXT NOT NULL,
    stack TEXT NOT NULL,
    status TEXT NOT NULL,
    detailed_status TEXT NOT NULL,
    reason TEXT NOT NULL,
    overrides TEXT NOT NULL,
    version INTEGER NOT NULL,
    last_operation TEXT NOT NULL,
    PRIMARY KEY (stack_set, account, region)
) STRICT;
CREATE TABLE IF NOT EXISTS cfn_stack_set_operations (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    stack_set TEXT NOT NULL REFERENCES cfn_stack_sets (id),
    action TEXT NOT NULL,
    status TEXT NOT NULL,
    reason TEXT NOT NULL,
    preferences TEXT NOT NULL,
    targets TEXT NOT NULL,
    retains_stacks INTEGER NOT NULL,
    is_automatic INTEGER NOT NULL,
    waits_for TEXT NOT NULL,
    created_at TEXT NOT NULL,
    ended_at TEXT,
    UNIQUE (stack_set, id)
) STRICT;
CREATE TABLE IF NOT EXISTS cfn_stack_set_results (
    stack_set TEXT NOT NULL,
    operation TEXT NOT NULL,
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    unit TEXT NOT NULL,
    position INTEGER NOT NULL,
    status TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (stack_set, operation, account, region),
    FOREIGN KEY (stack_set, operation) REFERENCES cfn_stack_set_operations (stack_set, id)
) STRICT;
CREATE TABLE IF NOT EXISTS cfn_memberships (
    account TEXT PRIMARY KEY,
    path TEXT NOT NULL
) STRICT
"""
