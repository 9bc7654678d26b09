"""The decision log: what was asked, what IAM answered, and which statement of which policy decided.

It lies in a file of its own and is written without waiting for the disk: losing its last lines with the machine's
power loses no state. ``silolake why`` reads it.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from silolake.errors import StateCorrupt
from silolake.iam import Decision

KEPT = 50_000
"""How many decisions are kept; the oldest go first."""

_NO_CHANGES = (
    *("sts:*", "*:Get*", "*:List*", "*:Describe*", "*:Head*", "*:BatchGet*", "*:Start*", "*:Stop*", "*:Abort*"),
    *("s3:PutObject", "s3:DeleteObject", "kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"),
)
"""Actions that read, or work with data: what is left writes settings."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS decisions (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    at TEXT NOT NULL,
    request_id TEXT NOT NULL,
    operation TEXT NOT NULL,
    caller TEXT NOT NULL,
    allowed INTEGER NOT NULL,
    action TEXT NOT NULL,
    resource TEXT NOT NULL,
    decision TEXT NOT NULL
)
"""


class DecisionLog:
    """Keeps decisions and finds them again.

    Raises:
        StateCorrupt: the file is damaged or not ours.
    """

    def __init__(self, directory: Path) -> None:
        path = directory / "decisions.sqlite"
        self._connection = sqlite3.connect(path, check_same_thread=False)
        self._turn = threading.Lock()
        try:
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=OFF")
            self._connection.execute(_SCHEMA)
            self._connection.execute("CREATE INDEX IF NOT EXISTS by_request ON decisions (request_id)")
        except sqlite3.DatabaseError as error:
            self._connection.close()
            raise StateCorrupt(
                f"{path} cannot be read ({error})",
                "It holds the log of decisions and nothing else: move it away, and a new one begins",
            ) from error

    def add(self, at: datetime, request_id: str, operation: str, decisions: Iterable[Decision]) -> None:
        """Keep the decisions of one request. Writes."""
        rows = [
            (
                at.isoformat(),
                request_id,
                operation,
                decision.request.principal.session_arn or decision.request.principal.arn or "anonymous",
                int(bool(decision)),
                decision.request.action,
                decision.request.resource.arn,
                json.dumps({**decision.to_json(), "text": decision.explain()}),
            )
            for decision in decisions
        ]
        with self._turn, self._connection:
            self._connection.executemany(
                "INSERT INTO decisions (at, request_id, operation, caller, allowed, action, resource, decision)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                rows,
            )
            self._connection.execute(
                "DELETE FROM decisions WHERE number <= (SELECT max(number) FROM decisions) - ?", (KEPT,)
            )

    def find(
        self, *, request_id: str = "", changes_of: str = "", denied_only: bool = False, limit: int = 20
    ) -> list[Mapping[str, Any]]:
        """The newest decisions, of one request or that let settings of a resource be written, newest first.

        Args:
            request_id: whose.
            changes_of: a part of the resource's ARN.
            denied_only: whether those that allowed are left out.
            limit: how many at most.
        """
        wheres, values = ["1"], []
        if request_id:
            wheres.append("request_id = ?")
            values.append(request_id)
        if changes_of:
            wheres += ["allowed = 1", "instr(resource, ?)", *("action NOT GLOB ?" for _ in _NO_CHANGES)]
            values += [changes_of, *_NO_CHANGES]
        if denied_only:
            wheres.append("allowed = 0")
        with self._turn:
            rows = self._connection.execute(
                "SELECT at, request_id, operation, caller, allowed, action, resource, decision FROM decisions"
                f" WHERE {' AND '.join(wheres)} ORDER BY number DESC LIMIT ?",
                (*values, limit),
            ).fetchall()
        names = ("at", "request_id", "operation", "caller", "allowed", "action", "resource")
        return [{**dict(zip(names, row, strict=False)), "decision": json.loads(row[7])} for row in rows]

    def close(self) -> None:
        """Close the file."""
        with self._turn:
            self._connection.close()
