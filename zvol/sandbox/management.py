"""What a management node reports about itself: version, clock and time zone."""

# ruff: noqa: ARG001  (all handlers have the same parameters)

from __future__ import annotations

from typing import Final

from zvol.sandbox import wire
from zvol.sandbox.api import Api, Body, Call, Reply, query
from zvol.sandbox.node import Node
from zvol.sandbox.store import Tx


def _time_zone(node: Node, tx: Tx, call: Call) -> Body:
    zone = node.switches.zone
    return {"offset": wire.offset_text(zone, tx.now), "timezone": zone, "success": True}


def _version(node: Node, tx: Tx, call: Call) -> Body:
    return {"success": True, "version": node.release.number}


def _current_time(node: Node, tx: Tx, call: Call) -> Body:
    return {"currentTime": {"MillionSeconds": int(tx.time * 1000), "Seconds": tx.now}, "success": True}


_JAVA: Final = "org.zstack.header.managementnode.APIQueryManagementNodeMsg"

APIS: Final = (
    query("queryManagementNode", "/v1/management-nodes", "node", _JAVA),
    query(
        "queryManagementNode",
        "/v1/management-nodes/{uuid}",
        "node",
        _JAVA,
        known=lambda release: not release.time_zone_api,  # the route that matches platform-timezone there
    ),
    Api(
        "getPlatformTimeZone",
        "GET",
        "/v1/management-nodes/platform-timezone",
        Reply(_time_zone, session=False),
        known=lambda release: release.time_zone_api,
    ),
    Api("getVersion", "PUT", "/v1/management-nodes/actions", Reply(_version, session=False), auth=False),
    Api("getCurrentTime", "PUT", "/v1/management-nodes/actions", Reply(_current_time, session=False), auth=False),
)
