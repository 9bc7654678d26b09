"""AWS Organizations' quotas as of November 2026.

https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html
"""

from __future__ import annotations

from silolake.localcloud.engines.organizations.policy_types import RESOURCE_CONTROL, SERVICE_CONTROL

POLICY_CHARACTERS = {SERVICE_CONTROL: 10_240, RESOURCE_CONTROL: 5_120}
"""White space counts, for a policy that is put through the API."""

POLICIES_PER_TARGET = {SERVICE_CONTROL: 10, RESOURCE_CONTROL: 5}
POLICIES_PER_ORGANIZATION = {SERVICE_CONTROL: 10_000, RESOURCE_CONTROL: 1_000}
UNITS_DEEP = 5
UNITS_PER_ORGANIZATION = 2_000
TAGS_PER_RESOURCE = 50
RESOURCE_POLICY_CHARACTERS = 40_000
