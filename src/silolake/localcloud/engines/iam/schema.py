"""IAM's tables. An ``entity`` is a role's or a managed policy's ARN."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS iam_roles (
    arn TEXT PRIMARY KEY,
    account TEXT NOT NULL,
    name TEXT NOT NULL,
    path TEXT NOT NULL,
    id TEXT NOT NULL UNIQUE,
    description TEXT,
    trust TEXT NOT NULL,
    max_session_s INTEGER NOT NULL,
    boundary TEXT NOT NULL DEFAULT '',
    created_at TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS iam_roles_by_name ON iam_roles (account, name COLLATE NOCASE);
CREATE TABLE IF NOT EXISTS iam_inline_policies (
    role TEXT NOT NULL REFERENCES iam_roles (arn),
    name TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (role, name)
) STRICT;
CREATE TABLE IF NOT EXISTS iam_policies (
    arn TEXT PRIMARY KEY,
    account TEXT NOT NULL,
    name TEXT NOT NULL,
    path TEXT NOT NULL,
    id TEXT NOT NULL UNIQUE,
    description TEXT,
    default_version TEXT NOT NULL,
    next_version INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS iam_policies_by_name ON iam_policies (account, name COLLATE NOCASE);
CREATE TABLE IF NOT EXISTS iam_policy_versions (
    policy TEXT NOT NULL REFERENCES iam_policies (arn),
    version TEXT NOT NULL,
    document TEXT NOT NULL,
    created_at TEXT NOT NULL,
    PRIMARY KEY (policy, version)
) STRICT;
CREATE TABLE IF NOT EXISTS iam_attachments (
    role TEXT NOT NULL REFERENCES iam_roles (arn),
    policy TEXT NOT NULL,
    PRIMARY KEY (role, policy)
) STRICT;
CREATE INDEX IF NOT EXISTS iam_attachments_by_policy ON iam_attachments (policy);
CREATE TABLE IF NOT EXISTS iam_tags (
    entity TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (entity, key)
) STRICT
"""
