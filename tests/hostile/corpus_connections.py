"""TLS that does not work, and ports of other services, as people met them with tools of this kind.

Answers of something other than ZStack are in `corpus_answers.py`, hosts and proxies as they are typed in
`corpus_addresses.py`.  Names and addresses are replaced.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from tests.support.authority import only_old
from tests.support.certificates import CLIENT, DAY, Made, Wish, make

Version = ssl.TLSVersion | None
V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
ROOT = Wish(names=(), common_name="Example Root", authority=True)
MIDDLE = Wish(names=(), common_name="Example Issuing CA", authority=True)


class Authorities:
    """The authorities of the corpus; the user knows the root only."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = make(ROOT)
        self.ca_file = self.root.write(folder)

    @cached_property
    def middle(self) -> Made:
        return make(MIDDLE, self.root)

    def server(
        self, wish: Wish | None = None, *, old: bool = False, minimum: Version = None, maximum: Version = None
    ) -> ssl.SSLContext:
        context = make(wish or Wish(), self.root).server(level=0 if old else None)
        context.minimum_version = minimum or context.minimum_version
        context.maximum_version = maximum or context.maximum_version
        return context

    def wants_certificate(self, *, minimum: Version = None, maximum: Version = None) -> ssl.SSLContext:
        context = self.server(minimum=minimum, maximum=maximum)
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(self.ca_file)
        return context


@dataclass(frozen=True, slots=True)
class Tls:
    """A server, where it was met, and parts of message and hint; without `says` it works.

    `ca`: which file the user has as `ca_file`: that of the root, none, or one made here.
    """

    report: str
    server: Callable[[Authorities], ssl.SSLContext]
    says: str = ""
    hint: str = ""
    ca: Callable[[Authorities], str | None] = lambda ours: ours.ca_file
    host: str = "127.0.0.1"


def none(_ours: Authorities) -> None:
    return None


def other_root(ours: Authorities) -> str:
    return make(ROOT).write(ours.folder, "other.pem")


def weak_root(ours: Authorities) -> ssl.SSLContext:
    root = make(Wish(names=(), common_name="Weak Root", authority=True, bits=1024))
    root.write(ours.folder, "weak.pem")
    return make(Wish(), root).server(level=0)


def old_root(ours: Authorities) -> ssl.SSLContext:
    root = make(Wish(names=(), common_name="Old Root", authority=True, starts=-9 * DAY, ends=-DAY))
    root.write(ours.folder, "old.pem")
    return make(Wish(), root).server()


def itself(ours: Authorities) -> ssl.SSLContext:
    made = make(Wish(common_name="itself"))
    made.write(ours.folder, "itself.pem")
    return made.server()


def below_middle(*, chain: bool) -> Callable[[Authorities], ssl.SSLContext]:
    return lambda ours: make(Wish(), ours.middle).server(chain=chain)


def file(name: str) -> Callable[[Authorities], str]:
    return lambda ours: str(ours.folder / name)


def of(**wish: object) -> Callable[[Authorities], ssl.SSLContext]:
    return lambda ours: ours.server(Wish(**wish))  # type: ignore[arg-type]


MISMATCH = "Set `host` to a name or an address that is in the certificate."
SAN = "needs a certificate with its name or address as subjectAltName"
NEW_KEY = "`ca_file` does not help: the server needs a certificate with a key of 2048 bits"
NO_CLIENT = "zvol has none to show"
TLS: Final = (
    Tls("hardened servers: TLS 1.2 only", lambda ours: ours.server(maximum=V12)),
    Tls("new defaults: TLS 1.3 only", lambda ours: ours.server(minimum=V13)),
    Tls("an RSA key of 2048 bits", of(bits=2048)),
    Tls("the chain complete", below_middle(chain=True)),
    Tls("a self-signed certificate as ca_file", itself, ca=file("itself.pem")),
    Tls("a name with a wildcard in another case", of(names=("LOCALHOST",)), host="localhost"),
    Tls(
        "curl, requests, Java: the intermediate left out",
        below_middle(chain=False),
        "unable to get local issuer certificate (Example Issuing CA)",
        "an intermediate certificate that the server",
    ),
    Tls(
        "the same without ca_file",
        below_middle(chain=False),
        "(Example Issuing CA)",
        "ZVOL_CA_FILE, to its authority",
        ca=none,
    ),
    Tls(
        "git, pip: a CA of the company",
        of(),
        "unable to get local issuer certificate (Example Root)",
        "ZVOL_CA_FILE",
        ca=none,
    ),
    Tls("a CA that was renewed with the same name", of(), "is not trusted: certificate", "`ca_file`", ca=other_root),
    Tls(
        "pip, npm: TLS inspection",
        lambda ours: make(Wish(), ours.root).server(),
        "is not trusted",
        "showcerts",
        ca=none,
    ),
    Tls("appliances: self-signed", itself, "self-signed certificate", "comparing its fingerprint", ca=none),
    Tls("self-signed, and another one is known", itself, "self-signed certificate", "`ca_file` has another one"),
    Tls(
        "docker, harbor: a CN without subjectAltName, by name",
        of(names=(), common_name="localhost"),
        "it has no subjectAltName",
        SAN,
        host="localhost",
    ),
    Tls("the same by address", of(names=(), common_name="127.0.0.1"), "it has no subjectAltName", SAN),
    Tls(
        "kubectl: the address is not in it",
        of(names=("k8s.example", "10.96.0.1")),
        "it is for k8s.example, 10.96.0.1",
        MISMATCH,
    ),
    Tls("the default certificate of an ingress", of(names=("ingress.local",)), "it is for ingress.local", MISMATCH),
    Tls("many names", of(names=tuple(f"n{n}.example" for n in range(9))), "n2.example and 6 others", MISMATCH),
    Tls("the name of a subdomain", of(names=("*.localhost",)), "it is for *.localhost", MISMATCH, host="localhost"),
    Tls(
        "expired over a weekend",
        of(starts=-9 * DAY, ends=-2 * DAY),
        "certificate has expired (20",
        "`ca_file` does not help",
    ),
    Tls("the CA expired", old_root, "which is that of its authority", "Renew", ca=file("old.pem")),
    Tls(
        "a machine whose clock is behind",
        of(starts=DAY, ends=9 * DAY),
        "not yet valid (from 20",
        "Check the clock of this machine (20",
    ),
    Tls(
        "old appliances: an RSA key of 1024 bits",
        lambda ours: ours.server(Wish(bits=1024), old=True),
        "key too weak",
        NEW_KEY,
    ),
    Tls("a CA with 1024 bits", weak_root, "CA certificate key too weak", NEW_KEY, ca=file("weak.pem")),
    Tls("a certificate for clients", of(use=CLIENT), "unsuitable certificate purpose", "another one"),
    Tls(
        "a client certificate is wanted, TLS 1.2",
        lambda ours: ours.wants_certificate(maximum=V12),
        "wants a client certificate",
        NO_CLIENT,
    ),
    Tls(
        "a client certificate is wanted, TLS 1.3",
        lambda ours: ours.wants_certificate(minimum=V13),
        "wants a client certificate",
        NO_CLIENT,
    ),
    Tls(
        "TLS 1.1 only",
        lambda ours: only_old(ours.server()),
        "speaks only outdated TLS",
        "TLS 1.2 or newer",
    ),
)


@dataclass(frozen=True, slots=True)
class Language:
    """What a port sends that is asked for TLS, or for HTTP (`plain`), and parts of message and hint."""

    report: str
    sends: bytes
    says: str
    hint: str = ""
    plain: bool = False


ALERT = b"\x15\x03\x03\x00\x02\x02"
LANGUAGES: Final = (
    Language(
        "https:// on 8080",
        b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
        "does not speak TLS",
        "http:// if the server has no other",
    ),
    Language("port 22", b"SSH-2.0-OpenSSH_9.6\r\n", "does not speak TLS", "the port that speaks https"),
    Language("port 25", b"220 mail.example ESMTP\r\n", "does not speak TLS", "the port that speaks https"),
    Language(
        "port 3306", b"J\x00\x00\x00\x0a8.0.36\x00" + b"a" * 60, "does not speak TLS", "the port that speaks https"
    ),
    Language("closed by a firewall", b"", "broke in the TLS handshake", "Does this port speak https?"),
    Language("a server without a cipher in common", ALERT + bytes([40]), "speaks only outdated TLS", "TLS 1.2"),
    Language("a server with older versions only", ALERT + bytes([70]), "speaks only outdated TLS", "TLS 1.2"),
    Language(
        "a name that a server does not have",
        ALERT + bytes([112]),
        "has no certificate for the name",
        "a name that the server knows",
    ),
    Language("the server's own fault", ALERT + bytes([80]), "broke in the TLS handshake"),
    Language(
        "http:// on a port of Java's TLS",
        ALERT + bytes([80]),
        "it sent TLS instead of HTTP",
        "write `host` with https://",
        plain=True,
    ),
    Language(
        "http:// on a port that closes", b"", "closed before the answer", "Does this port speak https?", plain=True
    ),
    Language(
        "http:// on port 22",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        "what is not HTTP/1.1 but SSH",
        "another service on this port",
        plain=True,
    ),
    Language(
        "http:// on an FTP port", b"220 ready\r\n", "what is not HTTP/1.1", "another service on this port", plain=True
    ),
)
