"""What is there, read from the resources themselves, held against what was applied; and put back.

A stack set's own record says that a stack was updated, not that nobody has touched its resources since. So each
resource of each stack is read through its own service's API, as the account's ``lake/deploy/auditor``.
"""

from silolake.provisioning.drift.accounts import find_in_accounts, mend
from silolake.provisioning.drift.extras import find_extras
from silolake.provisioning.drift.organization import find_in_organization
from silolake.provisioning.drift.sharing import find_in_sharing

__all__ = ["find_extras", "find_in_accounts", "find_in_organization", "find_in_sharing", "mend"]
