"""The certificate authorities of TLS connections, and why a handshake failed.

Imported inside functions only, because it imports ssl.
"""

from __future__ import annotations

import ssl  # noqa: TID253
from pathlib import Path
from typing import Final

from zvol.errors import ConfigError, Problem
from zvol.zstack.transport.sockets import DeadlineTlsSocket

CA_HINT: Final = "Set `ca_file` to a PEM file with the certificate of the authority that signed the server's."


def context(ca_file: str | None) -> ssl.SSLContext:
    """Return a context that trusts the authorities of a file, or those of certifi without one.

    The environment and OpenSSL's own folders are ignored.  Raises ConfigError when the file cannot be used.
    """
    tls_context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    tls_context.minimum_version = ssl.TLSVersion.TLSv1_2
    tls_context.sslsocket_class = DeadlineTlsSocket
    if ca_file is None:
        import certifi

        tls_context.load_verify_locations(certifi.where())
        return tls_context
    tls_context.verify_flags |= (
        ssl.VERIFY_X509_PARTIAL_CHAIN
    )  # any certificate in the user's own file is trusted, not only roots
    problem = _load(tls_context, Path(ca_file))
    if problem:
        raise ConfigError([Problem(ca_file, problem)], hint=CA_HINT)
    return tls_context


def _load(tls_context: ssl.SSLContext, path: Path) -> str | None:
    """Load the authorities of a file; return what is wrong with it, if anything."""
    try:
        if path.is_dir():
            return "the CA file is a directory"
        if path.exists() and not path.is_file():
            return "the CA file is no regular file"
        tls_context.load_verify_locations(path)
    except ssl.SSLError:
        return "the CA file holds no certificate in PEM form"
    except (OSError, ValueError) as exc:
        return f"the CA file cannot be read: {getattr(exc, 'strerror', None) or 'no such name'}"
    return (
        None
        if tls_context.get_ca_certs() or tls_context.cert_store_stats()["x509"]
        else "the CA file holds no certificate"
    )


# ---- why a handshake failed ------------------------------------------------------------------------------------------
EXPIRED: Final = 10
NOT_YET: Final = 9
WRONG_NAME: Final = (62, 64)
"""X509_V_ERR_... of OpenSSL."""

NOT_TLS_REASONS: Final = frozenset(
    {
        "WRONG_VERSION_NUMBER",
        "HTTP_REQUEST",
        "HTTPS_PROXY_REQUEST",
        "UNKNOWN_PROTOCOL",
        "PACKET_LENGTH_TOO_LONG",
        "RECORD_LAYER_FAILURE",
    }
)
"""OpenSSL's reasons for bytes that are not TLS."""

OLD_TLS_REASONS: Final = frozenset(
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
"""OpenSSL's reasons for a server with an outdated version of TLS."""


def trust_failure(error: ssl.SSLError, where: str) -> tuple[str, str, str] | None:
    """Return reason, message and hint when the server is not trusted; None when the connection broke."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            "certificate",
            f"the certificate of {where} is not trusted: {error.verify_message}",
            _certificate_hint(error),
        )
    if error.reason in NOT_TLS_REASONS:
        hint = "Set `host` to the port that speaks https, or to http:// if the server has no other."
        return "tls", f"{where} does not speak TLS", hint
    if error.reason in OLD_TLS_REASONS:
        text = f"{where} speaks no TLS that is safe today ({error.reason.lower().replace('_', ' ')})"
        return "tls", text, "The server, or a proxy before it, must be set to TLS 1.2 or newer; then `host` can stay."
    return None


def _certificate_hint(error: ssl.SSLCertVerificationError) -> str:
    if error.verify_code == EXPIRED:
        return "Renew the certificate on the server; `ca_file` does not help. Or is this machine's clock wrong?"
    if error.verify_code == NOT_YET:
        return "Check the clock of this machine; otherwise the server needs another certificate."
    if error.verify_code in WRONG_NAME:
        return "Set `host` to a name or an address that is in the certificate."
    return "Set `ca_file` in the profile, or ZVOL_CA_FILE, to the CA of this server."
