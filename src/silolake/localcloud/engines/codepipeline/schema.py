"""The tables of CodePipeline: pipelines and their versions, executions, the stages they entered, their actions."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS codepipeline_pipelines (
    arn TEXT PRIMARY KEY,
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    tags TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS codepipeline_versions (
    pipeline TEXT NOT NULL REFERENCES codepipeline_pipelines (arn) ON DELETE CASCADE,
    version INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (pipeline, version)
) STRICT;
CREATE TABLE IF NOT EXISTS codepipeline_executions (
    sequence INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    pipeline TEXT NOT NULL REFERENCES codepipeline_pipelines (arn) ON DELETE CASCADE,
    version INTEGER NOT NULL,
    mode TEXT NOT NULL,
    status TEXT NOT NULL,
    summary TEXT NOT NULL,
    trigger TEXT NOT NULL,
    variables TEXT NOT NULL,
    revisions TEXT NOT NULL,
    waits_for TEXT NOT NULL,
    stop_reason TEXT NOT NULL,
    token TEXT NOT NULL,
    started_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS codepipeline_executions_of ON codepipeline_executions (pipeline, sequence);
CREATE TABLE IF NOT EXISTS codepipeline_stages (
    sequence INTEGER PRIMARY KEY,
    execution TEXT NOT NULL REFERENCES codepipeline_executions (id) ON DELETE CASCADE,
    pipeline TEXT NOT NULL,
    stage TEXT NOT NULL,
    status TEXT NOT NULL,
    UNIQUE (execution, stage)
) STRICT;
CREATE INDEX IF NOT EXISTS codepipeline_stages_of ON codepipeline_stages (pipeline, stage);
CREATE TABLE IF NOT EXISTS codepipeline_actions (
    sequence INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    execution TEXT NOT NULL REFERENCES codepipeline_executions (id) ON DELETE CASCADE,
    stage TEXT NOT NULL,
    action TEXT NOT NULL,
    is_current INTEGER NOT NULL,
    status TEXT NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS codepipeline_actions_of ON codepipeline_actions (execution, stage);
CREATE TABLE IF NOT EXISTS codepipeline_polls (
    pipeline TEXT NOT NULL REFERENCES codepipeline_pipelines (arn) ON DELETE CASCADE,
    action TEXT NOT NULL,
    due_at TEXT NOT NULL,
    seen TEXT NOT NULL,
    PRIMARY KEY (pipeline, action)
) STRICT
"""
