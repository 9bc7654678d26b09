"""STS' quotas as of November 2026.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
"""

from __future__ import annotations

SHORTEST_SESSION_S, USUAL_SESSION_S = 900, 3_600
LONGEST_CHAINED_SESSION_S = 3_600
SESSION_POLICY_CHARACTERS = 2_048
POLICY_ARNS = 10
SESSION_TAGS = 50
PACKED_CHARACTERS = 4_096
"""What session policies, tags and ARNs may come to together. AWS packs them into a binary form that it does not
describe; here their characters are counted."""
