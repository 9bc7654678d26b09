"""The object store's tables. SQLite compares text byte by byte, and UTF-8 bytes are the order S3 lists keys in."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS s3_buckets (
    name TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    region TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    versioning TEXT NOT NULL DEFAULT '',
    policy TEXT NOT NULL DEFAULT '',
    public_access_block TEXT NOT NULL DEFAULT '',
    encryption TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX IF NOT EXISTS s3_buckets_by_owner ON s3_buckets (owner, name);
CREATE TABLE IF NOT EXISTS s3_settings (
    bucket TEXT NOT NULL REFERENCES s3_buckets (name) ON DELETE CASCADE,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (bucket, name)
) STRICT;
CREATE TABLE IF NOT EXISTS s3_versions (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    bucket TEXT NOT NULL REFERENCES s3_buckets (name),
    key TEXT NOT NULL,
    version_id TEXT NOT NULL,
    is_latest INTEGER NOT NULL,
    is_delete_marker INTEGER NOT NULL,
    blob TEXT,
    size INTEGER NOT NULL,
    etag TEXT NOT NULL,
    modified_at INTEGER NOT NULL,
    tags TEXT NOT NULL,
    description TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS s3_versions_by_id ON s3_versions (bucket, key, version_id);
CREATE UNIQUE INDEX IF NOT EXISTS s3_versions_in_order ON s3_versions (bucket, key, sequence DESC);
CREATE UNIQUE INDEX IF NOT EXISTS s3_current ON s3_versions (bucket, key) WHERE is_latest = 1 AND is_delete_marker = 0;
CREATE INDEX IF NOT EXISTS s3_versions_by_blob ON s3_versions (blob) WHERE blob IS NOT NULL;
CREATE TABLE IF NOT EXISTS s3_uploads (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    bucket TEXT NOT NULL REFERENCES s3_buckets (name),
    key TEXT NOT NULL,
    initiator TEXT NOT NULL,
    initiated_at INTEGER NOT NULL,
    checksum_algorithm TEXT NOT NULL,
    checksum_type TEXT NOT NULL,
    tags TEXT NOT NULL,
    description TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS s3_uploads_by_key ON s3_uploads (bucket, key, number);
CREATE TABLE IF NOT EXISTS s3_parts (
    upload TEXT NOT NULL REFERENCES s3_uploads (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    blob TEXT NOT NULL,
    size INTEGER NOT NULL,
    md5 TEXT NOT NULL,
    etag TEXT NOT NULL,
    checksums TEXT NOT NULL,
    modified_at INTEGER NOT NULL,
    PRIMARY KEY (upload, number)
) STRICT;
CREATE INDEX IF NOT EXISTS s3_parts_by_blob ON s3_parts (blob)
"""
