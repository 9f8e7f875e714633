"""The configuration as people see it: a template to begin with, and each value with its source."""

from __future__ import annotations

from typing import Final

from zvol.config.settings import Settings

TEMPLATE: Final = """\
# The configuration of zvol. `zvol config validate` checks it, `zvol config show` says what counts.
current: main
profiles:
  main:
    host: https://zstack.example.com:8443     # no path means /zstack; a bare trailing / means no prefix
    # The session, one of these three:
    session_command: [pass, zstack/session]   # a program that prints it
    # session_file: session                   # a file with it that only you can read, relative to this one
    # session: "0123456789abcdef0123456789abcdef"

    # ca_file: zstack-ca.pem                  # the server's own certificate authority
    # insecure_http: true                     # allow http:// beyond this machine
    # proxy: none                             # or a URL; default HTTPS_PROXY, for https only
    # timezone: Asia/Shanghai                 # only if the server cannot say
    # timeout: 30m                            # wait so long for one volume
    # settle_wait: 75s                        # a proxy may hold a request so long
    # api_timeout: 60s                        # the server may take so long for one
    # concurrency: 16
    # output: table
"""

SHOWN: Final = (
    "host",
    "ca_file",
    "proxy",
    "timezone",
    "timeout",
    "settle_wait",
    "api_timeout",
    "concurrency",
    "output",
)


def described(settings: Settings) -> list[tuple[str, str, str]]:
    """Return (setting, value, source) for each setting; a secret's value is `***`."""
    values = {name: getattr(settings, name, None) for name in SHOWN} | {"host": settings.endpoint.base}
    rows = [("profile", settings.profile or "-", "-")]
    for name in SHOWN:
        value = values[name]
        shown = "-" if value is None else f"{value:g}s" if isinstance(value, float) else str(value)
        rows.append((name, shown, settings.sources.get(name, "default")))
    for name, value in settings.credential.items():
        if name in ("source", "missing"):
            continue
        shown = "***" if name == "session" else " ".join(value) if isinstance(value, list) else str(value)
        source = settings.credential.get("source")
        rows.append((name, shown, f"environment {source}" if source else settings.sources.get(name, "-")))
    return rows
