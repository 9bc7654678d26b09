"""Buckets: whose they are, where, and under which names they can be made."""

from __future__ import annotations

import ipaddress
import json
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from silolake.iam import Policy, PolicyKind, compile_policy
from silolake.localcloud.call import Access, Call
from silolake.localcloud.engines.s3.errors import access_denied, invalid_argument, no_such_bucket
from silolake.localcloud.engines.s3.plays import PLAYS
from silolake.localcloud.errors import AwsError, NotPlayed

_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_RESERVED_STARTS = ("xn--", "sthree-", "amzn-s3-demo-")
_RESERVED_ENDS = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3", "-an")
_BLOCK_ALL = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}
MOST_LISTED = 10_000


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket.

    Attributes:
        owner: the account that made it.
        created_at: seconds since 1970.
        versioning: ``Enabled``, ``Suspended``, or empty where it never was.
        policy_text: the bucket policy as it was put; empty where there is none.
        public_access_block: its four settings by their API names; empty where they were deleted.
        encryption: the default encryption rule as JSON; empty for S3's own default.
    """

    name: str
    owner: str
    region: str
    created_at: int
    versioning: str
    policy_text: str
    public_access_block: dict[str, bool]
    encryption: str

    @property
    def arn(self) -> str:
        """``arn:aws:s3:::<name>``."""
        return f"arn:aws:s3:::{self.name}"

    @property
    def policy(self) -> Policy | None:
        """The bucket policy, compiled."""
        return compiled(self.policy_text, self.name) if self.policy_text else None


@lru_cache(maxsize=4096)
def compiled(text: str, bucket: str) -> Policy:
    """A bucket policy's compiled form, remembered by its text."""
    return compile_policy(text, PolicyKind.RESOURCE, f"bucket policy of {bucket}")


def find_bucket(connection: sqlite3.Connection, name: str) -> Bucket | None:
    """A bucket by its name, whosever it is; ``None`` where there is none. Reads only."""
    row = connection.execute("SELECT * FROM s3_buckets WHERE name = ?", (name,)).fetchone()
    return _bucket(row) if row else None


def need_bucket(connection: sqlite3.Connection, name: str) -> Bucket:
    """A bucket by its name. Reads only.

    Raises:
        AwsError: there is none.
    """
    bucket = find_bucket(connection, name)
    if bucket is None:
        raise no_such_bucket(name)
    return bucket


def bucket_of(call: Call) -> Bucket:
    """The bucket that a call names. Reads only.

    Raises:
        AwsError: there is none, or it is not owned by whom the caller expects.
    """
    with call.cloud.store.read() as connection:
        bucket = need_bucket(connection, call.parameters["Bucket"])
    if call.parameters.get("ExpectedBucketOwner", bucket.owner) != bucket.owner:
        raise access_denied()
    return bucket


def _bucket(row: sqlite3.Row) -> Bucket:
    return Bucket(
        name=row["name"],
        owner=row["owner"],
        region=row["region"],
        created_at=row["created_at"],
        versioning=row["versioning"],
        policy_text=row["policy"],
        public_access_block=json.loads(row["public_access_block"] or "{}"),
        encryption=row["encryption"],
    )


def moment(seconds: int) -> datetime:
    """A stored time as a datetime in UTC."""
    return datetime.fromtimestamp(seconds, UTC)


def _creation_access(call: Call) -> Iterator[Access]:
    if not call.account:
        raise access_denied()
    name = call.parameters["Bucket"]
    asked = call.parameters.get("CreateBucketConfiguration") or {}
    context: dict[str, tuple[str, ...]] = {}
    if asked.get("LocationConstraint"):
        context["s3:locationconstraint"] = (asked["LocationConstraint"],)
    if call.parameters.get("ACL"):
        context["s3:x-amz-acl"] = (call.parameters["ACL"],)
    arn = f"arn:aws:s3:::{name}"
    yield Access("s3:CreateBucket", arn, call.account, context)
    if call.parameters.get("ObjectOwnership"):
        yield Access("s3:PutBucketOwnershipControls", arn, call.account)
    if asked.get("Tags"):
        yield Access("s3:TagResource", arn, call.account)


@PLAYS(
    "CreateBucket",
    access=_creation_access,
    differs="A bucket answers in whatever Region a request is signed for; AWS redirects to the bucket's own.",
)
def create_bucket(call: Call) -> dict[str, Any]:
    """Make a bucket: all public access blocked, no ACLs, SSE-S3, as new buckets are since April 2023. Writes.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html
    """
    name = call.parameters["Bucket"]
    check_name(name)
    _refuse_acls(call)
    if call.parameters.get("ObjectLockEnabledForBucket"):
        raise NotPlayed("s3:CreateBucket with ObjectLockEnabledForBucket")
    if call.parameters.get("BucketNamespace", "global") != "global":
        raise NotPlayed("s3:CreateBucket with BucketNamespace")
    asked = call.parameters.get("CreateBucketConfiguration") or {}
    for member in ("Location", "Bucket"):
        if asked.get(member):
            raise NotPlayed(f"s3:CreateBucket with CreateBucketConfiguration.{member}")
    region = _region(call.region, asked.get("LocationConstraint"))
    with call.cloud.store.write() as connection:
        there = find_bucket(connection, name)
        if there is None:
            connection.execute(
                "INSERT INTO s3_buckets (name, owner, region, created_at, public_access_block) VALUES (?, ?, ?, ?, ?)",
                (name, call.account, region, int(call.cloud.clock.now().timestamp()), json.dumps(_BLOCK_ALL)),
            )
            connection.execute(
                "INSERT INTO s3_settings VALUES (?, 'ownership', ?)",
                (name, json.dumps([{"ObjectOwnership": "BucketOwnerEnforced"}])),
            )
            if asked.get("Tags"):
                connection.execute(
                    "INSERT INTO s3_settings VALUES (?, 'tagging', ?)", (name, json.dumps(asked["Tags"]))
                )
        elif there.owner != call.account:
            message = (
                "The requested bucket name is not available. The bucket namespace is shared by all users of the system."
                " Please select a different name and try again."
            )
            raise AwsError("BucketAlreadyExists", message, 409, BucketName=name)
        elif not (there.region == region == "us-east-1"):
            # us-east-1 alone answers 200 to the owner, a compatibility kept from S3's first days.
            message = "Your previous request to create the named bucket succeeded and you already own it."
            raise AwsError("BucketAlreadyOwnedByYou", message, 409, BucketName=name)
    return {"Location": f"/{name}", "BucketArn": f"arn:aws:s3:::{name}"}


def check_name(name: str) -> None:
    """Hold a name against the rules for general purpose buckets.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html

    Raises:
        AwsError: ``InvalidBucketName``.
    """
    try:
        is_address = bool(ipaddress.IPv4Address(name))
    except ValueError:
        is_address = False
    if (
        not _NAME.fullmatch(name)
        or ".." in name
        or is_address
        or name.startswith(_RESERVED_STARTS)
        or name.endswith(_RESERVED_ENDS)
    ):
        raise AwsError("InvalidBucketName", "The specified bucket is not valid.", 400, BucketName=name)


def _region(endpoint: str, constraint: str | None) -> str:
    if endpoint == "us-east-1":
        if constraint == "us-east-1":
            message = "The specified location-constraint is not valid"
            raise AwsError("InvalidLocationConstraint", message, 400, LocationConstraint=constraint)
        return {"EU": "eu-west-1"}.get(constraint or "", constraint or "us-east-1")
    if constraint != endpoint and not (constraint == "EU" and endpoint == "eu-west-1"):
        message = (
            f"The {constraint or 'unspecified'} location constraint is incompatible for the region specific endpoint"
            " this request was sent to."
        )
        raise AwsError("IllegalLocationConstraintException", message, 400)
    return endpoint


def _refuse_acls(call: Call) -> None:
    ownership = call.parameters.get("ObjectOwnership", "BucketOwnerEnforced")
    if ownership != "BucketOwnerEnforced":
        raise NotPlayed(f"s3:CreateBucket with ObjectOwnership {ownership}")
    grants = ("GrantFullControl", "GrantRead", "GrantReadACP", "GrantWrite", "GrantWriteACP")
    if call.parameters.get("ACL", "private") != "private" or any(call.parameters.get(name) for name in grants):
        message = "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting"
        raise AwsError("InvalidBucketAclWithObjectOwnership", message, 400)


def _listing_access(call: Call) -> Iterator[Access]:
    if not call.account:
        raise access_denied()
    yield Access("s3:ListAllMyBuckets", "arn:aws:s3:::*", call.account)


@PLAYS("ListBuckets", access=_listing_access)
def list_buckets(call: Call) -> dict[str, Any]:
    """The caller's own buckets. Reads only.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBuckets.html
    """
    most = int(call.parameters.get("MaxBuckets", MOST_LISTED))
    if not 1 <= most <= MOST_LISTED:
        raise invalid_argument(f"MaxBuckets must be between 1 and {MOST_LISTED}", "max-buckets", most)
    prefix = call.parameters.get("Prefix", "")
    region = call.parameters.get("BucketRegion", "")
    with call.cloud.store.read() as connection:
        rows = connection.execute(
            "SELECT name, region, created_at FROM s3_buckets WHERE owner = ? AND name > ?"
            " AND substr(name, 1, ?) = ? AND (? = '' OR region = ?) ORDER BY name LIMIT ?",
            (call.account, call.parameters.get("ContinuationToken", ""), len(prefix), prefix, region, region, most + 1),
        ).fetchall()
    found: dict[str, Any] = {
        "Buckets": [
            {
                "Name": row["name"],
                "CreationDate": moment(row["created_at"]),
                "BucketRegion": row["region"],
                "BucketArn": f"arn:aws:s3:::{row['name']}",
            }
            for row in rows[:most]
        ],
        "Owner": owner(call.account),
    }
    if prefix:
        found["Prefix"] = prefix
    if len(rows) > most:
        found["ContinuationToken"] = rows[most - 1]["name"]
    return found


def owner(account: str) -> dict[str, str]:
    """An account as S3 names owners: by a canonical id of 64 hexadecimal digits, here made from the account's."""
    return {"ID": account.rjust(64, "0")}
