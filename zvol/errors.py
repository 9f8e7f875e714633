"""All deliberate errors of zvol, and their exit codes.

An error is raised by the layer that knows what happened, and printed by one module, `zvol.render.printer`. None of them
is an OSError: the exceptions of `requests` are, and they never leave `zvol.zstack.transport`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import IntEnum
from typing import Any, NamedTuple, Self


class Exit(IntEnum):
    """The exit codes of zvol; they are a contract, so codes may be added but are never renumbered."""

    OK = 0
    FAILED = 1
    USAGE = 2
    UNKNOWN = 3
    AUTH = 4
    UNREACHABLE = 5
    BUSY = 6
    LOCAL = 7
    CONTRADICTED = 8
    UNTRUSTED = 9
    EXPIRING = 10
    BUG = 70
    SIGHUP = 129
    SIGINT = 130
    READER_GONE = 141
    SIGTERM = 143


SEVERITY: tuple[Exit, ...] = (
    Exit.SIGINT,
    Exit.SIGTERM,
    Exit.SIGHUP,
    Exit.LOCAL,
    Exit.UNKNOWN,
    Exit.BUG,
    Exit.CONTRADICTED,
    Exit.UNTRUSTED,
    Exit.AUTH,
    Exit.FAILED,
    Exit.BUSY,
    Exit.UNREACHABLE,
    Exit.USAGE,
    Exit.READER_GONE,
    Exit.EXPIRING,
    Exit.OK,
)


def most_severe(codes: Iterable[Exit]) -> Exit:
    """Return the exit code of a run with all these outcomes; OK if there are none."""
    return min(codes, key=SEVERITY.index, default=Exit.OK)


class InvalidValue(ValueError):
    """An invalid value of a setting, without the value; the caller turns it into a Problem or a usage error."""


class ErrorCode(NamedTuple):
    """ZStack's ErrorCode; `fields` is the whole object with its nested `cause` and `causes` as the server sent it."""

    code: str
    fields: Mapping[str, Any]

    def text(self, name: str) -> str | None:
        value = self.fields.get(name)
        return value if isinstance(value, str) and value else None

    @property
    def description(self) -> str | None:
        return self.text("description")

    @property
    def details(self) -> str | None:
        return self.text("details")

    @property
    def elaboration(self) -> str | None:
        return self.text("elaboration")

    @property
    def summary(self) -> str:
        """Return the code with the text of the server."""
        return f"{self.code} {self.details or self.description or ''}".strip()

    @property
    def innermost(self) -> ErrorCode:
        """Return the root cause: the deepest `cause`, or else the first of `causes`, or else this error."""
        causes = self.fields.get("causes")
        for inner in (self.fields.get("cause"), *(causes if isinstance(causes, list) else ())):
            if isinstance(inner, Mapping) and isinstance(inner.get("code"), str):
                return ErrorCode(inner["code"], inner).innermost
        return self

    def json(self) -> dict[str, Any]:
        return dict(self.fields)


class ZvolError(Exception):
    """An expected error: raised, or carried by a Result as the reason why a volume was not recovered.

    `message` says what and where in one line, `hint` what to do about it. `kind` is a stable name for scripts, `exit`
    the exit code. `fault` is the ErrorCode of the server, if it sent one.
    """

    kind = "failed"
    exit = Exit.FAILED

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        kind: str | None = None,
        exit: Exit | None = None,
        fault: ErrorCode | None = None,
        uuid: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.kind = kind or type(self).kind
        self.exit = type(self).exit if exit is None else exit
        self.fault, self.uuid = fault, uuid

    @property
    def full_text(self) -> str:
        """Return the message with the texts of the server, for places with only one line."""
        before, after = (" (server: ", ")") if ": " in self.message else (": ", "")  # a reason in English comes first
        return self.message if self.fault is None else f"{self.message}{before}{self.fault.summary}{after}"

    def copy(self, *, message: str | None = None, hint: str | None = None, kind: str = "") -> Self:
        """Return the error with another message, hint or kind."""
        message = self.message if message is None else message
        other = type(self).__new__(type(self), message)  # copy.copy would call __init__ with the wrong parameters
        hint = self.hint if hint is None else hint
        other.__dict__ |= self.__dict__ | {"message": message, "hint": hint, "kind": kind or self.kind}
        return other

    def error_code(self) -> dict[str, Any]:
        """Return the error as an ErrorCode: that of the server, or `ZVOL.<KIND>` for an error found by zvol."""
        if self.fault is not None:
            return self.fault.json()
        code = "ZVOL." + self.kind.upper().replace("-", "_")
        return {"code": code, "description": self.message, "details": self.message}


NOT_SENT = "Nothing was submitted, so it is safe to run the command again."
"""The hint when a server could not be reached before anything was submitted."""


class UsageProblem(ZvolError):
    """The request is invalid; nothing was sent."""

    kind = "usage"
    exit = Exit.USAGE


class Problem(NamedTuple):
    """One mistake in a configuration: `where` is `file:line:column`, a variable or an option."""

    where: str
    text: str


class ConfigError(ZvolError):
    """The configuration is invalid; `problems` has all mistakes, not only the first."""

    kind = "config"
    exit = Exit.USAGE

    def __init__(self, problems: Iterable[Problem], *, hint: str = "") -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(f"{p.where}: {p.text}" for p in self.problems), hint=hint)


class Refused(ZvolError):
    """The server refused for certain; `fault` is its ErrorCode, if it sent one."""


class CannotTell(UsageProblem):
    """The answer of the server shows that it can never tell this; nothing was sent."""

    kind = "cannot-tell"


class AuthError(ZvolError):
    """There is no session, or the server does not accept it."""

    kind = "auth"
    exit = Exit.AUTH


class Unreachable(ZvolError):
    """The server could not be reached, or something that is not ZStack answered."""

    kind = "unreachable"
    exit = Exit.UNREACHABLE


class Untrusted(ZvolError):
    """A certificate, a redirect or plain http that zvol does not trust."""

    kind = "untrusted"
    exit = Exit.UNTRUSTED


class LocalState(ZvolError):
    """The journal or the output cannot be written."""

    kind = "local"
    exit = Exit.LOCAL


class Busy(ZvolError):
    """Another zvol run is working on this volume."""

    kind = "busy"
    exit = Exit.BUSY


class NeverSent(ZvolError):
    """No byte of the request can have reached the server, so it is safe to repeat it.

    `reason` is one of `dns`, `refused`, `connect-timeout`, `unreachable`, `proxy`, `certificate`, `tls`, `address`,
    `time`, `stale` (the read it depends on was too old when it could be sent).
    """

    kind = "unreachable"
    exit = Exit.UNREACHABLE

    def __init__(self, reason: str, message: str, hint: str = "") -> None:
        untrusted = reason in ("certificate", "tls")
        kind, code = ("untrusted", Exit.UNTRUSTED) if untrusted else ("unreachable", Exit.UNREACHABLE)
        super().__init__(message, hint=hint, kind=kind, exit=code)
        self.reason, self.untrusted = reason, untrusted


class MaybeSent(ZvolError):
    """The request may have reached the server, and there is no answer.

    `begun`: an answer has begun. `late`: the time was up before it was complete. `untrusted`: the TLS of the server
    refused zvol.
    """

    kind = "unreachable"
    exit = Exit.UNREACHABLE

    def __init__(
        self, message: str, *, begun: bool = False, late: bool = False, hint: str = "", untrusted: bool = False
    ) -> None:
        super().__init__(message, hint=hint)
        self.begun, self.late, self.untrusted = begun, late, untrusted


class TransientError(ZvolError):
    """A read got no valid answer; the same read may succeed later.

    `never_sent` is set if it was not sent, `maybe_sent` if there was no complete answer, `fault` if ZStack itself
    failed in a way that may pass, `retry_after` (seconds) if the answer asks for fewer requests.
    """

    kind = "unreachable"
    exit = Exit.UNREACHABLE

    def __init__(
        self,
        message: str,
        never_sent: NeverSent | None = None,
        maybe_sent: MaybeSent | None = None,
        fault: ErrorCode | None = None,
        hint: str = "",
        retry_after: float | None = None,
    ) -> None:
        like, told = never_sent or type(self), hint or getattr(never_sent or maybe_sent, "hint", "")
        super().__init__(message, hint=told, kind=like.kind, exit=like.exit, fault=fault)
        self.never_sent, self.maybe_sent, self.retry_after = never_sent, maybe_sent, retry_after


def nothing_sent(error: ZvolError) -> ZvolError:
    """Return an error from before anything was submitted; if the server did not answer, the hint says so."""
    unreachable = isinstance(error, NeverSent | TransientError) and error.exit is Exit.UNREACHABLE
    return error.copy(hint=f"{error.hint} {NOT_SENT}".strip()) if unreachable else error


class OutputLost(ZvolError):
    """The run has results, but they could not be printed; `exit` is their exit code, `summary` their counts."""

    def __init__(self, reason: OSError, exit: Exit, summary: str) -> None:
        super().__init__(str(reason), exit=exit)
        self.reason, self.summary = reason, summary
