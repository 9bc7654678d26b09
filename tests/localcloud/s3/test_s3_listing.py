"""Listing keys, versions and uploads, page by page."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_plus

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from s3_world import World

from silolake.localcloud.engines.s3.listing import Asked, page, start_after, walk
from silolake.localcloud.engines.s3.objects import successor

Ask = Callable[..., dict[str, Any]]
KEYS = ["a/1", "a/2", "a/b/3", "a0", "b", "ü/1", "ü/2", "\U0001f600", "z z+z"]


def _keys(answer: dict[str, Any]) -> list[str]:
    return [each["Key"] for each in answer.get("Contents", [])]


def _prefixes(answer: dict[str, Any]) -> list[str]:
    return [each["Prefix"] for each in answer.get("CommonPrefixes", [])]


@pytest.fixture
def filled(world: World) -> World:
    for key in KEYS:
        world.put(key, b"")
    return world


def test_keys_come_in_the_order_of_their_utf8_bytes(filled: World) -> None:
    """Not in that of UTF-16, which would put an emoji elsewhere."""
    listed = _keys(filled.own("ListObjectsV2", Bucket="ewr-data"))
    assert listed == sorted(KEYS, key=lambda key: key.encode())


def test_a_delimiter_rolls_keys_up(filled: World) -> None:
    """Once below the root, once below a prefix."""
    top = filled.own("ListObjectsV2", Bucket="ewr-data", Delimiter="/")
    assert (_keys(top), _prefixes(top)) == (["a0", "b", "z z+z", "\U0001f600"], ["a/", "ü/"])
    assert top["KeyCount"] == 6
    below = filled.own("ListObjectsV2", Bucket="ewr-data", Delimiter="/", Prefix="a/")
    assert (_keys(below), _prefixes(below)) == (["a/1", "a/2"], ["a/b/"])


@pytest.mark.parametrize("most", [1, 2, 3, 1000])
def test_pages_join_to_the_whole(filled: World, most: int) -> None:
    """Whatever a page holds, each key and each common prefix comes once."""
    keys, prefixes, token = [], [], {}
    while True:
        got = filled.own("ListObjectsV2", Bucket="ewr-data", Delimiter="/", MaxKeys=most, **token)
        keys += _keys(got)
        prefixes += _prefixes(got)
        if not got["IsTruncated"]:
            break
        token = {"ContinuationToken": got["NextContinuationToken"]}
    assert (keys, prefixes) == (["a0", "b", "z z+z", "\U0001f600"], ["a/", "ü/"])


def test_the_first_way_of_listing_goes_on_by_marker(filled: World) -> None:
    """NextMarker is said only where keys are rolled up."""
    first = filled.own("ListObjects", Bucket="ewr-data", MaxKeys=1, Delimiter="/")
    assert (first["NextMarker"], _prefixes(first)) == ("a/", ["a/"])
    second = filled.own("ListObjects", Bucket="ewr-data", MaxKeys=1, Delimiter="/", Marker=first["NextMarker"])
    assert _keys(second) == ["a0"]
    assert "NextMarker" not in filled.own("ListObjects", Bucket="ewr-data", MaxKeys=1)


def test_keys_are_percent_encoded_on_request(filled: World) -> None:
    """So that a client can decode them as forms are decoded."""
    got = filled.own("ListObjectsV2", Bucket="ewr-data", EncodingType="url", StartAfter="b")
    assert got["EncodingType"] == "url"
    assert _keys(got)[0] == "z+z%2Bz"
    assert [unquote_plus(key) for key in _keys(got)] == sorted((k for k in KEYS if k > "b"), key=str.encode)


def test_start_after_is_left_out_itself(filled: World) -> None:
    """Strictly behind it."""
    assert _keys(filled.own("ListObjectsV2", Bucket="ewr-data", StartAfter="a/2", MaxKeys=1)) == ["a/b/3"]


def test_a_page_of_none_ends_the_listing(filled: World) -> None:
    """max-keys 0 is an empty, complete answer; a false token and a negative number are refused."""
    got = filled.own("ListObjectsV2", Bucket="ewr-data", MaxKeys=0)
    assert (got["IsTruncated"], got["KeyCount"]) == (False, 0)
    filled.refused("InvalidArgument", "ListObjectsV2", Bucket="ewr-data", MaxKeys=-1)
    filled.refused("InvalidArgument", "ListObjectsV2", Bucket="ewr-data", ContinuationToken="made up")


def test_versions_are_listed_newest_first_and_page_within_a_key(world: World) -> None:
    """Pages of one join to the whole, delete markers among them."""
    world.own("PutBucketVersioning", Bucket="ewr-data", VersioningConfiguration={"Status": "Enabled"})
    ids = [world.put("k", b"%d" % number)["VersionId"] for number in range(3)]
    marker = world.own("DeleteObject", Bucket="ewr-data", Key="k")["VersionId"]
    world.put("l")
    found, go_on = [], {}
    while True:
        got = world.own("ListObjectVersions", Bucket="ewr-data", MaxKeys=1, **go_on)
        found += [each["VersionId"] for name in ("Versions", "DeleteMarkers") for each in got.get(name, [])]
        if not got["IsTruncated"]:
            break
        go_on = {"KeyMarker": got["NextKeyMarker"], "VersionIdMarker": got["NextVersionIdMarker"]}
    assert found[:4] == [marker, *reversed(ids)]
    assert len(found) == 5


def test_deleted_objects_are_not_listed(world: World) -> None:
    """Their versions are."""
    world.own("PutBucketVersioning", Bucket="ewr-data", VersioningConfiguration={"Status": "Enabled"})
    world.put("k")
    world.own("DeleteObject", Bucket="ewr-data", Key="k")
    assert _keys(world.own("ListObjectsV2", Bucket="ewr-data")) == []
    assert len(world.own("ListObjectVersions", Bucket="ewr-data")["Versions"]) == 1


def _rolled_up(keys: list[str], asked: Asked, start: str) -> list[str]:
    """What a listing is, said the long way."""
    found: list[str] = []
    for key in sorted(keys, key=str.encode):
        if not key.startswith(asked.prefix) or key.encode() < start.encode():
            continue
        cut = key.find(asked.delimiter, len(asked.prefix)) if asked.delimiter else -1
        entry = key if cut < 0 else key[: cut + len(asked.delimiter)]
        if entry not in found:
            found.append(entry)
    return found


_TEXT = st.text(alphabet="ab/ü\ud7ff\U0010ffff", max_size=6)


@given(st.sets(_TEXT.filter(bool), max_size=20), _TEXT, st.sampled_from(["", "/", "b", "//"]), st.integers(1, 5))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_walking_by_skips_finds_what_rolling_up_all_keys_finds(
    keys: set[str], prefix: str, delimiter: str, most: int
) -> None:
    """For any keys, prefix, delimiter and page size."""
    ordered = sorted(keys, key=str.encode)

    def fetch(at: str) -> Any:
        return ({"key": key} for key in ordered if key.startswith(prefix) and key.encode() >= at.encode())

    asked = Asked(prefix, delimiter, most, False)
    expected = _rolled_up(ordered, asked, "")
    assert [each if isinstance(each, str) else each["key"] for each in walk(fetch, asked, "")] == expected
    shown: list[str] = []
    start = ""
    while True:
        got = page(fetch, asked, start)
        shown += [*[row["key"] for row in got.rows], *got.prefixes]
        if not got.is_truncated:
            break
        start = start_after(got.last, asked) if not got.ends_in_prefix else successor(got.last) or got.last + "\0"
    assert sorted(shown) == sorted(expected)
    assert len(shown) == len(expected)


def test_a_listing_skips_what_lies_below_a_common_prefix(world: World) -> None:
    """A thousand keys, or a hundred prefixes of two hundred keys each, are a page in a few hundredths of a second."""
    with world.cloud.store.write() as connection:
        connection.executemany(
            "INSERT INTO s3_versions (bucket, key, version_id, is_latest, is_delete_marker, blob, size, etag,"
            " modified_at, tags, description) VALUES ('ewr-data', ?, 'null', 1, 0, NULL, 1, 'e', 1, '{}', '{}')",
            [(f"p{number // 200:03}/k{number % 200:03}",) for number in range(20_000)],
        )
    for asked in ({}, {"Delimiter": "/"}):
        world.own("ListObjectsV2", Bucket="ewr-data", **asked)
        begun = time.process_time()
        got = world.own("ListObjectsV2", Bucket="ewr-data", **asked)
        assert time.process_time() - begun < 0.15
        assert got["KeyCount"] == (100 if asked else 1000)
