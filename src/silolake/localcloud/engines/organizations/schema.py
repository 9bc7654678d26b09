"""The organization's tables."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS accounts (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    email TEXT NOT NULL UNIQUE COLLATE NOCASE,
    state TEXT NOT NULL,
    created_at TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS org_organizations (
    id TEXT PRIMARY KEY,
    root TEXT NOT NULL UNIQUE,
    management_account TEXT NOT NULL UNIQUE REFERENCES accounts (id),
    created_at TEXT NOT NULL,
    resource_policy_id TEXT NOT NULL DEFAULT '',
    resource_policy TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE TABLE IF NOT EXISTS org_units (
    id TEXT PRIMARY KEY,
    organization TEXT NOT NULL REFERENCES org_organizations (id) ON DELETE CASCADE,
    parent TEXT NOT NULL,
    name TEXT NOT NULL,
    path TEXT NOT NULL,
    UNIQUE (parent, name)
) STRICT;
CREATE TABLE IF NOT EXISTS org_members (
    account TEXT PRIMARY KEY REFERENCES accounts (id),
    organization TEXT NOT NULL REFERENCES org_organizations (id) ON DELETE CASCADE,
    parent TEXT NOT NULL REFERENCES org_units (id),
    joined_method TEXT NOT NULL,
    joined_at TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS org_members_by_parent ON org_members (parent);
CREATE TABLE IF NOT EXISTS org_moves (
    account TEXT PRIMARY KEY REFERENCES accounts (id),
    path TEXT NOT NULL,
    due_at TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS org_account_requests (
    id TEXT PRIMARY KEY,
    organization TEXT NOT NULL REFERENCES org_organizations (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    email TEXT NOT NULL,
    role_name TEXT NOT NULL,
    tags TEXT NOT NULL,
    state TEXT NOT NULL,
    account TEXT NOT NULL DEFAULT '',
    failure TEXT NOT NULL DEFAULT '',
    requested_at TEXT NOT NULL,
    completed_at TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE TABLE IF NOT EXISTS org_policy_types (
    organization TEXT NOT NULL REFERENCES org_organizations (id) ON DELETE CASCADE,
    type TEXT NOT NULL,
    PRIMARY KEY (organization, type)
) STRICT;
CREATE TABLE IF NOT EXISTS org_policies (
    id TEXT NOT NULL,
    organization TEXT NOT NULL REFERENCES org_organizations (id) ON DELETE CASCADE,
    type TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (organization, id)
) STRICT;
CREATE TABLE IF NOT EXISTS org_attachments (
    organization TEXT NOT NULL REFERENCES org_organizations (id) ON DELETE CASCADE,
    target TEXT NOT NULL,
    type TEXT NOT NULL,
    policy TEXT NOT NULL,
    PRIMARY KEY (organization, target, policy)
) STRICT;
CREATE INDEX IF NOT EXISTS org_attachments_by_policy ON org_attachments (organization, policy);
CREATE TABLE IF NOT EXISTS org_trusted_services (
    organization TEXT NOT NULL REFERENCES org_organizations (id) ON DELETE CASCADE,
    service_principal TEXT NOT NULL,
    enabled_at TEXT NOT NULL,
    PRIMARY KEY (organization, service_principal)
) STRICT;
CREATE TABLE IF NOT EXISTS org_delegated_administrators (
    organization TEXT NOT NULL REFERENCES org_organizations (id) ON DELETE CASCADE,
    account TEXT NOT NULL,
    service_principal TEXT NOT NULL,
    enabled_at TEXT NOT NULL,
    PRIMARY KEY (organization, account, service_principal)
) STRICT;
CREATE TABLE IF NOT EXISTS org_tags (
    organization TEXT NOT NULL REFERENCES org_organizations (id) ON DELETE CASCADE,
    resource TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (organization, resource, key)
) STRICT
"""
