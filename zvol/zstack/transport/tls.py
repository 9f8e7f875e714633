"""Whom a TLS connection trusts, and why one that it does not trust was not made.

Only imported inside functions, for it imports ssl.
"""

from __future__ import annotations

import ssl  # noqa: TID253
from pathlib import Path
from typing import Final

from zvol.errors import ConfigError, Problem
from zvol.zstack.transport.connections import DeadlineTlsSocket

CA_HINT: Final = "Set `ca_file` to a PEM file with the certificate of the authority that signed the server's."


def context(ca_file: str | None) -> ssl.SSLContext:
    """Return what the servers of this file's authorities are trusted by, or those of the usual ones without a file.

    The environment has no say, and OpenSSL's own folders neither.  Raises ConfigError when the file is of no use.
    """
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.sslsocket_class = DeadlineTlsSocket
    if ca_file is None:
        import certifi

        made.load_verify_locations(certifi.where())
        return made
    made.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # whatever is in the user's own file is trusted, not only roots
    problem = _load(made, Path(ca_file))
    if problem:
        raise ConfigError([Problem(ca_file, problem)], hint=CA_HINT)
    return made


def _load(made: ssl.SSLContext, path: Path) -> str | None:
    """Load the authorities of a file; returns what is wrong with it."""
    try:
        if path.is_dir():
            return "the CA file is a directory"
        if path.exists() and not path.is_file():
            return "the CA file is no regular file"
        made.load_verify_locations(path)
    except ssl.SSLError:
        return "the CA file holds no certificate in PEM form"
    except (OSError, ValueError) as exc:
        return f"the CA file cannot be read: {getattr(exc, 'strerror', None) or 'no such name'}"
    return None if made.get_ca_certs() or made.cert_store_stats()["x509"] else "the CA file holds no certificate"


# ---- why not ---------------------------------------------------------------------------------------------------------
EXPIRED: Final = 10
NOT_YET: Final = 9
WRONG_NAME: Final = (62, 64)
"""X509_V_ERR_... of OpenSSL."""

OTHER_LANGUAGE: Final = frozenset(
    {
        "WRONG_VERSION_NUMBER",
        "HTTP_REQUEST",
        "HTTPS_PROXY_REQUEST",
        "UNKNOWN_PROTOCOL",
        "PACKET_LENGTH_TOO_LONG",
        "RECORD_LAYER_FAILURE",
    }
)
"""OpenSSL's reasons for bytes that are no TLS."""

TOO_OLD: Final = frozenset(
    {
        "UNSUPPORTED_PROTOCOL",
        "VERSION_TOO_LOW",
        "WRONG_SSL_VERSION",
        "NO_PROTOCOLS_AVAILABLE",
        "TLSV1_ALERT_PROTOCOL_VERSION",
        "SSLV3_ALERT_HANDSHAKE_FAILURE",
        "TLSV1_ALERT_INSUFFICIENT_SECURITY",
        "DH_KEY_TOO_SMALL",
        "EE_KEY_TOO_SMALL",
        "CA_KEY_TOO_SMALL",
        "CA_MD_TOO_WEAK",
        "UNSAFE_LEGACY_RENEGOTIATION_DISABLED",
    }
)
"""OpenSSL's reasons for a server that speaks TLS as one no longer does."""


def refused(error: ssl.SSLError, where: str) -> tuple[str, str, str] | None:
    """Return reason, message and hint when a handshake failed for want of trust; None when it merely broke."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return "certificate", f"the certificate of {where} is not trusted: {error.verify_message}", _repair(error)
    if error.reason in OTHER_LANGUAGE:
        hint = "Set `host` to the port that speaks https, or to http:// if the server has no other."
        return "tls", f"{where} does not speak TLS", hint
    if error.reason in TOO_OLD:
        text = f"{where} speaks no TLS that is safe today ({error.reason.lower().replace('_', ' ')})"
        return "tls", text, "The server, or a proxy before it, must be set to TLS 1.2 or newer; then `host` can stay."
    return None


def _repair(error: ssl.SSLCertVerificationError) -> str:
    if error.verify_code == EXPIRED:
        return "Renew the certificate on the server; `ca_file` does not help. Or is this machine's clock wrong?"
    if error.verify_code == NOT_YET:
        return "Check the clock of this machine; otherwise the server needs another certificate."
    if error.verify_code in WRONG_NAME:
        return "Set `host` to a name or an address that is in the certificate."
    return "Set `ca_file` in the profile, or ZVOL_CA_FILE, to the CA of this server."
