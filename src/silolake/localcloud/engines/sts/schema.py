"""What STS remembers of a session beside what ``localcloud.sessions`` keeps."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS sts_transitive_tags (
    access_key TEXT NOT NULL,
    key TEXT NOT NULL,
    PRIMARY KEY (access_key, key)
) STRICT
"""
