"""Where this engine's operations are gathered."""

from __future__ import annotations

from silolake.localcloud.call import Plays

PLAYS = Plays("codebuild")
