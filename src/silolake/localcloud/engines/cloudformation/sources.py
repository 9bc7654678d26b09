"""Where a request's template comes from, and what is asked of it before anything is made."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from silolake.limits import TEMPLATE_AT_URL, TEMPLATE_BODY
from silolake.localcloud.call import Call
from silolake.localcloud.engines.cloudformation.errors import invalid, malformed, misused
from silolake.localcloud.engines.cloudformation.templates import Template, read_template
from silolake.localcloud.engines.cloudformation.templates.references import check, references
from silolake.localcloud.engines.cloudformation.types import TYPES
from silolake.localcloud.errors import AwsError, NotPlayed

_NAMES = {
    "AWS::IAM::Role": "RoleName",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
}


def template_text(call: Call) -> str:
    """The text a request brings, in its body or by a URL in the local S3, which is read as the caller.

    Raises:
        AwsError: ``ValidationError``; there is none, there are two, it is too long, or it cannot be read.
    """
    body, url = call.parameters.get("TemplateBody"), call.parameters.get("TemplateURL")
    if (body is None) == (url is None):
        raise invalid("Either Template URL or Template Body must be specified.")
    if body is not None:
        if not 1 <= len(body.encode()) <= TEMPLATE_BODY:
            raise invalid(
                f"1 validation error detected: Value at 'templateBody' failed to satisfy constraint: "
                f"Member must have length less than or equal to {TEMPLATE_BODY}"
            )
        return str(body)
    text = _fetched(call, str(url))
    if len(text.encode()) > TEMPLATE_AT_URL:
        raise invalid(f"Template may not exceed {TEMPLATE_AT_URL} bytes in size.")
    return text


def _fetched(call: Call, url: str) -> str:
    location = urlsplit(url)
    host, path = location.netloc, unquote(location.path.lstrip("/"))
    bucket = host.split(".s3.")[0].split(".s3-")[0] if ".s3." in host or ".s3-" in host else ""
    if not bucket:
        bucket, _, path = path.partition("/")
    if location.scheme not in ("https", "http") or not bucket or not path:
        raise invalid(f"TemplateURL must be a supported URL: {url}")
    parameters = {"Bucket": bucket, "Key": path}
    if version := parse_qs(location.query).get("versionId"):
        parameters["VersionId"] = version[0]
    try:
        answer = call.cloud.invoke(
            call.caller.through("cloudformation.amazonaws.com"), "s3", "GetObject", parameters, call.region
        )
    except AwsError as error:
        raise invalid(f"S3 error: {error.message}") from error
    content = answer["Body"].read() if hasattr(answer["Body"], "read") else answer["Body"]
    try:
        return bytes(content).decode()
    except UnicodeDecodeError:
        raise malformed("it is not UTF-8 text") from None


def checked_template(text: str) -> Template:
    """A template that can be deployed as far as its text tells.

    Raises:
        AwsError: ``ValidationError``; something in it is wrong, or of a type that is not played.
        NotPlayed: a transform.
    """
    template = read_template(text)
    if template.transforms:
        raise NotPlayed(f"CloudFormation templates with the transform {template.transforms[0]}")
    unknown = sorted({each.type for each in template.resources.values()} - TYPES.keys())
    if unknown:
        raise malformed(
            f"Unrecognized resource types: [{', '.join(unknown)}]. The silolake local cloud plays {', '.join(TYPES)}"
        )
    check(template)
    _check_attributes(template)
    return template


def _check_attributes(template: Template) -> None:
    values: list[Any] = [dict(each.properties) for each in template.resources.values()]
    values += [[each.value, each.export] for each in template.outputs.values()]
    for each in references(values):
        if each.attribute:
            type_ = TYPES[template.resources[each.name].type]
            if each.attribute not in type_.attribute_names:
                raise misused(f"resource {each.name} does not support attribute type {each.attribute} in Fn::GetAtt")


def needed_capability(template: Template) -> tuple[str, list[str]]:
    """The capability a template needs, and the types that need it; an empty one if none does.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/control-access-with-iam.html#using-iam-capabilities
    """
    roles = [each for each in template.resources.values() if each.type.startswith("AWS::IAM::")]
    if not roles:
        return "", []
    is_named = any(_NAMES.get(each.type, "") in each.properties for each in roles)
    capability = "CAPABILITY_NAMED_IAM" if is_named else "CAPABILITY_IAM"
    return capability, sorted({each.type for each in roles})


def require_capability(template: Template, given: Collection[str]) -> None:
    """Refuse a template that makes roles without being allowed to.

    Raises:
        AwsError: ``InsufficientCapabilitiesException``.
    """
    capability, _ = needed_capability(template)
    enough = {"CAPABILITY_NAMED_IAM"} | ({"CAPABILITY_IAM"} if capability == "CAPABILITY_IAM" else set())
    if capability and not enough & set(given):
        raise AwsError("InsufficientCapabilitiesException", f"Requires capabilities : [{capability}]")


def tags_of(given: Collection[Mapping[str, str]]) -> dict[str, str]:
    """Tags by their keys.

    Raises:
        AwsError: ``ValidationError``; too many, twice the same, or a reserved key.
    """
    found: dict[str, str] = {}
    for each in given:
        if each["Key"].startswith("aws:"):
            raise invalid("aws: prefixed tag key names are not allowed for external use.")
        if each["Key"] in found:
            raise invalid(f"Duplicate tag keys found: {each['Key']}")
        found[each["Key"]] = each["Value"]
    if len(found) > 50:
        raise invalid(
            "1 validation error detected: Value at 'tags' failed to satisfy constraint: "
            "Member must have length less than or equal to 50"
        )
    return found


def refuse_given(call: Call, *names: str) -> None:
    """Refuse the parameters that are not played, by name.

    Raises:
        NotPlayed: one of them is given.
    """
    for name in names:
        if call.parameters.get(name):
            raise NotPlayed(f"cloudformation:{call.operation} with {name}")
