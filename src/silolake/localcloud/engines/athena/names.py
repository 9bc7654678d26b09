"""ARNs, and parameters as Athena's operations need them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from silolake.localcloud.call import Call
from silolake.localcloud.engines.athena.errors import bad_request
from silolake.localcloud.errors import NotPlayed

PRIMARY = "primary"
DEFAULT_CATALOG = "AwsDataCatalog"
_S3 = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(.*))?", re.DOTALL)


def workgroup_arn(call: Call, name: str) -> str:
    """The ARN of a workgroup of the caller's."""
    return f"arn:aws:athena:{call.region}:{call.account}:workgroup/{name}"


def data_catalog_arn(account: str, region: str, name: str) -> str:
    """The ARN of a data catalog that an account registered."""
    return f"arn:aws:athena:{region}:{account}:datacatalog/{name}"


def required(parameters: Mapping[str, Any], name: str) -> Any:
    """A required member.

    Raises:
        AwsError: ``InvalidRequestException``, it is missing or empty.
    """
    value = parameters.get(name)
    if value is None or value == "":
        raise bad_request(f"{name} is required.")
    return value


def refuse_unplayed(what: str, given: Mapping[str, Any], names: Iterable[str]) -> None:
    """Refuse, by name, settings whose meaning the local cloud does not play.

    Raises:
        NotPlayed: one of them is given, and is not false.
    """
    for name in names:
        if given.get(name) not in (None, False, {}, [], ""):
            raise NotPlayed(f"{what} with {name}")


def s3_location(location: str) -> tuple[str, str]:
    """The bucket and the key or prefix of ``s3://bucket/prefix/``.

    >>> s3_location("s3://nyc-results/analyst/")
    ('nyc-results', 'analyst/')

    Raises:
        AwsError: ``InvalidRequestException``, it is none.
    """
    matched = _S3.fullmatch(location)
    if matched is None:
        raise bad_request(f"outputLocation is not a valid S3 path: {location}")
    return matched[1], matched[2] or ""


def tags_of(given: Iterable[Mapping[str, str]] | None) -> dict[str, str]:
    """A list of ``Key`` and ``Value`` as a mapping."""
    return {tag["Key"]: tag.get("Value") or "" for tag in given or ()}


def page_size(call: Call, limit: int) -> int:
    """How many results the caller wants at once.

    Raises:
        AwsError: ``InvalidRequestException``, not between 1 and Athena's limit.
    """
    wanted = call.parameters.get("MaxResults") or limit
    if not 1 <= wanted <= limit:
        raise bad_request(f"MaxResults must be between 1 and {limit}.")
    return int(wanted)
