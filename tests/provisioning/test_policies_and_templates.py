"""What the policies and templates of the room must be, whatever they say: within AWS's limits, hardened, explained."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from silolake import limits
from silolake.model import AccountId
from silolake.rooms.placeholders import needed
from silolake.rooms.render import render_body, render_policy

ROOM = Path(__file__).parents[2] / "provisioning"
README = (ROOM / "README.md").read_text(encoding="utf-8")
POLICIES = sorted(path.stem for path in (ROOM / "policies").glob("*.json"))
STACK_SETS = sorted(path.stem for path in (ROOM / "stack_sets").glob("*.yaml"))

# Rendered policies have no blanks, so that characters are characters wherever they are counted.
LIMITS = {
    "scp": limits.SERVICE_CONTROL_POLICY,
    "rcp": limits.RESOURCE_CONTROL_POLICY,
    "bucket": limits.BUCKET_POLICY,
    "kms": limits.KEY_POLICY,
    "glue": limits.CATALOG_POLICY,
    "organizations": limits.DELEGATION_POLICY,
    "identity": limits.ROLE_INLINE_POLICIES,
}
BODY, INLINE = limits.TEMPLATE_BODY, limits.ROLE_INLINE_POLICIES

PLAYED = {
    "AWS::S3::Bucket", "AWS::S3::BucketPolicy", "AWS::KMS::Key", "AWS::KMS::Alias", "AWS::IAM::Role",
    "AWS::Glue::Database", "AWS::Glue::Table", "AWS::Athena::WorkGroup",
}  # fmt: skip
TAGGED = {"AWS::S3::Bucket", "AWS::KMS::Key", "AWS::IAM::Role", "AWS::Athena::WorkGroup"}
KEPT = {"AWS::S3::Bucket", "AWS::KMS::Key", "AWS::KMS::Alias"}
ADMINISTRATORS = {"Administrator", "BreakGlass"}


def sids_written() -> list[str]:
    """Every Sid that a file of the room writes, the templates' own among them."""
    found = set()
    for path in (*(ROOM / "policies").glob("*.json"), *(ROOM / "stack_sets").glob("*.yaml")):
        found |= set(re.findall(r'"?Sid"?: "?(\w+)', path.read_text(encoding="utf-8")))
    return sorted(found)


def resources(lake: Any, name: str) -> dict[str, Any]:
    return dict(lake.templates[name]["Resources"])


def of_type(lake: Any, type_: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name in STACK_SETS:
        for logical_id, resource in resources(lake, name).items():
            if resource["Type"] == type_:
                yield f"{name}.{logical_id}", resource


def statements(document: dict[str, Any]) -> list[dict[str, Any]]:
    return list(document["Statement"])


@pytest.mark.parametrize("sid", sids_written())
def test_every_statement_is_explained(sid: str) -> None:
    """Each Sid has its line in provisioning/README.md."""
    assert f"**{sid}**" in README


def test_nothing_is_explained_that_is_not_there() -> None:
    """A bold CamelCase word of the README is a Sid of a file."""
    explained = set(re.findall(r"\*\*([A-Z][a-z]+[A-Z]\w*)\*\*", README))
    assert explained <= set(sids_written())


@pytest.mark.parametrize("key", POLICIES)
def test_every_statement_has_a_plain_sid_of_its_own(documents: dict[str, Any], key: str) -> None:
    """AWS takes letters and digits; a decision is told by its Sid."""
    sids = [each["Sid"] for each in statements(documents[key])]
    assert all(re.fullmatch(r"[A-Za-z0-9]+", sid) for sid in sids)
    assert len(sids) == len(set(sids))


@pytest.mark.parametrize("key", POLICIES)
def test_a_policy_is_within_its_limit(lake: Any, key: str) -> None:
    """Rendered for a real account, it is not longer than AWS takes."""
    policy = lake.rooms.policies[key]
    account = AccountId("111111111111") if policy.kind in ("bucket", "kms", "glue", "identity") else None
    arguments = dict.fromkeys(needed(policy), "quarantine")
    assert len(render_policy(lake.rooms, key, lake.ground, account, arguments)) <= LIMITS[policy.kind]


@pytest.mark.parametrize("key", [key for key in POLICIES if key.endswith(("scp", "rcp"))])
def test_a_guard_rail_only_denies(documents: dict[str, Any], key: str) -> None:
    """What it allows is FullAWSAccess, which stays attached beside it; an RCP may not allow at all."""
    assert {each["Effect"] for each in statements(documents[key])} == {"Deny"}


@pytest.mark.parametrize("key", POLICIES)
def test_a_grant_to_everybody_is_held_by_organization_unit_and_role(documents: dict[str, Any], key: str) -> None:
    """`"Principal": "*"` in an Allow without all three would admit strangers."""
    for each in statements(documents[key]):
        if each["Effect"] == "Allow" and each.get("Principal") in ("*", {"AWS": "*"}):
            condition = each["Condition"]
            assert condition["StringEquals"]["aws:PrincipalOrgID"] == "@{org.id}"
            assert condition["ArnLike"]["aws:PrincipalArn"]
            assert condition["ForAnyValue:StringLike"]["aws:PrincipalOrgPaths"]


@pytest.mark.parametrize("key", POLICIES)
def test_set_operators_stand_with_keys_of_many_values_and_no_others(documents: dict[str, Any], key: str) -> None:
    """On aws:PrincipalArn they change who is meant; aws:PrincipalOrgPaths means nobody without."""
    for each in statements(documents[key]):
        for operator, keys in each.get("Condition", {}).items():
            assert operator.startswith(("ForAnyValue:", "ForAllValues:")) == ("aws:PrincipalOrgPaths" in keys)


def test_a_catalog_policys_sids_begin_with_lake(documents: dict[str, Any]) -> None:
    """PutResourcePolicy replaces the document: what does not begin so is another's, and is kept."""
    assert all(each["Sid"].startswith("Lake") for each in statements(documents["silo_catalog.glue"]))


@pytest.mark.parametrize("name", STACK_SETS)
def test_a_template_is_clean(lake: Any, name: str) -> None:
    """cfn-lint finds nothing, and the body can be handed over whole."""
    import cfnlint.api

    body = render_body(lake.rooms, name, lake.ground)
    assert len(body.encode()) < BODY
    found = cfnlint.api.lint(body, regions=["us-east-1"])
    assert [str(each) for each in found] == []


@pytest.mark.parametrize("name", STACK_SETS)
def test_a_template_uses_played_types_alone(lake: Any, name: str) -> None:
    """A type that is not played would be refused by the local cloud, and the stack with it."""
    assert {each["Type"] for each in resources(lake, name).values()} <= PLAYED


@pytest.mark.parametrize("name", STACK_SETS)
def test_what_can_be_tagged_says_its_lake_and_stage(lake: Any, name: str) -> None:
    """Stack sets add tags too; these are there however the resource was made."""
    for logical_id, resource in resources(lake, name).items():
        if resource["Type"] in TAGGED:
            tags = {each["Key"]: each["Value"] for each in resource["Properties"]["Tags"]}
            assert tags == {"lake": "nyc", "stage": "dev"}, logical_id


def test_every_bucket_is_versioned_closed_and_encrypted(lake: Any) -> None:
    """With a key of its own account, bucket keys on, and no ACLs."""
    for where, resource in of_type(lake, "AWS::S3::Bucket"):
        properties = resource["Properties"]
        (rule,) = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert properties["VersioningConfiguration"] == {"Status": "Enabled"}, where
        assert properties["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}, where
        assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}, where
        assert len(properties["PublicAccessBlockConfiguration"]) == 4, where
        assert rule["BucketKeyEnabled"] is True, where
        assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms", where
        assert rule["ServerSideEncryptionByDefault"]["KMSMasterKeyID"]["Fn::GetAtt"][1] == "Arn", where


def test_every_bucket_has_its_own_policy_that_refuses_plain_http(lake: Any) -> None:
    """A bucket without one would have the guard rail alone."""
    for data, base in (("silo_data", "silo_base"), ("analytics_base",) * 2, ("platform_base",) * 2):
        buckets = (each for each in resources(lake, data).values() if each["Type"] == "AWS::S3::Bucket")
        names = {json.dumps(each["Properties"]["BucketName"]) for each in buckets}
        held = set()
        for each in resources(lake, base).values():
            if each["Type"] == "AWS::S3::BucketPolicy":
                bucket = each["Properties"]["Bucket"]
                if "Ref" in bucket:
                    bucket = resources(lake, data)[bucket["Ref"]]["Properties"]["BucketName"]
                held.add(json.dumps(bucket))
                assert each["Properties"]["PolicyDocument"]["Statement"][0]["Sid"] == "DenyInsecureTransport"
        assert held == names


def test_data_and_its_keys_outlive_their_stack(lake: Any) -> None:
    """Deleting a stack, or replacing a resource, deletes no data; an alias stays with its key."""
    for type_ in KEPT:
        for where, resource in of_type(lake, type_):
            assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("Retain", "Retain"), where


def test_every_key_rotates(lake: Any) -> None:
    """Once a year, without anybody remembering it."""
    assert all(resource["Properties"]["EnableKeyRotation"] is True for _, resource in of_type(lake, "AWS::KMS::Key"))


def test_only_administrators_have_every_right(lake: Any) -> None:
    """No other role has a managed policy, an action `*`, or a whole service that it could write with."""
    for where, resource in of_type(lake, "AWS::IAM::Role"):
        properties = resource["Properties"]
        if where.split(".")[1] in ADMINISTRATORS:
            assert properties["ManagedPolicyArns"] == ["arn:aws:iam::aws:policy/AdministratorAccess"]
            continue
        assert "ManagedPolicyArns" not in properties, where
        for policy in properties["Policies"]:
            for each in statements(policy["PolicyDocument"]):
                actions = [each["Action"]] if isinstance(each["Action"], str) else each["Action"]
                wide = [action for action in actions if "*" in action and not re.search(r":(Describe|List)\*$", action)]
                assert wide == [], f"{where}.{each['Sid']}"


def test_what_is_granted_on_everything_is_only_read_or_held_by_a_condition(lake: Any) -> None:
    """`"Resource": "*"` is for actions that know no resource."""
    services, verbs = (
        "organizations|athena|cloudformation|kms|iam",
        r"Describe\*|List\w*\*?|ValidateTemplate|GetTemplateSummary",
    )
    reads = re.compile(f"({services}):({verbs})")
    for where, resource in of_type(lake, "AWS::IAM::Role"):
        for policy in resource["Properties"].get("Policies", []):
            for each in statements(policy["PolicyDocument"]):
                if each["Resource"] == "*" and "Condition" not in each:
                    actions = [each["Action"]] if isinstance(each["Action"], str) else each["Action"]
                    assert all(reads.fullmatch(action) for action in actions), f"{where}.{each['Sid']}"


def test_a_roles_inline_policies_fit(lake: Any) -> None:
    """Blanks do not count for IAM."""
    for where, resource in of_type(lake, "AWS::IAM::Role"):
        documents = [each["PolicyDocument"] for each in resource["Properties"].get("Policies", [])]
        assert sum(len(json.dumps(each, separators=(",", ":"))) for each in documents) <= INLINE, where


def test_no_role_makes_or_passes_roles(lake: Any) -> None:
    """What a role may make or pass, it may become. The mender passes none, and makes any but itself."""
    for where, resource in of_type(lake, "AWS::IAM::Role"):
        text = json.dumps(resource["Properties"].get("Policies", []))
        asked = re.findall(r'"iam:(?!Get|List)\w+', text)
        assert not asked or where.endswith(".Mender"), where
        assert '"iam:PassRole' not in text, where


def test_no_template_knows_an_account_but_its_own_and_the_two_that_administer(lake: Any) -> None:
    """Automatic deployment gives a new account the same body as the others."""
    ids = {name: lake.id_of(name) for name in ("ewr", "jfk", "lga", "fleet", "analytics")}
    for name in STACK_SETS:
        body = render_body(lake.rooms, name, lake.ground)
        assert [account for account, found in ids.items() if found in body] == [], name
