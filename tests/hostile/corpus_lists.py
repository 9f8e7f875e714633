"""Lists that people gave to tools of this kind, as data: what came on standard input, where, and what zvol does.

`says` is a part of the only message, `takes` the number of VOLUMEs where the list is taken.
"""

from __future__ import annotations

from typing import Final, NamedTuple

ONE: Final = "d0a7a5e0c0de4b1e8a5efeedbead0001"
TWO: Final = "d0a7a5e0c0de4b1e8a5efeedbead0002"
DASHED: Final = "d0a7a5e0-c0de-4b1e-8a5e-feedbead0001"
COMMENT: Final = "is a comment, which a list cannot have"
PATH: Final = "looks like a path or a URL"
CONTAINS: Final = f"it contains the UUID {ONE}; give that alone"


class List(NamedTuple):
    """Standard input, where such a list was reported, and what zvol makes of it."""

    data: str | bytes
    origin: str
    says: str = ""
    takes: int = 0
    line: int = 1


TAKEN: Final = [
    List(f"\ufeff{ONE}\n", "a password cracker, a validator of feeds: a BOM spoils the first line", takes=1),
    List(f"\ufeff{ONE}\r\n{TWO}\r\n", "Notepad: a BOM and CRLF", takes=2),
    List("\ufeffpg-data\n", "Notepad: a BOM before a name", takes=1),
    List("\ufeff", "an empty file of Notepad", takes=0),
    List("", "an empty pipe", takes=0),
    List(f"{ONE}\r\n", "ids.txt of Windows", takes=1),
    List(f"{ONE}", "no line end at the end", takes=1),
    List(f"{ONE.upper()}\n", "Windows writes UUIDs in capitals", takes=1),
    List(f"{DASHED}\n", "OpenStack writes UUIDs with dashes", takes=1),
    List(f"{DASHED.upper()}\n", "macOS: uuidgen", takes=1),
    List("d0a7a5e0c0de-4b1e-8a5e-feedbead0001\n", "dashes in other places", takes=1),
    List("00000000-00000000-00000000-00000000\n", "a database: dashes in odd places", takes=1),
    List(f"-{ONE}\n", "a dash in front", takes=1),
    List(f"  {ONE}  \n", "blanks around it, as a disk tool printed", takes=1),
    List(f"{ONE}\n{ONE.upper()}\n{DASHED}\n", "the same one three times", takes=1),
    List("pg-data\n", "a name", takes=1),
    List(f"pvc-{DASHED}\n", "Kubernetes: the name of a volume", takes=1),
    List(f"csi-vol-{DASHED}-clone\n", "Kubernetes with Ceph", takes=1),
    List(f"{ONE}_backup\n", "a script that names copies", takes=1),
    List(f"vol-{ONE}.qcow2\n", "a name made of a file", takes=1),
    List("data-for-VM#3\n", "a name with a sign", takes=1),
    List("größe\n", "a name in NFC", takes=1),
    List("gro\u0308ße\n", "a name in NFD, from macOS", takes=1),
    List("5f2d\n", "a short name of hex digits", takes=1),
    List("My volume, the old one\n", "a name with a comma", takes=1),
    List("backup (2)\n", "a name with brackets", takes=1),
    List("数据库备份\n", "a Chinese name", takes=1),
    List("a/b\n", "a name like a path", takes=1),
    List("key=value\n", "a name like a setting", takes=1),
]

REFUSED: Final = [
    # encodings
    List(f"{ONE}\n{TWO}\n".encode("utf-16"), "PowerShell 5.1: > writes UTF-16", "UTF-16", line=0),
    List(f"\ufeff{ONE}\n".encode("utf-16-be"), "Notepad: Unicode big endian", "UTF-16", line=0),
    List(f"{ONE}\r\n".encode("utf-16-le"), "a log tool: UTF-16 without a BOM", "UTF-16", line=0),
    List(f"{ONE}\r\n".encode("utf-16-be"), "Java: UTF-16 without a BOM", "UTF-16", line=0),
    List("pg-data\r\n".encode("utf-16"), "PowerShell: names", "UTF-16", line=0),
    List(f"{ONE}\n".encode("utf-32"), "iconv with the wrong name", "UTF-32", line=0),
    List(f"{ONE}\n数据\n".encode("gb18030"), "Excel on a Chinese Windows: GBK", "is not UTF-8", line=2),
    List(f"{ONE}\n{TWO}\nGröße\n".encode("latin-1"), "Excel on a German Windows", "is not UTF-8", line=3),
    List(f"\ufeff\ufeff{ONE}\n", "two files with a BOM, one after the other", CONTAINS),
    List(f"{TWO}\n\ufeff{ONE}\n", "cat of two files of Notepad", CONTAINS, line=2),
    List(f"ï»¿{ONE}\n", "a BOM that was read as Latin-1", CONTAINS),
    # quotes
    List(f'"{ONE}"\n', "jq without -r", f"is in quotes: {CONTAINS}"),
    List(f"'{ONE}'\n", "xargs, SQL", f"is in quotes: {CONTAINS}"),
    List(f"`{ONE}`\n", "chat, Markdown", f"is in quotes: {CONTAINS}"),
    List(f"``{ONE}``\n", "reStructuredText", f"is in quotes: {CONTAINS}"),
    List(f"“{ONE}”\n", "a word processor, mail", f"is in quotes: {CONTAINS}"),
    List(f"‘{ONE}’\n", "a wiki", f"is in quotes: {CONTAINS}"),
    List(f"„{ONE}“\n", "a German word processor", f"is in quotes: {CONTAINS}"),
    List(f"«{ONE}»\n", "a French one", f"is in quotes: {CONTAINS}"),
    List(f'""{ONE}""\n', "a script in YAML: doubled quotes", f"is in quotes: {CONTAINS}"),
    List(f'"{ONE}\n', "half of a pair", f"is in quotes: {CONTAINS}"),
    List(f'\\"{ONE}\\"\n', "JSON in JSON", CONTAINS),
    List('"pg-data"\n', "jq without -r, names", "is in quotes"),
    List(f'"{ONE}"\n' * 47, "jq without -r, many of the same", CONTAINS),
    # brackets and prefixes
    List(f"{{{DASHED}}}\n", "Windows: a GUID of the registry", f"is in brackets: {CONTAINS}"),
    List(f"{{{ONE}}}\n", "the same without dashes", f"is in brackets: {CONTAINS}"),
    List(f"[{ONE}]\n", "Python: a list printed", f"is in brackets: {CONTAINS}"),
    List(f"({ONE})\n", "a ticket", f"is in brackets: {CONTAINS}"),
    List(f"<{ONE}>\n", "documentation, mail", f"is in brackets: {CONTAINS}"),
    List(f"urn:uuid:{DASHED}\n", "RFC 4122", f"begins with `urn:uuid:`: {CONTAINS}"),
    List(f"URN:UUID:{DASHED.upper()}\n", "the same in capitals", f"begins with `urn:uuid:`: {CONTAINS}"),
    List(f"uuid={ONE}\n", "zstack-cli: how it takes them", f"begins with `uuid`: {CONTAINS}"),
    List(f"UUID={DASHED}\n", "fstab", f"begins with `uuid`: {CONTAINS}"),
    List(f'UUID="{DASHED}"\n', "blkid", f"begins with `uuid`: {CONTAINS}"),
    List(f"uuid: {ONE}\n", "YAML, zstack-cli", f"begins with `uuid`: {CONTAINS}"),
    List(f'"uuid": "{ONE}",\n', "zstack-cli: grep uuid", f"looks like JSON: {CONTAINS}"),
    List(f'        "uuid": "{ONE}",\n', "the same with its indentation", f"looks like JSON: {CONTAINS}"),
    List(f"UUID('{DASHED}')\n", "Python: repr", f"holds more than a UUID: {CONTAINS}"),
    List(f"volume-uuid:{ONE}\n", "a log", f"holds more than a UUID: {CONTAINS}"),
    # separators
    List(f"{ONE},\n", "a column of a spreadsheet, joined", f"ends with a separator: {CONTAINS}"),
    List(f"{ONE};\n", "SQL, a German spreadsheet", f"ends with a separator: {CONTAINS}"),
    List(f"'{ONE}',\n", "a Python list, line by line", f"ends with a separator: {CONTAINS}"),
    List(
        f'"{ONE}",\n"{TWO}"\n', "a JSON list, line by line", f'2 lines are no VOLUMEs; the first is line 1 (\'"{ONE}"'
    ),
    List(f"{ONE},{TWO}\n", "a task list, a CLI: comma-separated", "holds 2 UUIDs"),
    List(f"{ONE}, {TWO}\n", "the same with blanks", "holds 2 UUIDs"),
    List(f"{ONE} {TWO}\n", "azure: ids joined by blanks", "holds 2 UUIDs"),
    List(f"{ONE}\t{TWO}\n", "aws: --output text", "holds 2 UUIDs"),
    List(f"{ONE};{TWO};\n", "a path-like list", "holds 2 UUIDs"),
    List(f"{ONE}|{TWO}\n", "a regular expression", "holds 2 UUIDs"),
    List(f"{ONE}\r{TWO}\r", "an old spreadsheet for macOS: CR alone", "holds 2 UUIDs"),
    List(f"{ONE}\0{TWO}\0", "find -print0, jq --raw-output0", "holds 2 UUIDs"),
    # documents
    List(f'["{ONE}","{TWO}"]\n', "jq -c: an array", "looks like JSON"),
    List(f'[\n  "{ONE}",\n  "{TWO}"\n]\n', "jq: an array in lines", "looks like JSON"),
    List(f'{{"uuid":"{ONE}","name":"pg-data"}}\n', "zvol list -o ndjson", f"looks like JSON: {CONTAINS}"),
    List(f'{{"inventories": [{{"uuid": "{ONE}"}}]}}\n', "zstack-cli, curl", "looks like JSON"),
    List(f'{{\n  "uuid": "{ONE}",\n  "name": "x"\n}}\n', "zvol show --json", "looks like JSON"),
    List("[]\n", "an empty answer", "looks like JSON"),
    List(f"- {ONE}\n", "YAML, Markdown", f"begins like an item of a list: {CONTAINS}"),
    List(f"* {ONE}\n", "Markdown", f"begins like an item of a list: {CONTAINS}"),
    List(f"• {ONE}\n", "a word processor", f"begins like an item of a list: {CONTAINS}"),
    List(f"1. {ONE}\n2. {TWO}\n", "Markdown: numbers", "begins like an item of a list"),
    List(f"1) {ONE}\n", "a ticket", f"begins like an item of a list: {CONTAINS}"),
    List(f"1: {ONE}\n", "grep -n with a blank", f"begins like an item of a list: {CONTAINS}"),
    List(f"     1\t{ONE}\n", "nl, cat -n", f"holds more than a UUID: {CONTAINS}"),
    List(f"- [ ] {ONE}\n", "Markdown: a task", f"begins like an item of a list: {CONTAINS}"),
    List(f"> {ONE}\n", "mail: a quotation", f"holds more than a UUID: {CONTAINS}"),
    List(f"- uuid: {ONE}\n  name: x\n", "zstack-cli -o yaml", "begins like an item of a list"),
    List(f"```\n{ONE}\n```\n", "chat: a block of code", "is in quotes"),
    List(f"| {ONE} | pg-data |\n", "Markdown, openstack: a table", f"looks like a row of a table: {CONTAINS}"),
    List(f"+----+----+\n| ID | Name |\n+----+----+\n| {ONE} | x |\n", "openstack: a table", "3 lines are no VOLUMEs"),
    List(
        f"NAME     UUID                              SIZE\npg-data  {ONE}  200 GiB\n",
        "zvol list",
        "the header of a table",
    ),
    List(f"pg-data  {ONE}  200 GiB\n", "tail -n +2 of a table", f"holds more than a UUID: {CONTAINS}"),
    List(f"uuid,name,size\n{ONE},pg-data,1\n", "zvol list -o csv", "the header of a table"),
    List(f"uuid\n{ONE}\n", "zvol list -o csv --columns uuid", "the header of a table"),
    List(f"UUID\n{ONE}\n", "zvol list --columns uuid", "the header of a table"),
    List(f'"uuid"\n"{ONE}"\n', "PowerShell: Export-Csv", "2 lines are no VOLUMEs"),
    List(f"ID\n{ONE}\n", "docker, openstack: a column", "the header of a table"),
    List(f"{ONE},pg-data\n", "a row of CSV", f"looks like a row of CSV: {CONTAINS}"),
    List(f"pg-data;{ONE};1\n", "a German spreadsheet", f"looks like a row of CSV: {CONTAINS}"),
    List(f"{ONE}\tpg-data\n", "a spreadsheet, pasted", f"holds more than a UUID: {CONTAINS}"),
    List(f"{ONE} pg-data\n", "two columns of awk", f"holds more than a UUID: {CONTAINS}"),
    List(f"# volumes of db-1\n{ONE}\n", "xargs lists, package lists: comments", COMMENT),
    List(f"#{ONE}\n{TWO}\n", "an entry that was taken out", f"{COMMENT}: {CONTAINS}"),
    List(f"{ONE} # pg-data\n", "a comment behind it", f"holds more than a UUID: {CONTAINS}"),
    List(f"{ONE}  // old\n", "the same in another language", CONTAINS),
    List(f"zvol recover {ONE}\n", "a runbook: the whole command", f"holds more than a UUID: {CONTAINS}"),
    List(f"$ zvol show {ONE}\n", "documentation: with its prompt", f"holds more than a UUID: {CONTAINS}"),
    List(
        f"https://cloud.example.com/#/main/volume/{ONE}\n",
        "the web interface",
        f"{PATH}: {CONTAINS}",
    ),
    List(
        f"/zstack_ps/dataVolumes/acct-x/vol-{ONE}/{ONE}.qcow2\n",
        "installPath",
        f"{PATH}: {CONTAINS}",
    ),
    List(f"volumes/{ONE}\n", "kubectl: TYPE/NAME", f"{PATH}: {CONTAINS}"),
    List(f"2026-11-23 21:05:50 deleted {ONE}\n", "a log", f"holds more than a UUID: {CONTAINS}"),
    # characters
    List(f"{ONE}\u200b\n", "chat: a zero-width space", CONTAINS),
    List(f"\u200b{ONE}\n", "the same in front", CONTAINS),
    List(f"{ONE[:16]}\u200b{ONE[16:]}\n", "a web page: where a word may be broken", CONTAINS),
    List(f"{ONE[:16]}\xad{ONE[16:]}\n", "a web page: a soft hyphen", CONTAINS),
    List(f"\u202a{ONE}\u202c\n", "Windows: copied from a dialogue", CONTAINS),
    List(f"\u200e{ONE}\n", "the same: a left-to-right mark", CONTAINS),
    List(f"\u2060{ONE}\n", "a word joiner", CONTAINS),
    List(f"\xa0{ONE}\n", "a wiki: a non-breaking space", CONTAINS),
    List(f"{ONE}\u3000\n", "an input method: a wide space", CONTAINS),
    List(f"\t{ONE}\n", "a spreadsheet: a tab", CONTAINS),
    List(f"{ONE}\t\n", "the same behind it", CONTAINS),
    List(f"{ONE[:-1]}１\n", "an input method: a wide digit", CONTAINS),
    List("".join(chr(ord(char) + 0xFEE0) for char in ONE) + "\n", "the same, all of it", CONTAINS),
    List(DASHED.replace("-", "–") + "\n", "a word processor: dashes", CONTAINS),
    List(DASHED.replace("-", "\u2011") + "\n", "a wiki: non-breaking hyphens", CONTAINS),
    List(DASHED.replace("-", "\u2212") + "\n", "a spreadsheet: minus signs", CONTAINS),
    List(f"\x1b[1m{ONE}\x1b[0m\n", "a terminal: colours", "control character"),
    List(f"{ONE}\x00\n", "a C string", CONTAINS),
    # lengths
    List(ONE[:-1] + "\n", "one digit was not copied", "has 31 hex digits; a UUID has 32"),
    List(ONE + "a\n", "one too many", "has 33 hex digits; a UUID has 32"),
    List(ONE + "abcd\n", "36 characters, but no dashes", "has 36 hex digits; a UUID has 32"),
    List(f"{TWO}\n{DASHED[:-2]}\n", "cut off by a column", "has 30 hex digits; a UUID has 32", line=2),
    List(ONE[:12] + "…\n", "docker: a shortened id", "a UUID that was shortened"),
    List(ONE[:20] + "...\n", "a table, cut", "a UUID that was shortened"),
    # lines
    List(f"{ONE}\n\n", "an empty line at the end", "a VOLUME is empty", line=2),
    List(f"\n{ONE}\n", "echo in front", "a VOLUME is empty"),
    List(f"{ONE}\n \n", "a line of blanks", "a VOLUME is empty", line=2),
    List("\r\n", "an empty line of Windows", "a VOLUME is empty"),
    # siblings, tried later
    List(f"+{ONE}\n", "diff: a new line", f"holds more than a UUID: {CONTAINS}"),
    List(f"--- a/list\n+++ b/list\n@@ -1,2 +1 @@\n-{ONE}\n", "diff", "3 lines are no VOLUMEs"),
    List(f"**{ONE}**\n", "Markdown: bold", f"holds more than a UUID: {CONTAINS}"),
    List(f"{ONE}.\n", "the end of a sentence", f"holds more than a UUID: {CONTAINS}"),
    List(f"{ONE}$\n", "cat -A", f"holds more than a UUID: {CONTAINS}"),
    List(f"「{ONE}」\n", "Chinese quotes", f"holds more than a UUID: {CONTAINS}"),
    List(f"【{ONE}】\n", "Chinese brackets", f"holds more than a UUID: {CONTAINS}"),
    List("name\npg-data\n", "zvol list -o csv --columns name", "the header of a table"),
    List("NAME\npg-data\n", "zvol list --columns name", "the header of a table"),
    List("名称\npg-data\n", "an export of the web interface", "the header of a table"),
    List("name,size\npg-data,200\n", "zvol list -o csv --columns name,size", "the header of a table"),
    List("asked,uuid,outcome\npg-data,,failed\n", "zvol recover -o csv", "the header of a table"),
    List("- pg-data\n- pg-wal\n", "YAML: a list of names", "2 lines are no VOLUMEs"),
    List("pg-data,\npg-wal\n", "a column of names, joined", "ends with a separator"),
    List("<!DOCTYPE html>\n<html>\n", "curl: a login page", "looks like HTML or XML"),
    List("<li>pg-data</li>\n", "a web page", "looks like HTML or XML"),
    List("null\n", "jq: a field with another name", "a field that is not there"),
    List(f"{ONE}{TWO}\n", "two lines, joined", "has 64 hex digits; a UUID has 32"),
    List(
        DASHED.replace("-", " ") + "\n",
        "a label: blanks for dashes",
        f"has separators where a UUID has none: {CONTAINS}",
    ),
    List(
        DASHED.replace("-", "_") + "\n", "a variable: underscores", f"has separators where a UUID has none: {CONTAINS}"
    ),
    List(ONE[:-1] + "O\n", "typed: O for 0", "not all hex digits"),
    List(ONE.replace("a", "а") + "\n", "a Cyrillic letter", "not all hex digits"),
    List("pg-data\0pg-wal\0", "find -print0: names", "control character"),
    List("pg-data\rpg-wal\r", "an old spreadsheet for macOS: names", "control character"),
    List(f"{ONE}\n".encode() + f"{TWO}\r\n".encode("utf-16-le"), "PowerShell 5.1: >> adds UTF-16", "UTF-16", line=2),
    List(f"{ONE}\n".encode() + f"{TWO}\n".encode("utf-16"), "the same with its BOM", "UTF-16", line=2),
    List(b"PK\x03\x04\x14\0\x06\0\x08\0", "Excel: the workbook itself", "a spreadsheet (.xlsx)", line=0),
    List(b"\x1f\x8b\x08\0abc", "a compressed list", "compressed (gzip)", line=0),
]
