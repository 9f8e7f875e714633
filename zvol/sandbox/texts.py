"""The error codes of a ZStack, and the words its locale gives them."""

from __future__ import annotations

from typing import Any, Final

DESCRIPTIONS: Final = {
    "SYS.1000": "An internal error happened in system",
    "SYS.1003": "A resource can not be found",
    "SYS.1004": "Unable to delete a resource",
    "SYS.1006": "An operation failed",
    "SYS.1007": "One or more API argument is invalid",
    "SYS.1010": "The management node is not ready",
    "ID.1000": "Unable to authenticate a user",
    "ID.1001": "The session is invalid, either wrong session id or the session has been expired",
    "ID.1003": "The user exceeds a quota of a resource",
}

CHINESE: Final = {
    "not-deleted": "云盘[uuid:{0}]未处于删除状态。此操作将覆盖一个被删除的云盘",
    "not-owner": "操作错误，账户[uuid:{0}]不是资源[uuid:{1}, type:{2}]的所有者",
    "deleted-already": "云盘[uuid:{0}]早已处于被删除状态",
    "not-data": "无法删除卷[uuid：{0}，类型：{1}]",
    "not-expungeable": "云盘[uuid:{0}, name:{1}]仍未被删除，不能清除该云盘",
    "wrong-password": "错误信息: 错误的帐号或密码",
}
ENGLISH: Final = {
    "not-deleted": (
        "the volume[uuid:{0}] is not in status of deleted. This is operation is to recover a deleted data volume"
    ),
    "not-owner": "permission denied, the account[uuid:{0}] is not the owner of the resource[uuid:{1}, type:{2}]",
    "deleted-already": "volume[uuid:{0}] is already in status of deleted",
    "not-data": "volume[uuid:{0}, type:{1}] cant be deleted",
    "not-expungeable": "the volume[uuid:{0}, name:{1}] is not deleted yet, cant expunge it",
    "wrong-password": "wrong account name or password",
}

ELABORATIONS: Final = {
    "ID.1000": ("1000", "错误的帐号或密码。", "Wrong account name or password."),
    "ID.1001": (
        "1001",
        "session 已过期，或者提供了不正确的 session id。",
        "Session expired or wrong session ID.",
    ),
    "ID.1003": ("1002", "请求资源超出配额。", "The quota of the resource is exceeded."),
}


class Fault(Exception):
    """A call fails with this ErrorCode."""

    def __init__(self, code: str, details: str | None, *, cause: dict[str, Any] | None = None) -> None:
        super().__init__(code)
        self.code, self.details, self.cause = code, details, cause

    def json(self, locale: str) -> dict[str, Any]:
        """Return the ErrorCode object."""
        error: dict[str, Any] = {"code": self.code, "description": DESCRIPTIONS[self.code]}
        if self.details is not None:
            error["details"] = self.details
        known = ELABORATIONS.get(self.code)
        if known and self.code != "ID.1003":
            number, chinese, english = known
            error["elaboration"] = f"错误信息: {chinese}" if locale == "zh_CN" else f"Error message: {english}"
            error["messages"] = {
                "code": number,
                "message_cn": chinese,
                "message_en": english,
                "source": "zstack",
                "distance": 0.0,
                "method": "distance",
            }
        if self.code == "ID.1000":
            error["location"] = "LoginManagerImpl.java: process-login (location:2/2)"
        if self.cause is not None:
            error["cause"] = self.cause
        elif self.code != "SYS.1000":
            error["cost"] = "1ms"
        return error


def say(key: str, locale: str, *values: object) -> str:
    """Return a details text in the server's language."""
    return (CHINESE if locale == "zh_CN" else ENGLISH)[key].format(*values)
