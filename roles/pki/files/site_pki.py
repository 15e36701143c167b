# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Issue one host's certificate from the site's own authority, on the controller; renew it only where it is needed.

Reads one JSON object on standard input:
  directory          folder of the site's authority: ca-cert.pem, ca-key.pem, hosts/NAME/{cert.pem,key.pem,bundle.tar}
  host               name of the host in the inventory; the certificate's common name
  names, addresses   what peers reach it by; the certificate's alternative names
  days               lifetime of the certificate
  renew_before_days  a certificate with fewer days left is renewed
  native_tls_group   group that may read the keys of QEMU's native TLS
Prints {"reasons": [why something was (with --dry-run: would be) issued]}; an empty list means that all is in order.
Exits 1 with one sentence on standard error where a person has to decide.

Needs `cryptography`, which ansible-core itself depends on.
"""

from __future__ import annotations

import datetime
import fcntl
import io
import ipaddress
import json
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_DAYS = 3650
# Clocks of a site's hosts may differ a little.
BACKDATED = datetime.timedelta(hours=1)
NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)


@dataclass(frozen=True)
class Pair:
    """A certificate and its private key."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey

    def certificate_pem(self) -> bytes:
        """The certificate as the text that every tool reads."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def key_pem(self) -> bytes:
        """The key, not encrypted: daemons read it without a person."""
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def days_left(self) -> float:
        """Days until the certificate ends; negative once it has expired."""
        return (self.certificate.not_valid_after_utc - NOW) / datetime.timedelta(days=1)


def refuse(sentence: str) -> NoReturn:
    """End with one sentence for the person who runs this."""
    sys.exit(sentence)


def write(path: Path, content: bytes) -> None:
    """Write a secret file whole or not at all, mode 0600."""
    temporary = path.with_name(path.name + ".new")
    temporary.unlink(missing_ok=True)
    temporary.touch(mode=0o600, exist_ok=False)
    temporary.write_bytes(content)
    temporary.replace(path)


def read(certificate: Path, key: Path) -> Pair | None:
    """Read a pair; None where it is not complete or the two do not belong together."""
    if not (certificate.exists() and key.exists()):
        return None
    try:
        loaded = serialization.load_pem_private_key(key.read_bytes(), None)
        pair = x509.load_pem_x509_certificate(certificate.read_bytes())
    except ValueError:
        return None
    if not isinstance(loaded, rsa.RSAPrivateKey) or loaded.public_key() != pair.public_key():
        return None
    return Pair(pair, loaded)


def sign(subject: str, days: int, issuer: Pair | None, extensions: list[tuple[x509.ExtensionType, bool]]) -> Pair:
    """Make a key and a certificate for it, signed by the issuer or, without one, by itself."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer.certificate.subject if issuer else name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - BACKDATED)
        .not_valid_after(NOW + datetime.timedelta(days=days))
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return Pair(builder.sign(issuer.key if issuer else key, hashes.SHA256()), key)


def usage(**true: bool) -> x509.KeyUsage:
    """Key usage with only the named purposes."""
    purposes = (
        "digital_signature content_commitment key_encipherment data_encipherment key_agreement "
        "key_cert_sign crl_sign encipher_only decipher_only"
    )
    return x509.KeyUsage(**{purpose: true.get(purpose, False) for purpose in purposes.split()})


def make_authority() -> Pair:
    """Make the site's authority."""
    return sign(
        "stsm.live_migration site authority",
        AUTHORITY_DAYS,
        None,
        [(x509.BasicConstraints(ca=True, path_length=0), True), (usage(key_cert_sign=True, crl_sign=True), True)],
    )


def alternatives(request: dict[str, Any]) -> list[x509.GeneralName]:
    """The names and addresses that the host's certificate has to carry."""
    names: list[x509.GeneralName] = [x509.DNSName(name) for name in request["names"]]
    for address in request["addresses"]:
        try:
            names.append(x509.IPAddress(ipaddress.ip_address(address)))
        except ValueError:
            # A host may be reached by a name instead of an address (ansible_host).
            names.append(x509.DNSName(address))
    return names


def make_host(request: dict[str, Any], authority: Pair) -> Pair:
    """Make the host's certificate: server and client in one, as hosts are both to each other."""
    both = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
    return sign(
        request["host"],
        min(int(request["days"]), int(authority.days_left())),
        authority,
        [
            (x509.BasicConstraints(ca=False, path_length=None), True),
            (usage(digital_signature=True, key_encipherment=True), True),
            (both, False),
            (x509.SubjectAlternativeName(alternatives(request)), False),
        ],
    )


def fault(pair: Pair | None, request: dict[str, Any], authority: Pair) -> str | None:
    """Say why the host's certificate cannot stay, or None."""
    if pair is None:
        return "there is no certificate yet"
    try:
        pair.certificate.verify_directly_issued_by(authority.certificate)
    except (ValueError, TypeError, InvalidSignature):
        return "the certificate comes from another authority"
    carried = pair.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    if set(carried) != set(alternatives(request)):
        return "the host's names or addresses changed"
    if pair.days_left() < 0:
        return "the certificate has expired"
    if pair.days_left() < int(request["renew_before_days"]):
        return f"the certificate has {pair.days_left():.0f} days left"
    return None


def bundle(pair: Pair, authority: Pair, group: str) -> bytes:
    """Pack everything for the host's /etc: same input, same bytes, so that a second run finds nothing to do."""
    certificate, key, ca = pair.certificate_pem(), pair.key_pem(), authority.certificate_pem()
    files: list[tuple[str, bytes, int, str]] = [
        ("pki/CA/cacert.pem", ca, 0o644, "root"),
        ("pki/qemu/ca-cert.pem", ca, 0o644, "root"),
    ]
    for role in ("server", "client"):
        files += [
            (f"pki/libvirt/{role}cert.pem", certificate, 0o644, "root"),
            (f"pki/libvirt/private/{role}key.pem", key, 0o600, "root"),
            (f"pki/qemu/{role}-cert.pem", certificate, 0o644, "root"),
            (f"pki/qemu/{role}-key.pem", key, 0o640, group),
        ]
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, content, mode, owner in files:
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.uname, entry.gname = len(content), mode, "root", owner
            entry.mtime = int(pair.certificate.not_valid_before_utc.timestamp())
            archive.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


def authority_in(directory: Path, dry_run: bool, reasons: list[str]) -> Pair:
    """The site's authority, made where there is none (in a dry run only in memory)."""
    certificate, key = directory / "ca-cert.pem", directory / "ca-key.pem"
    authority = read(certificate, key)
    if authority is None:
        if certificate.exists() or key.exists():
            refuse(f"{directory} holds half an authority or a key that does not fit: restore or remove both ca-*.pem.")
        authority = make_authority()
        reasons.append("there was no authority yet")
        if not dry_run:
            write(key, authority.key_pem())
            write(certificate, authority.certificate_pem())
    if authority.days_left() < 1:
        ended = authority.certificate.not_valid_after_utc.date()
        refuse(f"The authority in {directory} ended on {ended}: remove both ca-*.pem there and deploy to every host.")
    return authority


def main() -> None:
    """Read the request, put things in order, print why."""
    request = json.load(sys.stdin)
    dry_run = "--dry-run" in sys.argv[1:]
    directory = Path(request["directory"])
    home = directory / "hosts" / request["host"]
    reasons: list[str] = []
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (directory / "lock").open("w") as lock:
        # Several hosts are served at once; the first one makes the authority.
        fcntl.flock(lock, fcntl.LOCK_EX)
        authority = authority_in(directory, dry_run, reasons)
        pair = read(home / "cert.pem", home / "key.pem")
        reason = fault(pair, request, authority)
        if reason:
            reasons.append(reason)
            pair = make_host(request, authority)
        if pair and not dry_run:
            home.mkdir(parents=True, exist_ok=True, mode=0o700)
            for name, content in (
                ("key.pem", pair.key_pem()),
                ("cert.pem", pair.certificate_pem()),
                ("bundle.tar", bundle(pair, authority, request["native_tls_group"])),
            ):
                path = home / name
                if not path.exists() or path.read_bytes() != content:
                    write(path, content)
    print(json.dumps({"reasons": reasons}))


if __name__ == "__main__":
    main()
