"""Throttling and delay on request: the same from the same seed, in each service's words, and off unless asked for."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from house import House, deny, document, trusts
from process import Served

from silolake.cloud import Cloud, LocalEndpoint, find_local
from silolake.errors import WrongState
from silolake.localcloud.cloud import LocalCloud
from silolake.localcloud.disturbing import Disturbance
from silolake.localcloud.engines.organizations import tree
from silolake.localcloud.engines.organizations.events import MEMBERSHIP_LISTENERS

ROLE = {"RoleName": "one", "AssumeRolePolicyDocument": document(trusts({"Service": "glue.amazonaws.com"}))}
DELAYED = Disturbance(seed=7, delay_s=1000.0)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    made = Served(tmp_path)
    made.up()
    yield made
    made.down()


def endpoint_of(served: Served) -> LocalEndpoint:
    found = find_local(served.directory)
    assert found is not None
    return found


def asked_once(cloud: Cloud, service: str, operation: str) -> str:
    """The code of one answer, nothing tried again; empty where it is no error."""
    from botocore.config import Config
    from botocore.exceptions import ClientError

    client = cloud.session.client(
        service,  # type: ignore[call-overload]
        endpoint_url=cloud.reach.endpoint,
        verify=cloud.reach.ca_bundle,
        config=Config(retries={"total_max_attempts": 1}),
    )
    try:
        getattr(client, operation)()
    except ClientError as error:
        code, headers = error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPHeaders"]
        assert (code == "SlowDown") == (headers.get("retry-after") == "1")
        return str(code)
    return ""


ASKED = (
    ("s3", "list_buckets", "SlowDown"),
    ("sts", "get_caller_identity", "Throttling"),
    ("cloudformation", "list_stacks", "Throttling"),
    ("glue", "get_databases", "ThrottlingException"),
    ("athena", "list_data_catalogs", "ThrottlingException"),
    ("organizations", "describe_organization", "TooManyRequestsException"),
)


def test_a_share_of_requests_is_throttled_in_the_services_words_and_the_same_from_the_same_seed(served: Served) -> None:
    """Our own door retries through it."""
    cloud, endpoint = served.management(), endpoint_of(served)
    cloud.call("organizations", "create_organization", FeatureSet="ALL")
    assert {asked_once(cloud, service, operation) for service, operation, _ in ASKED} == {""}
    endpoint.ask("POST", "disturb", seed=3, throttle=0.5)
    drawn = [asked_once(cloud, service, operation) for service, operation, _ in ASKED * 4]
    assert {(code, told) for (_, _, code), told in zip(ASKED * 4, drawn, strict=True) if told} == {
        (code, code) for _, _, code in ASKED
    }
    assert 6 <= sum(map(bool, drawn)) <= 18
    endpoint.ask("POST", "disturb", seed=3, throttle=0.5)
    assert [asked_once(cloud, service, operation) for service, operation, _ in ASKED * 4] == drawn
    endpoint.ask("POST", "disturb", seed=3, throttle=0.2)
    assert all(cloud.call("sts", "get_caller_identity")["Account"] == cloud.account for _ in range(10))
    endpoint.ask("POST", "disturb")
    assert {asked_once(cloud, service, operation) for service, operation, _ in ASKED} == {""}


@pytest.mark.parametrize("said", [{"throttle": 1.0}, {"throttle": -0.1}, {"delay_s": -1}, {"throttle": "much"}])
def test_what_cannot_be_disturbed_like_that_is_refused(served: Served, said: dict[str, object]) -> None:
    with pytest.raises(WrongState):
        endpoint_of(served).ask("POST", "disturb", **said)


@pytest.fixture
def told() -> Iterator[list[tuple[str, str]]]:
    """Which account is seen to move where, in the last part of its path."""
    heard: list[tuple[str, str]] = []

    def listen(_: LocalCloud, account: str, __: str, new: str) -> None:
        heard.append((account, new.rstrip("/").rsplit("/", 1)[-1]))

    MEMBERSHIP_LISTENERS.append(listen)
    yield heard
    MEMBERSHIP_LISTENERS.remove(listen)


def test_a_move_is_in_effect_after_its_delay_in_decisions_and_for_those_who_listen(
    house: House, told: list[tuple[str, str]]
) -> None:
    """Organizations itself shows it at once; the clock may be moved."""
    house.organize()
    unit, account = house.unit("silos"), house.member("ewr")
    house.attach("SERVICE", unit, deny("iam:CreateRole"))
    house.cloud.disturbances.begin(DELAYED)
    told.clear()
    house.move(account, house.root, unit)
    parents = house.ask(house.management, "organizations:ListParents", ChildId=account)["Parents"]
    assert [each["Id"] for each in parents] == [unit]
    assert house.code(house.admin(account), "iam:CreateRole", **ROLE) == ""
    assert is_in(house, account, house.root) and told == []
    house.cloud.clock.advance(499.0)
    assert is_in(house, account, house.root) and told == []
    house.cloud.clock.advance(501.0)
    assert is_in(house, account, unit)
    assert house.code(house.admin(account), "iam:CreateRole", **{**ROLE, "RoleName": "next"}) == "AccessDenied"
    until_told(told, [(account, unit)])


def test_a_move_that_is_not_in_effect_survives_a_restart(tmp_path: Path, told: list[tuple[str, str]]) -> None:
    first = House(tmp_path)
    first.organize()
    unit, account = first.unit("silos"), first.member("ewr")
    first.cloud.disturbances.begin(DELAYED)
    first.move(account, first.root, unit)
    first.cloud.close()
    told.clear()
    second = House(tmp_path)
    try:
        assert second.cloud.disturbances.present == DELAYED
        second.cloud.resume()
        assert is_in(second, account, second.root) and told == []
        second.cloud.clock.advance(1000.0)
        assert is_in(second, account, unit)
        until_told(told, [(account, unit)])
    finally:
        second.cloud.close()


def test_two_moves_before_the_first_is_in_effect_are_seen_as_one(house: House, told: list[tuple[str, str]]) -> None:
    house.organize()
    one, other, account = house.unit("one"), house.unit("other"), house.member("ewr")
    house.cloud.disturbances.begin(DELAYED)
    told.clear()
    house.move(account, house.root, one)
    house.move(account, one, other)
    assert is_in(house, account, house.root)
    house.cloud.clock.advance(1000.0)
    until_told(told, [(account, other)])


def is_in(house: House, account: str, unit: str) -> bool:
    """Whether decisions see an account hang right in a unit or the root."""
    with house.cloud.store.read() as connection:
        seen = tree.in_effect(connection, account, house.cloud.clock.now()).path
    return seen.rstrip("/").rsplit("/", 1)[-1] == unit


def until_told(told: list[tuple[str, str]], expected: list[tuple[str, str]]) -> None:
    end = time.monotonic() + 10
    while told != expected and time.monotonic() < end:
        time.sleep(0.01)
    assert told == expected
