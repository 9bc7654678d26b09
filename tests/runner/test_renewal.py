"""An identity outlives its session: asked for anew in time, and where the cloud says that it has ended."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from silolake.cloud import Cloud, Credentials, LocalEndpoint, find_local, sign_in
from silolake.errors import CloudError
from silolake.localcloud.server import Ports, running

AN_HOUR = 3601


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEndpoint]:
    """A local cloud whose clock is nobody else's."""
    directory = tmp_path_factory.mktemp("renewal")
    with running(directory, Ports(0, 0), "us-east-1", threading.Event()):
        endpoint = find_local(directory)
        assert endpoint is not None
        yield endpoint


def test_a_sign_in_outlives_its_session(own: LocalEndpoint) -> None:
    """By the client's own watch the session has most of its hour yet; the cloud's clock decides."""
    cloud = sign_in(own, "management", "Administrator")
    cloud.call("s3", "create_bucket", Bucket="outlived")
    before = cloud.frozen()
    own.ask("POST", "clock", seconds=AN_HOUR)
    assert [each["Name"] for each in cloud.call("s3", "list_buckets")["Buckets"]] == ["outlived"]
    assert cloud.frozen().access_key != before.access_key
    own.ask("POST", "clock", seconds=AN_HOUR)
    # A JSON service, a listing page by page, an upload's body, what an analyst's own libraries ask.
    assert cloud.call("glue", "get_databases")["DatabaseList"] == []
    own.ask("POST", "clock", seconds=AN_HOUR)
    assert list(cloud.pages("s3", "list_objects_v2", "Contents", Bucket="outlived")) == []
    own.ask("POST", "clock", seconds=AN_HOUR)
    cloud.call("s3", "put_object", Bucket="outlived", Key="a", Body=b"x" * 100_000)
    assert b"".join(cloud.stream(Bucket="outlived", Key="a")) == b"x" * 100_000


def test_a_role_outlives_its_session_and_keeps_its_name_and_tags(own: LocalEndpoint) -> None:
    """So does the one behind it."""
    management = sign_in(own, "management", "Administrator")
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": management.account},
        "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"],
    }
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    made = management.call("iam", "create_role", RoleName="patient", AssumeRolePolicyDocument=trust)["Role"]
    patient = management.as_role(made["Arn"], "waiting", source_identity="abc", tags={"run": "1"})
    who = patient.call("sts", "get_caller_identity")["Arn"]
    own.ask("POST", "clock", seconds=AN_HOUR)
    assert patient.call("sts", "get_caller_identity")["Arn"] == who
    assert who.endswith("assumed-role/patient/waiting")


def test_what_is_about_to_end_is_renewed_before_it_is_used(own: LocalEndpoint) -> None:
    """No call has to fail first."""
    good = sign_in(own, "management", "Administrator").frozen()
    asked: list[Credentials] = []

    def renew() -> Credentials:
        asked.append(good)
        return good

    ending = replace(good, access_key="ASIA" + "Q" * 16, expires_at=datetime.now(UTC) + timedelta(minutes=1))
    cloud = Cloud(own.reach, ending, renew=renew)
    assert cloud.call("sts", "get_caller_identity")["Arn"].endswith("/local")
    assert len(asked) == 1
    assert cloud.frozen() == good


def test_credentials_without_a_way_to_renew_them_end(own: LocalEndpoint) -> None:
    """And an error that is none of expiry is not tried again in a new session."""
    signed_in = sign_in(own, "management", "Administrator")
    plain = Cloud(own.reach, signed_in.frozen())
    own.ask("POST", "clock", seconds=AN_HOUR)
    with pytest.raises(CloudError) as ended:
        plain.call("s3", "list_buckets")
    assert ended.value.code == "ExpiredToken"
    signed_in.call("s3", "list_buckets")
    held = signed_in.frozen()
    with pytest.raises(CloudError) as missing:
        signed_in.call("s3", "list_objects_v2", Bucket="none-such-bucket")
    assert missing.value.code == "NoSuchBucket"
    assert signed_in.frozen() == held
