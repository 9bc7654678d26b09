"""The register of what the Glue engine plays."""

from __future__ import annotations

from silolake.localcloud.call import Plays

PLAYS = Plays("glue")
