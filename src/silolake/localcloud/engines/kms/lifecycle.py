"""Keys whose waiting period is over go, by the local cloud's clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from silolake.localcloud.cloud import LocalCloud


def remove_expired(cloud: LocalCloud) -> None:
    """Remove keys, their material, aliases and tags, once their deletion date has come. Writes if there are any."""
    now = cloud.clock.now().isoformat()
    due = "deletion_at <> '' AND deletion_at <= ?"
    with cloud.store.read() as connection:
        if connection.execute(f"SELECT 1 FROM kms_keys WHERE {due} LIMIT 1", (now,)).fetchone() is None:
            return
    with cloud.store.write() as connection:
        connection.execute(f"DELETE FROM kms_keys WHERE {due}", (now,))
