"""Where the work on one stack is done: what is known, whom to ask, and the journal."""

from __future__ import annotations

import json
import secrets
import sqlite3
import string
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from typing import Any

from silolake.localcloud.call import Caller
from silolake.localcloud.cloud import LocalCloud
from silolake.localcloud.engines.cloudformation.errors import invalid, misused
from silolake.localcloud.engines.cloudformation.stacks.records import (
    Resource,
    Stack,
    Work,
    caller_of,
    put_resource,
    read_resources,
    set_work,
)
from silolake.localcloud.engines.cloudformation.templates.deployment import Deployment, Resources
from silolake.localcloud.engines.cloudformation.types import TYPES
from silolake.localcloud.engines.cloudformation.types.kinds import (
    LOGICAL_ID_TAG,
    STACK_ID_TAG,
    STACK_NAME_TAG,
    Act,
    ResourceType,
)
from silolake.localcloud.engines.cloudformation.types.shapes import conform
from silolake.localcloud.errors import AwsError

PRINCIPAL = "cloudformation.amazonaws.com"
STACK_TYPE = "AWS::CloudFormation::Stack"
_MISTAKES = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, sqlite3.DatabaseError)


@contextmanager
def breakdowns_told(what: str) -> Iterator[None]:
    """A mistake of the local cloud's own ends the work on a stack with its name, and does not leave it hanging.

    Raises:
        AwsError: ``InternalFailure``.
    """
    try:
        yield
    except _MISTAKES as error:
        raise AwsError("InternalFailure", f"{what} broke down: {error!r}", 500) from error


class Site:
    """One stack while it is worked on, by one thread at a time.

    Args:
        cloud: the local cloud.
        stack: the stack, with its work.
    """

    def __init__(self, cloud: LocalCloud, stack: Stack) -> None:
        if stack.work is None:
            raise ValueError(f"nothing is being done to {stack.id}")
        self.cloud, self.stack, self.work = cloud, stack, stack.work
        with cloud.store.read() as connection:
            self.resources = read_resources(connection, stack.id)
        self.imports: set[str] = set()
        # What stands in the journal as begun when the work is taken up was begun by a process that is gone.
        self.cut_short = {
            name
            for name, each in self.resources.items()
            if each.work == stack.work.id and each.stage != "done" and each.status.endswith("_IN_PROGRESS")
        }

    @cached_property
    def deployment(self) -> Deployment:
        """What the stack shall hold."""
        return self.work.wanted.deployment(self.stack.named)

    @cached_property
    def caller(self) -> Caller:
        """As whom resources are made: the stack's service role, or who asked."""
        if self.work.wanted.role_arn:
            return self.cloud.as_role(self.work.wanted.role_arn, "AWSCloudFormation")
        return caller_of(self.work.caller).through(PRINCIPAL)

    def ask(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Perform ``"s3:CreateBucket"``. Writes what it writes.

        Raises:
            AwsError: it was refused, or the engine asked broke down.
        """
        service, name = operation.split(":")
        with breakdowns_told(operation):
            return self.cloud.invoke(self.caller, service, name, parameters, self.stack.region)

    def act(self, resource: Resource, *, wanted: Mapping[str, Any] | None = None, **more: Any) -> Act:
        """One thing to do to a resource."""
        return Act(
            ask=self.ask,
            account=self.stack.account,
            region=self.stack.region,
            stack_name=self.stack.name,
            stack_id=self.stack.id,
            logical_id=resource.logical_id,
            wanted=resource.properties if wanted is None else wanted,
            physical_id=resource.physical_id,
            token=resource.name_token,
            **more,
        )

    @property
    def known(self) -> Resources:
        """How the stack's resources answer references."""
        return Resources(self._refer, self._attribute, self._import)

    def _refer(self, logical_id: str) -> str:
        if logical_id not in self.resources:
            raise misused(f"unresolved reference {logical_id}")
        return self.resources[logical_id].physical_id

    def _attribute(self, logical_id: str, name: str) -> Any:
        resource = self.resources.get(logical_id)
        if resource is None or name not in resource.attributes:
            raise misused(f"resource {logical_id} does not support attribute type {name} in Fn::GetAtt")
        return resource.attributes[name]

    def _import(self, name: str) -> str:
        with self.cloud.store.write() as connection:
            row = connection.execute(
                "SELECT value FROM cfn_exports WHERE account = ? AND region = ? AND name = ?",
                (self.stack.account, self.stack.region, name),
            ).fetchone()
            if row is None:
                raise invalid(f"No export named {name} found.")
            connection.execute("INSERT OR IGNORE INTO cfn_imports VALUES (?, ?)", (self.stack.id, name))
        self.imports.add(name)
        return str(row["value"])

    def properties(self, logical_id: str) -> dict[str, Any]:
        """What one resource of the template shall be: evaluated, held to its type's shape, tagged.

        Raises:
            AwsError: a reference leads nowhere.
            PropertiesInvalid: the type knows no such property, or not of this type.
        """
        type_ = TYPES[self.deployment.resources[logical_id].type]
        found = conform(self.deployment.properties(logical_id, self.known), type_.shape)
        return tagged(found, type_, self.work.wanted.tags, self.stack, logical_id)

    @contextmanager
    def journal(self) -> Iterator[sqlite3.Connection]:
        """One step of the work, whole or not at all. Writes."""
        with self.cloud.store.write() as connection:
            yield connection

    def put(self, connection: sqlite3.Connection, resource: Resource, *, silent: bool = False) -> Resource:
        """Note what became of a resource, and tell of it. Writes."""
        resource = replace(resource, updated_at=self.cloud.clock.now().isoformat())
        put_resource(connection, self.stack.id, resource)
        self.resources[resource.logical_id] = resource
        if not silent:
            self.tell(connection, resource)
        return resource

    def tell(self, connection: sqlite3.Connection, resource: Resource) -> None:
        """Add an event. Writes."""
        properties = json.dumps(resource.properties) if resource.properties else ""
        event = (resource.logical_id, resource.physical_id, resource.type, resource.status, resource.reason, properties)
        add_event(connection, self.cloud, self.stack.id, event, self.work.token)

    def status(self, connection: sqlite3.Connection, status: str, reason: str = "") -> None:
        """Set the stack's status, and tell of it. Writes."""
        set_status(connection, self.cloud, self.stack, (status, reason), self.work.token)
        self.stack = replace(self.stack, status=status, reason=reason)

    def turn(self, connection: sqlite3.Connection, work: Work | None) -> None:
        """Go over to another phase, or end the work. Writes."""
        set_work(connection, self.stack.id, work)


def tagged(
    properties: dict[str, Any], type_: ResourceType, tags: Mapping[str, str], stack: Stack, logical_id: str
) -> dict[str, Any]:
    """A resource's properties with the stack's tags among its own, where the type has tags.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-resource-tags.html
    """
    if not type_.has_tags:
        return properties
    own = {each["Key"]: each["Value"] for each in properties.get("Tags", [])}
    ours = {STACK_NAME_TAG: stack.name, STACK_ID_TAG: stack.id, LOGICAL_ID_TAG: logical_id}
    every = {**tags, **own, **ours}
    return {**properties, "Tags": [{"Key": key, "Value": value} for key, value in every.items()]}


def add_event(
    connection: sqlite3.Connection, cloud: LocalCloud, stack_id: str, event: tuple[str, ...], token: str
) -> None:
    """Add an event: logical id, physical id, type, status, reason, properties. Writes."""
    connection.execute(
        "INSERT INTO cfn_events (id, stack, logical_id, physical_id, type, status, reason, properties, token, at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (str(uuid.uuid4()), stack_id, *event, token, cloud.clock.now().isoformat()),
    )


def set_status(
    connection: sqlite3.Connection, cloud: LocalCloud, stack: Stack, status: tuple[str, str], token: str
) -> None:
    """Set a stack's status with its reason, and tell of it. Writes."""
    connection.execute("UPDATE cfn_stacks SET status = ?, reason = ? WHERE id = ?", (*status, stack.id))
    if status[0] == "DELETE_COMPLETE":
        connection.execute(
            "UPDATE cfn_stacks SET deleted_at = ? WHERE id = ?", (cloud.clock.now().isoformat(), stack.id)
        )
    add_event(connection, cloud, stack.id, (stack.name, stack.id, STACK_TYPE, *status, ""), token)


def name_token() -> str:
    """Chance for a generated name, as CloudFormation's look."""
    return "".join(secrets.choice(string.ascii_uppercase + string.digits) for _ in range(12))
