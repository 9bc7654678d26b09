"""CloudFormation's own error codes, as its clients know them.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/CommonErrors.html
"""

from __future__ import annotations

from silolake.localcloud.errors import AwsError


def invalid(message: str) -> AwsError:
    """The answer to nearly every wrong request: ``ValidationError``."""
    return AwsError("ValidationError", message, 400)


def malformed(message: str) -> AwsError:
    """A template that cannot be read as one."""
    return invalid(f"Template format error: {message}")


def misused(message: str) -> AwsError:
    """A template that can be read, and says something impossible."""
    return invalid(f"Template error: {message}")
