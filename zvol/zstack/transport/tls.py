"""The certificate authorities of TLS connections.

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
    tls_context.hostname_checks_common_name = False  # neither browsers nor Go do: no authority limits that name
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
