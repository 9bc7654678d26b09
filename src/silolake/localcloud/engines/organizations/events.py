"""Who wants to know when accounts come, move and go."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from silolake.localcloud.cloud import LocalCloud

MembershipListener = Callable[["LocalCloud", str, str, str], None]

MEMBERSHIP_LISTENERS: list[MembershipListener] = []
"""Called with the local cloud, an account, and the paths it hung at and hangs at now (``o-…/r-…/ou-…/``; empty where
it was or is in no organization), after the change is committed. They must not raise, and leave long work to the
background."""

_log = logging.getLogger(__name__)


def tell(cloud: LocalCloud, account: str, old_path: str, new_path: str) -> None:
    """Tell everyone who listens."""
    for listener in MEMBERSHIP_LISTENERS:
        listener(cloud, account, old_path, new_path)
    _log.info("account %s moved from %r to %r", account, old_path, new_path)
