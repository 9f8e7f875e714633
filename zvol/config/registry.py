"""Every setting, each defined once; no other module has its key, variable, option, default or help text.

These derive from it: the keys of the configuration file, the values of `Settings`, the options of the commands, `zvol
config show`, the file that `zvol config init` writes, and `zvol help environment`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final, NamedTuple

from zvol.config import kinds
from zvol.config.kinds import ValueKind
from zvol.render.formats import DEFAULT, enumerated


class Section(StrEnum):
    """The section of a setting; the value is its heading in a new configuration file."""

    CHOICE = "which file and which profile"
    SERVER = "the server"
    SESSION = "The session, one of these three:"
    ACCOUNT = "Or an account: `zvol login` asks for its password; with one of the last two, zvol logs in for each run."
    ACCESS_KEY = "Or an access key of the commercial edition, over https only:"
    RUN = "each run"


class Scope(StrEnum):
    """The hosts for which a value may be used, because a value of one layer may be wrong for the host of another."""

    ANY = "any host"
    OWN_HOST = "a profile's value only for the profile's own host"
    OWN_LAYER = "like OWN_HOST, and a variable's value not for the host of a profile"


class Setting(NamedTuple):
    """A setting.

    `help` is a phrase that completes `KEY: …`; `note` is added to it in `zvol help environment`. The first of
    `variables` that is set is used. `commands` are those with the option; if empty, all have it. A file with a `secret`
    setting is private; a setting with `in_file` False is not allowed in a file. `example` is the value in a new file.
    """

    key: str
    kind: ValueKind
    section: Section
    help: str
    default: Any = None
    note: str = ""
    variables: tuple[str, ...] = ()
    option: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    scope: Scope = Scope.ANY
    secret: bool = False
    in_file: bool = True
    example: str = ""

    @property
    def credential(self) -> bool:
        return self.section in (Section.SESSION, Section.ACCOUNT, Section.ACCESS_KEY)


_CHOICE, _SERVER, _SESSION, _ACCOUNT, _ACCESS_KEY, _RUN = Section

# fmt: off
_ALL: Final = (
    Setting("profile", kinds.NAME, _CHOICE, "the profile to use",
            in_file=False, variables=("ZVOL_PROFILE",), option=("-p", "--profile")),
    Setting("config", kinds.PATH, _CHOICE, "the configuration file", note="default $XDG_CONFIG_HOME/zvol/config.yaml",
            in_file=False, variables=("ZVOL_CONFIG",), option=("--config",)),
    Setting("host", kinds.HOST, _SERVER, "the server's URL; no path means /zstack, a single / means no prefix",
            note="https://HOST[:PORT][/PREFIX]", variables=("ZVOL_HOST",), option=("--host",)),
    Setting("ca_file", kinds.PATH, _SERVER, "the server's own certificate authority",
            variables=("ZVOL_CA_FILE",), example="zstack-ca.pem"),
    Setting("insecure_http", kinds.FLAG, _SERVER, "allow http:// beyond this machine", False, scope=Scope.OWN_LAYER,
            note="1 allows it for ZVOL_HOST, ZSTACK_HOST or --host", variables=("ZVOL_INSECURE_HTTP",), example="true"),
    Setting("proxy", kinds.PROXY, _SERVER, "a URL, or none; default HTTPS_PROXY, for https only",
            scope=Scope.OWN_HOST, example="none"),
    Setting("timezone", kinds.ZONE, _SERVER, "the server's time zone, if the server does not tell it",
            scope=Scope.OWN_HOST, example="Asia/Shanghai"),
    Setting("timeout", kinds.TIMEOUT, _RUN, "maximum wait for one volume, or for a command that only reads", 1800.0,
            variables=("ZVOL_TIMEOUT",), option=("--timeout",)),
    Setting("settle_wait", kinds.WAIT, _RUN, "how long a proxy may hold a request", 75.0),
    Setting("api_timeout", kinds.WAIT, _RUN, "how long the server may take for a request", 60.0),
    Setting("concurrency", kinds.COUNT, _RUN, "maximum requests at a time; if set, also of volumes under way", 16,
            option=("--concurrency",), commands=("recover",)),
    Setting("output", kinds.FORMAT, _RUN, f"the output format: {enumerated()}", DEFAULT,
            variables=("ZVOL_OUTPUT",), option=("-o", "--output")),
    Setting("no_input", kinds.FLAG, _RUN, "never prompt", False,
            in_file=False, variables=("ZVOL_NO_INPUT",), option=("--no-input",)),
    Setting("session", kinds.SESSION, _SESSION, "the session (its UUID)", note="for ZVOL_HOST or --host only",
            secret=True, variables=("ZVOL_SESSION", "ZSTACK_SESSION_ID"), example='"0123456789abcdef0123456789abcdef"'),
    Setting("session_file", kinds.PATH, _SESSION, "a file with the session that only you can read",
            variables=("ZVOL_SESSION_FILE",), example="session"),
    Setting("session_command", kinds.COMMAND, _SESSION, "a program that prints the session",
            example="[pass, zstack/session]"),
    Setting("account", kinds.TEXT, _ACCOUNT, "the account; `zvol login` asks for its password and stores the session",
            variables=("ZSTACK_ACCOUNT_NAME",), example="admin"),
    Setting("user", kinds.TEXT, _ACCOUNT, "a user of that account", example="operator"),
    Setting("password", kinds.SECRET, _ACCOUNT, "the password",
            secret=True, in_file=False, variables=("ZSTACK_ACCOUNT_PASSWORD",)),
    Setting("password_file", kinds.PATH, _ACCOUNT, "a file with its password that only you can read",
            example="password"),
    Setting("password_command", kinds.COMMAND, _ACCOUNT,
            "a program that prints it; zvol then logs in for each run, as cron needs", example="[pass, zstack/admin]"),
    Setting("access_key_id", kinds.KEY_ID, _ACCESS_KEY, "the id of the access key",
            variables=("ZSTACK_ACCESS_KEY_ID",), example="AKID"),
    Setting("access_key_secret", kinds.SECRET, _ACCESS_KEY, "the secret of the access key",
            secret=True, in_file=False, variables=("ZSTACK_ACCESS_KEY_SECRET",)),
    Setting("access_key_secret_file", kinds.PATH, _ACCESS_KEY, "a file with that secret that only you can read",
            example="key"),
    Setting("access_key_secret_command", kinds.COMMAND, _ACCESS_KEY, "a program that prints that secret",
            example="[pass, zstack/key]"),
)
# fmt: on

SETTINGS: Final[Mapping[str, Setting]] = {setting.key: setting for setting in _ALL}
FILE_KEYS: Final[Mapping[str, Setting]] = {setting.key: setting for setting in _ALL if setting.in_file}
CREDENTIALS: Final = tuple(setting for setting in _ALL if setting.credential)
PLAIN: Final = tuple(
    setting for setting in _ALL if setting.section in (_SERVER, _RUN) and setting.key not in ("host", "proxy")
)
"""The settings whose value is the first of option, variable, profile and default."""

OTHER_VARIABLES: Final[Mapping[str, str]] = {
    "NO_COLOR": "no colours",
    "ZSTACK_HOST, ZSTACK_PORT": "as in ZStack's own tools: http://HOST:PORT/zstack, default port 8080",
    "ZSTACK_SESSION_ID": "same as ZVOL_SESSION, which takes precedence",
    "ZSTACK_ACCOUNT_NAME, ZSTACK_ACCOUNT_PASSWORD": "zvol logs in for each run, and logs out again",
    "ZSTACK_ACCESS_KEY_ID, ZSTACK_ACCESS_KEY_SECRET": "an access key of the commercial edition; over https only",
    "HTTPS_PROXY, NO_PROXY": "for https servers only, unless the profile says `proxy:`",
}
"""The variables that are not zvol's own, for `zvol help environment`."""

EXCLUSIVE: Final = (
    ("session", "session_file", "session_command"),
    ("password_command", "password_file"),
    ("access_key_secret_file", "access_key_secret_command"),
)
"""Groups of keys; a profile may have only one of each, since two would be ambiguous."""

NEEDS: Final = (
    ("user", ("account",)),
    ("password_command", ("account",)),
    ("password_file", ("account",)),
    ("access_key_id", ("access_key_secret_file", "access_key_secret_command")),
    ("access_key_secret_file", ("access_key_id",)),
    ("access_key_secret_command", ("access_key_id",)),
)
"""Each key with other keys, one of which it needs."""

OTHER_NAMES: Final = {
    "access_key_secret": "access_key_secret_file or access_key_secret_command; the secret itself has no place here",
    "address": "host",
    "ca": "ca_file",
    "ca_bundle": "ca_file",
    "cert": "ca_file",
    "endpoint": "host",
    "insecure": "insecure_http (https is always checked; ca_file names the server's own authority)",
    "password": "password_file or password_command; the password itself has no place here",
    "port": "host, as https://HOST:PORT",
    "server": "host",
    "token": "session, session_file or session_command",
    "url": "host",
    "username": "account",
    "verify": "ca_file",
}
"""Names that users may write instead of a key, and the key to use."""


def variables(*sections: Section) -> dict[str, str]:
    """Return variable to key for some sections, in order of precedence: zvol's own before those of ZStack."""
    found = {name: setting.key for setting in _ALL if setting.section in sections for name in setting.variables}
    return dict(sorted(found.items(), key=lambda item: item[0].startswith("ZSTACK_")))


def shown(value: object) -> str:
    """Return a value as written in a file: durations with their unit, booleans as true and false."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        units = ((86400, "d"), (3600, "h"), (60, "m"))
        return next((f"{value / unit:.0f}{name}" for unit, name in units if value % unit == 0), f"{value:g}s")
    return str(value)
