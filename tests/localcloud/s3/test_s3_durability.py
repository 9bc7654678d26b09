"""What was acknowledged stays; what was not leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from s3_world import World

from silolake.localcloud.cloud import LocalCloud
from silolake.localcloud.engines import s3
from silolake.localcloud.engines.s3.holds import discard, holding, sweep


def test_objects_are_there_after_a_restart(world: World, open_cloud: Callable[[], LocalCloud]) -> None:
    """With their versions, uploads and settings."""
    world.own("PutBucketVersioning", Bucket="ewr-data", VersioningConfiguration={"Status": "Enabled"})
    first = world.put("k", b"1")["VersionId"]
    world.put("k", b"2")
    upload = world.own("CreateMultipartUpload", Bucket="ewr-data", Key="big")["UploadId"]
    world.own("UploadPart", Bucket="ewr-data", Key="big", UploadId=upload, PartNumber=1, Body=b"part")
    world.cloud.close()
    again = World(open_cloud(), world.ewr, world.jfk)
    s3.resume(again.cloud)
    assert (again.read("k"), again.read("k", VersionId=first)) == (b"2", b"1")
    assert len(again.own("ListParts", Bucket="ewr-data", Key="big", UploadId=upload)["Parts"]) == 1


_WRITER = """
    import os, signal, sys
    from pathlib import Path
    from silolake.iam import Principal
    from silolake.localcloud import engines
    from silolake.localcloud.call import Caller
    from silolake.localcloud.cloud import LocalCloud
    from silolake.localcloud.engines.s3 import objects

    engines.SERVICES = ("organizations", "sts", "iam", "kms", "s3")
    cloud = LocalCloud(Path(sys.argv[1]), "us-east-1")
    account, when = sys.argv[2], sys.argv[3]
    me = Caller(Principal(f"arn:aws:iam::{account}:root", account, "root"))

    def put(body):
        cloud.invoke(me, "s3", "PutObject", {"Bucket": "ewr-data", "Key": "k", "Body": body})

    def die(*_):
        os.kill(os.getpid(), signal.SIGKILL)

    class Dying:
        def read(self, size):
            die()

    put(b"acknowledged")
    match when:
        case "while the body comes":
            put(Dying())
        case "before the row is committed":
            objects.add = die
            put(b"never acknowledged")
        case "before the old bytes are removed":
            objects.discard = die
            put(b"committed")
"""


@pytest.mark.parametrize(
    ("when", "left", "read"),
    [
        ("while the body comes", 1, b"acknowledged"),
        ("before the row is committed", 2, b"acknowledged"),
        ("before the old bytes are removed", 2, b"committed"),
    ],
)
def test_a_killed_put_is_whole_or_was_never(
    world: World, open_cloud: Callable[[], LocalCloud], when: str, left: int, read: bytes
) -> None:
    """kill -9 at any point: the next start reads one whole object and sweeps what belongs to none."""
    directory = world.cloud.directory
    world.cloud.close()
    killed = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(_WRITER), str(directory), world.ewr, when],
        env={**os.environ, "PYTHONPATH": str(Path(s3.__file__).parents[4])},
        check=False,
        capture_output=True,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    assert len(world.blobs()) == left
    again = World(open_cloud(), world.ewr, world.jfk)
    s3.resume(again.cloud)
    assert again.read("k") == read
    assert len(again.blobs()) == 1
    assert list((directory / "blobs" / "passing").iterdir()) == []


def test_sweeping_spares_what_is_being_put(world: World) -> None:
    """A sweep that runs while sixty-four objects arrive takes none of them."""
    stop = threading.Event()
    swept: list[int] = []

    def go_on_sweeping() -> None:
        while not stop.is_set():
            swept.append(sweep(world.cloud))

    thread = threading.Thread(target=go_on_sweeping)
    thread.start()
    for number in range(64):
        world.put(f"k{number}", b"%d" % number)
    stop.set()
    thread.join()
    assert sum(swept) == 0
    assert [world.read(f"k{number}") for number in range(64)] == [b"%d" % number for number in range(64)]


def test_a_held_blob_stays_until_it_is_let_go(world: World) -> None:
    """However often it is held."""
    world.put("k")
    (path,) = world.blobs()
    with holding(world.cloud, path.name):
        with holding(world.cloud, path.name):
            world.own("DeleteObject", Bucket="ewr-data", Key="k")
            discard(world.cloud, path.name)
        assert path.exists()
        assert sweep(world.cloud) == 0
    assert not path.exists()
