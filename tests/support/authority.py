"""Certificates of our own making, and servers that show them."""

from __future__ import annotations

import ssl
import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme

DAY = timedelta(days=1)


class Authority:
    """A certificate authority whose own certificate is in `ca_file`."""

    def __init__(self, folder: Path) -> None:
        self.authority = trustme.CA()
        self.ca_file = str(folder / "ca.pem")
        self.authority.cert_pem.write_to_path(self.ca_file)

    def server(self, *names: str, starts: timedelta = -DAY, ends: timedelta = DAY) -> ssl.SSLContext:
        """Return the TLS of a server with a certificate for these names, valid from and to so long from now."""
        now = datetime.now(UTC)
        made = self.authority.issue_cert(*(names or ("127.0.0.1",)), not_before=now + starts, not_after=now + ends)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.configure_cert(context)
        return context


def only_old(context: ssl.SSLContext) -> ssl.SSLContext:
    """Let a server speak TLS 1.1 and no newer one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context
