"""IAM's unique ids.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
"""

from __future__ import annotations

import secrets

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def unique_id(prefix: str) -> str:
    """A new id: ``AROA`` for a role, ``ANPA`` for a managed policy, and seventeen characters."""
    return prefix + "".join(secrets.choice(_LETTERS) for _ in range(17))
