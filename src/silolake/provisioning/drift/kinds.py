"""Every type of resource that is read and put back, by CloudFormation's name of it."""

from __future__ import annotations

from silolake.provisioning.drift.buckets import BUCKET, BUCKET_POLICY
from silolake.provisioning.drift.catalogs import DATABASE, TABLE, WORKGROUP
from silolake.provisioning.drift.facets import Kind
from silolake.provisioning.drift.keys import ALIAS, KEY
from silolake.provisioning.drift.roles import ROLE

KINDS: dict[str, Kind] = {
    each.type: each for each in (BUCKET, BUCKET_POLICY, KEY, ALIAS, ROLE, DATABASE, TABLE, WORKGROUP)
}
