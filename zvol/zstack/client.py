"""The calls of ZStack that zvol makes, and no others: on some paths of the server a GET deletes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from zvol.errors import MaybeSent, NeverSent, TransientError
from zvol.model import Volume
from zvol.zstack import answers, server_facts
from zvol.zstack.answer_errors import error_of, transient
from zvol.zstack.answers import Answer, Found, JobAnswer, PutAnswer, Unclear
from zvol.zstack.auth import Auth
from zvol.zstack.compact import Packer
from zvol.zstack.paging import PAGE, Pager, Row
from zvol.zstack.transport import Transport
from zvol.zstack.volumes import Volumes, asked_for

T = TypeVar("T")

READ_SECONDS: Final = 8.0
PAGE_SECONDS: Final = 60.0
"""So long a page of a list may take that keeps coming."""
PUT_SECONDS: Final = 30.0
BATCH: Final = 100
ONE_LIMIT: Final = 1 << 20
"""Bytes of an answer about one job."""


class Client:
    """One account's view of one ZStack; safe to use from several threads.

    `renew` logs in again where that is possible, and tells whether it did: a read that finds the session ended is
    then sent once more.
    """

    def __init__(self, transport: Transport, auth: Auth, renew: Callable[[], bool] | None = None) -> None:
        self._transport = transport
        self._auth = auth
        self._renew = renew
        self._size = PAGE

    @property
    def origin(self) -> str:
        return self._transport.endpoint.origin

    # ---- recovering: these never raise ---------------------------------------------------------------------------
    def submit(
        self,
        uuid: str,
        job: str,
        api_timeout: float,
        system_tags: Sequence[str] = (),
        user_tags: Sequence[str] = (),
        *,
        fresh_until: float | None = None,
        seconds: float = PUT_SECONDS,
    ) -> PutAnswer | NeverSent:
        """Send RecoverDataVolume once, under our own job id (32 hex), asking for a timeout in seconds.

        It leaves by `fresh_until` (monotonic seconds), or not at all: NeverSent, `stale`.  Its answer is waited for
        `seconds` at most.
        """
        body: dict[str, Any] = {"recoverDataVolume": {}}
        if system_tags:
            body["systemTags"] = list(system_tags)
        if user_tags:
            body["userTags"] = list(user_tags)
        headers = {"X-Job-UUID": job, "X-API-Timeout": str(int(api_timeout))}
        answer = self._answer("PUT", f"/v1/volumes/{uuid}/actions", body, headers, fresh_until, seconds)
        return answers.classify_put(answer) if isinstance(answer, Answer) else answer

    def job(self, job: str, seconds: float = READ_SECONDS) -> JobAnswer:
        """Look at a job, always at our own address: the `location` of a 202 names the management node's own."""
        answer = self._job(job, seconds)
        return answer if isinstance(answer, Unclear) else answers.classify_job(answer)

    def change(
        self, path: str, body: Any, job: str, api_timeout: float, fresh_until: float | None = None
    ) -> PutAnswer | NeverSent:
        """POST any other change once, under our own job id; `fresh_until` as for `submit`."""
        headers = {"X-Job-UUID": job, "X-API-Timeout": str(int(api_timeout))}
        answer = self._answer("POST", path, body, headers, fresh_until)
        return answers.classify_change(answer) if isinstance(answer, Answer) else answer

    def change_job(self, job: str) -> JobAnswer:
        """Look at the job of another change, whose inventory need not be a volume's."""
        answer = self._job(job)
        return answer if isinstance(answer, Unclear) else answers.classify_change_job(answer)

    def _job(self, job: str, seconds: float = READ_SECONDS) -> Answer | Unclear:
        path = f"/v1/api-jobs/{job}"
        try:
            return self._transport.send("GET", path, auth=self._auth, timeout=seconds, limit=ONE_LIMIT)
        except (NeverSent, MaybeSent) as exc:
            return Unclear(exc.message)

    def _answer(
        self,
        method: str,
        path: str,
        body: Any,
        headers: Mapping[str, str],
        fresh_until: float | None,
        seconds: float = PUT_SECONDS,
    ) -> Answer | NeverSent | Unclear:
        try:
            return self._transport.send(
                method,
                path,
                body=body,
                headers=headers,
                auth=self._auth,
                timeout=seconds,
                limit=ONE_LIMIT,
                fresh_until=fresh_until,
            )
        except NeverSent as never:
            return never
        except MaybeSent as maybe:
            return Unclear(maybe.message)

    # ---- reads; these raise TransientError, AuthError, Untrusted or Refused -----------------------------------------
    def volume(self, uuid: str, seconds: float = READ_SECONDS) -> Volume | None:
        """Return a volume, None when the server has none that this account may see."""
        seen = asked_for([uuid], self._read(f"/v1/volumes/{uuid}", seconds=seconds))
        if seen.unclear:
            raise TransientError("an inventory that is not a volume's")
        return seen.found.get(uuid)

    def look(self, uuids: Sequence[str], seconds: float = READ_SECONDS) -> Volumes:
        """Read at most BATCH volumes in one request; one odd inventory leaves the other volumes as they are."""
        query = [("q", "uuid?=" + ",".join(uuids)), ("limit", str(len(uuids))), ("replyWithCount", "true")]
        return asked_for(uuids, self._read("/v1/volumes", query, seconds=seconds), counted=True)

    def volumes(self, uuids: Sequence[str]) -> dict[str, Volume]:
        """Return those of the volumes that exist, by UUID; raises TransientError when an answer does not tell of all.

        A batch that is not answered where one volume is may be too much for something on the way: it is halved.
        """
        volumes: dict[str, Volume] = {}
        start, size = 0, BATCH
        while part := uuids[start : start + size]:
            try:
                seen = self.look(part)
            except TransientError:
                if len(part) == 1:
                    raise
                self.volume(part[0])
                size = len(part) // 2
                continue
            if seen.unclear:
                raise TransientError("an answer that does not tell of all the volumes that were asked for")
            volumes |= seen.found
            start += len(part)
        return {uuid: volumes[uuid] for uuid in uuids if uuid in volumes}

    def deleted(self, conditions: Sequence[str] = ("status=Deleted", "type=Data")) -> list[Volume]:
        """Return all volumes that match (the recycle bin by default), completely."""
        packer = Packer()

        def keep(row: Row) -> Volume:
            volume = answers.volume_of(row)
            if volume is None:
                raise TransientError("an inventory that is not a volume's")
            return Volume(volume.uuid, packer.pack(row))

        return self._paged("/v1/volumes", conditions, keep=keep, size=self._size)

    def all(
        self, path: str, conditions: Sequence[str] = (), *, key: str = "uuid", fields: str = "", rows: int = PAGE
    ) -> list[Mapping[str, Any]]:
        """Return all inventories of a resource that match, each once; `key` is unique among them.

        `rows` is how many of them a page is asked for, `fields` which fields of them, and all when it is empty.
        """
        return self._paged(path, conditions, key=key, fields=fields, size=min(rows, self._size))

    def _paged(self, path: str, conditions: Sequence[str], **how: Any) -> list[Any]:
        """Read all pages; the size that a slow line can carry is kept."""
        pager = Pager(lambda query: self._read(path, query, PAGE_SECONDS), self._transport.limit.pause, **how)
        asked = pager.size
        try:
            return pager.all(conditions)
        finally:
            if pager.size < asked:
                self._size = pager.size

    def user_tags(self, uuids: Sequence[str]) -> dict[str, frozenset[str]]:
        """Return the user tags of each of these volumes."""
        tags: dict[str, set[str]] = {uuid: set() for uuid in uuids}
        for item in self.all("/v1/user-tags", [f"resourceUuid?={','.join(uuids)}"]):
            resource, tag = item.get("resourceUuid"), item.get("tag")
            if resource not in tags or not isinstance(tag, str):
                raise TransientError("an answer about other tags than those asked for")
            tags[resource].add(tag)
        return {uuid: frozenset(found) for uuid, found in tags.items()}

    def owner(self, uuid: str) -> str | None:
        """Return the account that owns a resource, None when the server names none."""
        account = self._told("/v1/resources/accounts", "inventories", dict, [("resourceUuids", uuid)]).get(uuid)
        owner = account.get("uuid") if isinstance(account, Mapping) else None
        return owner if isinstance(owner, str) else None

    def quota(self, account: str) -> dict[str, tuple[int, int]]:
        """Return an account's quotas as {name: (total, used)}."""
        found = self._told(f"/v1/accounts/quota/{account}/usages", "usages", list)
        return {
            one["name"]: (one["total"], one["used"])
            for one in found
            if isinstance(one, Mapping) and isinstance(one.get("total"), int) and isinstance(one.get("used"), int)
        }

    def _told(self, path: str, key: str, kind: type[T], query: Sequence[tuple[str, str]] = ()) -> T:
        """Return what an answer that is no list of inventories holds."""
        answer = self._get(path, query)
        document = answers.document_of(answer)
        if document is None:
            self._found(answer)
        found = None if document is None else document.get(key)
        if not isinstance(found, kind):
            raise TransientError(f"an answer without {key}")
        return found

    def query(self, path: str, query: Sequence[tuple[str, str]]) -> Found:
        """Return one page of a query."""
        return self._read(path, query)

    # ---- what needs no session -----------------------------------------------------------------------------------
    def version(self) -> str | None:
        """Return the server's version, such as 5.2.1; None when it cannot be known."""
        try:
            document = answers.document_of(self._ask("PUT", "/v1/management-nodes/actions", {"getVersion": {}}))
        except TransientError:
            return None
        version = document.get("version") if document else None
        return version if isinstance(version, str) else None

    def server_time(self) -> float:
        """Return the server's clock as seconds since 1970 UTC; raises TransientError, CannotTell or Untrusted."""
        return server_facts.server_time(self._ask(*server_facts.CLOCK))

    def timezone(self) -> tuple[str | None, str | None]:
        """Return the server's time zone as (name, offset); raises TransientError, CannotTell or Untrusted."""
        return server_facts.timezone(self._ask(*server_facts.ZONE))

    def _ask(self, method: str, path: str, body: object) -> Answer:
        try:
            return self._transport.send(method, path, body=body, auth=self._auth, timeout=READ_SECONDS)
        except (NeverSent, MaybeSent) as exc:
            raise transient(exc) from None

    # ---- inside --------------------------------------------------------------------------------------------------
    def _read(
        self, path: str, query: Sequence[tuple[str, str]] = (), longest: float = 0.0, seconds: float = READ_SECONDS
    ) -> Found:
        answer = self._get(path, query, longest, seconds)
        if answer.status == 404 and isinstance(found := answers.classify_read(answer), Unclear):
            where = f"{self._transport.endpoint.base}{path}"
            raise TransientError(f"{found.reason} ({where}): check port and path of `host`")
        return self._found(answer)

    def _found(self, answer: Answer) -> Found:
        """Return what a query brought; raises TransientError, AuthError, Untrusted or Refused."""
        found = answers.classify_read(answer)
        if isinstance(found, Found):
            return found
        raise error_of(found, self._auth.advice, "the query")

    def _get(
        self, path: str, query: Sequence[tuple[str, str]] = (), longest: float = 0.0, seconds: float = READ_SECONDS
    ) -> Answer:
        answer = self._got(path, query, longest, seconds)
        if self._renew is not None and answer.status == 503:
            found = answers.classify_read(answer)
            if isinstance(found, answers.Failed) and found.session and self._renew():
                return self._got(path, query, longest, seconds)
        return answer

    def _got(self, path: str, query: Sequence[tuple[str, str]], longest: float, seconds: float) -> Answer:
        try:
            return self._transport.send("GET", path, query=query, auth=self._auth, timeout=seconds, longest=longest)
        except (NeverSent, MaybeSent) as exc:
            raise transient(exc) from None
