"""What AWS allows at most, in one table. As its pages said in November 2026; adjustable quotas as they are unasked.

Sources, by the letter that stands behind each line:

- I: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
- T: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
- O: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html
- S: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-policies.html
- K: https://docs.aws.amazon.com/kms/latest/developerguide/resource-limits.html
- G: https://docs.aws.amazon.com/glue/latest/webapi/API_PutResourcePolicy.html
- C: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
- A: https://docs.aws.amazon.com/athena/latest/ug/service-limits.html
"""

from __future__ import annotations

# Policies, in characters. IAM does not count white space; Organizations does, for what is put through the API.
ROLE_INLINE_POLICIES = 10_240  # I: all of a role together
MANAGED_POLICY = 6_144  # I
TRUST_POLICY = 2_048  # I
SESSION_POLICY = 2_048  # T
SERVICE_CONTROL_POLICY = 10_240  # O: 5,120 until 2026
RESOURCE_CONTROL_POLICY = 5_120  # O
DELEGATION_POLICY = 40_000  # O: the organization's own resource policy
BUCKET_POLICY = 20 * 1024  # S: bytes
KEY_POLICY = 32 * 1024  # K: bytes
CATALOG_POLICY = 10 * 1024  # G: bytes

# How many.
MANAGED_POLICIES_PER_ROLE = 10  # I
VERSIONS_PER_POLICY = 5  # I
TAGS_PER_ENTITY = 50  # I, O: roles and policies; accounts, units, the organization's policies
SERVICE_CONTROL_POLICIES_PER_TARGET = 10  # O: 5 until 2026
RESOURCE_CONTROL_POLICIES_PER_TARGET = 5  # O
SERVICE_CONTROL_POLICIES = 10_000  # O
RESOURCE_CONTROL_POLICIES = 1_000  # O
UNITS_DEEP = 5  # O
UNITS_PER_ORGANIZATION = 2_000  # O

# Sessions.
SHORTEST_ROLE_SESSION_S, LONGEST_ROLE_SESSION_S = 3_600, 43_200  # I: what a role may allow at most
SHORTEST_SESSION_S, USUAL_SESSION_S = 900, 3_600  # T
LONGEST_CHAINED_SESSION_S = 3_600  # T: a role assumed by a role
SESSION_POLICY_ARNS = 10  # T
SESSION_TAGS = 50  # T
# T: session policies, tags and ARNs together. AWS packs them into a binary form that it does not describe; the local
# cloud counts their characters.
PACKED_SESSION = 4_096

# Templates and statements, in bytes.
TEMPLATE_BODY = 51_200  # C: handed over whole
TEMPLATE_AT_URL = 1_000_000  # C
QUERY = 262_144  # A
