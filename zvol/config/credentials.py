"""Reads the session, access key or password of the settings, from a file or a program if they name one."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from zvol.config import kinds
from zvol.config.credential_scope import LOGIN_VARIABLES, SESSION_VARIABLES, Credential
from zvol.config.hosts import is_loopback
from zvol.config.settings import Settings
from zvol.errors import AuthError, ConfigError, InvalidValue, Problem, Untrusted, UsageProblem
from zvol.files import PIPE_SECONDS, read_private
from zvol.secrets import Secret

if TYPE_CHECKING:
    import subprocess

COMMAND_SECONDS: Final = 10.0
POLL_SECONDS: Final = 0.1
LIMIT: Final = 4096
"""Maximum bytes of a file with a session, secret or password, of a program's output, and of a typed password."""

WAYS: Final = (
    "Run `zvol login`, set ZVOL_HOST and ZVOL_SESSION_FILE (or ZVOL_SESSION), or give the profile a session_command, "
    "session_file or session, a password_command, or an access key."
)


class Source(Protocol):
    """Another source of a session, such as a stored login; returns None if it has none for these settings."""

    def __call__(self, settings: Settings) -> Secret | None: ...


def session(settings: Settings, *, environ: Mapping[str, str] | None = None, more: Sequence[Source] = ()) -> Secret:
    """Return the session of a run: that of session, session_file, session_command, or the first of `more`.

    Raises UsageProblem for a credential of another layer, ConfigError for an invalid one, and AuthError if there is
    none or the program fails; no message quotes it. May wait COMMAND_SECONDS for the program.
    """
    given = _permitted(settings)
    if given.session is not None:
        return given.session
    if given.session_file is not None:
        where = given.sources["session_file"]
        return _checked(from_file(given.session_file, where, settings.timeout), where, "the file's first line")
    if given.session_command is not None:
        where = given.sources["session_command"]
        text = from_command(given.session_command, "session_command", where, environ, settings.timeout)
        return _checked(text, where, "what session_command prints")
    for source in more:
        found = source(settings)
        if found is not None:
            return found
    if given.withheld:
        raise UsageProblem(given.withheld, hint=given.hint)
    raise AuthError("there is no session for " + settings.endpoint.origin, hint=WAYS)


def access_key(settings: Settings, *, environ: Mapping[str, str] | None = None) -> tuple[str, Secret] | None:
    """Return the id and the secret of the access key for this host, None if there is none.

    Raises what `session` raises, and Untrusted for plain http to another machine: a signature covers neither the body
    nor the host, so an attacker on the network could turn a recovery into an expunge.
    """
    given = _permitted(settings)
    if given.access_key_id is None:
        return None
    if settings.endpoint.scheme != "https" and not is_loopback(settings.endpoint):
        raise Untrusted(
            f"an access key is not used over plain http ({settings.endpoint.origin}), whatever insecure_http says",
            hint="Use https: a signature does not cover the body, so anybody on the way could turn it into a deletion.",
            kind="plain-http",
        )
    where = given.sources["access_key_id"]
    if given.access_key_secret is not None:
        return given.access_key_id, given.access_key_secret
    text = ""
    if given.access_key_secret_file is not None:
        where = given.sources["access_key_secret_file"]
        text = from_file(given.access_key_secret_file, where, settings.timeout)
    elif given.access_key_secret_command is not None:
        where = given.sources["access_key_secret_command"]
        command = given.access_key_secret_command
        text = from_command(command, "access_key_secret_command", where, environ, settings.timeout)
    if not text:
        raise ConfigError([Problem(where, "the secret of the access key is empty")])
    return given.access_key_id, Secret(text)


def password(settings: Settings, *, environ: Mapping[str, str] | None = None) -> Secret | None:
    """Return the password for this host, None if there is none; raises what `session` raises."""
    given = _permitted(settings)
    if given.password is not None:
        return given.password
    if given.password_file is not None:
        where = given.sources["password_file"]
        return typed_password(_bytes(given.password_file, where, settings.timeout), where)
    if given.password_command is not None:
        where = given.sources["password_command"]
        printed = _output(given.password_command, "password_command", where, environ, settings.timeout)
        return typed_password(printed, where)
    return None


def typed_password(data: bytes, where: str) -> Secret:
    """Return the first line as a password, spaces included; raises ConfigError, naming `where`, if it is not one."""
    text = None
    with contextlib.suppress(UnicodeDecodeError):  # its message quotes the bytes, so it is not chained
        text = re.split(r"\r?\n", data.decode("utf-8-sig"), maxsplit=1)[0]
    if not text:
        problem = "the password is not UTF-8" if text is None else "there is no password in the first line"
        raise ConfigError([Problem(where, problem)])
    return Secret(text)


def _permitted(settings: Settings) -> Credential:
    """Return the credential for this host; raises UsageProblem if it must not be sent there."""
    given = settings.credential
    if given.refused:
        raise UsageProblem(given.refused, hint=given.hint)
    return given


def from_file(path: Path, where: str, seconds: float = PIPE_SECONDS) -> str:
    """Return the first line of a file that only its owner can read; raises ConfigError, naming `where`."""
    return _first_line(_bytes(path, where, seconds))


def _bytes(path: Path, where: str, seconds: float) -> bytes:
    return read_private(path, LIMIT, where, seconds=min(seconds, PIPE_SECONDS))


def from_command(
    command: Sequence[str],
    what: str,
    where: str,
    environ: Mapping[str, str] | None = None,
    seconds: float = COMMAND_SECONDS,
) -> str:
    """Return the first line that a program prints; raises what running the program raises."""
    return _first_line(_output(command, what, where, environ, seconds))


_NOT_RUN: Final = {
    errno.ENOENT: "The program of its first line (#!) is not there; the line may have a carriage return.",
    errno.EACCES: "Make it executable (chmod +x), or put `sh` before it where the mount is noexec.",
    errno.ENOEXEC: "Give it a first line such as #!/bin/sh.",
}
"""What to do about a program that exists but cannot be run, by errno."""


def _output(command: Sequence[str], what: str, where: str, environ: Mapping[str, str] | None, seconds: float) -> bytes:
    """Return the output of a program, which runs without a shell and without the secrets of zvol.

    Its stderr is not shown, because it may contain secrets. Raises AuthError if it fails or takes longer than `seconds`
    or COMMAND_SECONDS, ConfigError if it cannot be run or prints more than LIMIT bytes.
    """
    import subprocess

    seconds = min(seconds, COMMAND_SECONDS)
    secret = {*SESSION_VARIABLES, *LOGIN_VARIABLES}
    inherited = os.environ if environ is None else environ
    public = {name: value for name, value in inherited.items() if name not in secret}
    try:
        process = subprocess.Popen(  # noqa: S603  (the user's own program, from the user's own file)
            list(command), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=public
        )
    except OSError as exc:
        reason = exc.strerror or "no such program"
        program = f"{command[0]}: " if re.fullmatch(r"[A-Za-z0-9_.+/~-]{1,200}", command[0]) else ""
        hint = _NOT_RUN.get(exc.errno or 0, "") if os.path.exists(command[0]) else ""
        raise ConfigError([Problem(where, f"{what} cannot be run: {program}{reason}")], hint=hint) from None
    try:
        data = _printed(process, time.monotonic() + seconds)
    finally:
        late = process.poll() is None
        if late:
            process.kill()
        code = process.wait()
    if len(data) > LIMIT:
        raise ConfigError([Problem(where, f"{what} printed more than {LIMIT} bytes")])
    if late:
        raise AuthError(f"{what} did not end within {seconds:g} s", hint=_by_hand(what, where))
    if code:
        raise AuthError(f"{what} {_ending(code)}", hint=_by_hand(what, where))
    return data


def _printed(process: subprocess.Popen[bytes], end: float) -> bytes:
    """Return the output of a program until it ends or `end` passes, at most one byte over the limit.

    A child of the program may hold the pipe open for longer; zvol does not wait for it.
    """
    import select
    import subprocess

    data = b""
    assert process.stdout is not None
    with process.stdout as stream:
        while len(data) <= LIMIT and (left := end - time.monotonic()) > 0:
            ready, _, _ = select.select([stream], [], [], min(POLL_SECONDS, left))
            if ready:
                more = os.read(stream.fileno(), LIMIT + 1 - len(data))
                data += more
                if not more:
                    break
            elif process.poll() is not None:
                break
    if len(data) <= LIMIT:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, end - time.monotonic()))
    return data


def _ending(code: int) -> str:
    return f"ended with exit code {code}" if code > 0 else f"was ended by signal {-code}"


def _by_hand(what: str, where: str) -> str:
    return f"Run the {what} of {where} by hand to see why."


def _first_line(data: bytes) -> str:
    lines = data.decode("utf-8-sig", "replace").splitlines()
    return lines[0].strip() if lines else ""


def _checked(text: str, where: str, what: str) -> Secret:
    problem = "is empty"
    if text:
        try:
            return kinds.session(text)
        except InvalidValue as exc:
            problem = str(exc)
    raise ConfigError([Problem(where, f"{what} {problem}")])
