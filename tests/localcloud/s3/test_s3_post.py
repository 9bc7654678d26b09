"""Forms that browsers post, and the policies they are held to."""

from __future__ import annotations

import base64
import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from s3_world import World, root

from silolake.localcloud.engines.s3.post import check_post, open_form, post_object
from silolake.localcloud.errors import AwsError

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FIELDS = {"bucket": "ewr-data", "key": "in/acme/a.csv", "policy": "…", "x-amz-signature": "…"}


def _policy(*conditions: Any, expiration: str = "2126-01-01T00:00:00Z") -> str:
    document = {"expiration": expiration, "conditions": list(conditions)}
    return base64.b64encode(json.dumps(document).encode()).decode()


BUCKET = {"bucket": "ewr-data"}
ANY_KEY = ["starts-with", "$key", ""]


@pytest.mark.parametrize(
    ("policy", "more", "length", "code"),
    [
        (_policy(BUCKET, ANY_KEY), {}, 1, ""),
        (_policy(BUCKET, ["starts-with", "$key", "in/acme/"]), {}, 1, ""),
        (_policy(BUCKET, ["eq", "$key", "in/acme/a.csv"]), {}, 1, ""),
        (_policy(BUCKET, ["starts-with", "$key", "in/other/"]), {}, 1, "AccessDenied"),
        (_policy(BUCKET, {"key": "other"}), {}, 1, "AccessDenied"),
        (_policy({"bucket": "jfk-data"}, ANY_KEY), {}, 1, "AccessDenied"),
        (_policy(ANY_KEY, expiration="2025-12-31T23:59:59Z"), {}, 1, "AccessDenied"),
        (_policy(ANY_KEY, ["content-length-range", 1, 10]), {}, 10, ""),
        (_policy(ANY_KEY, ["content-length-range", 1, 10]), {}, 11, "EntityTooLarge"),
        (_policy(ANY_KEY, ["content-length-range", "1", "10"]), {}, 0, "EntityTooSmall"),
        (_policy(ANY_KEY), {"acl": "private"}, 1, "AccessDenied"),
        (_policy(ANY_KEY), {"x-ignore-this": "1"}, 1, ""),
        (_policy(ANY_KEY, {"acl": "private"}), {}, 1, "AccessDenied"),
        (_policy(ANY_KEY, ["starts-with", "$Content-Type", "image/"]), {"content-type": "image/a,image/b"}, 1, ""),
        (
            _policy(ANY_KEY, ["starts-with", "$Content-Type", "image/"]),
            {"content-type": "image/a,text/b"},
            1,
            "AccessDenied",
        ),
        (_policy(ANY_KEY, ["in", "$key", "a"]), {}, 1, "InvalidPolicyDocument"),
        (_policy(ANY_KEY, ["content-length-range", -1, 10]), {}, 1, "InvalidPolicyDocument"),
        (_policy(ANY_KEY, expiration="tomorrow"), {}, 1, "InvalidPolicyDocument"),
        (base64.b64encode(b"{}").decode(), {}, 1, "InvalidPolicyDocument"),
        ("no base64!", {}, 1, "InvalidPolicyDocument"),
    ],
)
def test_a_form_is_held_to_its_policy(policy: str, more: dict[str, str], length: int, code: str) -> None:
    """Expiration, length, each field's value, and no field that no condition covers."""
    try:
        check_post(policy, {**FIELDS, **more}, length, NOW)
    except AwsError as error:
        assert error.code == code, error
    else:
        assert code == ""


def _form(fields: dict[str, str], file: bytes, filename: str = "a.csv") -> tuple[bytes, str]:
    parts = [
        f'--edge\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    head = f'--edge\r\nContent-Disposition: form-data; name="file"; filename="{filename}"\r\n'
    parts += [f"{head}Content-Type: text/csv\r\n\r\n".encode(), file, b"\r\n"]
    behind = b'--edge\r\nContent-Disposition: form-data; name="submit"\r\n\r\nUpload\r\n--edge--\r\n'
    return b"".join(parts) + behind, "multipart/form-data; boundary=edge"


def _post(world: World, file: bytes, *conditions: Any, **fields: str) -> tuple[int, dict[str, str], Any]:
    named = {name.replace("_", "-"): value for name, value in fields.items()}
    said = {"key": "in/${filename}", "policy": _policy(BUCKET, ANY_KEY, *conditions), **named}
    body, kind = _form(said, file, filename="data/a.csv")
    form = open_form(io.BytesIO(body), kind, len(body))
    return post_object(world.cloud, root(world.ewr), "ewr-data", form)


def test_a_posted_file_is_put(world: World) -> None:
    """Under its own name without folders, with the fields' metadata; answered with nothing."""
    meta = ["eq", "$x-amz-meta-from", "acme"]
    content = bytes(range(256)) * 5000
    status, headers, body = _post(world, content, meta, x_amz_meta_from="acme")
    assert (status, body) == (204, b"")
    got = world.own("GetObject", Bucket="ewr-data", Key="in/a.csv")
    assert (got["Body"].read(), got["Metadata"]) == (content, {"from": "acme"})
    assert headers["ETag"] == got["ETag"]


def test_a_post_is_answered_as_it_asks(world: World) -> None:
    """With 201 and a document, or by a redirection that names the object."""
    said = {"key": "k", "policy": _policy(BUCKET, ANY_KEY, {"success_action_status": "201"})}
    form_body, kind = _form({**said, "success_action_status": "201"}, b"x")
    form = open_form(io.BytesIO(form_body), kind, len(form_body))
    status, headers, body = post_object(world.cloud, root(world.ewr), "ewr-data", form)
    assert status == 201
    assert b"<Key>k</Key>" in bytes(body)  # type: ignore[arg-type]
    to = "https://example.com/done?a=1"
    said = {"key": "k", "policy": _policy(BUCKET, ANY_KEY, {"success_action_redirect": to})}
    form_body, kind = _form({**said, "success_action_redirect": to}, b"x")
    form = open_form(io.BytesIO(form_body), kind, len(form_body))
    status, headers, _ = post_object(world.cloud, root(world.ewr), "ewr-data", form)
    assert status == 303
    assert headers["Location"].startswith(f"{to}&bucket=ewr-data&key=k&etag=")


@pytest.mark.parametrize(("file", "code"), [(b"x" * 2_000_000, "EntityTooLarge"), (b"x", "EntityTooSmall")])
def test_a_file_beyond_the_limits_leaves_nothing(world: World, file: bytes, code: str) -> None:
    """It is refused as it comes, whatever the request's length said."""
    with pytest.raises(AwsError) as raised:
        _post(world, file, ["content-length-range", 2, 1_000_000])
    assert raised.value.code == code
    assert world.blobs() == []


def test_a_post_needs_the_right_to_put(world: World) -> None:
    """Whoever signed the policy must have it."""
    body, kind = _form({"key": "k", "policy": _policy(BUCKET, ANY_KEY)}, b"x")
    form = open_form(io.BytesIO(body), kind, len(body))
    with pytest.raises(AwsError) as raised:
        post_object(world.cloud, root(world.jfk), "ewr-data", form)
    assert raised.value.code == "AccessDenied"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (_form({}, b"x")[0][:60], "MalformedPOSTRequest"),
        (b"nothing of the kind", "MalformedPOSTRequest"),
        (b"--edge--\r\n", "InvalidArgument"),
        (_form({"key": "x" * 30_000}, b"x")[0], "MaxPostPreDataLengthExceeded"),
    ],
)
def test_what_is_no_form_is_refused(body: bytes, code: str) -> None:
    """With S3's own codes."""
    with pytest.raises(AwsError) as raised:
        open_form(io.BytesIO(body), "multipart/form-data; boundary=edge", len(body))
    assert raised.value.code == code


def test_a_form_that_breaks_off_in_its_file_leaves_nothing(world: World) -> None:
    """A whole file or none."""
    body, kind = _form({"key": "k", "policy": _policy(BUCKET, ANY_KEY)}, b"x" * 1000)
    form = open_form(io.BytesIO(body[:700]), kind, 700)
    with pytest.raises(AwsError) as raised:
        post_object(world.cloud, root(world.ewr), "ewr-data", form)
    assert raised.value.code == "MalformedPOSTRequest"
    assert world.blobs() == []
