"""What is declared no more taken away, and never a bucket or a table with data in it.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-delete-stack-instances.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from silolake.cloud import Cloud
from silolake.cloud.organization import Organization
from silolake.errors import CloudError, Denied, StepFailed
from silolake.provisioning import stack_sets
from silolake.provisioning.drift.accounts import MENDER, as_auditor, ids_of
from silolake.provisioning.drift.templates import NotEvaluated, Stack
from silolake.provisioning.enrolling import ANALYTICS
from silolake.provisioning.observing import AS_DELEGATE, ObservedStackSet, observe
from silolake.provisioning.steps import DeleteGuardRail, DeleteStackSet, DropTable, UnregisterCatalog, explain

_POLICIES = ("SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY")
_HOLDING = ("AWS::S3::Bucket", "AWS::Glue::Table")
Prunable = DeleteGuardRail | DeleteStackSet | UnregisterCatalog | DropTable


def perform(step: Prunable, cloud: Cloud, organization: Organization) -> None:
    """Take one thing away. Writes; what is gone already is well.

    Args:
        step: which.
        cloud: the platform's runner.
        organization: the tree.

    Raises:
        StepFailed: data would be lost.
        CloudError: it was refused.
    """
    match step:
        case DeleteGuardRail(name):
            _delete_rail(cloud, name)
        case DeleteStackSet():
            _delete_stack_set(cloud, organization, step)
        case UnregisterCatalog(name):
            runner = f"arn:aws:iam::{organization.account(ANALYTICS).id}:role/lake/run/runner"
            cloud.as_role(runner, "prune").call("athena", "delete_data_catalog", Name=name)
        case DropTable():
            _drop_table(cloud, organization, step)


def _delete_rail(cloud: Cloud, name: str) -> None:
    for kind in _POLICIES:
        for policy in list(cloud.pages("organizations", "list_policies", "Policies", Filter=kind)):
            if policy["Name"] != name:
                continue
            targets = cloud.pages("organizations", "list_targets_for_policy", "Targets", PolicyId=policy["Id"])
            for target in list(targets):
                cloud.call("organizations", "detach_policy", PolicyId=policy["Id"], TargetId=target["TargetId"])
            cloud.call("organizations", "delete_policy", PolicyId=policy["Id"])


def _drop_table(cloud: Cloud, organization: Organization, step: DropTable) -> None:
    account = organization.account(step.account)
    if found := _first_object(as_auditor(cloud, account), step.location):
        raise StepFailed(explain(step), f"data lies there ({found}); move it or delete it first")
    mender = cloud.as_role(f"arn:aws:iam::{account.id}:role/{MENDER}", "prune")
    try:
        mender.call("glue", "delete_table", DatabaseName=step.database, Name=step.table)
    except CloudError as error:
        if error.code != "EntityNotFoundException":
            raise


def _first_object(auditor: Cloud, location: str) -> str:
    """The first object below a place; nothing where there is none, or no such bucket."""
    bucket, _, prefix = location.removeprefix("s3://").partition("/")
    try:
        listed = auditor.call("s3", "list_objects_v2", Bucket=bucket, Prefix=prefix, MaxKeys=1).get("Contents", [])
    except Denied as error:
        return f"{location}, which may not be looked into: {error.code}"
    except CloudError as error:
        if error.code == "NoSuchBucket":
            return ""
        raise
    return f"s3://{bucket}/{listed[0]['Key']}" if listed else ""


def _delete_stack_set(cloud: Cloud, organization: Organization, step: DeleteStackSet) -> None:
    name, observed = step.name, observe(cloud, step.name).stack_sets.get(step.name)
    if observed is None:
        return
    units = observed.units
    if step.unit:
        units = frozenset({organization.unit(step.unit).text.rstrip("/").rsplit("/", 1)[1]})
        within = {each.id.text for each in organization.below(step.unit)}
        stacks = {account: stack for account, stack in observed.stacks.items() if account in within}
        observed = replace(observed, stacks=stacks)
    for told in _data_of(cloud, organization, observed):
        raise StepFailed(explain(step), told)
    if units:
        started = cloud.call(
            "cloudformation",
            "delete_stack_instances",
            StackSetName=name,
            DeploymentTargets={"OrganizationalUnitIds": sorted(units)},
            Regions=[cloud.region],
            RetainStacks=False,
            OperationPreferences={"FailureToleranceCount": 0, "MaxConcurrentCount": 4},
            CallAs=AS_DELEGATE,
        )
        stack_sets.ended(cloud, name, started["OperationId"], AS_DELEGATE)
    if not step.unit:
        cloud.call("cloudformation", "delete_stack_set", StackSetName=name, CallAs=AS_DELEGATE)


def _data_of(cloud: Cloud, organization: Organization, found: ObservedStackSet) -> Iterator[str]:
    """What of a stack set's stacks would be deleted with its data, for its template does not retain it."""
    for logical_id, declared in found.body["Resources"].items():
        if declared["Type"] not in _HOLDING or declared.get("DeletionPolicy") in ("Retain", "RetainExceptOnCreate"):
            continue
        for account_id, stack_id in found.stacks.items():
            account = organization.accounts.get(organization.name_of(account_id))
            if account is None or not stack_id:
                continue
            auditor = as_auditor(cloud, account)
            ids = ids_of(auditor, stack_id)
            try:
                resource = Stack(account_id, cloud.region, found.body, ids).resource(logical_id)
            except NotEvaluated as error:
                yield f"whether {logical_id} of {account.name} has data cannot be told: it uses {error}"
                continue
            table = resource.properties.get("TableInput", {}).get("StorageDescriptor", {})
            place = str(table.get("Location", "")) if "TableInput" in resource.properties else f"s3://{resource.id}/"
            if place and (first := _first_object(auditor, place)):
                yield f"{logical_id} of {account.name} has data ({first}), and its template does not retain it"
