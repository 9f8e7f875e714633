"""The only API calls that zvol makes: on some paths of the server a GET deletes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from zvol.errors import MaybeSent, NeverSent, TransientError
from zvol.model import Volume
from zvol.resource import Resource
from zvol.zstack import answers, server_facts
from zvol.zstack.answer_errors import error_of, transient_error
from zvol.zstack.answers import Answer, JobAnswer, PutAnswer, QueryResult, Unrecognized
from zvol.zstack.auth import Authenticator
from zvol.zstack.compact import RowCompactor
from zvol.zstack.paging import MAX_PAGE, Pager, Row
from zvol.zstack.resource_kinds import DATA_VOLUME, AnyKind, ResourceKind
from zvol.zstack.resources import Resources, match_resources
from zvol.zstack.transport import Transport
from zvol.zstack.versions import Release

T = TypeVar("T")
R = TypeVar("R", bound=Resource)

READ_SECONDS: Final = 8.0
"""The timeout of a read."""
PAGE_SECONDS: Final = 60.0
"""The timeout of a page of a list that is still arriving."""
PUT_SECONDS: Final = 30.0
"""The timeout of a change."""
MAX_BATCH: Final = 100
"""The most resources that are read in one request."""
MAX_ANSWER_BYTES: Final = 1 << 20
"""Maximum bytes of an answer to a change or about a job."""


class Client:
    """One account's view of one ZStack; safe to use from several threads.

    `renew` logs in again where that is possible, and returns whether it did: a read whose session has expired is then
    sent once more.
    """

    def __init__(self, transport: Transport, auth: Authenticator, renew: Callable[[], bool] | None = None) -> None:
        self._transport = transport
        self._auth = auth
        self._renew = renew
        self._size = MAX_PAGE
        self._compactor = RowCompactor()

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
        kind: AnyKind,
    ) -> PutAnswer | NeverSent:
        """Recover a resource: send the PUT once, under a job id of our own (32 hex), with an API timeout in seconds.

        It leaves by `fresh_until` (monotonic seconds), or not at all: NeverSent, `stale`.  `seconds` is the timeout of
        the answer.
        """
        body = kind.recovery(system_tags, user_tags)
        headers = {"X-Job-UUID": job, "X-API-Timeout": str(int(api_timeout))}
        answer = self._send_change("PUT", kind.actions_of(uuid), body, headers, fresh_until, seconds)
        return answers.classify_put(answer, kind) if isinstance(answer, Answer) else answer

    def job(self, job: str, seconds: float = READ_SECONDS, *, kind: AnyKind) -> JobAnswer:
        """Read a job, always at the configured host: the `location` of a 202 has the management node's own address."""
        answer = self._job(job, seconds)
        return answer if isinstance(answer, Unrecognized) else answers.classify_job(answer, kind)

    def change(
        self, path: str, body: Any, job: str, api_timeout: float, fresh_until: float | None = None
    ) -> PutAnswer | NeverSent:
        """POST any other change once, under a job id of our own; `fresh_until` as for `submit`."""
        headers = {"X-Job-UUID": job, "X-API-Timeout": str(int(api_timeout))}
        answer = self._send_change("POST", path, body, headers, fresh_until)
        return answers.classify_change(answer) if isinstance(answer, Answer) else answer

    def change_job(self, job: str) -> JobAnswer:
        """Read the job of any other change, whose inventory need not be a volume's."""
        answer = self._job(job)
        return answer if isinstance(answer, Unrecognized) else answers.classify_change_job(answer)

    def _job(self, job: str, seconds: float = READ_SECONDS) -> Answer | Unrecognized:
        path = f"/v1/api-jobs/{job}"
        try:
            return self._transport.send("GET", path, auth=self._auth, timeout=seconds, max_bytes=MAX_ANSWER_BYTES)
        except (NeverSent, MaybeSent) as exc:
            return Unrecognized(exc.message)

    def _send_change(
        self,
        method: str,
        path: str,
        body: Any,
        headers: Mapping[str, str],
        fresh_until: float | None,
        seconds: float = PUT_SECONDS,
    ) -> Answer | NeverSent | Unrecognized:
        try:
            return self._transport.send(
                method,
                path,
                body=body,
                headers=headers,
                auth=self._auth,
                timeout=seconds,
                max_bytes=MAX_ANSWER_BYTES,
                fresh_until=fresh_until,
            )
        except NeverSent as never:
            return never
        except MaybeSent as maybe:
            return Unrecognized(maybe.message)

    # ---- reads: they raise TransientError, AuthError, Untrusted, Refused ------------------------------------------
    def resource(self, uuid: str, seconds: float = READ_SECONDS, *, kind: ResourceKind[R]) -> R | None:
        """Return a resource, None when it does not exist or is not visible to this account."""
        seen = match_resources([uuid], self._read(kind.path_of(uuid), seconds=seconds), kind=kind)
        if seen.unclear:
            raise TransientError(f"an inventory that does not describe a {kind.noun}")
        return seen.found.get(uuid)

    def read_resources(
        self, uuids: Sequence[str], seconds: float = READ_SECONDS, *, kind: ResourceKind[R]
    ) -> Resources[R]:
        """Read at most MAX_BATCH resources in one request; a malformed inventory does not affect the others."""
        query = [("q", "uuid?=" + ",".join(uuids)), ("limit", str(len(uuids))), ("replyWithCount", "true")]
        found = match_resources(uuids, self._read(kind.path, query, seconds=seconds), counted=True, kind=kind)
        return found.compacted(uuids, self._compactor)

    def volumes(self, uuids: Sequence[str]) -> dict[str, Volume]:
        return self.resources(uuids, kind=DATA_VOLUME)

    def resources(self, uuids: Sequence[str], *, kind: ResourceKind[R]) -> dict[str, R]:
        """Return those of the resources that exist, by UUID; raises TransientError when an answer is incomplete.

        When a batch is not answered but a single resource is, the batch may be too long for a proxy: it is halved.
        """
        found: dict[str, R] = {}
        start, size = 0, MAX_BATCH
        while part := uuids[start : start + size]:
            try:
                seen = self.read_resources(part, kind=kind)
            except TransientError:
                if len(part) == 1:
                    raise
                self.resource(part[0], kind=kind)
                size = len(part) // 2
                continue
            if seen.unclear:
                raise TransientError(f"the answer does not cover all requested {kind.noun}s")
            found |= seen.found
            start += len(part)
        return {uuid: found[uuid] for uuid in uuids if uuid in found}

    def list_volumes(self, conditions: Sequence[str] = ("status=Deleted", "type=Data")) -> list[Volume]:
        """Return all volumes that match, by default those in the recycle bin."""
        return self.list_resources(conditions, kind=DATA_VOLUME)

    def list_resources(self, conditions: Sequence[str], *, kind: ResourceKind[R]) -> list[R]:
        """Return all resources of a kind that match."""

        def to_resource(row: Row) -> R:
            found = kind.parse(row)
            if found is None:
                raise TransientError(f"an inventory that does not describe a {kind.noun}")
            return kind.resource(found.uuid, self._compactor.compact(row), None)

        return self._paged(kind.path, conditions, keep=to_resource, size=self._size)

    def query_all(
        self, path: str, conditions: Sequence[str] = (), *, key: str = "uuid", fields: str = "", rows: int = MAX_PAGE
    ) -> list[Mapping[str, Any]]:
        """Return all inventories of a resource that match, each once; `key` is a unique field of them.

        `rows` is the page size, `fields` the fields to return (comma-separated, all when empty).
        """
        return self._paged(path, conditions, key=key, fields=fields, size=min(rows, self._size))

    def _paged(self, path: str, conditions: Sequence[str], **how: Any) -> list[Any]:
        """Read all pages; a page size that was reduced for a slow line is also used for later lists."""
        pager = Pager(lambda query: self._read(path, query, PAGE_SECONDS), self._transport.deadline.sleep, **how)
        size = pager.size
        try:
            return pager.all(conditions)
        finally:
            if pager.size < size:
                self._size = pager.size

    def user_tags(self, uuids: Sequence[str]) -> dict[str, frozenset[str]]:
        """Return the user tags of each of these volumes."""
        tags: dict[str, set[str]] = {uuid: set() for uuid in uuids}
        for item in self.query_all("/v1/user-tags", [f"resourceUuid?={','.join(uuids)}"]):
            resource, tag = item.get("resourceUuid"), item.get("tag")
            if resource not in tags or not isinstance(tag, str):
                raise TransientError("the answer contains tags that were not requested")
            tags[resource].add(tag)
        return {uuid: frozenset(found) for uuid, found in tags.items()}

    def owner(self, uuid: str) -> str | None:
        """Return the account that owns a resource, None when the server names none."""
        query = [("resourceUuids", uuid)]
        account = self._read_document("/v1/resources/accounts", "inventories", dict, query).get(uuid)
        owner = account.get("uuid") if isinstance(account, Mapping) else None
        return owner if isinstance(owner, str) else None

    def quota(self, account: str) -> dict[str, tuple[int, int]]:
        """Return an account's quotas as {name: (total, used)}."""
        found = self._read_document(f"/v1/accounts/quota/{account}/usages", "usages", list)
        return {
            one["name"]: (one["total"], one["used"])
            for one in found
            if isinstance(one, Mapping) and isinstance(one.get("total"), int) and isinstance(one.get("used"), int)
        }

    def _read_document(self, path: str, key: str, kind: type[T], query: Sequence[tuple[str, str]] = ()) -> T:
        """Return the value of `key` in an answer that is not a list of inventories."""
        answer = self._get(path, query)
        document = answers.document_of(answer)
        if document is None:
            self._query_result(answer)
        found = None if document is None else document.get(key)
        if not isinstance(found, kind):
            raise TransientError(f"the answer has no {key}")
        return found

    def query_page(self, path: str, query: Sequence[tuple[str, str]], seconds: float = READ_SECONDS) -> QueryResult:
        """Return one page of a query."""
        return self._read(path, query, seconds=seconds)

    # ---- requests that need no session ---------------------------------------------------------------------------
    def version(self) -> Release:
        """Return the server's release; raises TransientError, CannotTell or Untrusted if there is none."""
        return server_facts.parse_version(self._request(*server_facts.VERSION_REQUEST))

    def bars_changes(self) -> bool:
        """Tell whether a gateway refuses a change without effect, but not reads; raises TransientError."""
        if not server_facts.is_barred(self._request(*server_facts.VERSION_REQUEST)):
            return False
        return not isinstance(answers.classify_read(self._get(DATA_VOLUME.path, [("limit", "1")])), Unrecognized)

    def server_time(self) -> float:
        """Return the server's clock as seconds since 1970 UTC; raises TransientError, CannotTell or Untrusted."""
        return server_facts.parse_server_time(self._request(*server_facts.CLOCK_REQUEST))

    def timezone(self) -> tuple[str | None, str | None]:
        """Return the server's time zone as (name, offset); raises TransientError, CannotTell or Untrusted."""
        return server_facts.parse_timezone(self._request(*server_facts.ZONE_REQUEST))

    def _request(self, method: str, path: str, body: object) -> Answer:
        try:
            return self._transport.send(method, path, body=body, auth=self._auth, timeout=READ_SECONDS)
        except (NeverSent, MaybeSent) as exc:
            raise transient_error(exc) from None

    # ---- inside --------------------------------------------------------------------------------------------------
    def _read(
        self, path: str, query: Sequence[tuple[str, str]] = (), max_seconds: float = 0.0, seconds: float = READ_SECONDS
    ) -> QueryResult:
        return self._query_result(self._get(path, query, max_seconds, seconds))

    def _query_result(self, answer: Answer) -> QueryResult:
        """Return the result of a query; raises TransientError, AuthError, Untrusted or Refused for any other answer."""
        found = answers.classify_read(answer)
        if isinstance(found, QueryResult):
            return found
        if isinstance(found, Unrecognized) and found.elsewhere:
            raise TransientError(f"{self._transport.endpoint.base} answered {found.reason}", hint=found.hint)
        raise error_of(found, self._auth.hint, "the query")

    def _get(
        self, path: str, query: Sequence[tuple[str, str]] = (), max_seconds: float = 0.0, seconds: float = READ_SECONDS
    ) -> Answer:
        answer = self._send_get(path, query, max_seconds, seconds)
        if self._renew is not None and answer.status == 503:
            found = answers.classify_read(answer)
            if isinstance(found, answers.Failed) and found.session and self._renew():
                return self._send_get(path, query, max_seconds, seconds)
        return answer

    def _send_get(self, path: str, query: Sequence[tuple[str, str]], max_seconds: float, seconds: float) -> Answer:
        try:
            return self._transport.send(
                "GET", path, query=query, auth=self._auth, timeout=seconds, max_seconds=max_seconds
            )
        except (NeverSent, MaybeSent) as exc:
            raise transient_error(exc) from None
