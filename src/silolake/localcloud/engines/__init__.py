"""What the local cloud plays: a package per service, named as botocore names it.

Each has ``PLAYS`` (its operations) and ``SCHEMA`` (its tables). Engines that others ask directly, without a call,
say so: ``organizations.tree`` (where an account hangs, which guard rails hold there), ``iam.permissions``
(what a principal is granted).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from silolake.localcloud.call import Played

if TYPE_CHECKING:
    from silolake.localcloud.cloud import LocalCloud

SERVICES = (
    "organizations", "sts", "iam", "kms", "s3", "glue", "athena", "cloudformation", "codebuild", "codepipeline",
    "scheduler",
)  # fmt: skip


@dataclass(frozen=True)
class Engines:
    """Every engine there is.

    Attributes:
        played: by botocore's service and the operation.
        schemas: their tables.
        resumes: take up, or end honestly, what a process that ended left unfinished.
        closes: end what goes on beside the calls, in threads and processes of their own.
    """

    played: dict[tuple[str, str], Played]
    schemas: tuple[str, ...]
    resumes: tuple[Callable[[LocalCloud], None], ...]
    closes: tuple[Callable[[LocalCloud], None], ...]


def load() -> Engines:
    """Import every engine and gather what it plays."""
    modules = [import_module(f"{__name__}.{service}") for service in SERVICES]
    played = {(each.service, each.operation): each for module in modules for each in module.PLAYS.operations}
    resumes = tuple(module.resume for module in modules if hasattr(module, "resume"))
    closes = tuple(module.close for module in modules if hasattr(module, "close"))
    return Engines(played, tuple(module.SCHEMA for module in modules), resumes, closes)
