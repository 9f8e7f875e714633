"""Configuration files that are wrong, odd, or made to hurt, each with what must come of it.

An entry is (name, text, verdict).  The verdict of a wrong file is a phrase that the error must hold (exit code 2); that of
a sound one is what its only profile says.  MARKER stands for a secret: no message may hold it.
"""

# ruff: noqa: E501  (a line an entry)

from __future__ import annotations

from typing import Any

Verdict = str | dict[str, Any]
Entry = tuple[str, bytes, Verdict]

MARKER = "MARKER"
DIGITS = "01234567" * 4
HEX = "0123456789abcdef" * 2
QUOTE = "put it in quotes"


def profile(body: str) -> bytes:
    return ("profiles:\n  p:\n" + "".join(f"    {line}\n" for line in body.splitlines())).encode()


READ_AS_SOMETHING_ELSE = (
    *("no", "No", "NO", "off", "on", "On", "yes", "YES", "true", "False", "12", "0", "-1", "+1", "0x1F", "017", "0b11"),
    *("1_000", "1:30", "190:20:30", "1.5", "1.", ".5", "6.8523015e+5", ".inf", "-.INF", ".nan", "2026-11-25", "1_0.2"),
    *("2026-11-25T01:02:03Z", "2026-11-25 01:02:03 +8", DIGITS, "<<", "="),
)
"""What YAML 1.1 does not read as text: refused without quotes, the very text with them."""

NULLS = ("~", "null", "Null", "NULL", "")
TEXTS = (
    *("y", "n", "o", "1e3", "0o17", "08", "1:99", "nan", "inf", "01:2", "a:b", "12.0.0.1", "admin", "+", "2026-13"),
    *("nil", "None", "é", "生产", "a#b", "a%b", "x*y", "x&y", "a!b", "-a", "?a", ":a", "a|b"),
)
"""What looks odd and is text."""

OF_A_KEY: tuple[tuple[str, str, Verdict], ...] = (
    ("timeout", "90", "must be a duration"),
    ("timeout", "'90'", "must be a duration"),
    ("timeout", "1h30m", {"timeout": 5400.0}),
    ("timeout", "1:30", "must be a duration"),
    ("timeout", "1_000", "must be a duration"),
    ("timeout", "0x10", "must be a duration"),
    ("timeout", "1.5", "must be"),
    ("timeout", "-5", "must be a duration"),
    ("timeout", "1e3", "must be a duration"),
    ("timeout", "0s", "between 1 and"),
    ("timeout", "9" * 400, "must be a duration"),
    ("timeout", "[30m]", "must be text, not a list"),
    ("timeout", "２m", "must be a duration"),
    ("concurrency", "16", {"concurrency": 16}),
    ("concurrency", "'16'", "a whole number, without quotes"),
    ("concurrency", "016", "from 1 to 64"),
    ("concurrency", "0x10", "from 1 to 64"),
    ("concurrency", "1.0", "a whole number"),
    ("concurrency", "65", "from 1 to 64"),
    ("concurrency", "-1", "from 1 to 64"),
    ("concurrency", "1:4", "from 1 to 64"),
    ("concurrency", "yes", "a whole number"),
    ("concurrency", "9" * 5000, "from 1 to 64"),
    ("insecure_http", "yes", {"insecure_http": True}),
    ("insecure_http", "Off", {"insecure_http": False}),
    ("insecure_http", "'true'", "true or false, without quotes"),
    ("insecure_http", "1", "true or false"),
    ("insecure_http", "y", "true or false"),
    ("insecure_http", "~", "true or false"),
    ("output", "Json", "did you mean json"),
    ("output", "yaml", "must be one of"),
    ("timezone", "CST6", "must be a time zone"),
    ("timezone", "../../etc/passwd", "must be a time zone"),
    ("timezone", "'+8:00'", "must be a time zone"),
    ("timezone", "+08:00", {"timezone": "+08:00"}),
    ("session", f'"{HEX}"', {"session": HEX}),
    ("session", HEX.upper(), {"session": HEX}),
    ("session", f'"{DIGITS}"', {"session": DIGITS}),
    ("session", DIGITS, QUOTE),
    ("session", "1234567890123456e789012345678901", {"session": "1234567890123456e789012345678901"}),
    ("session", f"OAuth {HEX}", "without the word OAuth"),
    ("session", f'"{HEX}\\n"', "must be the 32 hex digits"),
    ("session", f'"{HEX[:-1]}１"', "must be the 32 hex digits"),
    ("session", f"[{MARKER}]", "must be text, not a list"),
    ("session", f"{{{MARKER}: x}}", "must be text, not a mapping"),
    ("session_command", f"pass {MARKER}", "no shell reads it"),
    ("session_command", "[]", "the program and its arguments"),
    ("session_command", "['']", "the program and its arguments"),
    ("session_command", "[pass, 1]", "each word of session_command must be text"),
    ("session_command", "[pass, [x]]", "each word of session_command must be text"),
    ("session_command", f'["a", "{MARKER}\\0"]', "control character"),
    ("host", f"https://u:{MARKER}@h", "must not hold a user or a password"),
    ("host", f"https://{MARKER}@h", "must not hold a user or a password"),
    ("host", f"https://u:p%40{MARKER}@h:8443/zstack", "must not hold a user or a password"),
    ("host", f"http://h/?token={MARKER}", "must not hold a query"),
    ("host", f"https://h/#{MARKER}", "must not hold a query or a fragment"),
    ("host", "'https://h\\@evil'", "backslash"),
    ("host", "https://h:99999", "an invalid address or port"),
    ("host", "https://0x7f.1", "has no valid host name"),
    ("host", "https://2130706433", "has no valid host name"),
    ("host", "https://[::1", "has an invalid address or port"),
    ("host", "https://h/../v1", "has an invalid path"),
    ("host", "https://h/v1", "must end before /v1"),
    ("host", "ftp://h", "must begin with https"),
    ("host", "h:8443", "must begin with https"),
    ("host", "https://ｈ", "plain ASCII"),
    ("host", '"https://h\\nHost: evil"', "control character"),
    ("proxy", f"http://u:{MARKER}@p:3128", "must not hold a user or a password"),
    ("access_key_id", f"AK:{MARKER}", "must be the id of an access key"),
    ("access_key_secret", MARKER, "the secret itself has no place here"),
    ("password", MARKER, "the password itself has no place here"),
    ("ca_file", "''", "is empty"),
    ("account", '"a\\tb"', "control character"),
    ("account", '"\\ud800"', "is not YAML here"),
    ("acount", "x", "did you mean account"),
    ("hots", "x", "did you mean host"),
    ("Host", "x", "did you mean host"),
    ("verify", "no", "use ca_file"),
    ("insecure", "yes", "use insecure_http"),
    ("url", "x", "use host"),
    ("token", MARKER, "use session"),
    ("time-out", "5m", "did you mean timeout"),
    (f'"{MARKER} {MARKER}-0123456789 in a key that is far too long to be one"', "x", "unknown key in profile"),
)

BOMB = "a: &a [x,x]\n" + "".join(f"{chr(98 + i)}: &{chr(98 + i)} [*{chr(97 + i)},*{chr(97 + i)}]\n" for i in range(24))

WHOLE: tuple[tuple[str, bytes, Verdict], ...] = (
    ("python tag", profile("account: !!python/object/apply:os.system ['touch pwned']"), "tags are not allowed"),
    ("python name", profile("account: !!python/name:os.system"), ""),
    ("python module", b"!!python/module:os\n", ""),
    ("python object", profile("account: !!python/object/new:subprocess.Popen [[touch, pwned]]"), "tags are not allowed"),
    ("binary", profile("session: !!binary Q0FOQVJZ"), "tags are not allowed"),
    ("set", b"profiles: !!set {p}\n", "tags are not allowed"),
    ("omap", b"profiles: !!omap [p: {}]\n", "tags are not allowed"),
    ("pairs", b"profiles: !!pairs [p: {}]\n", "tags are not allowed"),
    ("str tag", profile("account: !!str 12"), "tags are not allowed"),
    ("int tag", profile("concurrency: !!int '16'"), "tags are not allowed"),
    ("local tag", profile("account: !secret MARKER"), "tags are not allowed"),
    ("verbatim tag", profile("account: !<tag:yaml.org,2002:str> MARKER"), "tags are not allowed"),
    ("tag directive", b"%TAG !e! tag:evil,2000:\n---\nprofiles: {}\n", "tags are not allowed"),
    ("yaml directive", b"%YAML 1.1\n---\nprofiles: {p: {account: a}}\n", {"account": "a"}),
    ("yaml 2", b"%YAML 2.0\n---\nprofiles: {}\n", "is not YAML here"),
    ("alias", profile("account: &a it\nuser: *a"), "aliases are not allowed"),
    ("anchor only", profile("account: &MARKER it"), "anchors are not allowed"),
    ("anchor of itself", b"profiles: &p {p: *p}\n", "aliases are not allowed"),
    ("unknown alias", profile("account: *MARKER"), "aliases are not allowed"),
    ("bomb", BOMB.encode(), "aliases are not allowed"),
    ("merge", b"x: &x {account: a}\nprofiles: {p: {<<: *x}}\n", "merge keys are not allowed"),
    ("merge inline", profile("<<: {account: MARKER}"), "merge keys are not allowed"),
    ("merge in quotes", profile("'<<': {account: MARKER}"), "unknown key"),
    ("duplicate key", profile("account: a\naccount: b"), "duplicate key account: it is on line 3"),
    ("duplicate profile", b"profiles:\n  p: {}\n  p: {}\n", "duplicate key p"),
    ("duplicate top", b"profiles: {}\nprofiles: {}\n", "duplicate key profiles"),
    ("duplicate by escape", profile('account: a\n"acc\\x6funt": b'), "duplicate key account"),
    ("bool profile", b"profiles:\n  no: {}\n", QUOTE),
    ("number profile", b"profiles:\n  12: {}\n", QUOTE),
    ("date profile", b"profiles:\n  2026-11-25: {}\n", QUOTE),
    ("null profile", b"profiles:\n  ~: {}\n", QUOTE),
    ("list as a key", b"profiles:\n  ? [a]\n  : {}\n", "must be text"),
    ("profile in quotes", b"profiles:\n  'no': {account: a}\n", {"account": "a"}),
    ("profile is a list", b"profiles: {p: [MARKER]}\n", "must be a mapping"),
    ("profile is text", b"profiles: {p: MARKER}\n", "must be a mapping"),
    ("profiles is a list", b"profiles: [MARKER]\n", "must be a mapping"),
    ("profiles is null", b"profiles:\n", "must be a mapping"),
    ("a list", b"- MARKER\n", "must be a mapping"),
    ("a text", b"MARKER\n", "must be a mapping"),
    ("current of none", b"current: x\nprofiles: {}\n", "current names no profile"),
    ("current nearly", b"current: prdo\nprofiles: {prod: {}}\n", "did you mean prod"),
    ("current is a bool", b"current: no\nprofiles: {p: {}}\n", QUOTE),
    ("unknown top", b"profile: {}\n", "did you mean profiles"),
    ("tab", b"profiles:\n\tp: {}\n", "use spaces, not tabs"),
    ("tab within", b"profiles:\n  p:\n\t  account: MARKER\n", "use spaces, not tabs"),
    ("open quote", profile('account: "MARKER'), "is not YAML here"),
    ("open bracket", profile("session_command: [MARKER"), "is not YAML here"),
    ("colon", profile("account: MARKER: x"), "is not YAML here"),
    ("at", profile("account: @MARKER"), "is not YAML here"),
    ("percent", profile("account: %MARKER"), "is not YAML here"),
    ("backtick", profile("account: `MARKER`"), "is not YAML here"),
    ("bad escape", profile('account: "\\MARKER"'), "is not YAML here"),
    ("no space", profile("account:MARKER\nuser: x"), "is not YAML here"),
    ("wrong indentation", b"profiles:\n  p:\n    account: a\n   user: MARKER\n", "is not YAML here"),
    ("bom", b"\xef\xbb\xbf" + profile("account: a"), {"account": "a"}),
    ("two boms", b"\xef\xbb\xbf\xef\xbb\xbf" + profile("account: a"), "a character here that YAML does not allow"),
    ("bom inside", profile("account: \ufeffMARKER"), "a character here that YAML does not allow"),
    ("utf-16", profile("account: MARKER").decode().encode("utf-16"), "is UTF-16"),
    ("utf-16 big", b"\xfe\xff" + profile("account: MARKER").decode().encode("utf-16-be"), "is UTF-16"),
    ("utf-16 bare", profile("account: MARKER").decode().encode("utf-16-le"), "a character here that YAML does not allow"),
    ("utf-32", profile("account: MARKER").decode().encode("utf-32-be"), "a character here that YAML does not allow"),
    ("latin-1", profile("account: x").replace(b"x", b"\xe9"), "is not UTF-8 here"),
    ("overlong", profile("account: x").replace(b"x", b"\xc0\xaf"), "is not UTF-8 here"),
    ("surrogate", profile("account: x").replace(b"x", b"\xed\xa0\x80"), "is not UTF-8 here"),
    ("nul", profile("account: a\0MARKER"), "a character here that YAML does not allow"),
    ("escape", profile("account: \x1b]0;MARKER\x07"), "a character here that YAML does not allow"),
    ("c1", profile("account: \x9bMARKER"), "a character here that YAML does not allow"),
    ("del", profile("account: a\x7f"), "a character here that YAML does not allow"),
    ("windows lines", profile("account: a\nuser: b").replace(b"\n", b"\r\n"), {"account": "a", "user": "b"}),
    ("old mac lines", profile("account: a\nuser: b").replace(b"\n", b"\r"), {"account": "a", "user": "b"}),
    ("no last line end", profile("account: a").rstrip(), {"account": "a"}),
    ("flow", b"{profiles: {p: {account: a}}}", {"account": "a"}),
    ("json", b'{"profiles": {"p": {"account": "a", "concurrency": 2}}}', {"account": "a", "concurrency": 2}),
    ("folded", profile("account: >-\n  a\n  b"), {"account": "a b"}),
    ("literal", profile("account: |\n  a"), "control character"),
    ("comments", b"# MARKER\n" + profile("account: a # MARKER"), {"account": "a"}),
    ("document end", profile("account: a") + b"...\n", {"account": "a"}),
    ("two documents", profile("account: a") + b"---\nMARKER\n", "begins a second document"),
    ("many documents", b"--- {}\n" * 30_000, "begins a second document"),
    ("deep flow", b"a: " + b"[" * 60_000, ""),
    ("deep map", b"{a: " * 30_000, "is nested more than"),
    ("deep block", "".join(" " * i + "a:\n" for i in range(600)).encode(), "is nested more than"),
    ("deep dashes", b"- " * 100_000, "is nested more than"),
    ("wide list", b"a: [" + b"a," * 100_000 + b"]", "too many"),
    ("wide map", b"".join(b"k%d: v\n" % i for i in range(20_000)), "too many"),
    ("many mistakes", b"profiles:\n  p:\n" + b"".join(b"    hosst%d: MARKER\n" % i for i in range(6_000)), "there may be more mistakes"),
    ("one long line", profile("account: " + "x" * 200_000 + "\nhots: 1"), "did you mean host"),
    ("one long key", profile("k" * 200_000 + ": MARKER"), "is not YAML here"),
    ("huge", b"# " + b"x" * (300 * 1024), "more than"),
    ("stars", b"*" * 200_000, "is not YAML here"),
    ("colons", b"a:" * 100_000, ""),
    ("session and file", profile(f"session: '{HEX}'\nsession_file: x"), "exclude each other: keep one"),
    ("two passwords", profile("account: a\npassword_file: x\npassword_command: [y]"), "exclude each other: keep one"),
    ("half a key", profile("access_key_id: AK"), "access_key_id also needs"),
    ("user alone", profile("user: a"), "user also needs account"),
    ("empty", b"", {}),
    ("only a comment", b"# nothing\n", {}),
)  # fmt: skip


def entries() -> list[Entry]:
    """Return the whole corpus; the names are unique."""
    found: list[Entry] = []
    for text in READ_AS_SOMETHING_ELSE:
        found.append((f"bare {text}", profile(f"account: {text}"), QUOTE))
        found.append((f"quoted {text}", profile(f"account: '{text}'"), {"account": text}))
    found += [(f"nothing {text}", profile(f"account: {text}"), "YAML reads nothing here") for text in NULLS]
    found += [(f"text {text}", profile(f"account: {text}"), {"account": text}) for text in TEXTS]
    found += [
        (f"{key[:40]}: {value[:40]}".replace(MARKER, "X"), profile(f"{key}: {value}"), verdict)
        for key, value, verdict in OF_A_KEY
    ]
    return [*found, *WHOLE]
