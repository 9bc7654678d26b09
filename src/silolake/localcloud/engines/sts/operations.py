"""Who one is, and what is not for sessions of roles."""

from __future__ import annotations

import binascii
from typing import Any

from silolake.localcloud.call import Access, Call, nothing
from silolake.localcloud.engines.sts.plays import PLAYS
from silolake.localcloud.errors import AwsError, NotPlayed
from silolake.localcloud.sessions import account_of


def _on_anything(call: Call) -> tuple[Access, ...]:
    return (Access(f"sts:{call.operation}", "*", call.account),)


# AWS lets a caller ask this even where its policies deny it.
@PLAYS("GetCallerIdentity", access=nothing)
def get_caller_identity(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html"""
    principal = call.caller.principal
    if principal.kind == "anonymous":
        raise AwsError("MissingAuthenticationToken", "Request is missing Authentication Token", 403)
    return {"UserId": principal.user_id or principal.account, "Account": principal.account, "Arn": call.caller.arn}


@PLAYS("GetAccessKeyInfo", access=_on_anything)
def get_access_key_info(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/STS/latest/APIReference/API_GetAccessKeyInfo.html"""
    try:
        return {"Account": account_of(call.parameters["AccessKeyId"])}
    except (ValueError, binascii.Error) as error:
        raise AwsError("ValidationError", f"The access key id is not valid: {error}") from error


@PLAYS("GetSessionToken", access=nothing, differs="Only its refusal of role sessions is played; there are no users.")
def get_session_token(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html"""
    if call.caller.principal.session_arn:
        raise AwsError("AccessDenied", "Cannot call GetSessionToken with session credentials", 403)
    raise NotPlayed("sts:GetSessionToken for the root user")
