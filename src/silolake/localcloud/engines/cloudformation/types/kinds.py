"""What a resource type says about itself: which operations make, change, find and remove its resources."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from silolake.localcloud.engines.cloudformation.types.shapes import Shape, at
from silolake.localcloud.errors import AwsError

STACK_NAME_TAG = "aws:cloudformation:stack-name"
STACK_ID_TAG = "aws:cloudformation:stack-id"
LOGICAL_ID_TAG = "aws:cloudformation:logical-id"

Asking = Callable[[str, Mapping[str, Any]], dict[str, Any]]


@dataclass(frozen=True)
class Act:
    """One thing to do to one resource of one stack.

    Attributes:
        ask: performs ``"s3:CreateBucket"`` with its parameters, as the stack's caller or service role.
        wanted: the properties the resource shall have.
        before: those it had; empty for a new one.
        physical_id: empty while it is not known.
        token: letters of chance for a name that the template leaves open.
        is_forced: the resource is adopted, so that what it has is not known for certain.
    """

    ask: Asking
    account: str
    region: str
    stack_name: str
    stack_id: str
    logical_id: str
    wanted: Mapping[str, Any] = field(default_factory=dict)
    before: Mapping[str, Any] = field(default_factory=dict)
    physical_id: str = ""
    token: str = ""
    is_forced: bool = False

    def as_(self, physical_id: str) -> Act:
        """The same act on the resource with this physical id."""
        return replace(self, physical_id=physical_id)

    def name(self, path: str, limit: int = 128, *, lower: bool = False) -> str:
        """The name the template gives at ``path``, or one made from the stack's name, the logical id and chance."""
        given = at(self.wanted, path)
        if given is not None:
            return str(given)
        room = limit - len(self.token) - 2
        logical_id = self.logical_id[: room // 2]
        made = f"{self.stack_name[: room - len(logical_id)]}-{logical_id}-{self.token}"
        return made.lower() if lower else made

    def ask_if_there(
        self, operation: str, parameters: Mapping[str, Any], missing: Collection[str]
    ) -> dict[str, Any] | None:
        """What an operation answers, ``None`` where it says that there is nothing.

        Args:
            missing: the error codes that say so.
        """
        try:
            return self.ask(operation, parameters)
        except AwsError as error:
            if error.code in missing:
                return None
            raise


Does = Callable[[Act], Any]


@dataclass(frozen=True)
class Part:
    """Properties that have operations of their own: applied after the resource is made, and when they change."""

    properties: tuple[str, ...]
    apply: Callable[[Act], None]


@dataclass(frozen=True)
class ResourceType:
    """One type of resource.

    Attributes:
        shape: what its properties may be.
        identify: the physical id as far as it is known before the resource is made.
        create: makes it; answers the physical id.
        delete: removes it; must not mind that it is gone.
        find: the physical id of the resource if it is there, else empty.
        update: changes what no part changes; ``None`` where there is nothing such.
        parts: see ``Part``.
        made_with: the properties with parts which ``create`` sees to itself.
        attributes: what ``Fn::GetAtt`` answers, by name.
        attribute_names: those names.
        refer: what ``Ref`` answers, by the physical id.
        replaced_by: dotted paths of properties that cannot change in place.
        has_tags: whether it has ``Tags``, to which those of the stack are added.
    """

    name: str
    shape: Mapping[str, Shape]
    identify: Callable[[Act], str]
    create: Callable[[Act], str]
    delete: Callable[[Act], None]
    find: Callable[[Act], str]
    update: Does | None = None
    parts: tuple[Part, ...] = ()
    made_with: tuple[str, ...] = ()
    attributes: Callable[[Act], dict[str, Any]] = lambda _: {}
    attribute_names: tuple[str, ...] = ()
    replaced_by: tuple[str, ...] = ()
    has_tags: bool = False


def asks(operation: str, *same: str, **renamed: str) -> Callable[[Act], dict[str, Any]]:
    """An operation whose parameters are the resource's properties; those that are absent are left out.

    Args:
        same: properties that are called as the parameter is.
        renamed: the parameter, and the dotted path of its property; ``@id`` is the physical id.
    """
    sources = {**{each: each for each in same}, **renamed}

    def ask(act: Act) -> dict[str, Any]:
        found = {
            parameter: act.physical_id if path == "@id" else at(act.wanted, path) for parameter, path in sources.items()
        }
        return act.ask(operation, {key: value for key, value in found.items() if value is not None})

    return ask


def answering_id(make: Does) -> Callable[[Act], str]:
    """A ``create`` whose physical id is known beforehand."""

    def create(act: Act) -> str:
        make(act)
        return act.physical_id

    return create


def found_by(read: Does, *missing: str) -> Callable[[Act], str]:
    """A ``find`` that reads; ``missing`` are the error codes that say that there is nothing."""

    def find(act: Act) -> str:
        try:
            read(act)
        except AwsError as error:
            if error.code in missing:
                return ""
            raise
        return act.physical_id

    return find


def removed_by(remove: Does, *missing: str) -> Callable[[Act], None]:
    """A ``delete`` that does not mind that the resource is gone."""

    def delete(act: Act) -> None:
        try:
            remove(act)
        except AwsError as error:
            if error.code not in missing:
                raise

    return delete


def document(value: Any) -> str:
    """A policy document as the text that the APIs take."""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def tag_pairs(act: Act) -> tuple[list[dict[str, str]], list[str]]:
    """The tags to put and the keys to take away, from ``before`` to ``wanted``."""
    wanted = {each["Key"]: each["Value"] for each in act.wanted.get("Tags", [])}
    before = {each["Key"]: each["Value"] for each in act.before.get("Tags", [])}
    put = [{"Key": key, "Value": value} for key, value in wanted.items() if act.is_forced or before.get(key) != value]
    return put, [key for key in before if key not in wanted]
