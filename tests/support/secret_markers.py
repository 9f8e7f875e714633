"""Secret markers, and the search for them in everything that a run prints and writes."""

from __future__ import annotations

import base64
import hashlib
import json
import urllib.parse
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.support.process import Ran

SESSION = "5e55104ca4a41e5c0ffee5e55104ca4a"
OTHER_SESSION = "0ddba11c0de4b1e8a5efeedbead5e55a"
PASSWORD = 'M4rker "pässwort" & 50%'
PROXY_PASSWORD = "pr0xy-M4rker+geheim"
KEY_ID, KEY_SECRET = "M4rkerKeyId000000000", "S3cretKeyM4rker0123456789abcdefghijklmno"
HASH = hashlib.sha512(PASSWORD.encode()).hexdigest()
ALL = (SESSION, OTHER_SESSION, PASSWORD, HASH, PROXY_PASSWORD, KEY_SECRET)


def forms(secret: str) -> set[bytes]:
    """Return a secret as it is, in pieces, backwards, and as URLs, JSON, hex and base64 write it."""
    data, half = secret.encode(), len(secret) // 2
    found = {
        secret,
        secret.upper(),
        secret[:half],
        secret[half:],
        secret[::-1],
        secret[:half][::-1],
        secret[half:][::-1],
    }
    found |= {json.dumps(secret)[1:-1], urllib.parse.quote(secret), urllib.parse.quote_plus(secret), data.hex()}
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + data).decode()
        found.add(encoded[(0, 2, 3)[shift] : (len(data) + shift) * 4 // 3])
    return {text.encode() for text in found}


FORMS = {secret: forms(secret) for secret in ALL}


def leaks(blob: bytes, secrets: Iterable[str] = ALL) -> list[str]:
    """Return the secrets that can be found in some bytes, in any form."""
    return [secret for secret in secrets if any(form in blob for form in FORMS[secret])]


def files(home: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in sorted(home.rglob("*")) if path.is_file()}


def check(ran: Ran, home: Path, before: Mapping[Path, bytes]) -> None:
    """Assert that no stream and no new file of a run holds a secret; only the store of `zvol login` holds a session."""
    for name, text in (("stdout", ran.out), ("stderr", ran.err)):
        assert leaks(text.encode("utf-8", "surrogateescape")) == [], (name, text)
    for path, content in files(home).items():
        if before.get(path) == content:
            continue
        allowed = (SESSION, OTHER_SESSION) if path.parent.name == "sessions" else ()
        assert [secret for secret in leaks(content) if secret not in allowed] == [], path
        assert leaks(str(path).encode()) == []
