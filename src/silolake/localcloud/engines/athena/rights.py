"""What a query may do, asked of IAM with the caller's own rights and forwarded by Athena.

A grant that is missing fails the query and not the call, in Athena's words.
https://docs.aws.amazon.com/athena/latest/ug/security-iam-athena.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from silolake.iam import Decision
from silolake.localcloud.authorize import Surroundings, decider, refusal
from silolake.localcloud.call import Access, Call, Caller
from silolake.localcloud.cloud import LocalCloud
from silolake.localcloud.engines.athena.errors import ErrorType, QueryFailed
from silolake.localcloud.engines.s3 import objects
from silolake.localcloud.engines.s3.access import on_bucket, to_read
from silolake.localcloud.engines.s3.buckets import Bucket, find_bucket
from silolake.localcloud.engines.s3.objects import Listed
from silolake.localcloud.errors import AwsError


@dataclass(frozen=True, slots=True)
class Rights:
    """One query's way to everything that is not Athena's own.

    Attributes:
        cloud: the local cloud.
        caller: who started the query, forwarded by Athena.
        region: where it runs.
        query: its id, under which decisions are logged.
    """

    cloud: LocalCloud
    caller: Caller
    region: str
    query: str
    _deciders: dict[str, Callable[[Access], Decision]] = field(default_factory=dict)

    def ask(self, service: str, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Perform an operation of another service as the caller.

        Raises:
            QueryFailed: IAM refused.
            AwsError: the service refused otherwise.
        """
        call = Call(service, operation, parameters, self.caller, self.region, self.cloud, self.query)
        try:
            return self.cloud.perform(call) or {}
        except AwsError as error:
            if error.code in ("AccessDeniedException", "AccessDenied"):
                raise self._denied(service, error.message) from error
            raise

    def need(self, accesses: Iterable[Access]) -> None:
        """Fail the query unless IAM allows every access; log what was decided.

        Raises:
            QueryFailed: the first that is denied.
        """
        found: list[Decision] = []
        for access in accesses:
            found.append(self._decide(access))
            if not found[-1]:
                break
        self._log(found)
        if found and not found[-1]:
            raise self._denied(found[-1].request.action.split(":")[0], refusal(found[-1], "json").message)

    def list_location(self, bucket_name: str, prefix: str) -> list[Listed]:
        """The current objects under a prefix, every one of which the caller may read.

        Each object is decided by itself; of those that are allowed only the first is logged.

        Raises:
            QueryFailed: there is no such bucket, or something is denied.
        """
        with self.cloud.store.read() as connection:
            bucket = find_bucket(connection, bucket_name)
            if bucket is None:
                raise no_bucket(bucket_name)
            self._may_list(bucket, prefix)
            found = [each for each in objects.list_objects(connection, bucket_name, prefix) if _holds_rows(each)]
            for number, each in enumerate(found):
                self._may_read(to_read(connection, self.caller, bucket_name, each.key), log=number == 0)
        return found

    def keys_under(self, bucket_name: str, prefix: str) -> list[str]:
        """The keys under a prefix, which the caller may list. Reads only.

        Raises:
            QueryFailed: there is no such bucket, or listing is denied.
        """
        with self.cloud.store.read() as connection:
            bucket = find_bucket(connection, bucket_name)
            if bucket is None:
                raise no_bucket(bucket_name)
            self._may_list(bucket, prefix)
            return [each.key for each in objects.list_objects(connection, bucket_name, prefix)]

    def _may_list(self, bucket: Bucket, prefix: str) -> None:
        path = f"s3://{bucket.name}/{prefix}"
        accesses = (
            on_bucket(bucket, self.caller, "s3:GetBucketLocation", {}),
            on_bucket(bucket, self.caller, "s3:ListBucket", {"s3:prefix": (prefix,)}),
        )
        decisions = [self._decide(access) for access in accesses]
        refused = next((each for each in decisions if not each), None)
        if refused is not None:
            self._log([refused])
            raise _unreadable(path, refused)

    def _may_read(self, accesses: Iterable[Access], *, log: bool) -> None:
        for access in accesses:
            decision = self._decide(access)
            if log or not decision:
                self._log([decision])
            if not decision:
                raise _unreadable(access.arn.replace("arn:aws:s3:::", "s3://"), decision)

    def _decide(self, access: Access) -> Decision:
        if access.owner not in self._deciders:
            around = Surroundings(self.region, self.cloud.clock.now())
            self._deciders[access.owner] = decider(self.cloud.store, self.caller, access.owner, around)
        return self._deciders[access.owner](access)

    def _log(self, decisions: list[Decision]) -> None:
        if decisions:
            self.cloud.decisions.add(self.cloud.clock.now(), self.query, "athena:StartQueryExecution", decisions)

    def _denied(self, service: str, message: str) -> QueryFailed:
        name = "AmazonDataCatalog" if service == "glue" else f"Amazon {service.title()}"
        return QueryFailed(
            f"Insufficient permissions to execute the query. {message} (Service: {name}; Status Code: 400; "
            f"Error Code: AccessDeniedException; Request ID: {self.query}; Proxy: null)",
            ErrorType.PERMISSION,
        )


def forwarded(caller: Caller) -> Caller:
    """The caller as other services see it behind Athena, which itself speaks TLS to them however it was asked.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/access_forward_access_sessions.html
    """
    return replace(caller.through("athena.amazonaws.com"), secure=True)


def no_bucket(name: str) -> QueryFailed:
    """The failure of a query whose bucket is not there."""
    return QueryFailed(
        f"The specified bucket does not exist: {name} (Service: Amazon S3; Status Code: 404; Error Code: NoSuchBucket)",
        ErrorType.NOT_FOUND,
    )


def _unreadable(path: str, decision: Decision) -> QueryFailed:
    return QueryFailed(
        f"Permission denied on S3 path: {path}. {refusal(decision, 'json').message}", ErrorType.S3_PERMISSION
    )


def _holds_rows(found: Listed) -> bool:
    """Athena leaves out what is hidden, by its name, and the markers of folders.

    https://docs.aws.amazon.com/athena/latest/ug/tables-location-format.html
    """
    name = found.key.rsplit("/", 1)[-1]
    return bool(name) and not name.startswith((".", "_"))
