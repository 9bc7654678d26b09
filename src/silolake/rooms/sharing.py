"""The other compiler of shares: a list of accounts in the place of a condition on their unit. Pure.

AWS documents ``aws:PrincipalOrgPaths`` as a global key and shows it in no Glue policy. Where Glue should not fill it,
``sharing: account-list`` in ``silolake.yaml`` names the accounts that hang below the unit instead; the policy then
grows with them, and every silo is enrolled anew when one joins or leaves.
https://docs.aws.amazon.com/glue/latest/dg/cross-account-access.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from silolake.errors import WrongState
from silolake.limits import CATALOG_POLICY
from silolake.model import AccountId, OuPath

_QUALIFIED, _KEY = "ForAnyValue:StringLike", "aws:PrincipalOrgPaths"


def share_by_accounts(document: Any, places: Mapping[AccountId, OuPath]) -> dict[str, Any]:
    """A catalog's policy with each statement that admits a unit admitting the accounts below it. Pure.

    A statement for a unit without accounts is left out: nobody is meant by it.

    Args:
        document: as it is shared by condition.
        places: where each account hangs.

    Raises:
        WrongState: the list of accounts makes it larger than Glue takes; one account has one document, so nothing of it
            can be put elsewhere.
    """
    statements = list(_statements(document["Statement"], places))
    made = {**document, "Statement": statements}
    size = len(json.dumps(made, separators=(",", ":")).encode())
    if size > CATALOG_POLICY:
        raise WrongState(
            f"a catalog policy that lists its accounts would be {size:,} bytes long, and Glue takes {CATALOG_POLICY:,}",
            "Write sharing: ou-condition in silolake.yaml, or share with fewer accounts",
        )
    return made


def _statements(statements: list[dict[str, Any]], places: Mapping[AccountId, OuPath]) -> Iterator[dict[str, Any]]:
    for statement in statements:
        condition: dict[str, Any] = statement.get("Condition", {})
        paths = condition.get(_QUALIFIED, {}).get(_KEY)
        if paths is None or statement["Effect"] != "Allow":
            yield statement
            continue
        below = [OuPath(path.removesuffix("*")) for path in ([paths] if isinstance(paths, str) else paths)]
        meant = sorted(account.text for account, place in places.items() if any(unit.holds(place) for unit in below))
        if meant:
            qualified = {key: value for key, value in condition[_QUALIFIED].items() if key != _KEY}
            kept = {**condition, _QUALIFIED: qualified}
            yield {
                **statement,
                "Principal": {"AWS": [f"arn:aws:iam::{account}:root" for account in meant]},
                "Condition": {operator: keys for operator, keys in kept.items() if keys},
            }
