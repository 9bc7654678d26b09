"""What may be read across silos: views in analytics over tables whose partitions lie where the silos keep them.

Athena makes no view over another account's catalog, and a union of hundreds of catalogs is past a query's limits. So a
source is a table in analytics' own catalog, partitioned by silo, each partition at that silo's own location; what a
silo delivers is read by the next query, and only a silo that joins, leaves or changes its contract asks for a new
publication.
"""

from silolake.cross_silo_views.cases import play
from silolake.cross_silo_views.checking import check_view
from silolake.cross_silo_views.drifting import find_in_views
from silolake.cross_silo_views.performing import apply_step
from silolake.cross_silo_views.planning import ground_of, plan_view
from silolake.cross_silo_views.publishing import PublishReport, publish
from silolake.cross_silo_views.steps import (
    CreateView,
    DropSourceTable,
    DropView,
    PutSourcePartitions,
    PutSourceTable,
    ViewStep,
    explain,
)
from silolake.cross_silo_views.unions import compile_union

__all__ = [
    "CreateView",
    "DropSourceTable",
    "DropView",
    "PublishReport",
    "PutSourcePartitions",
    "PutSourceTable",
    "ViewStep",
    "apply_step",
    "check_view",
    "compile_union",
    "explain",
    "find_in_views",
    "ground_of",
    "plan_view",
    "play",
    "publish",
]
