"""Which API answers on which path: an exact path first, then the first pattern that fits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Api:
    """One API.  `kind` is query, sync or async; `auth` is false where no Authorization header is looked at.

    `resource` is what a query asks for.  `lists` may come several times in a query string, `ints` are whole numbers.
    """

    name: str
    method: str
    path: str
    kind: str = "async"
    resource: str = ""
    java: str = ""
    auth: bool = True
    lists: tuple[str, ...] = ()
    ints: tuple[str, ...] = ()


def _query(name: str, path: str, resource: str) -> Api:
    return Api(name, "GET", path, "query", resource)


_VOLUME: Final = "org.zstack.header.volume."
_IDENTITY: Final = "org.zstack.header.identity."

APIS: Final = (
    _query("queryVolume", "/v1/volumes", "volume"),
    _query("queryVolume", "/v1/volumes/{uuid}", "volume"),
    Api("createDataVolume", "POST", "/v1/volumes/data", java=_VOLUME + "APICreateDataVolumeMsg", ints=("diskSize",)),
    Api("getVolumeFormat", "GET", "/v1/volumes/formats", "sync"),
    Api("deleteDataVolume", "DELETE", "/v1/volumes/{uuid}", java=_VOLUME + "APIDeleteDataVolumeMsg"),
    Api("recoverDataVolume", "PUT", "/v1/volumes/{uuid}/actions", java=_VOLUME + "APIRecoverDataVolumeMsg"),
    Api("expungeDataVolume", "PUT", "/v1/volumes/{uuid}/actions", java=_VOLUME + "APIExpungeDataVolumeMsg"),
    Api("updateVolume", "PUT", "/v1/volumes/{uuid}/actions", java=_VOLUME + "APIUpdateVolumeMsg"),
    Api("changeVolumeState", "PUT", "/v1/volumes/{uuid}/actions", java=_VOLUME + "APIChangeVolumeStateMsg"),
    Api("syncVolumeSize", "PUT", "/v1/volumes/{uuid}/actions", java=_VOLUME + "APISyncVolumeSizeMsg"),
    Api(
        "attachDataVolumeToVm",
        "POST",
        "/v1/volumes/{volumeUuid}/vm-instances/{vmInstanceUuid}",
        java=_VOLUME + "APIAttachDataVolumeToVmMsg",
    ),
    Api(
        "detachDataVolumeFromVm",
        "DELETE",
        "/v1/volumes/{uuid}/vm-instances",
        java=_VOLUME + "APIDetachDataVolumeFromVmMsg",
    ),
    Api(
        "createVolumeSnapshot",
        "POST",
        "/v1/volumes/{volumeUuid}/volume-snapshots",
        java=_VOLUME + "APICreateVolumeSnapshotMsg",
    ),
    _query("queryVolumeSnapshot", "/v1/volume-snapshots", "snapshot"),
    _query("queryVolumeSnapshot", "/v1/volume-snapshots/{uuid}", "snapshot"),
    _query("queryVmInstance", "/v1/vm-instances", "vm"),
    _query("queryVmInstance", "/v1/vm-instances/{uuid}", "vm"),
    Api("destroyVmInstance", "DELETE", "/v1/vm-instances/{uuid}", java="org.zstack.header.vm.APIDestroyVmInstanceMsg"),
    Api(
        "recoverVmInstance",
        "PUT",
        "/v1/vm-instances/{uuid}/actions",
        java="org.zstack.header.vm.APIRecoverVmInstanceMsg",
    ),
    _query("queryPrimaryStorage", "/v1/primary-storage", "storage"),
    Api(
        "deletePrimaryStorage",
        "DELETE",
        "/v1/primary-storage/{uuid}",
        java="org.zstack.header.storage.primary.APIDeletePrimaryStorageMsg",
    ),
    Api(
        "changePrimaryStorageState",
        "PUT",
        "/v1/primary-storage/{uuid}/actions",
        java="org.zstack.header.storage.primary.APIChangePrimaryStorageStateMsg",
    ),
    _query("queryLocalStorageResourceRef", "/v1/primary-storage/local-storage/resource-refs", "ref"),
    Api("deleteHost", "DELETE", "/v1/hosts/{uuid}", java="org.zstack.header.host.APIDeleteHostMsg"),
    _query("queryDiskOffering", "/v1/disk-offerings", "offering"),
    _query("queryDiskOffering", "/v1/disk-offerings/{uuid}", "offering"),
    _query("queryUserTag", "/v1/user-tags", "usertag"),
    Api("createUserTag", "POST", "/v1/user-tags", java="org.zstack.header.tag.APICreateUserTagMsg"),
    _query("querySystemTag", "/v1/system-tags", "systemtag"),
    Api("createSystemTag", "POST", "/v1/system-tags", java="org.zstack.header.tag.APICreateSystemTagMsg"),
    Api("deleteTag", "DELETE", "/v1/tags/{uuid}", java="org.zstack.header.tag.APIDeleteTagMsg"),
    _query("queryGlobalConfig", "/v1/global-configurations", "config"),
    Api(
        "updateGlobalConfig",
        "PUT",
        "/v1/global-configurations/{category}/{name}/actions",
        java="org.zstack.core.config.APIUpdateGlobalConfigMsg",
    ),
    _query("queryManagementNode", "/v1/management-nodes", "node"),
    Api("isManagementNodeReady", "GET", "/v1/management-nodes/ready", "sync", auth=False),
    Api("getPlatformTimeZone", "GET", "/v1/management-nodes/platform-timezone", "sync"),
    Api("getVersion", "PUT", "/v1/management-nodes/actions", "sync", auth=False),
    Api("getCurrentTime", "PUT", "/v1/management-nodes/actions", "sync", auth=False),
    Api("logInByAccount", "PUT", "/v1/accounts/login", "sync", auth=False),
    Api("logInByUser", "PUT", "/v1/accounts/users/login", "sync", auth=False),
    Api("logIn", "PUT", "/v1/login", "sync", auth=False),
    Api("logOut", "DELETE", "/v1/accounts/sessions/{sessionUuid}", "sync", auth=False),
    Api("validateSession", "GET", "/v1/accounts/sessions/{sessionUuid}/valid", "sync", auth=False),
    Api("renewSession", "PUT", "/v1/accounts/sessions/{sessionUuid}/renew", java=_IDENTITY + "APIRenewSessionMsg"),
    _query("queryAccount", "/v1/accounts", "account"),
    Api("createAccount", "POST", "/v1/accounts", java=_IDENTITY + "APICreateAccountMsg"),
    Api("updateQuota", "PUT", "/v1/accounts/quotas/actions", java=_IDENTITY + "APIUpdateQuotaMsg"),
    Api("shareResource", "PUT", "/v1/accounts/resources/actions", java=_IDENTITY + "APIShareResourceMsg"),
    Api("getAccountQuotaUsage", "GET", "/v1/accounts/quota/{uuid}/usages", "sync"),
    Api("getResourceAccount", "GET", "/v1/resources/accounts", "sync", lists=("resourceUuids",)),
    Api("getTaskProgress", "GET", "/v1/task-progresses/{apiId}", "sync"),
    Api("zql", "GET", "/v1/zql", "sync"),
)


def _normal(path: str) -> tuple[str, ...]:
    return tuple("{}" if part.startswith("{") else part for part in path.split("/"))


class Routes:
    """Looks paths up; all APIs of a normalised path come together, one alone makes the path unique."""

    def __init__(self) -> None:
        self._places: dict[tuple[str, ...], list[Api]] = {}
        for api in APIS:
            self._places.setdefault(_normal(api.path), []).append(api)

    def find(self, path: str) -> list[Api]:
        """Return the APIs of a decoded path, [] when there is none."""
        parts = tuple(path.split("/"))
        exact = self._places.get(parts)
        if exact is not None and "{}" not in parts:
            return exact
        for pattern, apis in self._places.items():
            if len(pattern) == len(parts) and all(
                part if mark == "{}" else mark == part for mark, part in zip(pattern, parts, strict=True)
            ):
                return apis
        return []


def path_values(api: Api, path: str) -> dict[str, str]:
    """Return what stands in the places of the path's names."""
    pairs = zip(api.path.split("/"), path.split("/"), strict=True)
    return {name[1:-1]: part for name, part in pairs if name.startswith("{")}
