"""IAM's quotas as of November 2026.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
White space does not count towards a policy's size.
"""

from __future__ import annotations

ROLE_INLINE_CHARACTERS = 10_240
"""All inline policies of a role together."""

MANAGED_POLICY_CHARACTERS = 6_144
TRUST_POLICY_CHARACTERS = 2_048
MANAGED_POLICIES_PER_ROLE = 10
VERSIONS_PER_POLICY = 5
TAGS_PER_ENTITY = 50
SHORTEST_SESSION_S, LONGEST_SESSION_S = 3_600, 43_200
