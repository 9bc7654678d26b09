"""The one door to AWS: only this package opens boto3.

Functions elsewhere take a ``Cloud`` and ask it; none reads credentials, Regions or endpoints on its own. A test
hands in a ``Cloud`` of another identity or endpoint, and nothing is patched.
"""

from silolake.cloud.door import Cloud
from silolake.cloud.local import LocalEndpoint, find_local, sign_in
from silolake.cloud.renewing import Credentials

__all__ = ["Cloud", "Credentials", "LocalEndpoint", "find_local", "sign_in"]
