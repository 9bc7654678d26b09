"""One lake for the tests of this folder: two airports, a registry, analytics."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from view_desk import FLIGHTS, PLANES, ROOT, WEATHER, Lake

from silolake.cloud import find_local, sign_in
from silolake.cross_silo_views import check_view
from silolake.localcloud.server import Ports, running
from silolake.rooms import Rooms, load


@pytest.fixture(scope="session")
def rooms() -> Rooms:
    """The rooms of this repository, the view's SQL judged."""
    return load(ROOT, view_check=check_view)


@pytest.fixture(scope="module")
def lake(rooms: Rooms, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    """Each module its own."""
    directory = tmp_path_factory.mktemp("lake")
    with running(directory, Ports(0, 0), "us-east-1", threading.Event()):
        endpoint = find_local(directory)
        assert endpoint is not None
        management = sign_in(endpoint, "management", "Administrator")
        management.call("organizations", "create_organization", FeatureSet="ALL")
        (root,) = management.call("organizations", "list_roots")["Roots"]
        units = {}
        for unit in ("platform", "silos", "analytics", "departed"):
            made = management.call("organizations", "create_organizational_unit", ParentId=root["Id"], Name=unit)
            units[unit] = made["OrganizationalUnit"]["Id"]
        lake = Lake(endpoint, management, rooms, units)
        lake.join("platform", "platform")
        assert lake.analytics.account
        for silo, number in (("ewr", 1545), ("jfk", 1141)):
            lake.make_silo(silo, kind="airport")
            origin = silo.upper()
            lake.fill(
                silo,
                "flights",
                f"{FLIGHTS}2013,1,1,517,515,2,830,819,11,UA,{number},N14228,{origin},IAH,227,1400,5,15,2013-01-01T10:00:00Z\n",
            )
            lake.fill(
                silo,
                "weather",
                f"{WEATHER}{origin},2013,1,1,5,39.02,26.06,59.37,270,10.35702,NA,0,1011.9,10,2013-01-01T10:00:00Z\n",
            )
        lake.make_silo("fleet", kind="registry")
        lake.fill("fleet", "planes", f"{PLANES}N14228,1999,Fixed wing multi engine,BOEING,737-824,2,149,NA,Turbo-fan\n")
        yield lake
