"""`Authorization: ZStack KEY:SIGNATURE`: unknown to the open edition, checked as in the commercial one."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Final

from zvol.sandbox import sessions, wire
from zvol.sandbox.names import ACCESS_KEY, ACCESS_SECRET, ADMIN
from zvol.sandbox.node import Node

SKEW_SECONDS: Final = 900
_DATE: Final = re.compile(r"(\w{3}), (\d{2}) ([A-Z][a-z]{2}) (\d{4}) (\d{2}):(\d{2}):(\d{2}) (\S+)")
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_OFFSET: Final = re.compile(r"(?:GMT)?([+-])(\d{1,2}):([0-5]\d)")
_SHORT_ZONES: Final = {"GMT": "UTC", "UTC": "UTC", "CST": "America/Chicago", "PRC": "Asia/Shanghai"}


class Denied(Exception):
    """The server refuses the key or its date with a text."""

    def __init__(self, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.text = text
        self.status = status


def authenticate(node: Node, method: str, path: str, header: str, date: str | None) -> str:
    """Return the token of the key's session; raises Denied.  The signature is of method, Date and path from /v1."""
    if not node.release.signed_requests:
        raise Denied("Authorization type must be 'OAuth'")
    if not node.switches.access_keys:
        raise Denied("RestAuthenticationType type: ZStack was not registered by any RestAuthenticationBackend", 500)
    if date is None:
        raise Denied("'Date' must be incuded in request header")
    _check_date(node, date)
    key, separator, signature = header.removeprefix("ZStack").strip().partition(":")
    if not separator or ":" in signature:
        raise Denied("accessKey format is 'ZStack AccessKeyId:Signature'")
    if key != ACCESS_KEY:
        raise Denied("access key id is not found", 401)
    signed = hmac.new(ACCESS_SECRET.encode(), f"{method}\n{date}\n{path}".encode(), hashlib.sha1).digest()
    if not hmac.compare_digest(base64.b64encode(signed).decode(), signature):
        raise Denied("wrong accessKey signature", 401)
    with node.store.write() as tx:
        return sessions.open_session(tx, ADMIN, uuid=hashlib.md5(key.encode(), usedforsecurity=False).hexdigest())


def _check_date(node: Node, text: str) -> None:
    """Compare the time of day with the server's, ignoring the zone; with `check_time_zone` the instants."""
    english = node.release.english_key_dates or not node.switches.locale.startswith("zh")
    sent = _date(text) if english else None
    if sent is None:
        raise Denied(f"'Date' format error, correct format is '{node.release.key_date_format}'")
    with node.store.read() as tx:
        here = datetime.fromtimestamp(tx.now, wire.zone_of(node.switches.zone))
    if not (node.switches.check_time_zone and node.release.key_zones):
        sent, here = sent.replace(tzinfo=UTC), here.replace(tzinfo=UTC)
    if abs((sent - here).total_seconds()) > SKEW_SECONDS:
        raise Denied("requestTimeTooSkewed", 403)


def _date(text: str) -> datetime | None:
    """Return the date of an English text; None if it is not a date."""
    found = _DATE.fullmatch(text)
    zone = _zone(found[8]) if found is not None else None
    if found is None or zone is None or found[3] not in wire.MONTHS:
        return None
    day, month, year, hour, minute, second = (found[index] for index in (2, 3, 4, 5, 6, 7))
    try:
        sent = datetime(
            int(year), wire.MONTHS.index(month) + 1, int(day), int(hour), int(minute), int(second), tzinfo=zone
        )
    except ValueError:
        return None
    return sent if _DAYS[sent.weekday()] == found[1] else None


def _zone(text: str) -> tzinfo | None:
    """Return a zone as Java's `z` reads it: a name, `+08:00` or `GMT+08:00`, but not `+0800`; None for others."""
    found = _OFFSET.fullmatch(text)
    if found is not None:
        apart = timedelta(hours=int(found[2]), minutes=int(found[3]))
        return timezone(-apart if found[1] == "-" else apart)
    try:
        return wire.zone_of(_SHORT_ZONES.get(text, text))
    except ValueError:
        return None
