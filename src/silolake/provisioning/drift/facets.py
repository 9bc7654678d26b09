"""What can be read of a resource, compared, and put back: each aspect by itself, so that each is told by itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from silolake.cloud import Cloud
from silolake.cloud.answers import covers
from silolake.errors import CloudError
from silolake.provisioning.drift.documents import canonical, differences
from silolake.provisioning.drift.templates import Resource

_LONGEST = 160


def shortly(value: Any) -> str:
    """A value in a line."""
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def plainly(wanted: Any, found: Any) -> tuple[str, str]:
    """Two values as they are; of mappings and lists only what differs, each at its place.

    >>> plainly({"Columns": [{"Type": "int"}], "Owner": "us"}, {"Columns": [{"Type": "text"}], "Owner": "us"})
    ('Columns.0.Type=int', 'Columns.0.Type=text')
    """
    differing = list(_differing("", wanted, found))
    if [place for place, *_ in differing] == [""]:
        return shortly(wanted), shortly(found)
    one = ", ".join(f"{place}={shortly(said)}" for place, said, _ in differing)
    other = ", ".join(f"{place}={shortly(said)}" for place, _, said in differing)
    return shortly(one), shortly(other)


def _differing(place: str, wanted: Any, found: Any) -> Iterator[tuple[str, Any, Any]]:
    match wanted, found:
        case dict(), dict():
            for key in wanted:
                yield from _differing(f"{place}.{key}".lstrip("."), wanted[key], found.get(key))
        case list(), list() if len(wanted) == len(found):
            for number, (one, other) in enumerate(zip(wanted, found, strict=True)):
                yield from _differing(f"{place}.{number}".lstrip("."), one, other)
        case _ if not covers(found, wanted):
            yield place, wanted, found


@dataclass(frozen=True)
class Facet:
    """One aspect of a kind of resource.

    Attributes:
        name: for people.
        wanted: what a resource's properties say of it.
        read: what the service answers.
        put: makes it what is wanted, knowing what was found.
        same: whether what was found is as wanted.
        tell: what is wanted and what is found, in words.
    """

    name: str
    wanted: Callable[[Resource], Any]
    read: Callable[[Cloud, Resource], Any]
    put: Callable[[Cloud, Resource, Any], None]
    same: Callable[[Any, Any], bool] = covers
    tell: Callable[[Any, Any], tuple[str, str]] = plainly


@dataclass(frozen=True)
class Kind:
    """One type of resource.

    Attributes:
        type: CloudFormation's name of it.
        noun: what people call one.
        facets: its aspects, in the order in which they are put back.
        is_there: whether it exists.
        make: makes it anew, bare; the facets do the rest. ``None`` for what cannot be made again.
        arn: a part of the ARN that calls about it name.
        outside: who outside the account was let in beside the policy: other grants.
    """

    type: str
    noun: str
    facets: tuple[Facet, ...]
    is_there: Callable[[Cloud, Resource], bool]
    make: Callable[[Cloud, Resource], None] | None
    arn: Callable[[Resource], str] = lambda resource: resource.id
    outside: Callable[[Cloud, Resource], Iterator[str]] = lambda *_: iter(())


def same_document(found: Any, wanted: Any) -> bool:
    """Whether two policy documents say the same."""
    return bool(found is not None and canonical(found) == canonical(wanted))


def tell_document(wanted: Any, found: Any) -> tuple[str, str]:
    """Two policy documents by the statements that differ."""
    return differences(wanted, found) if found is not None else ("a policy", "none")


def tags_of(resource: Resource) -> dict[str, str]:
    """The tags that a resource declares."""
    return {each["Key"]: each["Value"] for each in resource.properties.get("Tags", [])}


def listed(tags: Mapping[str, str], key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    """Tags as most services list them."""
    return [{key: name, value: said} for name, said in tags.items()]


def unless(missing: tuple[str, ...], ask: Callable[[], Any], otherwise: Any) -> Any:
    """An answer, or something else where the service says there is none."""
    try:
        return ask()
    except CloudError as error:
        if error.code in missing:
            return otherwise
        raise
