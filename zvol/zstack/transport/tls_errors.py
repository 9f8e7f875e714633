"""Explains why TLS failed, and how to fix it.

Imported inside functions only, because it imports ssl.
"""

from __future__ import annotations

import ssl  # noqa: TID253
import time
from collections.abc import Mapping
from typing import Any, Final

from zvol.text import stamp

Peer = Mapping[str, Any]
"""A certificate as ssl describes it."""

Found = tuple[str, str, str]
"""The reason of a NeverSent, its message and its hint."""

NOT_TLS: Final = frozenset(
    "WRONG_VERSION_NUMBER HTTP_REQUEST HTTPS_PROXY_REQUEST UNKNOWN_PROTOCOL PACKET_LENGTH_TOO_LONG "
    "RECORD_LAYER_FAILURE".split()
)
"""OpenSSL's reasons for bytes that are not TLS."""

OLD_TLS: Final = frozenset(
    "UNSUPPORTED_PROTOCOL VERSION_TOO_LOW WRONG_SSL_VERSION NO_PROTOCOLS_AVAILABLE TLSV1_ALERT_PROTOCOL_VERSION "
    "SSLV3_ALERT_HANDSHAKE_FAILURE TLSV1_ALERT_INSUFFICIENT_SECURITY DH_KEY_TOO_SMALL BAD_ECPOINT "
    "UNSAFE_LEGACY_RENEGOTIATION_DISABLED WRONG_CIPHER_RETURNED LEGACY_SIGALG_DISALLOWED_OR_UNSUPPORTED "
    "WRONG_SIGNATURE_TYPE".split()
)
"""OpenSSL's reasons for a server whose TLS is outdated."""

CLIENT_CERTIFICATE: Final = frozenset(
    "TLSV13_ALERT_CERTIFICATE_REQUIRED SSLV3_ALERT_NO_CERTIFICATE SSLV3_ALERT_BAD_CERTIFICATE "
    "TLSV1_ALERT_ACCESS_DENIED SSLV3_ALERT_HANDSHAKE_FAILURE TLSV1_ALERT_UNKNOWN_CA "
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN".split()
)
"""Alerts with which servers refuse a client without a certificate, once version and cipher are agreed on."""

WEAK_KEYS: Final = {
    "EE_KEY_TOO_SMALL": "its certificate has a key that is too short",
    "CA_KEY_TOO_SMALL": "the certificate of its authority has a key that is too short",
    "CA_MD_TOO_WEAK": "its certificates are signed with a weak hash such as SHA-1",
}

EXPIRED, NOT_YET, SELF_SIGNED, SELF_SIGNED_ROOT, PURPOSE = 10, 9, 18, 19, 26
NO_ISSUER: Final = (2, 20, 21)
WRONG_NAME: Final = (62, 64)
WEAK: Final = {66: "EE_KEY_TOO_SMALL", 67: "CA_KEY_TOO_SMALL", 68: "CA_MD_TOO_WEAK"}
"""X509_V_ERR_... of OpenSSL."""

MAX_NAMES: Final = 3
MAX_NAME: Final = 80
CA_FILE: Final = "Set `ca_file` in the profile, or ZVOL_CA_FILE, to"
NEW_KEY: Final = "`ca_file` does not help: the server needs a certificate with a key of 2048 bits or more, and SHA-256."


def trust_failure(error: ssl.SSLError, where: str, *, own_ca: bool, peer: Peer | None) -> Found | None:
    """Return reason, message and hint when the server is not trusted; None when the connection broke.

    `own_ca`: the authorities are those of `ca_file`.  `peer` is the server's certificate, as far as it came.
    """
    if isinstance(error, ssl.SSLCertVerificationError):
        text = f"the certificate of {where} is not trusted: {error.verify_message.rstrip('.')}"
        text += _detail(error.verify_code, peer)
        return "certificate", text, certificate_hint(error.verify_code, where, own_ca=own_ca, peer=peer)
    if peer is not None and (found := client_certificate(error, where)) is not None:
        return found
    if error.reason in NOT_TLS:
        hint = "Set `host` to the port that speaks https, or to http:// if the server has no other."
        return "tls", f"{where} does not speak TLS", hint
    if error.reason in WEAK_KEYS:
        return "certificate", f"the certificate of {where} is not trusted: {WEAK_KEYS[error.reason]}", NEW_KEY
    if error.reason in OLD_TLS:
        text = f"{where} speaks only outdated TLS ({error.reason.lower().replace('_', ' ')})"
        return "tls", text, "The server, or a proxy before it, must be set to TLS 1.2 or newer; then `host` can stay."
    if error.reason == "TLSV1_UNRECOGNIZED_NAME":
        name = where.rpartition(":")[0]
        return "tls", f"{where} has no certificate for the name {name}", "Set `host` to a name that the server knows."
    return None


def client_certificate(error: ssl.SSLError, where: str) -> Found | None:
    """Return that the server wants a client certificate, if its alert says so."""
    if error.reason not in CLIENT_CERTIFICATE:
        return None
    hint = "zvol has none to show: set `host` to an address that wants none, such as the management node itself."
    return "tls", f"{where} wants a client certificate", hint


def certificate_hint(code: int, where: str, *, own_ca: bool, peer: Peer | None = None) -> str:
    """Return how to fix an error of verification, given OpenSSL's code."""
    today = (stamp(time.time()) or "")[:10]
    shown = f"`openssl s_client -connect {where} -showcerts` shows what it sends."
    if code == EXPIRED:
        return f"Renew it on the server; `ca_file` does not help. Or is this machine's clock ({today}) wrong?"
    if code == NOT_YET:
        return f"Check the clock of this machine ({today}); otherwise the server needs another certificate."
    if code in WRONG_NAME and peer is not None and not peer.get("subjectAltName"):
        return "`ca_file` does not help: the server needs a certificate with its name or address as subjectAltName."
    if code in WRONG_NAME:
        return "Set `host` to a name or an address that is in the certificate."
    if code in WEAK:
        return NEW_KEY
    if code == PURPOSE:
        return "`ca_file` does not help: it is not a certificate for servers, and the server needs another one."
    if code == SELF_SIGNED:
        put = "`ca_file` has another one: put this one there" if own_ca else f"{CA_FILE} this certificate"
        return f"{put}, after comparing its fingerprint with the administrator's. {shown}"
    if own_ca and code in (*NO_ISSUER, SELF_SIGNED_ROOT):
        return f"`ca_file` lacks its authority, or an intermediate certificate that the server leaves out. {shown}"
    if code in NO_ISSUER:
        return f"{CA_FILE} its authority, with any intermediate certificate that the server leaves out. {shown}"
    return f"{CA_FILE} the CA of this server."


def _detail(code: int, peer: Peer | None) -> str:
    """Return the part of the certificate that explains an error."""
    if peer is None:
        return ""
    if code in WRONG_NAME:
        names = [str(value)[:MAX_NAME] for _kind, value in peer.get("subjectAltName", ())]
        more = f" and {len(names) - MAX_NAMES} others" if len(names) > MAX_NAMES else ""
        return f"; it is for {', '.join(names[:MAX_NAMES])}{more}" if names else "; it has no subjectAltName"
    if code == EXPIRED and (end := _date(peer, "notAfter")):
        return f" ({end[:10]})" if end < (stamp(time.time()) or "") else ", which is that of its authority"
    if code == NOT_YET and (begin := _date(peer, "notBefore")):
        return f" (from {begin})"
    if code in NO_ISSUER:
        issuer = dict(pair for part in peer.get("issuer", ()) for pair in part)
        name = issuer.get("commonName") or issuer.get("organizationName")
        return f" ({name[:MAX_NAME]})" if name else ""
    return ""


def _date(peer: Peer, field: str) -> str:
    try:
        return stamp(float(ssl.cert_time_to_seconds(peer[field]))) or ""
    except (KeyError, ValueError, OverflowError):
        return ""
