"""From a call to its answer: at once for reads, 202 and a job for changes."""

from __future__ import annotations

import time
import uuid as uuids
from collections.abc import Callable
from typing import Any, Final

from zvol.sandbox import Switches, query, wire
from zvol.sandbox.pipeline import Pipeline
from zvol.sandbox.rest import Call, Reply, Request, Stop, check_tags, parse
from zvol.sandbox.store import Store
from zvol.sandbox.texts import Fault
from zvol.sandbox.worker import Ledger, Worker

DEFAULT_TIMEOUT: Final = 1_800_000
QUERIES: Final = {
    "queryVolume": "volume",
    "queryVmInstance": "vm",
    "queryPrimaryStorage": "storage",
    "queryVolumeSnapshot": "snapshot",
    "queryGlobalConfig": "config",
    "queryUserTag": "tag",
    "queryManagementNode": "node",
}
WRITTEN_AFTER: Final = 0.2
"""The row of a job is written a little after its work is done: this part of the job's time later."""


class Calls:
    """Answers requests; `origin` is what the `location` of a 202 names."""

    def __init__(self, store: Store, switches: Switches, worker: Worker, ledger: Ledger) -> None:
        self.store, self.switches, self.worker, self.ledger = store, switches, worker, ledger
        self.pipeline = Pipeline(store, switches, ledger)
        self.origin = ""

    def answer(self, request: Request) -> Reply:
        """Answer any request."""
        path = request.target.partition("?")[0].removeprefix("/zstack")
        if path.startswith("/v1/api-jobs/"):
            return self._job(request.method, path.rpartition("/")[2])
        try:
            call = parse(request, synchronous=self.switches.synchronous)
            if call.api in QUERIES:
                return self._query(call)
            start = getattr(self, f"_{call.api}", None)
            if start is not None:
                return Reply(200, json=start(call))
            return self._accept(call)
        except Stop as stop:
            return stop.reply
        except query.BadQuery as bad:
            return Reply(400, text=str(bad))
        except Fault as fault:
            return Reply(503, json={"error": fault.json(self.switches.locale)}, escape=False)

    # ---- jobs ----------------------------------------------------------------------------------------------------
    def _job(self, method: str, job: str) -> Reply:
        if method != "GET":
            return Reply(405, text="only GET method is allowed for querying job status")
        row = self.store.db.execute("SELECT state, body FROM jobs WHERE id = ?", (job,)).fetchone()
        if row is None:
            return Reply(404, text="the job has been expired")
        state, body = row
        if state == "processing":
            return Reply(202, json={})
        return Reply(200 if state == "done" else 503, text=body)

    def _accept(self, call: Call) -> Reply:
        """Take a change: save its job, answer 202, and do it later."""
        job = call.job or uuids.uuid4().hex
        if self.store.db.execute("SELECT 1 FROM jobs WHERE id = ?", (job,)).fetchone():
            raise Stop(400, f"Duplicate job uuid[{job}]")
        tags = check_tags(call.body)
        if self.switches.synchronous and call.api == "recoverDataVolume":
            return self._at_once(call, job)
        with self.store.change() as db:  # check and save are two steps: two with one id may both pass
            db.execute("INSERT OR REPLACE INTO jobs VALUES (?, 'processing', NULL, ?)", (job, time.time()))
        if call.api == "recoverDataVolume":
            self.ledger.write("accepted", job, call.values[0])
        self.worker.later(0.0, lambda: self._check(call, job, tags))
        timeout = DEFAULT_TIMEOUT if call.timeout is None else call.timeout * 1000
        origin = self.switches.location or self.origin
        return Reply(202, json={"apiTimeout": timeout, "location": f"{origin}/v1/api-jobs/{job}"})

    def _at_once(self, call: Call, job: str) -> Reply:
        """Answer as the vendor's page says: 200 with the inventory, in doubles."""
        self.ledger.write("accepted", job, call.values[0])
        self.pipeline.check_recover(call.values[0], call.session)
        self.ledger.write("begun", job, call.values[0])
        volume = self._shown(self.pipeline.recover(call.values[0]))
        self.ledger.write("ended", job, call.values[0])
        return Reply(200, json={"inventory": wire.doubled(volume)})

    def _check(self, call: Call, job: str, tags: list[str]) -> None:
        """What the interceptors do; then the work waits its time."""
        try:
            work = self._work(call)
        except Fault as fault:
            self._finish(job, "failed", {"error": fault.json(self.switches.locale)})
            self._tell("refused", call, job)
            return
        if "ephemeral::validationOnly" in tags:
            self._finish(job, "done", {})
            self._tell("validated", call, job)
            return
        self.worker.later(self.switches.job_time * (1 - WRITTEN_AFTER), lambda: self._run(call, job, work))

    def _run(self, call: Call, job: str, work: Callable[[], dict[str, Any]]) -> None:
        self._tell("begun", call, job)
        try:
            state, body = "done", self._plain(work())
        except Fault as fault:
            state, body = "failed", {"error": fault.json(self.switches.locale)}
        self._tell("ended", call, job)
        self.worker.later(self.switches.job_time * WRITTEN_AFTER, lambda: self._finish(job, state, body))

    def _finish(self, job: str, state: str, body: dict[str, Any]) -> None:
        if "error" in body:  # the bus wraps every error of a job into a list of causes
            body = {"error": {"causes": [], **body["error"]}}
        text = wire.dumps(wire.doubled(body) if self.switches.doubles else body, escape=True)
        with self.store.change() as db:
            db.execute("UPDATE jobs SET state = ?, body = ? WHERE id = ?", (state, text, job))

    def _tell(self, event: str, call: Call, job: str) -> None:
        if call.api == "recoverDataVolume":
            self.ledger.write(event, job, call.values[0])

    def _work(self, call: Call) -> Callable[[], dict[str, Any]]:
        """Check a change and return what does it; raises Fault."""
        lines, session, values = self.pipeline, call.session, call.values
        match call.api:
            case "recoverDataVolume":
                lines.check_recover(values[0], session)
                return lambda: {"inventory": self._shown(lines.recover(values[0]))}
            case "deleteDataVolume":
                there = lines.check_delete(values[0], session)
                return _doing(lines.delete, values[0] if there else None)
            case "expungeDataVolume":
                there = lines.check_expunge(values[0], session)
                return _doing(lines.remove, values[0] if there else None)
            case "createDataVolume":
                made = lines.create_volume(call.params, session)
                return lambda: {"inventory": self._shown(made)}
            case "attachDataVolumeToVm":
                attached = lines.attach(values[0], values[1], session)
                return lambda: {"inventory": self._shown(attached)}
            case "detachDataVolumeFromVm":
                detached = lines.detach(values[0], session)
                return lambda: {"inventory": self._shown(detached)}
            case "createUserTag":
                tag = lines.create_tag(call.params, session)
                return lambda: {"inventory": tag}
            case "updateGlobalConfig":
                lines.account(session)
                return lambda: {"inventory": lines.set_config(values[1], str(call.params.get("value")))}
            case _:
                return self._change(call)

    def _change(self, call: Call) -> Callable[[], dict[str, Any]]:
        volume = self.pipeline.own(call.values[0], call.session)
        names = ("name", "description")
        wanted: dict[str, Any] = {name: call.params[name] for name in names if name in call.params}
        if call.api == "changeVolumeState":
            wanted = {"state": "Enabled" if call.params.get("stateEvent") == "enable" else "Disabled"}
        if all(volume.get(name) == value for name, value in wanted.items()):
            return lambda: {"inventory": self._shown(volume)}
        return lambda: {"inventory": self._shown(self.pipeline.update(call.values[0], lambda row: row.update(wanted)))}

    # ---- reads ---------------------------------------------------------------------------------------------------
    def _query(self, call: Call) -> Reply:
        kind = QUERIES[call.api]
        asked = query.parse({"q": [f"uuid={call.values[0]}"]} if call.values else call.query)
        account = self.pipeline.account(call.session)
        rows = self._rows(kind, asked)
        if account != "36c27e8ff05c4780bf6d2fa65700f22e" and kind == "volume":
            rows = [row for row in rows if row["_account"] == account]
        tags: dict[str, list[str]] = {}
        if any(condition.name == "__userTag__" for condition in asked.conditions):
            for tag in self.store.many("tag"):
                tags.setdefault(tag["resourceUuid"], []).append(tag["tag"])
        reply = query.answer(kind, asked, rows, self.store.one, lambda uuid: tags.get(uuid, ()))
        return Reply(200, json=self._plain(reply))

    def _rows(self, kind: str, asked: query.Query) -> list[dict[str, Any]]:
        """Return what may match; a list of uuids is looked up, not searched for."""
        for condition in asked.conditions:
            if condition.name == "uuid" and condition.operator in ("=", "?="):
                return self.store.many(kind, condition.value.split(",")[:900])
            if condition.name == "status" and condition.operator == "=" and kind == "volume":
                return self.store.many(kind, status=condition.value)
        return self.store.many(kind)

    def _plain(self, value: dict[str, Any]) -> dict[str, Any]:
        shown: dict[str, Any] = wire.plain(value, self.switches.zone)
        return shown

    def _shown(self, volume: dict[str, Any]) -> dict[str, Any]:
        fields = {name: volume[name] for name in query.FIELDS["volume"] if name in volume}
        return self._plain(fields)

    # ---- calls that are answered at once -------------------------------------------------------------------------
    def _logInByAccount(self, call: Call) -> dict[str, Any]:
        session = self.pipeline.log_in(call.params.get("accountName"), call.params.get("password"))
        return {"inventory": self._plain(session)}

    def _validateSession(self, call: Call) -> dict[str, Any]:
        return {"valid": self.pipeline.valid(call.values[0])}

    def _logOut(self, call: Call) -> dict[str, Any]:
        self.pipeline.log_out(call.values[0])
        return {}

    def _isManagementNodeReady(self, call: Call) -> dict[str, Any]:
        del call
        return {}

    def _getVersion(self, call: Call) -> dict[str, Any]:
        del call
        return {"version": self.switches.version, "success": True}

    def _getCurrentTime(self, call: Call) -> dict[str, Any]:
        del call
        now = self.pipeline.now()
        return {"currentTime": {"MillionSeconds": int(now * 1000), "Seconds": int(now)}, "success": True}

    def _getPlatformTimeZone(self, call: Call) -> dict[str, Any]:
        del call
        from datetime import datetime
        from zoneinfo import ZoneInfo

        offset = datetime.fromtimestamp(self.pipeline.now(), ZoneInfo(self.switches.zone)).strftime("%z")
        text = "Z" if offset == "+0000" else f"{offset[:3]}:{offset[3:]}"
        name = "Etc/UTC" if self.switches.zone == "UTC" else self.switches.zone
        return {"offset": text, "timezone": name, "success": True}

    def _getAccountQuotaUsage(self, call: Call) -> dict[str, Any]:
        self.pipeline.account(call.session)
        account = call.values[0]
        used = {
            "volume.data.num": sum(
                row["_account"] == account and row["type"] == "Data" and row["status"] != "Deleted"
                for row in self.store.many("volume")
            ),
            "snapshot.volume.num": sum(row["_account"] == account for row in self.store.many("snapshot")),
        }
        totals = {name: int(self.store.setting(f"quota:{account}:{name}") or 40) for name in used}
        return {"usages": [{"name": name, "total": totals[name], "used": used[name]} for name in used], "success": True}

    def _getResourceAccount(self, call: Call) -> dict[str, Any]:
        self.pipeline.account(call.session)
        found = {}
        for uuid in call.query.get("resourceUuids", ()):
            volume = self.store.one("volume", uuid)
            if volume is not None:
                owner = self.store.one("account", volume["_account"]) or {}
                shown = {"uuid": owner.get("uuid"), "name": owner.get("name"), "type": "Normal"}
                found[uuid] = self._plain(shown | {name: owner.get(name) for name in ("createDate", "lastOpDate")})
        return {"inventories": found}


def _doing(change: Callable[[str], None], uuid: str | None) -> Callable[[], dict[str, Any]]:
    """Return what changes a volume that is there, and says nothing of it."""

    def do() -> dict[str, Any]:
        if uuid is not None:
            change(uuid)
        return {}

    return do
