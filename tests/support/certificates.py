"""Certificates that trustme does not make: weak, without names, of another use, of a chain."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
import tempfile
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = datetime.timedelta(days=1)
SERVER, CLIENT = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True, slots=True)
class Made:
    """A certificate with its key, and the authorities between it and the root, nearest first."""

    certificate: x509.Certificate
    key: Key
    between: tuple[x509.Certificate, ...] = ()

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        form, none = serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        return self.key.private_bytes(serialization.Encoding.PEM, form, none)

    def write(self, folder: Path, name: str = "ca.pem") -> str:
        """Write the certificate alone; returns the path."""
        (folder / name).write_bytes(self.pem)
        return str(folder / name)

    def server(self, *, chain: bool = True, level: int | None = None) -> ssl.SSLContext:
        """Return the TLS of a server that shows it, without what is between it and the root unless `chain`."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if level is not None:
            context.set_ciphers(f"DEFAULT:@SECLEVEL={level}")
        more = b"".join(one.public_bytes(serialization.Encoding.PEM) for one in self.between) if chain else b""
        with tempfile.NamedTemporaryFile() as file:
            file.write(self.key_pem + self.pem + more)
            file.flush()
            context.load_cert_chain(file.name)
        return context


@dataclass(frozen=True, slots=True)
class Wish:
    """What a certificate is to be like; `names` are of the subjectAltName, which is left out without them."""

    names: tuple[str, ...] = ("127.0.0.1",)
    common_name: str = "zstack"
    bits: int = 0  # of RSA; 0 is a key of an elliptic curve
    starts: datetime.timedelta = -DAY
    ends: datetime.timedelta = DAY
    use: x509.ObjectIdentifier | None = None
    authority: bool = False


def make(wish: Wish, issuer: Made | None = None, key: Key | None = None) -> Made:
    """Make a certificate, signed by its issuer or by itself."""
    key = key or (rsa.generate_private_key(65537, wish.bits) if wish.bits else ec.generate_private_key(ec.SECP256R1()))
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, wish.common_name)])
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder(subject_name=subject, issuer_name=issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + wish.starts)
        .not_valid_after(now + wish.ends)
        .add_extension(x509.BasicConstraints(ca=wish.authority, path_length=None), critical=True)
    )
    if wish.names:
        builder = builder.add_extension(x509.SubjectAlternativeName([_name(one) for one in wish.names]), critical=False)
    if wish.use is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([wish.use]), critical=False)
    certificate = builder.sign(issuer.key if issuer else key, hashes.SHA256())
    between = (
        (issuer.certificate, *issuer.between)
        if issuer and issuer.certificate.issuer != issuer.certificate.subject
        else ()
    )
    return Made(certificate, key, between)


def _name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)
