"""Stage A: the HTTP layer, and its own refusals, in plain text and in the server's order."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Protocol
from urllib.parse import parse_qsl, unquote

from zvol.sandbox import access, gson, sessions
from zvol.sandbox import query as queries
from zvol.sandbox.api import Api, Call, Operation, Query, Reply
from zvol.sandbox.jobs import PROCESSING, Jobs
from zvol.sandbox.names import ADMIN, new_uuid
from zvol.sandbox.node import Node
from zvol.sandbox.query import BadRequest
from zvol.sandbox.resources import RESOURCES
from zvol.sandbox.routes import Routes, path_values
from zvol.sandbox.texts import Fault

JOBS: Final = "/v1/api-jobs/"
_NOUNS: Final = {"POST": "creational", "GET": "query", "DELETE": "delete"}
_JAVA_NAMES: Final = {str: "java.lang.String", bool: "java.lang.Boolean", int: "java.lang.Double"}
_NUMBER: Final = re.compile(r"[+-]?\d{1,19}")
_CHARSET: Final = re.compile(r"charset=\"?([\w-]+)", re.IGNORECASE)


class Headers(Protocol):
    """Header fields by name, in any case."""

    def get(self, name: str) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it arrived: `target` is path and query string, undecoded."""

    method: str
    target: str
    headers: Headers
    body: bytes

    def header(self, name: str) -> str | None:
        return self.headers.get(name)


Answer = tuple[int, bytes]


class RestApi:
    """The HTTP layer of one node; `address` is the host and port in the `location` of a 202."""

    def __init__(self, node: Node, jobs: Jobs, apis: Iterable[Api], address: str) -> None:
        self.node = node
        self.jobs = jobs
        self.routes = Routes(apis)
        self.address = address

    def answer(self, request: Request) -> Answer:
        """Return status and body; only a bug of the sandbox raises."""
        context = self.node.switches.context
        raw, _, query = request.target.partition("?")
        if "%2f" in raw.lower() or not raw.startswith(context + "/v1/"):
            return 404, b""
        path = unquote(raw.removeprefix(context))
        try:
            if path.startswith(JOBS):
                return self._job(request, path.removeprefix(JOBS))
            return self._api(request, raw, path, query)
        except (BadRequest, access.Denied) as refusal:
            return refusal.status, refusal.text.encode()
        except gson.Malformed as malformed:
            return 500, str(malformed).encode()
        except Fault as fault:
            return 503, self.node.failure(fault, job=False)

    def _job(self, request: Request, job: str) -> Answer:
        if request.method != "GET":
            return 405, b"only GET method is allowed for querying job status"
        return self.jobs.answer(job) or (404, b"the job has been expired")

    def _api(self, request: Request, raw: str, path: str, query: str) -> Answer:
        apis = self._known(path)
        body = gson.read_object(_text(request))
        api = apis[0] if len(apis) == 1 else self._choose(apis, request, raw, path, body)
        token = self._token(request, path) if api.auth else ""
        pairs = parse_qsl(query, keep_blank_values=True)
        if isinstance(api.handler, Query):
            if request.method == "HEAD":
                return 200, b""
            return self._query(Call(api, dict(path_values(api, path)), token, pairs=pairs), api.handler)
        params = self._params(api, request, body, pairs) | path_values(api, path)
        call = Call(api, params, token)
        self._headers(request, call)
        call.system_tags = _tags(body, params)
        if isinstance(api.handler, Reply):
            return self._reply(call, api.handler)
        return self._accept(call, api.handler)

    def _known(self, path: str) -> list[Api]:
        apis = self.routes.find(path)
        if not apis:
            raise BadRequest(f"no api mapping to {path}", 404)
        return apis

    def _choose(self, apis: list[Api], request: Request, raw: str, path: str, body: dict[str, Any] | None) -> Api:
        """Return the API of a path that has several: by method, and by the body's key when it is PUT."""
        if request.method == "HEAD":
            raise BadRequest(f"The method[HEAD] is not allowed for the path[{raw}]", 405)
        if request.method != "PUT":
            api = next((api for api in apis if api.method == request.method), None)
            if api is None:
                raise BadRequest(f"No {_NOUNS[request.method]} API found for the path[{raw}]", 500)
            return api
        if body is None:
            raise BadRequest(self.node.release.null_body_text, 500)
        api = next((api for api in apis if api.method == "PUT" and api.name in body), None)
        if api is None:
            raise BadRequest(f"the body doesn't contain action mapping to the URL[{path}]")
        return api

    def _token(self, request: Request, path: str) -> str:
        header = request.header("Authorization")
        if header is None:
            raise BadRequest("missing header 'Authorization'")
        header = header.strip()
        if header.startswith("OAuth"):
            return header.removeprefix("OAuth").strip()
        if not header.startswith("ZStack"):
            raise BadRequest("Authorization type must be 'OAuth'")
        return access.authenticate(self.node, request.method, path, header, request.header("Date"))

    def _params(
        self,
        api: Api,
        request: Request,
        body: dict[str, Any] | None,
        pairs: list[tuple[str, str]],
    ) -> dict[str, Any]:
        if request.method in ("GET", "DELETE", "HEAD"):
            return _from_query(api, pairs)
        value = (body or {}).get("params" if api.method == "POST" else api.name)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise BadRequest(f"{_java_name(value)} cannot be cast to java.util.Map", 500)
        for name in api.ints:
            given = value.get(name)
            if given is not None and not _whole(given):
                raise BadRequest(f"[{name}] field is excepted an int or long, but was [{given}].")
        return dict(value)

    def _headers(self, request: Request, call: Call) -> None:
        """Check X-Job-UUID and X-API-Timeout, in this order."""
        job, timeout = request.header("X-Job-UUID"), request.header("X-API-Timeout")
        if job is not None:
            if len(job) != 32:
                raise BadRequest("Invalid header[X-Job-UUID], it must be a UUID with '-' stripped")
            if self.node.release.duplicate_check and self.jobs.taken(job):
                raise BadRequest(f"Duplicate job uuid[{job}]")
        call.job = job or new_uuid()
        if not self.node.release.honours_timeout:
            return
        handler = call.api.handler
        call.timeout = (handler.seconds if isinstance(handler, Operation) else 1800) * 1000
        if timeout is not None:
            if not _NUMBER.fullmatch(timeout):
                raise BadRequest(f'For input string: "{timeout}"', 500)
            call.timeout = int(timeout) * 1000

    def _query(self, call: Call, handler: Query) -> Answer:
        uuid = call.params.get("uuid")
        if uuid is None:
            query = queries.parse(call.pairs)
        else:
            query = queries.Query((queries.Condition(RESOURCES[handler.resource].order, "=", str(uuid)),))
        sessions.enter(self.node, call)
        if handler.admin and self.node.release.nodes_for_admin and call.account != ADMIN:
            raise self.node.texts.denied(handler.admin)
        with self.node.store.read() as tx:
            reply = self.node.reader.query(tx, handler.resource, query, call.account, admin=call.account == ADMIN)
        return 200, self.node.success(reply)

    def _reply(self, call: Call, handler: Reply) -> Answer:
        if handler.session:
            sessions.enter(self.node, call)
        store = self.node.store
        with store.write() if handler.writes else store.read() as tx:
            body = handler.run(self.node, tx, call)
        return 200, self.node.success(body)

    def _accept(self, call: Call, operation: Operation) -> Answer:
        if self.node.switches.check_pause > 0:  # between check and save, the same id can be accepted twice
            time.sleep(self.node.switches.check_pause)
        self.jobs.accept(call, operation)
        location = f"http://{self.address}{self.node.switches.context}{JOBS}{call.job}"
        echo = {"apiTimeout": call.timeout} if self.node.release.echoes_timeout else {}
        return PROCESSING, self.node.success(echo | {"location": location})


def _text(request: Request) -> str:
    """Return the body as the servlet reader decodes it: Latin-1 unless the Content-Type names a charset."""
    found = _CHARSET.search(request.header("Content-Type") or "")
    try:
        return request.body.decode(found[1] if found else "iso-8859-1", "replace")
    except LookupError:
        return request.body.decode("iso-8859-1")


def _from_query(api: Api, pairs: list[tuple[str, str]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, value in pairs:
        if name in api.lists:
            made.setdefault(name, []).append(value)
        elif name in made:
            raise BadRequest(
                f"Invalid query parameter[{name}], only one value is allowed for the parameter"
                " but multiple values found"
            )
        else:
            made[name] = value
    return made


def _tags(body: dict[str, Any] | None, params: dict[str, Any]) -> list[Any]:
    """Return the system tags: the top-level ones win over those inside the action."""
    for name in ("systemTags", "userTags"):
        value = (body or {}).get(name)
        if value is not None and not isinstance(value, list):
            raise BadRequest(f"{_java_name(value)} cannot be cast to java.util.List", 500)
    tags = (body or {}).get("systemTags") or params.get("systemTags")
    return list(tags) if isinstance(tags, list) else []


def _java_name(value: object) -> str:
    if isinstance(value, dict):
        return "com.google.gson.internal.LinkedTreeMap"
    if isinstance(value, list):
        return "java.util.ArrayList"
    return _JAVA_NAMES.get(type(value), "java.lang.Double")


def _whole(value: object) -> bool:
    if isinstance(value, str):
        return _NUMBER.fullmatch(value) is not None
    return isinstance(value, int | float) and not isinstance(value, bool) and value == int(value)
