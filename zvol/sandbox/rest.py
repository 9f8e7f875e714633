"""The REST layer of a ZStack: routes, and every refusal before a call is queued, in its words and its order."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

CONTEXT: Final = "/zstack"


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """A status with a JSON value, a text, or nothing."""

    status: int
    json: Any = None
    text: str | None = None
    escape: bool = True


class Stop(Exception):
    """The REST layer answers at once with this."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.reply = Reply(status, text=text)


@dataclass(frozen=True, slots=True)
class Call:
    """A call that passed the REST layer.  `params` are those of the action, `values` what the path holds."""

    api: str
    values: tuple[str, ...]
    params: dict[str, Any]
    body: dict[str, Any]
    query: dict[str, list[str]]
    session: str
    job: str | None
    timeout: int | None


UUID: Final = "([^/]+)"
ROUTES: Final = tuple(
    (re.compile("/v1" + path.replace("{}", UUID)), apis)
    for path, apis in (
        ("/accounts/login", {"*": "logInByAccount"}),
        ("/accounts/users/login", {"*": "logInByUser"}),
        ("/accounts/sessions/{}/valid", {"*": "validateSession"}),
        ("/accounts/sessions/{}/renew", {"*": "renewSession"}),
        ("/accounts/sessions/{}", {"*": "logOut"}),
        ("/accounts/quota/{}/usages", {"*": "getAccountQuotaUsage"}),
        ("/resources/accounts", {"*": "getResourceAccount"}),
        ("/volumes", {"*": "queryVolume"}),
        ("/volumes/data", {"*": "createDataVolume"}),
        ("/volumes/{}", {"GET": "queryVolume", "DELETE": "deleteDataVolume"}),
        (
            "/volumes/{}/actions",
            {"PUT": ("recoverDataVolume", "expungeDataVolume", "updateVolume", "changeVolumeState", "syncVolumeSize")},
        ),
        ("/volumes/{}/vm-instances/{}", {"*": "attachDataVolumeToVm"}),
        ("/volumes/{}/vm-instances", {"*": "detachDataVolumeFromVm"}),
        ("/vm-instances", {"GET": "queryVmInstance"}),
        ("/vm-instances/{}", {"GET": "queryVmInstance"}),
        ("/primary-storage", {"*": "queryPrimaryStorage"}),
        ("/volume-snapshots", {"GET": "queryVolumeSnapshot"}),
        ("/global-configurations", {"*": "queryGlobalConfig"}),
        ("/global-configurations/{}/{}/actions", {"*": "updateGlobalConfig"}),
        ("/user-tags", {"GET": "queryUserTag", "POST": "createUserTag"}),
        ("/management-nodes", {"GET": "queryManagementNode"}),
        ("/management-nodes/ready", {"*": "isManagementNodeReady"}),
        ("/management-nodes/actions", {"PUT": ("getVersion", "getCurrentTime")}),
        ("/management-nodes/platform-timezone", {"*": "getPlatformTimeZone"}),
    )
)
FREE: Final = (
    "logInByAccount",
    "logInByUser",
    "validateSession",
    "logOut",
    "isManagementNodeReady",
    "getVersion",
    "getCurrentTime",
)
"""Calls that need no Authorization."""


def parse(request: Request, *, synchronous: bool) -> Call:
    """Check a request as the REST layer does, in its order; raises Stop."""
    parts = urlsplit(request.target)
    raw_path = parts.path
    path = unquote(raw_path.removeprefix(CONTEXT))
    apis, values = _route(path)
    query = parse_qs(parts.query, keep_blank_values=True)
    body = _body(request)
    unique = "*" in apis
    api = apis["*"] if unique else _api(request, path, raw_path, apis, body, synchronous=synchronous)
    session = "" if api in FREE else _session(request)
    params = _params(str(api), body if body is not None else {}, unique=unique, method=request.method)
    job, timeout = _job_headers(request)
    return Call(str(api), values, params, body or {}, query, session, job, timeout)


def _route(path: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    for pattern, apis in ROUTES:
        found = pattern.fullmatch(path)
        if found and not (pattern.pattern.endswith(UUID) and path == "/v1/volumes/data"):
            return dict(apis), found.groups()
    raise Stop(404, f"no api mapping to {path}")


def _body(request: Request) -> dict[str, Any] | None:
    """Return the JSON object of the body, None for an empty one."""
    text = request.body.decode("utf-8", "replace").strip()
    if text in ("", "null"):
        return None
    try:
        value = json.loads(text)
    except ValueError:
        raise Stop(500, "java.io.EOFException: End of input at line 1 column 2 path $.") from None
    if isinstance(value, list):
        return {}
    if not isinstance(value, dict):
        kind = "STRING" if isinstance(value, str) else "NUMBER"
        start = "java.lang.IllegalStateException: Expected BEGIN_OBJECT but was"
        raise Stop(500, f"{start} {kind} at line 1 column 1 path $")
    return value


def _api(
    request: Request, path: str, raw_path: str, apis: dict[str, Any], body: dict[str, Any] | None, *, synchronous: bool
) -> str:
    """Return the call of a path that several calls share."""
    found = apis.get(request.method)
    if isinstance(found, str):
        return found
    if isinstance(found, tuple):
        if body is None:
            raise Stop(500, "")
        for api in found:
            if api in body:
                return str(api)
        if synchronous and set(body) <= {"systemTags", "userTags"}:
            return str(found[0])
        raise Stop(400, f"the body doesn't contain action mapping to the URL[{path}]")
    words = {"POST": "creational", "GET": "query", "DELETE": "delete"}
    if request.method in words:
        raise Stop(500, f"No {words[request.method]} API found for the path[{raw_path}]")
    raise Stop(405, f"The method[{request.method}] is not allowed for the path[{raw_path}]")


def _session(request: Request) -> str:
    value = request.headers.get("authorization")
    if value is None:
        raise Stop(400, "missing header 'Authorization'")
    if value.startswith("OAuth"):
        return value.removeprefix("OAuth").strip()
    if value.startswith("ZStack"):
        text = "RestAuthenticationType type: ZStack was not registered by any RestAuthenticationBackend"
        raise Stop(500, text)
    raise Stop(400, "Authorization type must be 'OAuth'")


def _params(api: str, body: dict[str, Any], *, unique: bool, method: str) -> dict[str, Any]:
    key = "params" if method == "POST" else api
    value = body.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Stop(500, "java.lang.String cannot be cast to java.util.Map")
    del unique
    return value


def _job_headers(request: Request) -> tuple[str | None, int | None]:
    job = request.headers.get("x-job-uuid")
    if job is not None and len(job) != 32:
        raise Stop(400, "Invalid header[X-Job-UUID], it must be a UUID with '-' stripped")
    text = request.headers.get("x-api-timeout")
    if text is None:
        return job, None
    try:
        return job, int(text)
    except ValueError:
        raise Stop(500, f'For input string: "{text}"') from None


def check_tags(body: dict[str, Any]) -> list[str]:
    """Return the system tags of a call; they must be lists."""
    for name in ("systemTags", "userTags"):
        if body.get(name) is not None and not isinstance(body[name], list):
            raise Stop(500, "java.lang.String cannot be cast to java.util.List")
    return [str(tag) for tag in body.get("systemTags") or []]
