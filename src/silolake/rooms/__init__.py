"""The rooms of a workspace, read into values; every complaint names its file and line."""

from __future__ import annotations

from silolake.rooms.selectors import Selector
from silolake.rooms.values import (
    Case,
    DeclaredAccount,
    Delegation,
    Deployment,
    Endpoint,
    GuardRail,
    LocalCloud,
    Organization,
    Pipeline,
    Policy,
    Profile,
    Rooms,
    Settings,
    Source,
    StackSet,
    Step,
    Unit,
    View,
)
from silolake.rooms.workspace import check_notebooks, digest_of, find_root, load

__all__ = [
    "Case",
    "DeclaredAccount",
    "Delegation",
    "Deployment",
    "Endpoint",
    "GuardRail",
    "LocalCloud",
    "Organization",
    "Pipeline",
    "Policy",
    "Profile",
    "Rooms",
    "Selector",
    "Settings",
    "Source",
    "StackSet",
    "Step",
    "Unit",
    "View",
    "check_notebooks",
    "digest_of",
    "find_root",
    "load",
]
