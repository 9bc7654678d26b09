"""The key store's tables."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS kms_keys (
    id TEXT PRIMARY KEY,
    arn TEXT NOT NULL UNIQUE,
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    description TEXT NOT NULL,
    state TEXT NOT NULL,
    policy TEXT NOT NULL,
    created_at TEXT NOT NULL,
    deletion_at TEXT NOT NULL DEFAULT '',
    rotates_every_days INTEGER NOT NULL DEFAULT 0,
    rotation_enabled_at TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX IF NOT EXISTS kms_keys_by_account ON kms_keys (account, region);
CREATE TABLE IF NOT EXISTS kms_material (
    key TEXT PRIMARY KEY REFERENCES kms_keys (id) ON DELETE CASCADE,
    material BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS kms_signing (
    key TEXT PRIMARY KEY REFERENCES kms_keys (id) ON DELETE CASCADE,
    spec TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS kms_aliases (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    key TEXT NOT NULL REFERENCES kms_keys (id) ON DELETE CASCADE,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    PRIMARY KEY (account, region, name)
) STRICT;
CREATE INDEX IF NOT EXISTS kms_aliases_by_key ON kms_aliases (key);
CREATE TABLE IF NOT EXISTS kms_tags (
    key TEXT NOT NULL REFERENCES kms_keys (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (key, name)
) STRICT
"""
