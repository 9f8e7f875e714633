"""The commented configuration file that a new user begins with."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Final

EXAMPLE_HOST: Final = "https://zstack.example.com:8443"
_PLAIN: Final = re.compile(r"https?://[A-Za-z0-9.\-]+(:[0-9]+)?|[A-Za-z][A-Za-z0-9]*")
_READ_OTHERWISE: Final = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})
_HEAD: Final = """\
# The configuration of zvol. `zvol config validate` checks it, `zvol config show` says what counts.
current: {profile}
profiles:
  {profile}:
    host: {host}     # no path means /zstack; a bare trailing / means no prefix
"""
_SESSION: Final = """\
    # The session, one of these three:
    session_command: [pass, zstack/session]   # a program that prints it
    # session_file: session                   # a file with it that only you can read, relative to this one
    # session: "0123456789abcdef0123456789abcdef"
    # Or an account: `zvol login` asks for its password; with one of the next two, zvol logs in for each run.
    # account: admin
    # user: operator                          # a user of that account
    # password_command: [pass, zstack/admin]
    # password_file: password
    # Or an access key of the commercial edition, over https only:
    # access_key_id: AKID
    # access_key_secret_command: [pass, zstack/key]
"""
_ACCOUNT: Final = """\
    account: {account}                        # `zvol login` asks for the password, and keeps the session
    # user: operator                          # a user of that account
    # password_command: [pass, zstack/admin]  # prints the password: then zvol logs in for each run, as cron needs it
"""
_CRON: Final = """\
    account: {account}
    # user: operator                          # a user of that account
    password_command: {command}               # prints the password: zvol logs in for each run, and out again
"""
_REST: Final = """\

    # ca_file: zstack-ca.pem                  # the server's own certificate authority
    {insecure}insecure_http: true                     # allow http:// beyond this machine
    # proxy: none                             # or a URL; default HTTPS_PROXY, for https only
    # timezone: Asia/Shanghai                 # only if the server cannot say
    # timeout: 30m                            # wait so long for one volume
    # settle_wait: 75s                        # a proxy may hold a request so long
    # api_timeout: 60s                        # the server may take so long for one
    # concurrency: 16
    # output: table
"""


def template(
    profile: str = "main",
    host: str = EXAMPLE_HOST,
    account: str | None = None,
    command: Sequence[str] = (),
    *,
    insecure: bool = False,
) -> str:
    """Return the file for a profile; without an account it has the ways to give a session, the first as an example."""
    known = {
        "profile": _quoted(profile),
        "host": _quoted(host),
        "account": _quoted(account or ""),
        "command": json.dumps(list(command), ensure_ascii=False),
        "insecure": "" if insecure else "# ",
    }
    who = _SESSION if not account else _CRON if command else _ACCOUNT
    return (_HEAD + who + _REST).format_map(known)


def _quoted(text: str) -> str:
    """Return a text as YAML, in quotes unless it is plainly a text without them."""
    plain = _PLAIN.fullmatch(text) and text.lower() not in _READ_OTHERWISE
    return text if plain else json.dumps(text, ensure_ascii=False)
