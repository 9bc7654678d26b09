"""The resources of every stack of the lake, in every account, read and put back.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-drift.html says what CloudFormation itself
finds: only what a template states, type by type, and never what stands beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

from silolake.cloud import Cloud
from silolake.errors import CloudError, Denied, SilolakeError
from silolake.model import Account, Finding
from silolake.provisioning.drift.facets import Facet, Kind
from silolake.provisioning.drift.kinds import KINDS
from silolake.provisioning.drift.partitions import find_in_partitions, move_back, moved
from silolake.provisioning.drift.reading import Once
from silolake.provisioning.drift.roles import ROLE, make_role
from silolake.provisioning.drift.templates import NotEvaluated, Resource, Stack
from silolake.provisioning.observing import Observed
from silolake.provisioning.reports import Done, ProvisioningReport

AUDITOR, MENDER = "lake/deploy/auditor", "lake/deploy/mender"
_AT_ONCE = 8


@dataclass(frozen=True)
class Looked:
    """What was found in accounts, and what could not be looked at.

    Attributes:
        findings: in the order of accounts and resources.
        unseen: what was not looked at, and why, one line each.
    """

    findings: tuple[Finding, ...] = ()
    unseen: tuple[str, ...] = ()


def find_in_accounts(cloud: Cloud, observed: Observed) -> Looked:
    """Resources of the lake's stacks that are not what their template says. Reads only.

    Args:
        cloud: the platform's runner, which assumes each account's auditor.
        observed: the organization and its stack sets.
    """
    accounts = tuple(_with_stacks(observed))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        looked = list(pool.map(lambda account: _look(cloud, observed, account), accounts))
    findings = tuple(each for one in looked for each in one.findings)
    return Looked(findings, tuple(each for one in looked for each in one.unseen))


def _with_stacks(observed: Observed) -> Iterator[Account]:
    ids = {account for each in observed.stack_sets.values() for account in each.stacks}
    yield from (each for _, each in sorted(observed.organization.accounts.items()) if each.id.text in ids)


def _look(cloud: Cloud, observed: Observed, account: Account) -> Looked:
    findings: list[Finding] = []
    unseen: list[str] = []
    try:
        auditor = Once(as_auditor(cloud, account))
        findings += _missing_stacks(auditor, observed, account)
        for resource in _resources(auditor, observed, account, unseen.append):
            try:
                findings += _about(auditor, resource, account.name)
            except Denied as error:
                findings.append(_unreadable(resource, account.name, error))
    except Denied as error:
        findings.append(
            Finding(
                "changed",
                account.name,
                f"role {AUDITOR}",
                "open to the platform's runner",
                error.code,
                (f"mend/{account.name}",),
                AUDITOR,
            )
        )
    return Looked(tuple(findings), tuple(unseen))


def as_auditor(cloud: Cloud, account: Account) -> Cloud:
    """An account as its auditor sees it."""
    return cloud.as_role(f"arn:aws:iam::{account.id}:role/{AUDITOR}", "drift")


def _unreadable(resource: Resource, account: str, error: Denied) -> Finding:
    kind = KINDS[resource.type]
    return Finding(
        "changed", account, _called(kind, resource), "open to the auditor", error.code, (f"mend/{account}",),
        kind.arn(resource),
    )  # fmt: skip


def _resources(auditor: Cloud, observed: Observed, account: Account, tell: Callable[[str], None]) -> Iterator[Resource]:
    for name, stack_set in sorted(observed.stack_sets.items()):
        stack_id = stack_set.stacks.get(account.id.text, "")
        if not stack_id:
            continue
        ids = ids_of(auditor, stack_id)
        if not ids:
            continue
        stack = Stack(account.id.text, auditor.region, stack_set.body, ids)
        for logical_id, declared in stack_set.body["Resources"].items():
            if declared["Type"] not in KINDS:
                tell(f"{account.name}: {logical_id} of {name} is a {declared['Type']}, which is not read")
                continue
            try:
                yield stack.resource(logical_id)
            except NotEvaluated as error:
                tell(f"{account.name}: {logical_id} of {name} uses {error}, which is not evaluated")


def ids_of(auditor: Cloud, stack_id: str) -> Mapping[str, str]:
    """The physical ids of a stack's resources, by logical id; none of a stack that is gone. Reads only."""
    listed = auditor.pages("cloudformation", "list_stack_resources", "StackResourceSummaries", StackName=stack_id)
    try:
        return {
            each["LogicalResourceId"]: str(each.get("PhysicalResourceId", ""))
            for each in listed
            if each["ResourceStatus"] != "DELETE_COMPLETE"
        }
    except CloudError as error:
        if error.code == "ValidationError":
            return {}
        raise


def _missing_stacks(auditor: Cloud, observed: Observed, account: Account) -> Iterator[Finding]:
    """Stacks that somebody has deleted beside their stack set, which goes on saying that they are current."""
    for name, stack_set in sorted(observed.stack_sets.items()):
        stack_id = stack_set.stacks.get(account.id.text, "")
        if stack_id and not ids_of(auditor, stack_id):
            yield Finding("missing", account.name, f"stack of {name}", stack_id, resource=stack_id)


def _called(kind: Kind, resource: Resource) -> str:
    name = resource.id
    if resource.type == "AWS::Glue::Table":
        name = f"{resource.properties['DatabaseName']}.{resource.id}"
    elif resource.type == "AWS::KMS::Key":
        name = f"{resource.logical_id} ({resource.id})"
    elif resource.type == "AWS::S3::BucketPolicy":
        name = str(resource.properties["Bucket"])
    return f"{kind.noun} {name}"


def _about(auditor: Cloud, resource: Resource, account: str) -> Iterator[Finding]:
    kind = KINDS[resource.type]
    called, arn, mended = _called(kind, resource), kind.arn(resource), _menders(resource, account)
    if not kind.is_there(auditor, resource):
        yield Finding("missing", account, called, mended_by=mended if kind.make else (), resource=arn)
        return
    for facet, found in _differing(auditor, kind, resource):
        expected, instead = facet.tell(facet.wanted(resource), found)
        yield Finding("changed", account, f"{called}: {facet.name}", expected, instead, mended, arn)
    for grant in kind.outside(auditor, resource):
        yield Finding("foreign", account, f"{called}: a way in", found=grant, resource=arn)
    if resource.type == "AWS::Glue::Table":
        yield from find_in_partitions(auditor, resource, account)


def _menders(resource: Resource, account: str) -> tuple[str, ...]:
    if resource.type == "AWS::IAM::Role" and f"{resource.properties.get('Path', '/')}{resource.id}" == f"/{MENDER}":
        return ()  # it may not change itself: break-glass does
    if resource.type == "AWS::Glue::Table":
        # A table that is made anew has lost its partitions; enrolling registers those that the data has.
        return (
            (f"mend/{account}", f"enroll/{account}")
            if resource.properties["TableInput"].get("PartitionKeys")
            else (f"mend/{account}",)
        )
    return (f"mend/{account}",)


def _differing(auditor: Cloud, kind: Kind, resource: Resource) -> Iterator[tuple[Facet, object]]:
    for facet in kind.facets:
        wanted = facet.wanted(resource)
        found = facet.read(auditor, resource)
        if not facet.same(found, wanted):
            yield facet, found


def mend(cloud: Cloud, observed: Observed, account: Account) -> ProvisioningReport:
    """Put the resources of an account's stacks back to what their templates say. Writes only what is not so.

    Args:
        cloud: the platform's runner, which assumes the account's auditor and mender.
        observed: the organization and its stack sets.
        account: which.

    Returns:
        Each aspect that was put back; one that cannot be does not keep the others from it.
    """
    done: list[Done] = []
    mender = cloud.as_role(f"arn:aws:iam::{account.id}:role/{MENDER}", "mend")
    try:
        auditor = as_auditor(cloud, account)
    except Denied:
        auditor = _with_auditor_back(cloud, observed, account, mender)
        done.append(Done(f"put back role {AUDITOR} in {account.name}", "done"))
    for resource in list(_resources(auditor, observed, account, lambda _: None)):
        done += _put_back(auditor, mender, resource, account.name)
        if resource.type == "AWS::Glue::Table":
            done += _put_partitions_back(cloud, auditor, resource, account)
    return ProvisioningReport("mend", account.name, tuple(done))


def _put_back(auditor: Cloud, mender: Cloud, resource: Resource, account: str) -> Iterator[Done]:
    kind = KINDS[resource.type]
    called = _called(kind, resource)
    facets: Sequence[tuple[Facet, object]]
    try:
        if kind.is_there(auditor, resource):
            facets = list(_differing(auditor, kind, resource))
            if not facets:
                return
        elif kind.make is None:
            return
        else:
            kind.make(mender, resource)
            yield Done(f"make {called} in {account} again", "done")
            facets = list(_differing(auditor, kind, resource))
    except Denied:
        facets = [(each, None) for each in kind.facets]  # closed to the auditor too: everything is put back unseen
    except CloudError as error:
        yield Done(f"make {called} in {account} again", "failed", str(error))
        return
    yield from _put_facets(mender, resource, facets, f"of {called} in {account}")
    with suppress(Denied):
        # What could not be read before, the rotation of a key that waited for its deletion, can be now.
        left = [(facet, found) for facet, found in _differing(auditor, kind, resource) if facet not in dict(facets)]
        yield from _put_facets(mender, resource, left, f"of {called} in {account}")


def _put_facets(
    mender: Cloud, resource: Resource, facets: Sequence[tuple[Facet, object]], where: str
) -> Iterator[Done]:
    for facet, found in facets:
        told = f"put back {facet.name} {where}"
        try:
            facet.put(mender, resource, found)
            yield Done(told, "done")
        except SilolakeError as error:
            yield Done(told, "failed", str(error))


def _put_partitions_back(cloud: Cloud, auditor: Cloud, table: Resource, account: Account) -> Iterator[Done]:
    for values, place in list(moved(auditor, table)):
        runner = cloud.as_role(f"arn:aws:iam::{account.id}:role/lake/run/runner", "mend")
        move_back(runner, table, (values, place))
        yield Done(f"put back partition {'/'.join(values)} of {table.id} in {account.name}", "done")


def _with_auditor_back(cloud: Cloud, observed: Observed, account: Account, mender: Cloud) -> Cloud:
    """The auditor itself, whose role is named by its template, is put back before anything can be read."""
    for stack_set in observed.stack_sets.values():
        if account.id.text not in stack_set.stacks:
            continue
        for logical_id, declared in stack_set.body["Resources"].items():
            if declared["Type"] == ROLE.type and declared["Properties"].get("RoleName") == "auditor":
                named = Stack(account.id.text, cloud.region, stack_set.body, {logical_id: "auditor"})
                _restore_unseen(mender, named.resource(logical_id))
    return as_auditor(cloud, account)


def _restore_unseen(mender: Cloud, role: Resource) -> None:
    try:
        make_role(mender, role)
    except CloudError as error:
        if error.code != "EntityAlreadyExists":
            raise
    for facet in ROLE.facets:
        if facet.name in ("trust", "inline policies"):
            facet.put(mender, role, None)
