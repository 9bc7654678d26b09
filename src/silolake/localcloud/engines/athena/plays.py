"""The register of what the Athena engine plays."""

from __future__ import annotations

from silolake.localcloud.call import Plays

PLAYS = Plays("athena")
