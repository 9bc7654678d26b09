"""Objects sent in parts."""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from silolake.localcloud.call import Call
from silolake.localcloud.engines.s3 import checksums, objects
from silolake.localcloud.engines.s3.access import creation_access, request_tags
from silolake.localcloud.engines.s3.buckets import Bucket, bucket_of, need_bucket
from silolake.localcloud.engines.s3.conditions import check_write
from silolake.localcloud.engines.s3.description import Description, Part, check_key, described, from_json
from silolake.localcloud.engines.s3.encryption import DECRYPT, GENERATE, require_key, wanted
from silolake.localcloud.engines.s3.errors import invalid_request, malformed_xml, no_such_upload
from silolake.localcloud.engines.s3.holds import discard, holding
from silolake.localcloud.engines.s3.objects import Draft, Version
from silolake.localcloud.engines.s3.plays import PLAYS
from silolake.localcloud.engines.s3.puts import created, etag_of, refuse_unplayed
from silolake.localcloud.engines.s3.tagging import check_tags
from silolake.localcloud.errors import AwsError

SMALLEST_PART = 5 << 20
MOST_PARTS = 10_000


@dataclass(frozen=True, slots=True)
class Upload:
    """A multipart upload under way.

    Attributes:
        initiator: the ARN of who began it.
        checksum_algorithm: of its parts; empty where none was agreed on.
        checksum_type: ``COMPOSITE`` or ``FULL_OBJECT``; empty without an algorithm.
    """

    id: str
    bucket: str
    key: str
    initiator: str
    initiated_at: int
    checksum_algorithm: str
    checksum_type: str
    tags: Mapping[str, str]
    description: Description


@dataclass(frozen=True, slots=True)
class _Sent:
    number: int
    blob: str
    size: int
    md5: bytes
    etag: str
    checksums: Mapping[str, str]


def upload_of(row: sqlite3.Row) -> Upload:
    """The upload that a row of ``s3_uploads`` tells of."""
    return Upload(
        id=row["id"],
        bucket=row["bucket"],
        key=row["key"],
        initiator=row["initiator"],
        initiated_at=row["initiated_at"],
        checksum_algorithm=row["checksum_algorithm"],
        checksum_type=row["checksum_type"],
        tags=json.loads(row["tags"]),
        description=from_json(row["description"]),
    )


def need_upload(connection: sqlite3.Connection, call: Call) -> Upload:
    """The upload that a call names. Reads only.

    Raises:
        AwsError: there is none of that id for that key.
    """
    wanted_id = call.parameters["UploadId"]
    row = connection.execute(
        "SELECT * FROM s3_uploads WHERE id = ? AND bucket = ? AND key = ?",
        (wanted_id, call.parameters["Bucket"], call.parameters["Key"]),
    ).fetchone()
    if row is None:
        raise no_such_upload(wanted_id)
    return upload_of(row)


@PLAYS("CreateMultipartUpload", access=creation_access)
def create_multipart_upload(call: Call) -> dict[str, Any]:
    """Begin to send an object in parts. Writes.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateMultipartUpload.html
    """
    key = call.parameters["Key"]
    check_key(key)
    refuse_unplayed(call)
    bucket = bucket_of(call)
    encryption = wanted(call, bucket)
    description, tags = described(call, encryption), check_tags(request_tags(call))
    algorithm, kind = _checksum_agreed(call)
    require_key(call, bucket, key, encryption, GENERATE)
    upload_id = secrets.token_urlsafe(72)
    with call.cloud.store.write() as connection:
        need_bucket(connection, bucket.name)
        connection.execute(
            "INSERT INTO s3_uploads (id, bucket, key, initiator, initiated_at, checksum_algorithm, checksum_type, tags,"
            " description) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                upload_id,
                bucket.name,
                key,
                call.caller.arn,
                int(call.cloud.clock.now().timestamp()),
                algorithm,
                kind,
                json.dumps(tags),
                description.to_json(),
            ),
        )
    found = {"Bucket": bucket.name, "Key": key, "UploadId": upload_id, **encryption.output()}
    if algorithm:
        found |= {"ChecksumAlgorithm": algorithm, "ChecksumType": kind}
    return found


def _checksum_agreed(call: Call) -> tuple[str, str]:
    algorithm: str = call.parameters.get("ChecksumAlgorithm", "")
    kind: str = call.parameters.get("ChecksumType", "")
    if not algorithm:
        if kind:
            message = "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header."
            raise invalid_request(message)
        return "", ""
    checksums.running(algorithm)
    by_default = "FULL_OBJECT" if algorithm in checksums.WHOLE_ONLY else "COMPOSITE"
    kind = kind or by_default
    is_possible = algorithm not in checksums.WHOLE_ONLY if kind == "COMPOSITE" else algorithm.startswith("CRC")
    if not is_possible or kind not in ("COMPOSITE", "FULL_OBJECT"):
        message = f"The {kind} checksum type cannot be used with the {algorithm.lower()} checksum algorithm."
        raise invalid_request(message)
    return algorithm, kind


@PLAYS("CompleteMultipartUpload", access=creation_access)
def complete_multipart_upload(call: Call) -> dict[str, Any]:
    """Make one object of the parts; it is there whole, or not at all. Writes.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
    """
    bucket = bucket_of(call)
    listed = (call.parameters.get("MultipartUpload") or {}).get("Parts") or []
    with call.cloud.store.read() as connection:
        upload = need_upload(connection, call)
        check_write(connection, bucket.name, upload.key, call.parameters)
        sent = _chosen(connection, upload, listed)
    require_key(call, bucket, upload.key, upload.description.encryption, DECRYPT)
    _check_size(call, sent)
    blobs = [part.blob for part in sent]
    with _joined(call, blobs) as blob:
        sums = _sums(call, upload, sent)
        with objects.changing(call.cloud) as change:
            bucket = need_bucket(change.connection, bucket.name)
            again = _chosen(change.connection, need_upload(change.connection, call), listed)
            if [part.blob for part in again] != blobs:
                raise AwsError("OperationAborted", "A part was sent again while the upload was completed.", 409)
            check_write(change.connection, bucket.name, upload.key, call.parameters)
            version = objects.add(change, bucket, _draft(call, upload, sent, blob, sums))
            end(change, upload)
    return _answer(version, bucket)


def _answer(version: Version, bucket: Bucket) -> dict[str, Any]:
    place = {"Location": f"/{bucket.name}/{version.key}", "Bucket": bucket.name, "Key": version.key}
    return {**place, **created(version)}


def end(change: objects.Change, upload: Upload) -> None:
    """Forget an upload and its parts. Writes."""
    blobs = [b for (b,) in change.connection.execute("SELECT blob FROM s3_parts WHERE upload = ?", (upload.id,))]
    change.connection.execute("DELETE FROM s3_uploads WHERE id = ?", (upload.id,))
    change.release(blobs)


def _chosen(connection: sqlite3.Connection, upload: Upload, listed: list[Mapping[str, Any]]) -> list[_Sent]:
    """The parts that the object is to be made of, as they were sent. Reads only."""
    if not 1 <= len(listed) <= MOST_PARTS or any("PartNumber" not in each or "ETag" not in each for each in listed):
        raise malformed_xml()
    numbers = [int(each["PartNumber"]) for each in listed]
    if any(later <= earlier for earlier, later in pairwise(numbers)):
        message = "The list of parts was not in ascending order. Parts must be ordered by part number."
        raise AwsError("InvalidPartOrder", message, 400, UploadId=upload.id)
    there = {row["number"]: row for row in connection.execute("SELECT * FROM s3_parts WHERE upload = ?", (upload.id,))}
    sent: list[_Sent] = []
    for each, number in zip(listed, numbers, strict=True):
        row = there.get(number)
        sums = json.loads(row["checksums"]) if row else {}
        said = {name: value for name, value in each.items() if name.startswith("Checksum")}
        if (
            row is None
            or row["etag"] != str(each["ETag"]).strip('"')
            or any(sums.get(name) != value for name, value in said.items())
        ):
            raise AwsError(
                "InvalidPart",
                "One or more of the specified parts could not be found.  The part may not have been uploaded, or the"
                " specified entity tag may not match the part's entity tag.",
                400,
                UploadId=upload.id,
                PartNumber=number,
                ETag=str(each["ETag"]).strip('"'),
            )
        sent.append(_Sent(number, row["blob"], row["size"], bytes.fromhex(row["md5"]), row["etag"], sums))
    for part in sent[:-1]:
        if part.size < SMALLEST_PART:
            raise AwsError(
                "EntityTooSmall",
                "Your proposed upload is smaller than the minimum allowed size",
                400,
                ProposedSize=part.size,
                MinSizeAllowed=SMALLEST_PART,
                PartNumber=part.number,
                ETag=part.etag,
            )
    return sent


def _check_size(call: Call, sent: list[_Sent]) -> None:
    size, said = sum(part.size for part in sent), call.parameters.get("MpuObjectSize")
    if said is not None and int(said) != size:
        message = f"The provided 'x-amz-mp-object-size' header value {said} does not match what was computed: {size}"
        raise invalid_request(message)


@contextmanager
def _joined(call: Call, blobs: list[str]) -> Iterator[str]:
    """One blob of all parts, held while the block lasts; a single part's blob is taken as it is. Writes.

    Raises:
        AwsError: the upload ended meanwhile.
    """
    cloud = call.cloud
    with ExitStack() as stack:
        stack.enter_context(holding(cloud, *blobs))
        if len(blobs) == 1:
            yield blobs[0]
            return
        try:
            with cloud.blobs.writing() as (blob, file):
                for each in blobs:
                    with cloud.blobs.path(each).open("rb") as source:
                        shutil.copyfileobj(source, file, 1 << 20)
                stack.enter_context(holding(cloud, blob))
        except FileNotFoundError as error:
            raise no_such_upload(call.parameters["UploadId"]) from error
        try:
            yield blob
        except BaseException:
            discard(cloud, blob)
            raise


def _sums(call: Call, upload: Upload, sent: list[_Sent]) -> Mapping[str, str]:
    """The object's checksum: of the parts' checksums, or of all its bytes."""
    algorithm = upload.checksum_algorithm
    if not algorithm:
        return {}
    name = checksums.member(algorithm)
    if any(name not in part.checksums for part in sent):
        message = (
            f"The upload was created using a {algorithm.lower()} checksum."
            " The complete request must include the checksum for each part."
        )
        raise invalid_request(message)
    running = checksums.running(algorithm)
    if upload.checksum_type == "COMPOSITE":
        for part in sent:
            running.update(checksums.digest_of(part.checksums[name]))
        value = f"{checksums.written(running.digest())}-{len(sent)}"
    else:
        for part in sent:
            for piece in call.cloud.blobs.read(part.blob, 0, part.size):
                running.update(piece)
        value = checksums.written(running.digest())
    said = call.parameters.get(name)
    if said is not None and said not in (value, value.partition("-")[0]):
        raise AwsError("BadDigest", f"The {algorithm} you specified did not match the calculated checksum.", 400)
    return {name: value}


def _draft(call: Call, upload: Upload, sent: list[_Sent], blob: str, sums: Mapping[str, str]) -> Draft:
    digest = hashlib.md5(b"".join(part.md5 for part in sent), usedforsecurity=False).digest()
    return Draft(
        key=upload.key,
        blob=blob,
        size=sum(part.size for part in sent),
        etag=f"{etag_of(digest, blob, upload.description.encryption)}-{len(sent)}",
        modified_at=int(call.cloud.clock.now().timestamp()),
        tags=upload.tags,
        description=replace(
            upload.description,
            checksums=sums,
            checksum_type=upload.checksum_type if sums else "",
            parts=tuple(Part(part.number, part.size, part.checksums) for part in sent),
        ),
    )
