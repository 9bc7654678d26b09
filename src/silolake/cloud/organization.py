"""The organization's tree as the cloud answers it: read once, then a value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from silolake.cloud.door import Cloud
from silolake.errors import UnknownName
from silolake.model import Account, AccountId, OuPath


@dataclass(frozen=True)
class Organization:
    """Units and accounts, where they hang and what they are tagged with.

    Attributes:
        id: ``o-…``.
        management: the management account's id.
        root: the root's path, ``o-…/r-…/``.
        root_id: ``r-…``.
        units: each unit's path, by its name; nested units are named ``parent/child``.
        accounts: the active member accounts and the management account, by name.
    """

    id: str
    management: AccountId
    root: OuPath
    root_id: str
    units: Mapping[str, OuPath]
    accounts: Mapping[str, Account]

    def account(self, name: str) -> Account:
        """The account of that name.

        Raises:
            UnknownName: there is none.
        """
        if name not in self.accounts:
            raise UnknownName("account", name, tuple(sorted(self.accounts)))
        return self.accounts[name]

    def unit(self, name: str) -> OuPath:
        """The unit of that name.

        Raises:
            UnknownName: there is none.
        """
        if name not in self.units:
            raise UnknownName("unit", name, tuple(sorted(self.units)))
        return self.units[name]

    def below(self, unit: str) -> tuple[Account, ...]:
        """The accounts in a unit and in the units beneath it, by name."""
        path = self.unit(unit)
        return tuple(each for _, each in sorted(self.accounts.items()) if path.holds(each.path))

    def units_of(self, account: Account) -> tuple[str, ...]:
        """The names of the units that an account hangs in, nearest last."""
        return tuple(
            name
            for name, path in sorted(self.units.items(), key=lambda pair: len(pair[1].text))
            if path.holds(account.path)
        )

    def name_of(self, account: str) -> str:
        """The name of an account by its id; the id itself for a stranger's."""
        return next((each.name for each in self.accounts.values() if each.id.text == account), account)


Tags = Mapping[str, str]


def read_organization(cloud: Cloud, known: Mapping[str, Tags] | None = None) -> Organization:
    """Read the whole tree. Reads only.

    Args:
        cloud: the management account's, or a delegated administrator's.
        known: account id → tags, for accounts whose tags are not to be asked for: a call each.

    Raises:
        Denied: the identity is neither the management account's nor a delegated administrator's.
    """
    about = cloud.call("organizations", "describe_organization")["Organization"]
    (root,) = cloud.call("organizations", "list_roots")["Roots"]
    top = OuPath(f"{about['Id']}/{root['Id']}/")
    units: dict[str, OuPath] = {}
    accounts: dict[str, Account] = {}
    for account in _accounts(cloud, root["Id"], top, known or {}):
        accounts[account.name] = account
    for name, unit_id, path in _units(cloud, root["Id"], "", top):
        units[name] = path
        for account in _accounts(cloud, unit_id, path, known or {}):
            accounts[account.name] = account
    return Organization(about["Id"], AccountId(about["MasterAccountId"]), top, root["Id"], units, accounts)


def _units(cloud: Cloud, parent: str, prefix: str, path: OuPath) -> Iterator[tuple[str, str, OuPath]]:
    for unit in cloud.pages(
        "organizations", "list_organizational_units_for_parent", "OrganizationalUnits", ParentId=parent
    ):
        name, below = prefix + unit["Name"], OuPath(f"{path}{unit['Id']}/")
        yield name, unit["Id"], below
        yield from _units(cloud, unit["Id"], f"{name}/", below)


def _accounts(cloud: Cloud, parent: str, path: OuPath, known: Mapping[str, Tags]) -> Iterator[Account]:
    for found in cloud.pages("organizations", "list_accounts_for_parent", "Accounts", ParentId=parent):
        if found["Status"] != "ACTIVE":
            continue
        tags = known.get(found["Id"])
        if tags is None:
            listed = cloud.pages("organizations", "list_tags_for_resource", "Tags", ResourceId=found["Id"])
            tags = {tag["Key"]: tag["Value"] for tag in listed}
        yield Account(
            name=found["Name"],
            id=AccountId(found["Id"]),
            email=found["Email"],
            path=path,
            tags=tags,
        )
