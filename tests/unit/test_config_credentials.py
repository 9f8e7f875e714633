"""From settings to a session, by files and programs; no secret in an error."""

from __future__ import annotations

import os
import sys
import time
import traceback
from pathlib import Path

import pytest

from zvol.config import credentials
from zvol.config.credentials import LIMIT
from zvol.config.settings import SettingLayers, Settings, resolve
from zvol.errors import AuthError, ConfigError, Exit, UsageProblem, ZvolError
from zvol.secrets import Secret

SESSION = "0123456789abcdef" * 2


def settings_with(folder: Path, body: str) -> Settings:
    path = folder / "z.yaml"
    path.write_text("profiles:\n  p:\n    host: https://h\n    " + body + "\n")
    path.chmod(0o600)
    return resolve(SettingLayers({"config": str(path)}, {}))


def program(folder: Path, code: str) -> Settings:
    """Return settings whose session_command is a Python program."""
    script = folder / "get.py"
    script.write_text("import os, sys, time\n" + code)
    return settings_with(folder, f"session_command: ['{sys.executable}', -S, -E, '{script}', MARKER]")


def refusal(settings: Settings) -> ZvolError:
    with pytest.raises(ZvolError) as caught:
        credentials.session(settings)
    shown = "".join(traceback.format_exception(caught.value)) + caught.value.hint
    assert "MARKER" not in shown
    assert SESSION not in shown
    return caught.value


# ---- files -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "data",
    [SESSION, f"{SESSION}\n", f" {SESSION}\r\nmore", SESSION.upper(), f"\ufeff{SESSION}", f"{SESSION}\n" + "x" * 3000],
)
def test_the_first_line_of_a_file(tmp_path: Path, data: str) -> None:
    (tmp_path / "key").write_bytes(data.encode())
    (tmp_path / "key").chmod(0o600)
    assert credentials.session(settings_with(tmp_path, "session_file: key")).reveal() == SESSION


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "is empty"),
        (b"\n" + SESSION.encode(), "is empty"),
        (b"MARKER", "must be the 32 hex digits"),
        (f"OAuth {SESSION}".encode(), "without the word OAuth"),
        (SESSION.encode() + b"0", "must be the 32 hex digits"),
        (b"\xff\xfe" + SESSION.encode("utf-16-le"), "must be the 32 hex digits"),
        (SESSION.encode() + b"\n" + b"x" * LIMIT, "more than 4096 bytes"),
    ],
)
def test_a_file_without_a_session(tmp_path: Path, data: bytes, text: str) -> None:
    (tmp_path / "key").write_bytes(data)
    (tmp_path / "key").chmod(0o600)
    error = refusal(settings_with(tmp_path, "session_file: key"))
    assert isinstance(error, ConfigError)
    assert error.exit is Exit.USAGE
    assert text in error.message
    assert error.problems[0].where == f"{tmp_path}/z.yaml:4:19"


@pytest.mark.parametrize("bits", [0o600, 0o400, 0o640, 0o604, 0o644, 0o666])
def test_a_file_must_be_private(tmp_path: Path, bits: int) -> None:
    (tmp_path / "key").write_text(SESSION)
    (tmp_path / "key").chmod(bits)
    settings = settings_with(tmp_path, "session_file: key")
    if bits & 0o077:
        assert refusal(settings).hint == f"Run: chmod 600 {tmp_path}/key"
    else:
        assert credentials.session(settings).reveal() == SESSION


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    assert "No such file" in refusal(settings_with(tmp_path, "session_file: key")).message
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "fifo").chmod(0o644)
    assert "others can use it" in refusal(settings_with(tmp_path, "session_file: fifo")).message
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(0o777)
    (tmp_path / "shared" / "key").symlink_to(tmp_path / "z.yaml")
    assert "symbolic link" in refusal(settings_with(tmp_path, "session_file: shared/key")).message


def test_nothing_is_read_before_it_is_needed(tmp_path: Path) -> None:
    settings = settings_with(tmp_path, "session_file: none")
    assert settings.credential.session_file == tmp_path / "none"
    settings = program(tmp_path, f"open({str(tmp_path / 'ran')!r}, 'w')")
    assert not (tmp_path / "ran").exists()


# ---- programs --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "code",
    [
        f"print('{SESSION}')",
        f"print('  {SESSION.upper()}  ')",
        f"sys.stdout.write('{SESSION}')",
        f"print('{SESSION}'); print('MARKER' * 100); print('MARKER', file=sys.stderr)",
        f"sys.stdout.write('{SESSION[:16]}'); sys.stdout.flush(); time.sleep(0.05); print('{SESSION[16:]}')",
        f"sys.stdin.read() == '' and print('{SESSION}')",
    ],
)
def test_the_first_line_that_a_program_prints(tmp_path: Path, code: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert credentials.session(program(tmp_path, code)).reveal() == SESSION
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("code", "kind", "text"),
    [
        ("", ConfigError, "is empty"),
        ("print('MARKER')", ConfigError, "must be the 32 hex digits"),
        (f"print('OAuth {SESSION}')", ConfigError, "without the word OAuth"),
        (f"print('{SESSION}'); sys.exit(3)", AuthError, "ended with exit code 3"),
        ("print('MARKER', file=sys.stderr); sys.exit(1)", AuthError, "ended with exit code 1"),
        ("os.kill(os.getpid(), 9)", AuthError, "was ended by signal 9"),
        (f"print('{SESSION}'); print('x' * {LIMIT})", ConfigError, "printed more than 4096 bytes"),
        (
            f"print('x' * {LIMIT - 1}, flush=True); time.sleep(0.1); print('MARKER')",
            ConfigError,
            "printed more than 4096 bytes",
        ),
        ("while True: sys.stdout.write('MARKER' * 1000)", ConfigError, "printed more than 4096 bytes"),
        ("sys.stdout.buffer.write(bytes(range(256)))", ConfigError, "must be the 32 hex digits"),
    ],
)
def test_a_program_without_a_session(tmp_path: Path, code: str, kind: type[ZvolError], text: str) -> None:
    error = refusal(program(tmp_path, code))
    assert type(error) is kind
    assert error.exit is (Exit.AUTH if kind is AuthError else Exit.USAGE)
    assert text in error.message


@pytest.mark.parametrize(
    "code",
    [
        "time.sleep(60)",
        f"print('{SESSION}'); sys.stdout.flush(); time.sleep(60)",
        "os.close(1); time.sleep(60)",
        f"print('{SESSION}'); sys.stdout.flush(); os.close(1); time.sleep(60)",
        "\nimport signal\nsignal.signal(15, signal.SIG_IGN)\ntime.sleep(60)",
        "\nwhile True:\n  sys.stdout.write('.'); sys.stdout.flush(); time.sleep(0.1)",
    ],
)
def test_a_program_that_does_not_end(tmp_path: Path, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "COMMAND_SECONDS", 0.4)
    begin = time.monotonic()
    error = refusal(program(tmp_path, code))
    assert time.monotonic() - begin < 30
    assert isinstance(error, AuthError)
    assert "did not end within 0.4 s" in error.message
    assert "by hand" in error.hint


def test_a_child_that_holds_the_pipe_does_not_block(tmp_path: Path) -> None:
    code = f"""
print('{SESSION}'); sys.stdout.flush()
if os.fork() == 0: time.sleep(60)
os._exit(0)
"""
    begin = time.monotonic()
    assert credentials.session(program(tmp_path, code)).reveal() == SESSION
    assert time.monotonic() - begin < 30


@pytest.mark.parametrize(
    ("command", "text"),
    [
        ("[no-such-program-here]", "cannot be run: no-such-program-here: No such file"),
        ("[./z.yaml]", "/z.yaml: Permission denied"),
        ("[/]", "cannot be run: /: Permission denied"),
        ("['echo MARKER; exit 0']", "cannot be run: No such file"),
    ],
)
def test_a_program_that_cannot_be_run(tmp_path: Path, command: str, text: str) -> None:
    error = refusal(settings_with(tmp_path, f"session_command: {command}"))
    assert isinstance(error, ConfigError)
    assert text in error.message


def test_no_shell_reads_the_arguments(tmp_path: Path) -> None:
    pwned = tmp_path / "pwned"
    script = tmp_path / "argv.py"
    script.write_text(f"import sys, pathlib; pathlib.Path({str(tmp_path / 'seen')!r}).write_text(repr(sys.argv[1:]))\n"
                      f"print('{SESSION}')")  # fmt: skip
    arguments = [f"; touch {pwned}", f"$(touch {pwned})", f"`touch {pwned}`", f"| touch {pwned}", "*", "~", "$HOME", ""]
    quoted = ", ".join(f"'{argument}'" for argument in [sys.executable, str(script), *arguments])
    assert credentials.session(settings_with(tmp_path, f"session_command: [{quoted}]")).reveal() == SESSION
    assert (tmp_path / "seen").read_text() == repr(arguments)
    assert not pwned.exists()


def test_a_program_does_not_see_zvols_secrets(tmp_path: Path) -> None:
    secret = ["ZVOL_SESSION", "ZVOL_SESSION_FILE", "ZSTACK_SESSION_ID", "ZSTACK_ACCOUNT_PASSWORD",
              "ZSTACK_ACCESS_KEY_SECRET"]  # fmt: skip
    environ = dict.fromkeys(secret, "MARKER") | {"PASSED": "yes", "PATH": os.environ["PATH"]}
    code = f"""
assert os.environ.get('PASSED') == 'yes'
assert 'MARKER' not in os.environ.values()
print('{SESSION}')
"""
    assert credentials.session(program(tmp_path, code), environ=environ).reveal() == SESSION


def test_a_program_in_the_working_directory_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here/get").write_text(f"#!/bin/sh\necho {SESSION}\n")
    (tmp_path / "here/get").chmod(0o755)
    monkeypatch.chdir(tmp_path / "here")
    for command in ("[./get]", "[get]"):
        assert isinstance(refusal(settings_with(tmp_path, f"session_command: {command}")), ConfigError)


# ---- further sources -------------------------------------------------------------------------------------------------
def test_further_sources_are_used_in_order_and_only_when_needed(tmp_path: Path) -> None:
    asked: list[str] = []

    def none(settings: Settings) -> Secret | None:
        asked.append("none")
        return None

    def stored(settings: Settings) -> Secret | None:
        asked.append(settings.endpoint.origin)
        return Secret(SESSION)

    settings = settings_with(tmp_path, "account: admin")
    assert credentials.session(settings, more=(none, stored, none)).reveal() == SESSION
    assert asked == ["none", "https://h:443"]
    credentials.session(settings_with(tmp_path, f'session: "{SESSION}"'), more=(none,))
    assert len(asked) == 2
    with pytest.raises(AuthError):
        credentials.session(settings, more=(none,))


def test_a_stored_login_works_for_a_host_that_is_not_the_profiles(tmp_path: Path) -> None:
    settings_with(tmp_path, f'session: "{SESSION}"')
    other = resolve(SettingLayers({"config": str(tmp_path / "z.yaml"), "host": "https://other"}, {}))
    with pytest.raises(UsageProblem):
        credentials.session(other)
    assert credentials.session(other, more=(lambda _: Secret("a" * 32),)).reveal() == "a" * 32


def test_a_refused_source_is_an_error_despite_other_sources(tmp_path: Path) -> None:
    settings_with(tmp_path, "session_file: x")
    settings = resolve(SettingLayers({"config": str(tmp_path / "z.yaml")}, {"ZVOL_SESSION": SESSION}))
    with pytest.raises(UsageProblem):
        credentials.session(settings, more=(lambda _: Secret(SESSION),))
