"""Where the operations of this engine gather."""

from __future__ import annotations

from silolake.localcloud.call import Plays

PLAYS = Plays("cloudformation")
