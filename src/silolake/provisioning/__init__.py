"""What must exist: units, accounts, guard rails and stack sets, and silos that analytics may read.

``bootstrap`` once, with the management account's credentials; ``provision`` and ``enroll`` ever after, by the
platform's runner.
"""

from silolake.provisioning.bootstrapping import bootstrap, plan_bootstrap
from silolake.provisioning.drift import mend
from silolake.provisioning.enrolling import enrolment_of, plan_enroll, products_of, steps_of
from silolake.provisioning.observing import Observed, observe
from silolake.provisioning.planning import plan_provision
from silolake.provisioning.reports import ProvisioningReport
from silolake.provisioning.steps import ProvisioningStep, explain
from silolake.provisioning.verbs import enroll, provision, withdraw

__all__ = [
    "Observed",
    "ProvisioningReport",
    "ProvisioningStep",
    "bootstrap",
    "enroll",
    "enrolment_of",
    "explain",
    "mend",
    "observe",
    "plan_bootstrap",
    "plan_enroll",
    "plan_provision",
    "products_of",
    "provision",
    "steps_of",
    "withdraw",
]
