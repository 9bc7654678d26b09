"""The tables of CodeBuild. A build's log is a file beside the store."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS codebuild_projects (
    arn TEXT PRIMARY KEY,
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    body TEXT NOT NULL,
    builds INTEGER NOT NULL DEFAULT 0,
    created_at TEXT NOT NULL,
    modified_at TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS codebuild_builds (
    sequence INTEGER PRIMARY KEY,
    arn TEXT NOT NULL UNIQUE,
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    project TEXT NOT NULL,
    status TEXT NOT NULL,
    body TEXT NOT NULL,
    handed TEXT NOT NULL,
    token TEXT NOT NULL,
    asked TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS codebuild_builds_of ON codebuild_builds (account, region, project)
"""
