"""One look at an account: what was asked once is not asked again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from silolake.cloud import Cloud
from silolake.errors import CloudError


class Once(Cloud):
    """An identity that only reads, and remembers what it was answered; for one thread, and one look.

    Args:
        cloud: the identity.
    """

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud.reach)
        self._cloud = cloud
        self._known: dict[str, Any] = {}

    def call(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        """As ``Cloud.call``; errors are remembered too."""
        found: dict[str, Any] = self._once(
            (service, operation, parameters), lambda: self._cloud.call(service, operation, **parameters)
        )
        return found

    def pages(self, service: str, operation: str, member: str, **parameters: Any) -> Iterator[Any]:
        """As ``Cloud.pages``, all of them at once."""
        asked = (service, operation, member, parameters)
        yield from self._once(asked, lambda: list(self._cloud.pages(service, operation, member, **parameters)))

    def _once(self, asked: tuple[Any, ...], ask: Any) -> Any:
        key = json.dumps(asked, sort_keys=True, default=str)
        if key not in self._known:
            try:
                self._known[key] = ask()
            except CloudError as error:
                self._known[key] = error
        found = self._known[key]
        if isinstance(found, CloudError):
            raise found
        return found
