"""What a ZStack does with a call after its REST layer: session, permission, quota, state, and the work itself."""

from __future__ import annotations

import re
import time
import uuid as uuids
from collections.abc import Callable
from typing import Any, Final

from zvol.sandbox import Switches
from zvol.sandbox.seed import ADMIN
from zvol.sandbox.store import Store, put
from zvol.sandbox.texts import Fault, say
from zvol.sandbox.worker import Ledger

SESSION_SECONDS: Final = 7200
V4: Final = re.compile(r"[0-9a-f]{12}[1-5][0-9a-f]{3}[89ab][0-9a-f]{15}")


class Pipeline:
    """The calls, each raising Fault; asynchronous ones are split into `check` and `execute`."""

    def __init__(self, store: Store, switches: Switches, ledger: Ledger) -> None:
        self.store, self.switches, self.ledger = store, switches, ledger

    def now(self) -> float:
        """Return the server's clock."""
        return time.time() + self.switches.clock_offset + float(self.store.setting("clock_offset") or 0)

    # ---- sessions ------------------------------------------------------------------------------------------------
    def log_in(self, name: object, password: object) -> dict[str, Any]:
        for field, value in (("accountName", name), ("password", password)):
            if not isinstance(value, str):
                text = f"field[{field}] of message[org.zstack.header.message.ApiMessageParamValidator] is mandatory, "
                raise Fault("SYS.1007", text + "can not be null")
        accounts = {row["name"]: row for row in self.store.many("account")}
        account = accounts.get(str(name))
        if account is None or account["password"] != password:
            raise Fault("ID.1000", say("wrong-password", self.switches.locale))
        return self.new_session(account["uuid"])

    def new_session(self, account: str, uuid: str | None = None) -> dict[str, Any]:
        now, session = self.now(), uuid or uuids.uuid4().hex
        with self.store.change() as db:
            db.execute("INSERT OR REPLACE INTO sessions VALUES (?, ?, ?)", (session, account, now + SESSION_SECONDS))
        return {
            "uuid": session,
            "accountUuid": account,
            "userUuid": account,
            "expiredDate": now + SESSION_SECONDS,
            "createDate": now,
            "noSessionEvaluation": False,
        }

    def valid(self, session: str) -> bool:
        row = self.store.db.execute("SELECT expires FROM sessions WHERE uuid = ?", (session,)).fetchone()
        return row is not None and row[0] > self.now()

    def account(self, session: str) -> str:
        """Return whose session it is, and keep it alive; raises Fault ID.1001."""
        row = self.store.db.execute("SELECT account, expires FROM sessions WHERE uuid = ?", (session,)).fetchone()
        now = self.now()
        if row is None or row[1] <= now:
            raise Fault("ID.1001", "Session expired")
        if row[1] < now + SESSION_SECONDS - 60:
            with self.store.change() as db:
                db.execute("UPDATE sessions SET expires = ? WHERE uuid = ?", (now + SESSION_SECONDS, session))
        return str(row[0])

    def log_out(self, session: str) -> None:
        with self.store.change() as db:
            db.execute("DELETE FROM sessions WHERE uuid = ?", (session,))

    # ---- volumes -------------------------------------------------------------------------------------------------
    def volume(self, uuid: str) -> dict[str, Any]:
        found = self.store.one("volume", uuid)
        if found is None:
            raise Fault("SYS.1003", f"invalid field[uuid], resource[uuid:{uuid}, type:VolumeVO] not found")
        return found

    def own(self, uuid: str, session: str) -> dict[str, Any]:
        """Return a volume that the session may work on; existence comes before the session, as on the real one."""
        volume = self.volume(uuid)
        account = self.account(session)
        if account != ADMIN and volume["_account"] != account:
            raise Fault("SYS.1006", say("not-owner", self.switches.locale, account, uuid, "VolumeVO"))
        return volume

    def check_recover(self, uuid: str, session: str) -> None:
        volume = self.own(uuid, session)
        self.check_quota(uuid, session)
        if volume["status"] != "Deleted":
            raise Fault("SYS.1006", say("not-deleted", self.switches.locale, uuid))

    def recover(self, uuid: str) -> dict[str, Any]:
        """Bring a volume back without looking at it again, as the real one does."""

        def change(volume: dict[str, Any]) -> None:
            volume["status"] = "Ready" if volume.get("installPath") else "NotInstantiated"

        return self.update(uuid, change)

    def check_quota(self, uuid: str, session: str) -> None:
        account = self.account(session)
        if account == ADMIN:
            return
        used = sum(
            row["_account"] == account and row["type"] == "Data" and row["status"] != "Deleted"
            for row in self.store.many("volume")
        )
        snapshots = [row for row in self.store.many("snapshot") if row["_account"] == account]
        here = sum(row["volumeUuid"] == uuid for row in snapshots)
        for name, asked, in_use in (("volume.data.num", 1, used), ("snapshot.volume.num", here, len(snapshots))):
            value = int(self.store.setting(f"quota:{account}:{name}") or 40)
            if asked and in_use + asked > value:
                who = (self.store.one("account", account) or {}).get("name")
                raise Fault(
                    "ID.1003",
                    "quota exceeding.The resource owner(or target resource owner) "
                    f"account[uuid: {account} name: {who}] exceeds a quota[name: {name}, value: {value}], "
                    f"Current used:{in_use}, Request:{asked}. Please contact the administrator.",
                )

    def update(self, uuid: str, change: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
        """Change a volume in one transaction; every change moves its lastOpDate."""
        now = self.now()
        with self.store.change() as db:
            volume = self.volume(uuid)
            change(volume)
            put(db, "volume", volume, account=volume["_account"], now=now)
        return self.volume(uuid)

    def check_delete(self, uuid: str, session: str) -> bool:
        """Return whether there is something to delete; a missing volume with a proper UUID is a success."""
        if self.store.one("volume", uuid) is None:
            if V4.fullmatch(uuid):
                return False
            raise Fault("SYS.1003", f"invalid value[{uuid}] of field [uuid]")
        volume, locale = self.own(uuid, session), self.switches.locale
        if volume["type"] != "Data":
            raise Fault("SYS.1007", say("not-data", locale, uuid, volume["type"]))
        if volume["status"] == "Deleted":
            raise Fault("SYS.1006", say("deleted-already", locale, uuid))
        return True

    def delete(self, uuid: str) -> None:
        policy = self.config("deletionPolicy")
        now = self.now()

        def change(volume: dict[str, Any]) -> None:
            if volume.get("vmInstanceUuid"):
                volume["lastVmInstanceUuid"], volume["lastDetachDate"] = volume["vmInstanceUuid"], now
                volume["vmInstanceUuid"] = volume["deviceId"] = None
            volume["status"] = "Deleted"

        self.update(uuid, change)
        if policy == "Direct":
            self.remove(uuid)

    def check_expunge(self, uuid: str, session: str) -> bool:
        if self.store.one("volume", uuid) is None and V4.fullmatch(uuid):
            return False
        volume = self.own(uuid, session)
        if volume["status"] != "Deleted":
            raise Fault("SYS.1006", say("not-expungeable", self.switches.locale, uuid, volume["name"]))
        return True

    def remove(self, uuid: str) -> None:
        """Destroy a volume with its snapshots and tags."""
        doomed = [row["uuid"] for row in self.store.many("snapshot") if row["volumeUuid"] == uuid]
        doomed += [row["uuid"] for row in self.store.many("tag") if row["resourceUuid"] == uuid]
        with self.store.change() as db:
            db.execute("DELETE FROM resources WHERE kind = 'volume' AND uuid = ?", (uuid,))
            db.executemany("DELETE FROM resources WHERE uuid = ?", [(one,) for one in doomed])

    def config(self, name: str) -> str:
        return next(str(row["value"]) for row in self.store.many("config") if row["name"] == name)

    def set_config(self, name: str, value: str) -> dict[str, Any]:
        found = next((row for row in self.store.many("config") if row["name"] == name), None)
        if found is None:
            raise Fault("SYS.1007", f"no global config[category:volume, name:{name}] found")
        found["value"] = value
        with self.store.change() as db:
            put(db, "config", found, account=ADMIN, now=self.now())
        self.reap()
        return {name: found[name] for name in ("id", "name", "category", "description", "defaultValue", "value")}

    def reap(self) -> None:
        """Destroy the deleted data volumes whose time is over."""
        if self.config("deletionPolicy") == "Never":
            return
        limit = self.now() - int(self.config("expungePeriod"))
        for row in self.store.many("volume", status="Deleted"):
            if row["type"] == "Data" and row["lastOpDate"] <= limit:
                self.remove(row["uuid"])

    def create_volume(self, params: dict[str, Any], session: str) -> dict[str, Any]:
        account = self.account(session)
        if not isinstance(params.get("name"), str):
            raise Fault("SYS.1007", "field[name] of message[...] is mandatory, can not be null")
        uuid, storage = str(params.get("resourceUuid") or uuids.uuid4().hex), params.get("primaryStorageUuid")
        body = {
            "uuid": uuid,
            "name": params["name"],
            "description": params.get("description"),
            "primaryStorageUuid": storage,
            "diskOfferingUuid": params.get("diskOfferingUuid"),
            "installPath": f"/zstack_ps/dataVolumes/vol-{uuid}/{uuid}.qcow2" if storage else None,
            "format": "qcow2" if storage else None,
            "type": "Data",
            "size": int(params.get("diskSize") or 0),
            "actualSize": 0,
            "state": "Enabled",
            "status": "Ready" if storage else "NotInstantiated",
            "createDate": self.now(),
            "isShareable": False,
        }
        with self.store.change() as db:
            put(db, "volume", body, account=account, now=self.now())
        return self.volume(uuid)

    def attach(self, uuid: str, vm: str, session: str) -> dict[str, Any]:
        volume = self.own(uuid, session)
        if self.store.one("vm", vm) is None:
            raise Fault("SYS.1003", f"invalid field[vmInstanceUuid], resource[uuid:{vm}, type:VmInstanceVO] not found")
        if volume["status"] == "Deleted":
            raise Fault("SYS.1006", f"the volume[uuid:{uuid}] is in status of deleted, cannot do the operation")
        if volume.get("vmInstanceUuid"):
            raise Fault("SYS.1006", f"data volume[{uuid}] has been attached to some vm, can't attach again")
        now = self.now()
        return self.update(uuid, lambda row: row.update(vmInstanceUuid=vm, deviceId=1, lastAttachDate=now))

    def detach(self, uuid: str, session: str) -> dict[str, Any]:
        volume, now = self.own(uuid, session), self.now()
        vm = volume.get("vmInstanceUuid")
        if not vm:
            raise Fault("SYS.1006", f"data volume[uuid:{uuid}] is not attached to any vm, can't detach")
        gone = {"vmInstanceUuid": None, "deviceId": None, "lastVmInstanceUuid": vm, "lastDetachDate": now}
        return self.update(uuid, lambda row: row.update(gone))

    def create_tag(self, params: dict[str, Any], session: str) -> dict[str, Any]:
        account = self.account(session)
        if any(
            row["resourceUuid"] == params.get("resourceUuid") and row["tag"] == params.get("tag")
            for row in self.store.many("tag")
        ):
            raise Fault("SYS.1006", "the tag already exists")
        now = self.now()
        body = {
            "uuid": uuids.uuid4().hex,
            "resourceUuid": params.get("resourceUuid"),
            "resourceType": params.get("resourceType"),
            "tag": params.get("tag"),
            "type": "User",
            "createDate": now,
        }
        with self.store.change() as db:
            put(db, "tag", body, account=account, now=now)
        return body | {"lastOpDate": now}
