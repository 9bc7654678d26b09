"""S3's errors, in its words.

https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""

from __future__ import annotations

from silolake.localcloud.errors import AwsError


def no_such_bucket(name: str) -> AwsError:
    """No bucket of that name, in any account."""
    return AwsError("NoSuchBucket", "The specified bucket does not exist", 404, BucketName=name)


def no_such_key(key: str) -> AwsError:
    """No current object under that key."""
    return AwsError("NoSuchKey", "The specified key does not exist.", 404, Key=key)


def no_such_version(key: str, version_id: str) -> AwsError:
    """The key has no such version."""
    return AwsError("NoSuchVersion", "The specified version does not exist.", 404, Key=key, VersionId=version_id)


def no_such_upload(upload_id: str) -> AwsError:
    """The multipart upload never was, or has ended."""
    return AwsError(
        "NoSuchUpload",
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or"
        " completed.",
        404,
        UploadId=upload_id,
    )


def not_allowed_here(key: str, is_delete_marker: bool = True) -> AwsError:
    """A delete marker can only be deleted."""
    kind = "DeleteMarker" if is_delete_marker else "Object"
    return AwsError(
        "MethodNotAllowed",
        "The specified method is not allowed against this resource.",
        405,
        ResourceType=kind,
        Key=key,
    )


def precondition_failed(condition: str) -> AwsError:
    """A condition of the request does not hold."""
    return AwsError(
        "PreconditionFailed", "At least one of the pre-conditions you specified did not hold", 412, Condition=condition
    )


def invalid_argument(message: str, name: str, value: object) -> AwsError:
    """One parameter's value cannot be."""
    return AwsError("InvalidArgument", message, 400, ArgumentName=name, ArgumentValue=value)


def invalid_request(message: str) -> AwsError:
    """Parameters that do not go together."""
    return AwsError("InvalidRequest", message, 400)


def malformed_xml() -> AwsError:
    """A document that S3's schema does not allow."""
    return AwsError(
        "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema", 400
    )


def access_denied(message: str = "Access Denied") -> AwsError:
    """Refused, for a reason other than IAM's own."""
    return AwsError("AccessDenied", message, 403)


def entity_too_large(largest: int) -> AwsError:
    """More bytes than one request may send."""
    message = "Your proposed upload exceeds the maximum allowed size"
    return AwsError("EntityTooLarge", message, 400, MaxSizeAllowed=largest)
