"""Who may do what: a pure decision engine for AWS policies.

Compile documents once, then ask:

>>> policy = compile_policy(
...     {"Version": "2012-10-17",
...      "Statement": [{"Sid": "Read", "Effect": "Allow", "Action": "s3:Get*", "Resource": "arn:aws:s3:::lake/*"}]},
...     PolicyKind.IDENTITY, "lake-read")
>>> analyst = Principal("arn:aws:iam::111111111111:role/analyst", "111111111111", "role")
>>> answer = decide(
...     Request(analyst, "s3:GetObject", Resource("arn:aws:s3:::lake/flights.csv", "111111111111")),
...     Policies(identity=(policy,)))
>>> bool(answer), str(answer.statement)
(True, 'lake-read / Read')
"""

from __future__ import annotations

from silolake.iam.compiling import compile_policy
from silolake.iam.deciding import decide
from silolake.iam.decision import Decision, LayerVerdict
from silolake.iam.errors import Fault, PolicyMalformed
from silolake.iam.faults import find_faults
from silolake.iam.near import Mismatch, NearMiss
from silolake.iam.references import StatementRef
from silolake.iam.statements import Policy
from silolake.iam.values import Effect, Policies, PolicyKind, Principal, Request, Resource

__all__ = [
    "Decision",
    "Effect",
    "Fault",
    "LayerVerdict",
    "Mismatch",
    "NearMiss",
    "Policies",
    "Policy",
    "PolicyKind",
    "PolicyMalformed",
    "Principal",
    "Request",
    "Resource",
    "StatementRef",
    "compile_policy",
    "decide",
    "find_faults",
]
