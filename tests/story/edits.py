"""What administrators do beside the lake: one edit each, through the API, in an account that chance chooses.

An edit says which thing drift must find; all of them can be mended.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from silolake.cloud import Cloud
from silolake.cloud.organization import Organization
from silolake.cloud.queries import query

from .small_lakes import SmallLake

SILOS = ("ewr", "fleet")
ZONES = ("drop", "raw", "processed", "quarantine", "run", "results")
STRANGER = "999999999999"
_ROLES: Mapping[str, tuple[str, ...]] = {
    "ewr": ("runner", "steward", "analyst", "administrator", "silo-codepipeline-rl"),
    "fleet": ("runner", "steward", "analyst", "administrator", "silo-codepipeline-rl", "auditor"),
    "analytics": ("runner", "analyst"),
    "platform": ("auditor",),
}
_TABLES = {"ewr": ("flights", "weather"), "fleet": ("planes",)}
_RAILS = ("protect_lake.scp", "own_catalog_only.scp", "silo_isolation.rcp")


@dataclass
class Hand:
    """Somebody with rights, and the lake they have them in.

    Attributes:
        lake: the lake.
        chance: what chooses.
        organization: the tree.
    """

    lake: SmallLake
    chance: random.Random
    organization: Organization

    def silo(self) -> str:
        return self.chance.choice(SILOS)

    def neighbour(self, account: str) -> str:
        """The id of another silo."""
        return self.organization.account("fleet" if account != "fleet" else "ewr").id.text

    def owner(self, account: str) -> Cloud:
        """The way in that AWS makes with an account, held by the guard rails."""
        return self.lake.as_(account, "OrganizationAccountAccessRole")

    def exempt(self, account: str) -> Cloud:
        return self.lake.as_(account, "break-glass")

    @property
    def management(self) -> Cloud:
        return self.lake.as_("management", "Administrator")

    def bucket(self) -> tuple[str, str]:
        account, zone = self.silo(), self.chance.choice(ZONES)
        return account, self.lake.bucket(account, zone)

    def key(self) -> tuple[str, str]:
        account = self.silo()
        alias = f"alias/lake-{self.chance.choice(('drop', 'private', 'shared'))}"
        return account, str(self.owner(account).call("kms", "describe_key", KeyId=alias)["KeyMetadata"]["KeyId"])

    def role(self) -> tuple[str, str]:
        account = self.chance.choice(sorted(_ROLES))
        return account, self.chance.choice(_ROLES[account])

    def table(self) -> tuple[str, str, str]:
        account = self.silo()
        return account, self.chance.choice(("raw", "processed")), self.chance.choice(_TABLES[account])


@dataclass(frozen=True)
class Edited:
    """What was done.

    Attributes:
        told: in words.
        account: whose it is, as drift names it.
        what: a part of what drift must name.
    """

    told: str
    account: str
    what: str


Edit = Callable[[Hand], Edited]


def document(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


# --- buckets


def open_bucket(hand: Hand) -> Edited:
    account, bucket = hand.bucket()
    owner = hand.owner(account)
    policy = json.loads(owner.call("s3", "get_bucket_policy", Bucket=bucket)["Policy"])
    policy["Statement"].append(
        {"Sid": "Friend", "Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{hand.neighbour(account)}:root"},
         "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    )  # fmt: skip
    # A bucket that blocks public policies still takes one for a named account.
    owner.call("s3", "put_bucket_policy", Bucket=bucket, Policy=json.dumps(policy))
    return Edited("a statement for a stranger", account, f"bucket policy of {bucket}")


def change_bucket_statement(hand: Hand) -> Edited:
    account, bucket = hand.bucket()
    owner = hand.owner(account)
    policy = json.loads(owner.call("s3", "get_bucket_policy", Bucket=bucket)["Policy"])
    policy["Statement"][0]["Action"] = "s3:DeleteObject"
    owner.call("s3", "put_bucket_policy", Bucket=bucket, Policy=json.dumps(policy))
    return Edited("a statement changed", account, f"bucket policy of {bucket}")


def drop_bucket_policy(hand: Hand) -> Edited:
    account, bucket = hand.bucket()
    hand.owner(account).call("s3", "delete_bucket_policy", Bucket=bucket)
    return Edited("a bucket policy deleted", account, f"bucket policy of {bucket}")


def suspend_versions(hand: Hand) -> Edited:
    account, bucket = hand.bucket()
    hand.owner(account).call(
        "s3", "put_bucket_versioning", Bucket=bucket, VersioningConfiguration={"Status": "Suspended"}
    )
    return Edited("versioning suspended", account, f"bucket {bucket}: versioning")


def weaken_encryption(hand: Hand) -> Edited:
    account, bucket = hand.bucket()
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    hand.owner(account).call(
        "s3", "put_bucket_encryption", Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]}
    )
    return Edited("another encryption", account, f"bucket {bucket}: encryption")


def unblock_public(hand: Hand) -> Edited:
    account, bucket = hand.bucket()
    hand.owner(account).call("s3", "delete_public_access_block", Bucket=bucket)
    return Edited("public access no more blocked", account, f"bucket {bucket}: public access block")


def let_expire(hand: Hand) -> Edited:
    account, bucket = hand.bucket()
    rule = {"ID": "tidy", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}
    hand.owner(account).call(
        "s3", "put_bucket_lifecycle_configuration", Bucket=bucket, LifecycleConfiguration={"Rules": [rule]}
    )
    return Edited("a rule that deletes everything", account, f"bucket {bucket}: lifecycle rules")


def retag_bucket(hand: Hand) -> Edited:
    account, bucket = hand.bucket()
    owner = hand.owner(account)
    present = owner.call("s3", "get_bucket_tagging", Bucket=bucket)["TagSet"]
    tags = [{**each, "Value": "other"} if each["Key"] == "lake" else each for each in present]
    owner.call("s3", "put_bucket_tagging", Bucket=bucket, Tagging={"TagSet": tags})
    return Edited("a tag changed", account, f"bucket {bucket}: tags")


# --- keys


def open_key(hand: Hand) -> Edited:
    account, key = hand.key()
    owner = hand.owner(account)
    policy = json.loads(owner.call("kms", "get_key_policy", KeyId=key, PolicyName="default")["Policy"])
    friend = {"Sid": "Friend", "Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "kms:Decrypt", "Resource": "*"}
    policy["Statement"].append(friend)
    owner.call("kms", "put_key_policy", KeyId=key, PolicyName="default", Policy=json.dumps(policy))
    return Edited("a key opened to everybody", account, f"({key}): policy")


def stop_rotation(hand: Hand) -> Edited:
    account, key = hand.key()
    hand.owner(account).call("kms", "disable_key_rotation", KeyId=key)
    return Edited("rotation stopped", account, f"({key}): rotation")


def disable_key(hand: Hand) -> Edited:
    account, key = hand.key()
    hand.owner(account).call("kms", "disable_key", KeyId=key)
    return Edited("a key disabled", account, f"({key}): state")


def delete_key(hand: Hand) -> Edited:
    account, key = hand.key()
    hand.owner(account).call("kms", "schedule_key_deletion", KeyId=key, PendingWindowInDays=7)
    return Edited("a key about to be deleted", account, f"({key}): state")


def retag_key(hand: Hand) -> Edited:
    account, key = hand.key()
    hand.owner(account).call("kms", "tag_resource", KeyId=key, Tags=[{"TagKey": "stage", "TagValue": "other"}])
    return Edited("a tag changed", account, f"({key}): tags")


def redescribe_key(hand: Hand) -> Edited:
    account, key = hand.key()
    hand.owner(account).call("kms", "update_key_description", KeyId=key, Description="mine")
    return Edited("a description changed", account, f"({key}): description")


def drop_alias(hand: Hand) -> Edited:
    account = hand.silo()
    hand.owner(account).call("kms", "delete_alias", AliasName="alias/lake-private")
    return Edited("an alias deleted", account, "alias alias/lake-private")


# --- roles


def trust_stranger(hand: Hand) -> Edited:
    account, role = hand.role()
    owner = hand.exempt(account)
    trust = owner.call("iam", "get_role", RoleName=role)["Role"]["AssumeRolePolicyDocument"]
    friend = {"AWS": f"arn:aws:iam::{hand.neighbour(account)}:root"}
    trust["Statement"].append({"Sid": "Friend", "Effect": "Allow", "Principal": friend, "Action": "sts:AssumeRole"})
    owner.call("iam", "update_assume_role_policy", RoleName=role, PolicyDocument=json.dumps(trust))
    return Edited("a role that trusts a stranger", account, f"role {role}: trust")


def distrust(hand: Hand) -> Edited:
    """Nobody assumes the role any more; of an auditor, drift itself does not."""
    account, role = hand.role()
    me = hand.organization.account(account).id
    nobody = {"Effect": "Deny", "Principal": {"AWS": f"arn:aws:iam::{me}:root"}, "Action": "sts:AssumeRole"}
    hand.exempt(account).call(
        "iam", "update_assume_role_policy", RoleName=role, PolicyDocument=document({"Sid": "Nobody", **nobody})
    )
    return Edited("a role that trusts nobody", account, role)


def add_inline(hand: Hand) -> Edited:
    account, role = hand.role()
    more = document({"Effect": "Allow", "Action": "s3:*", "Resource": "*"})
    hand.exempt(account).call("iam", "put_role_policy", RoleName=role, PolicyName="more", PolicyDocument=more)
    return Edited("a policy more", account, f"role {role}: inline policies")


def widen_inline(hand: Hand) -> Edited:
    account, role = hand.chance.choice(SILOS), hand.chance.choice(("runner", "steward", "analyst"))
    owner = hand.exempt(account)
    policy = owner.call("iam", "get_role_policy", RoleName=role, PolicyName=role)["PolicyDocument"]
    policy["Statement"][0]["Resource"] = "*"
    owner.call("iam", "put_role_policy", RoleName=role, PolicyName=role, PolicyDocument=json.dumps(policy))
    return Edited("a wider policy", account, f"role {role}: inline policies")


def drop_inline(hand: Hand) -> Edited:
    account, role = hand.chance.choice(SILOS), hand.chance.choice(("runner", "steward", "analyst"))
    hand.exempt(account).call("iam", "delete_role_policy", RoleName=role, PolicyName=role)
    return Edited("a policy less", account, f"role {role}: inline policies")


def attach_managed(hand: Hand) -> Edited:
    account, role = hand.chance.choice(SILOS), hand.chance.choice(("runner", "steward", "analyst"))
    arn = "arn:aws:iam::aws:policy/AdministratorAccess"
    hand.exempt(account).call("iam", "attach_role_policy", RoleName=role, PolicyArn=arn)
    return Edited("every right", account, f"role {role}: managed policies")


def detach_managed(hand: Hand) -> Edited:
    account = hand.silo()
    arn = "arn:aws:iam::aws:policy/AdministratorAccess"
    hand.exempt(account).call("iam", "detach_role_policy", RoleName="administrator", PolicyArn=arn)
    return Edited("no right", account, "role administrator: managed policies")


def retag_role(hand: Hand) -> Edited:
    account, role = hand.role()
    hand.exempt(account).call("iam", "tag_role", RoleName=role, Tags=[{"Key": "lake", "Value": "other"}])
    return Edited("a tag changed", account, f"role {role}: tags")


def bound_role(hand: Hand) -> Edited:
    account, role = hand.role()
    arn = "arn:aws:iam::aws:policy/AdministratorAccess"
    hand.exempt(account).call("iam", "put_role_permissions_boundary", RoleName=role, PermissionsBoundary=arn)
    return Edited("a boundary", account, f"role {role}: permissions boundary")


def lengthen_sessions(hand: Hand) -> Edited:
    account, role = hand.role()
    hand.exempt(account).call("iam", "update_role", RoleName=role, MaxSessionDuration=43200)
    return Edited("longer sessions", account, f"role {role}: settings")


def drop_role(hand: Hand) -> Edited:
    account, role = hand.chance.choice(SILOS), hand.chance.choice(("analyst", "steward"))
    owner = hand.exempt(account)
    for name in list(owner.pages("iam", "list_role_policies", "PolicyNames", RoleName=role)):
        owner.call("iam", "delete_role_policy", RoleName=role, PolicyName=name)
    for each in list(owner.pages("iam", "list_attached_role_policies", "AttachedPolicies", RoleName=role)):
        owner.call("iam", "detach_role_policy", RoleName=role, PolicyArn=each["PolicyArn"])
    owner.call("iam", "delete_role", RoleName=role)
    return Edited("a role deleted", account, f"role {role}")


# --- catalogs and workgroups


def drop_table(hand: Hand) -> Edited:
    account, database, table = hand.table()
    hand.owner(account).call("glue", "delete_table", DatabaseName=database, Name=table)
    return Edited("a table deleted", account, f"table {database}.{table}")


def change_columns(hand: Hand) -> Edited:
    account, database, table = hand.table()
    owner = hand.owner(account)
    found = owner.call("glue", "get_table", DatabaseName=database, Name=table)["Table"]
    kept = ("Name", "Owner", "Description", "TableType", "Parameters", "PartitionKeys", "StorageDescriptor")
    wanted = {key: found[key] for key in kept if key in found}
    wanted["StorageDescriptor"]["Columns"][0]["Type"] = "binary"
    owner.call("glue", "update_table", DatabaseName=database, TableInput=wanted)
    return Edited("a column of another type", account, f"table {database}.{table}: definition")


def redescribe_database(hand: Hand) -> Edited:
    account, name = hand.silo(), hand.chance.choice(("raw", "processed"))
    hand.owner(account).call("glue", "update_database", Name=name, DatabaseInput={"Name": name, "Description": "mine"})
    return Edited("a database's description", account, f"database {name}")


def one_of(hand: Hand, partitions: list[dict[str, Any]]) -> dict[str, Any]:
    """A partition that chance chooses; there may be none any more, which is a LookupError."""
    return hand.chance.choice(partitions)


def drop_partition(hand: Hand) -> Edited:
    owner = hand.owner("ewr")
    table = {"DatabaseName": "processed", "TableName": "flights"}
    first = one_of(hand, list(owner.pages("glue", "get_partitions", "Partitions", **table)))
    owner.call("glue", "delete_partition", PartitionValues=first["Values"], **table)
    return Edited("a partition deleted", "ewr", f"partition {'/'.join(first['Values'])} of processed.flights")


def move_partition(hand: Hand) -> Edited:
    owner = hand.owner("ewr")
    table = {"DatabaseName": "processed", "TableName": "flights"}
    first = one_of(hand, list(owner.pages("glue", "get_partitions", "Partitions", **table)))
    storage = {**first["StorageDescriptor"], "Location": "s3://elsewhere/"}
    moved = {"Values": first["Values"], "StorageDescriptor": storage}
    owner.call("glue", "update_partition", PartitionValueList=first["Values"], PartitionInput=moved, **table)
    return Edited("a partition moved", "ewr", f"partition {'/'.join(first['Values'])} of processed.flights")


def free_workgroup(hand: Hand) -> Edited:
    account = hand.chance.choice((*SILOS, "analytics"))
    updates = {"EnforceWorkGroupConfiguration": False}
    hand.owner(account).call("athena", "update_work_group", WorkGroup="lake", ConfigurationUpdates=updates)
    return Edited("a workgroup that enforces nothing", account, "workgroup lake: settings")


def disable_workgroup(hand: Hand) -> Edited:
    account = hand.silo()
    hand.owner(account).call("athena", "update_work_group", WorkGroup="lake", State="DISABLED")
    return Edited("a workgroup disabled", account, "workgroup lake: settings")


# --- sharing


def narrow_catalog(hand: Hand) -> Edited:
    account = hand.silo()
    steward = hand.lake.as_(account, "steward")
    policy = json.loads(steward.call("glue", "get_resource_policy")["PolicyInJson"])
    policy["Statement"][-1]["Action"] = ["glue:GetTable"]
    steward.call("glue", "put_resource_policy", PolicyInJson=json.dumps(policy), EnableHybrid="TRUE")
    return Edited("a catalog statement narrowed", account, "catalog policy: LakeAnalyticsCatalogRead")


def unshare_catalog(hand: Hand) -> Edited:
    account = hand.silo()
    hand.lake.as_(account, "steward").call("glue", "delete_resource_policy")
    return Edited("a catalog shared no more", account, "catalog policy: LakeAnalyticsCatalogRead")


def unregister(hand: Hand) -> Edited:
    silo = hand.silo()
    hand.owner("analytics").call("athena", "delete_data_catalog", Name=silo)
    return Edited("a catalog unregistered", "analytics", f"registered catalog {silo}")


def misregister(hand: Hand) -> Edited:
    silo = hand.silo()
    asked = {"Name": silo, "Type": "GLUE", "Parameters": {"catalog-id": STRANGER}}
    hand.owner("analytics").call("athena", "update_data_catalog", **asked)
    return Edited("a catalog that is another's", "analytics", f"registered catalog {silo}")


# --- views


def drop_source(hand: Hand) -> Edited:
    table = hand.chance.choice(("flights_in_ou_silos", "weather_in_ou_silos", "planes_in_ou_silos"))
    hand.owner("analytics").call("glue", "delete_table", DatabaseName="cross_silo_sources", Name=table)
    return Edited("a source table deleted", "analytics", f"table cross_silo_sources.{table}")


def drop_source_partition(hand: Hand) -> Edited:
    table = {"DatabaseName": "cross_silo_sources", "TableName": "flights_in_ou_silos"}
    hand.owner("analytics").call("glue", "delete_partition", PartitionValues=["ewr"], **table)
    return Edited("a silo's partition deleted", "analytics", "partition ewr of cross_silo_sources.flights_in_ou_silos")


def add_source_partition(hand: Hand) -> Edited:
    table = {"DatabaseName": "cross_silo_sources", "TableName": "planes_in_ou_silos"}
    owner = hand.owner("analytics")
    storage = owner.call("glue", "get_table", DatabaseName=table["DatabaseName"], Name=table["TableName"])["Table"][
        "StorageDescriptor"
    ]
    made = {"Values": ["rogue"], "StorageDescriptor": {**storage, "Location": "s3://elsewhere/planes/"}}
    owner.call("glue", "create_partition", PartitionInput=made, **table)
    return Edited("a partition too many", "analytics", "partition rogue of cross_silo_sources.planes_in_ou_silos")


def drop_view(hand: Hand) -> Edited:
    hand.owner("analytics").call("glue", "delete_table", DatabaseName="cross_silo", Name="delay_causes")
    return Edited("a view deleted", "analytics", "view cross_silo.delay_causes")


def rewrite_view(hand: Hand) -> Edited:
    sql = 'CREATE OR REPLACE VIEW cross_silo."delay_causes" AS SELECT 1 AS one'
    query(hand.owner("analytics"), sql, workgroup="lake", database="cross_silo")
    return Edited("another view of that name", "analytics", "view cross_silo.delay_causes: query")


# --- the organization


def _rail(hand: Hand, name: str) -> str:
    kind = {"scp": "SERVICE_CONTROL_POLICY", "rcp": "RESOURCE_CONTROL_POLICY"}[name.rsplit(".", 1)[1]]
    listed = hand.management.pages("organizations", "list_policies", "Policies", Filter=kind)
    return str(next(each["Id"] for each in listed if each["Name"] == f"nyc-dev-{name}"))


def detach_rail(hand: Hand) -> Edited:
    name = hand.chance.choice(_RAILS)
    unit = hand.organization.unit("silos").text.rstrip("/").rsplit("/", 1)[1]
    hand.management.call("organizations", "detach_policy", PolicyId=_rail(hand, name), TargetId=unit)
    return Edited("a guard rail detached", "management", f"attachment of the guard rail {name} to silos")


def soften_rail(hand: Hand) -> Edited:
    name = hand.chance.choice(_RAILS)
    policy = _rail(hand, name)
    found = json.loads(hand.management.call("organizations", "describe_policy", PolicyId=policy)["Policy"]["Content"])
    found["Statement"] = found["Statement"][:-1] or [{**found["Statement"][0], "Sid": "Softer"}]
    hand.management.call("organizations", "update_policy", PolicyId=policy, Content=json.dumps(found))
    return Edited("a guard rail softened", "management", f"guard rail {name}: statements")


def retag_account(hand: Hand) -> Edited:
    silo = hand.silo()
    hand.management.call(
        "organizations",
        "tag_resource",
        ResourceId=hand.organization.account(silo).id.text,
        Tags=[{"Key": "kind", "Value": "other"}],
    )
    return Edited("an account's tag changed", silo, "its tags")


EDITS: tuple[Edit, ...] = (
    open_bucket, change_bucket_statement, drop_bucket_policy, suspend_versions, weaken_encryption, unblock_public,
    let_expire, retag_bucket, open_key, stop_rotation, disable_key, delete_key, retag_key, redescribe_key,
    drop_alias, trust_stranger, distrust, add_inline, widen_inline, drop_inline, attach_managed, detach_managed,
    retag_role, bound_role, lengthen_sessions, drop_role, drop_table, change_columns, redescribe_database,
    drop_partition, move_partition, free_workgroup, disable_workgroup, narrow_catalog, unshare_catalog, unregister,
    misregister, drop_source, drop_source_partition, add_source_partition, drop_view, rewrite_view, detach_rail,
    soften_rail, retag_account,
)  # fmt: skip
ALONE = frozenset({distrust, retag_account})
"""What hides other edits: an account that cannot be read, and one that other silos' data is chosen by."""
