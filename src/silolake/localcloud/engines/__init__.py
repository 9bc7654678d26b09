"""What the local cloud plays: a package per service, named as botocore names it.

Each has ``PLAYS`` (its operations) and ``SCHEMA`` (its tables). Engines that others ask directly, without a call,
say so: ``organizations.tree`` (where an account hangs, which guard rails hold there), ``iam.permissions``
(what a principal is granted).
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module

from silolake.localcloud.call import Played

SERVICES = ("organizations", "sts", "iam", "kms", "s3", "glue", "athena", "cloudformation")


@dataclass(frozen=True)
class Engines:
    """Every engine there is."""

    played: dict[tuple[str, str], Played]
    schemas: tuple[str, ...]


def load() -> Engines:
    """Import every engine and gather what it plays."""
    modules = [import_module(f"{__name__}.{service}") for service in SERVICES]
    played = {(each.service, each.operation): each for module in modules for each in module.PLAYS.operations}
    return Engines(played, tuple(module.SCHEMA for module in modules))
