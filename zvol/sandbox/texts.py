"""The texts of refusals: codes, descriptions and details, in English and Chinese."""

from __future__ import annotations

from typing import Any, Final

from zvol.sandbox.versions import Behaviour

INTERNAL: Final = "SYS.1000"
DESCRIPTIONS: Final = {
    INTERNAL: "An internal error happened in system",
    "SYS.1003": "A resource can not be found",
    "SYS.1004": "Unable to delete a resource",
    "SYS.1006": "An operation failed",
    "SYS.1007": "One or more API argument is invalid",
    "SYS.1018": "Resources are not accessible",
    "SYS.1019": "Operation denied",
    "VM.1010": "VM is not in state that allows required operation",
    "ID.1000": "Unable to authenticate a user",
    "ID.1001": "The session is invalid, either wrong session id or the session has been expired",
    "ID.1002": "The user doesn't have permission to perform the operation",
    "ID.1003": "The user exceeds a quota of a resource",
}

DETAILS: Final[dict[str, tuple[str, str]]] = {
    "not-deleted": (
        "the volume[uuid:{0}] is not in status of deleted. This is operation is to recover a deleted data volume",
        "云盘[uuid:{0}]未处于删除状态。此操作将覆盖一个被删除的云盘",
    ),
    "not-owner": (
        "permission denied, the account[uuid:{0}] is not the owner of the resource[uuid:{1}, type:{2}]",
        "操作错误，账户[uuid:{0}]不是资源[uuid:{1}, type:{2}]的所有者",
    ),
    "denied": (
        "operation[API:{0}] is denied by default, please contact admin to correct it",
        "默认情况下拒绝操作[API：{0}]，请与管理员联系以更正",
    ),
    "no-role": (  # the English one is not known
        "operation[API:{0}] is denied, you have no role that allows it, please contact admin",
        "操作[API:{0}]被拒绝，您没有相应的角色权限，请联系管理员处理。",
    ),
    "already-deleted": ("volume[uuid:{0}] is already in status of deleted", "云盘[uuid:{0}]早已处于被删除状态"),
    "not-data": ("volume[uuid:{0}, type:{1}] cant be deleted", "无法删除卷[uuid：{0}，类型：{1}]"),
    "not-expungeable": (
        "the volume[uuid:{0}, name:{1}] is not deleted yet, cant expunge it",
        "云盘[uuid:{0}, name:{1}]仍未被删除，不能清除该云盘",
    ),
    "attach-deleted": (
        "the volume[uuid:{0}] is in status of deleted, cannot do the operation",
        "云盘[uuid:{0}]已经被删除，不能执行此操作",
    ),
    "attach-root": (
        "the volume[uuid:{0}, name:{1}] is Root Volume, cant attach it",
        "云盘[uuid:{0}, name:{1}]是根云盘，不能加载",
    ),
    "attach-disabled": ("data volume[uuid:{0}] is Disabled, cant attach", "云盘[uuid:{0}]被禁用，不能加载"),
    "attach-again": (
        "data volume[uuid:{0}] has been attached to some vm, cant attach again",
        "云盘[uuid:{0}]已经被加载上云主机了，不能再次加载",
    ),
    "attach-state": (
        "vm[uuid:{0}] is in state {1}, a volume can only be attached to one that is Running or Stopped",
        "云主机[uuid:{0}]的状态为{1}，只能加载到运行中或已停止的云主机",
    ),
    "not-attached": (
        "data volume[uuid:{0}] is not attached to any vm, cant detach",
        "云盘[uuid:{0}]没有加载在任何云主机上，不能卸载",
    ),
    "duplicate-tag": (
        "duplicate tag[tag:{0}, type:{1}, resourceType:{2}, resourceUuid:{3}]",
        "标签[tag:{0}, type:{1}, resourceType:{2}, resourceUuid:{3}]重复",
    ),
    "order-by": (
        "invalid order by clause, inventory[{0}] doesnt have field[{1}]",
        "ORDER BY子句无效，库存[{0}]没有字段[{1}]",
    ),
    "wrong-login": ("wrong account name or password", "错误信息: 错误的帐号或密码"),
    "config-value": (
        "{0} is not a valid value of the global config[category:{1}, name:{2}]",
        "{0}不是全局配置[category:{1}, name:{2}]的有效值",
    ),
}
"""English as the message bundle renders it (apostrophes lost), and Chinese."""

_NOT_TRANSLATED: Final = "invalid order by clause, inventory[{0}] doesn't have field[{1}]"
OLD_DETAILS: Final[dict[str, tuple[str, str]]] = {
    "not-deleted": (DETAILS["not-deleted"][0], "云盘[uuid:{0}]未处于删除状态。此操作将覆盖一个被删除的数据云盘"),
    "attach-again": (DETAILS["attach-again"][0], "数据云盘[uuid:{0}]已经被加载上云主机了，不能再次加载"),
    "order-by": (_NOT_TRANSLATED, _NOT_TRANSLATED),
    "wrong-login": (DETAILS["wrong-login"][0], DETAILS["wrong-login"][0]),
}
"""Texts of 3.10.40 and 4.4.65 that differ."""

ELABORATIONS: Final = {
    "ID.1000": ("1000", "错误的帐号或密码。", "Wrong account name or password."),
    "ID.1001": ("1001", "session 已过期，或者提供了不正确的 session id。", "Session expired or wrong session ID."),
}
OLD_ELABORATIONS: Final = {
    "ID.1000": ("1000", "登陆帐号/密码出错", "wrong account name or password"),
    "ID.1001": ("1001", "session过期，或者提供了不正确的session id", DESCRIPTIONS["ID.1001"]),
}
"""Texts of 3.10.40 that differ."""


class Fault(Exception):
    """The server refuses; `fields` is its ErrorCode without `causes`."""

    def __init__(self, fields: dict[str, Any]) -> None:
        super().__init__(str(fields.get("details", fields["code"])))
        self.fields = fields

    @property
    def code(self) -> str:
        return str(self.fields["code"])


class Texts:
    """Errors with the texts and fields of a release, in the server's language; `locale` is `zh_CN` or `en_US`."""

    def __init__(self, locale: str, release: Behaviour) -> None:
        self.release = release
        self.chinese = locale.startswith("zh") and not release.english_details
        self.bundle = DETAILS if release.texts == "5.2" else DETAILS | OLD_DETAILS
        self.elaborations = OLD_ELABORATIONS if release.texts == "3.10" else ELABORATIONS

    def details(self, key: str, *values: object) -> str:
        """Return a text of the message bundle in the server's language."""
        return self.bundle[key][self.chinese].format(*values)

    def fault(self, code: str, details: str | None, *, location: str | None = None, cost: int = 1) -> Fault:
        """Return a registered error, with an elaboration if this build has one for the code."""
        fields: dict[str, Any] = {"code": code, "description": DESCRIPTIONS[code], "details": details}
        known, elaboration = self.release.error_fields, self.elaborations.get(code)
        if elaboration is not None:
            _, chinese, english = elaboration
            fields["elaboration"] = f"错误信息: {chinese}" if self.chinese else f"Error message: {english}"
        if "location" in known:
            fields["location"] = location
        if elaboration is not None and "messages" in known:
            fields["messages"] = _message(*elaboration)
        if "cost" in known or "messages" in fields:
            fields["cost"] = f"{cost}ms"
        return Fault(fields)

    def refuse(self, code: str, key: str, *values: object) -> Fault:
        """Return an error whose details come from the bundle."""
        return self.fault(code, self.details(key, *values))

    def foreign(self, account: str, uuid: str, kind: str) -> Fault:
        """Return the refusal of a resource that is neither the account's own nor shared with it."""
        return self.refuse(self.release.foreign_code, "not-owner", account, uuid, kind)

    def denied(self, java: str) -> Fault:
        """Return the refusal of an API that the account may not call; `java` is its message class."""
        return self.refuse(self.release.denied_code, "no-role" if self.release.roles else "denied", java)

    def missing(self, field: str, uuid: object, kind: str, java: str = "") -> Fault:
        by = f" for {java.rpartition('.')[2]}" if java and self.release.names_message else ""
        return self.fault("SYS.1003", f"invalid field[{field}]{by}, resource[uuid:{uuid}, type:{kind}] not found")

    def session(self) -> Fault:
        return self.fault("ID.1001", "Session expired")

    def login(self, details: str | None = None) -> Fault:
        where = "LoginManagerImpl.java: process-login (location:2/2)"
        return self.fault("ID.1000", details or self.details("wrong-login"), location=where)

    def mandatory(self, field: str, message: str) -> Fault:
        return self.fault("SYS.1007", f"field[{field}] of message[{message}] is mandatory, can not be null")


def wrapped(code: str, cause: Fault) -> Fault:
    """Return an error with the details of its cause."""
    fields = {"code": code, "description": DESCRIPTIONS[code], "details": cause.fields["details"]}
    return Fault(fields | {"cause": cause.fields})


def _message(code: str, chinese: str, english: str) -> dict[str, Any]:
    words = {"code": code, "message_cn": chinese, "message_en": english}
    return words | {"source": "zstack", "distance": 0.0, "method": "distance"}


def internal(details: str | None) -> Fault:
    """Return what an uncaught exception of the server becomes: SYS.1000 without a cost."""
    return Fault({"code": INTERNAL, "description": DESCRIPTIONS[INTERNAL], "details": details})
