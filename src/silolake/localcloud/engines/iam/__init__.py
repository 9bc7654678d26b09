"""IAM: roles, managed policies, and what a principal is granted.

Asked directly by others: ``permissions.grants`` at every decision, ``passing.pass_role_access`` by engines that are
handed roles, ``documents.unknown_principals`` by those that keep resource policies, ``roles`` by those that make roles
as AWS does by itself.
"""

from __future__ import annotations

from silolake.localcloud.engines.iam import (
    policy_operations,
    role_operations,
    role_policy_operations,
    service_linked,
)
from silolake.localcloud.engines.iam.plays import PLAYS
from silolake.localcloud.engines.iam.schema import SCHEMA

__all__ = ["PLAYS", "SCHEMA", "policy_operations", "role_operations", "role_policy_operations", "service_linked"]
