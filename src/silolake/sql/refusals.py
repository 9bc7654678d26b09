"""What Athena says when it will not take a statement.

Athena refuses at two moments. A text that its grammar does not know fails the *call*
(``StartQueryExecution`` answers ``InvalidRequestException``); a text whose names or types do
not fit fails the *query*, which then reads ``FAILED`` with a reason that starts with a code.
https://docs.aws.amazon.com/athena/latest/APIReference/API_AthenaError.html
"""

from __future__ import annotations

from silolake.errors import SilolakeError
from silolake.sql.positions import Position

USER_ERROR = 2


class SqlRefused(SilolakeError):
    """Athena does not take this statement.

    Attributes:
        problem: what is wrong, in Trino's words, without place or code.
        code: Trino's error code (``COLUMN_NOT_FOUND``, ``TYPE_MISMATCH`` …); ``MALFORMED_QUERY`` where
            the text itself is not understood.
        at: where in the text, or None.
        error_category: Athena's ``ErrorCategory``; 2 is the user's.
    """

    error_category = USER_ERROR

    def __init__(self, problem: str, code: str = "MALFORMED_QUERY", at: Position | None = None) -> None:
        super().__init__(problem, code, at)
        self.problem, self.code, self.at = problem, code, at

    @property
    def fails_the_call(self) -> bool:
        """True where Athena answers the call itself with an error, and no query is recorded."""
        return self.code == "MALFORMED_QUERY"

    @property
    def message(self) -> str:
        """``line 1:8: mismatched input 'FROM'``: the place and the problem."""
        return f"{self.at}: {self.problem}" if self.at else self.problem

    def __str__(self) -> str:
        return self.message if self.fails_the_call else f"{self.code}: {self.message}"


class SqlNotPlayed(SqlRefused):
    """Athena would take this statement; the local cloud does not play it, and says which part."""

    def __init__(self, what: str, at: Position | None = None) -> None:
        SilolakeError.__init__(self, what, at)
        self.what = what
        self.problem, self.code, self.at = f"the local cloud does not play {what}", "NOT_SUPPORTED", at
