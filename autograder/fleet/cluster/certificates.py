"""Certificates with which a cluster's scheduler, workers and clients know each other: one authority, one key."""

import datetime
import ipaddress
import os
import shlex
import socket
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...base.errors import AutograderError

__all__ = ["FOLDER", "Certificates", "certificates_command", "cluster_error", "make_certificates", "open_certificates"]

# Where the command puts them and `--cluster tls://...` looks for them when no other folder is named.
FOLDER = Path("certificates")
AUTHORITY, CERTIFICATE, KEY = "ca.pem", "certificate.pem", "key.pem"
DAYS = 365


class Certificates:
    """The three files of a folder of certificates."""

    def __init__(self, folder: Path) -> None:
        folder = folder.absolute()
        self.authority, self.certificate, self.key = folder / AUTHORITY, folder / CERTIFICATE, folder / KEY

    def arguments(self) -> list[str]:
        """The options with which `dask scheduler` and `dask worker` take them."""
        pairs = {"--tls-ca-file": self.authority, "--tls-cert": self.certificate, "--tls-key": self.key}
        return [word for option, path in pairs.items() for word in (option, str(path))]

    def security(self) -> Any:
        """Dask's own object for them: everything is encrypted, and both sides show a certificate."""
        try:
            from distributed.security import Security
        except ImportError as error:
            raise cluster_error(error) from None
        roles = ("client", "scheduler", "worker")
        certificates = {f"tls_{role}_cert": str(self.certificate) for role in roles}
        keys = {f"tls_{role}_key": str(self.key) for role in roles}
        make: Any = Security
        return make(require_encryption=True, tls_ca_file=str(self.authority), **certificates, **keys)


def make_certificates(folder: Path, hosts: Sequence[str] = ()) -> list[Path]:
    """The new files in `folder`: the authority, one certificate and its key, which only their owner can read.

    The authority's own key is forgotten, so nobody can ever make another certificate that this cluster accepts.
    `hosts` are names and addresses of the machines; Dask does not look at them, other tools do.
    """
    files = Certificates(folder)
    _expect_new(folder, [files.authority, files.certificate, files.key])

    authority, certificate, key = _signed(hosts)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _keep_out_of_git(folder)
        _write_private(files.key, key)
        _write_private(files.certificate, certificate)
        _write_private(files.authority, authority)
    except OSError as error:
        raise AutograderError(f"could not write {error.filename}: {error.strerror}: name another folder") from None
    return [files.authority, files.certificate, files.key]


def _signed(hosts: Sequence[str]) -> tuple[bytes, bytes, bytes]:
    """A new authority, a certificate that it signed, and the key of that, as PEM."""
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
    except ImportError as error:
        raise cluster_error(error) from None

    def named(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    def usage(**true: bool) -> x509.KeyUsage:
        names = ["digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"]
        names += ["key_cert_sign", "crl_sign", "encipher_only", "decipher_only"]
        return x509.KeyUsage(**{name: true.get(name, False) for name in names})

    now = datetime.datetime.now(datetime.UTC)
    # A clock that is a little behind must not refuse what was made just now.
    start, end = now - datetime.timedelta(hours=1), now + datetime.timedelta(days=DAYS)
    authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    builder = x509.CertificateBuilder().issuer_name(named("autograder cluster")).not_valid_before(start)
    builder = builder.not_valid_after(end)
    known = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
    authority = (
        builder.subject_name(named("autograder cluster"))
        .public_key(authority_key.public_key())
        .serial_number(x509.random_serial_number())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage(key_cert_sign=True, crl_sign=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    both = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    certificate = (
        builder.subject_name(named("autograder cluster member"))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage(digital_signature=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage(both), critical=False)
        .add_extension(x509.SubjectAlternativeName(_names(hosts)), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(known, critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = serialization.Encoding.PEM
    return authority.public_bytes(public), certificate.public_bytes(public), secret


def open_certificates(folder: Path) -> Certificates:
    """The certificates in `folder`, complete, private and not expired."""
    files = Certificates(folder)
    for path in (files.authority, files.certificate, files.key):
        if not path.is_file():
            raise AutograderError(
                f"expected certificates in {folder}, found no {path.name}: make them with `autograder certificates "
                f"{shlex.quote(str(folder))}`, or name their folder with --certificates"
            )
    if stat.S_IMODE(files.key.stat().st_mode) & 0o077:
        raise AutograderError(
            f"expected {files.key} to be readable by you alone: whoever reads it can run code as you on the cluster. "
            f"Run `chmod 600 {shlex.quote(str(files.key))}`, and make new ones if somebody may have read it"
        )
    try:
        from cryptography import x509
    except ImportError as error:
        raise cluster_error(error) from None
    try:
        certificate = x509.load_pem_x509_certificate(files.certificate.read_bytes())
    except (OSError, ValueError) as error:
        raise AutograderError(f"{files.certificate} is no readable certificate ({error}): make new ones") from None
    if certificate.not_valid_after_utc < datetime.datetime.now(datetime.UTC):
        raise AutograderError(
            f"the certificates in {folder} expired on {certificate.not_valid_after_utc:%Y-%m-%d}: make new ones in "
            "another folder with `autograder certificates`, and start scheduler and workers with them"
        )
    return files


def certificates_command(folder: Path, hosts: Sequence[str] = ()) -> int:
    """0 when the certificates are made; prints the commands that use them."""
    make_certificates(folder, hosts)
    host = hosts[0] if hosts else socket.gethostname()
    options = " ".join(shlex.quote(word) for word in Certificates(folder).arguments())
    print(
        f"made {folder}/{AUTHORITY}, {CERTIFICATE} and {KEY}; they are good for {DAYS} days.\n"
        "Copy the folder to each machine, readable by you alone: whoever has it can run code as you on all of them.\n"
        "\n"
        "On one machine, start the scheduler:\n\n"
        f"  dask scheduler --protocol tls --port 8786 --dashboard-address 127.0.0.1:8787 {options}\n\n"
        "On each machine that grades, start a worker; --nthreads is how many judges it has, 2 GB of memory each:\n\n"
        f"  dask worker tls://{host}:8786 --protocol tls --nthreads 4 --no-dashboard {options}\n\n"
        "Grade:\n\n"
        f"  autograder grade ex03_dataloader submitted --cluster tls://{host}:8786 "
        f"--certificates {shlex.quote(str(folder))}"
    )
    return 0


def cluster_error(error: ImportError) -> AutograderError:
    """The error that says what to install."""
    return AutograderError(
        f"--cluster needs packages that are not installed ({error.name or error}): run `pip install '.[cluster]'`"
    )


def _expect_new(folder: Path, files: Sequence[Path]) -> None:
    for path in files:
        if path.exists():
            raise AutograderError(
                f"expected a folder without certificates, got {folder}, which has {path.name}: remove it if no "
                "cluster uses it any more, or name another folder"
            )


def _keep_out_of_git(folder: Path) -> None:
    """Keys never go into a repository, wherever the folder is; what somebody else ignores there stays ignored."""
    with (folder / ".gitignore").open("a+", encoding="utf-8") as file:
        if file.tell() == 0:
            file.write("*\n")
        else:
            file.write(f"\n/{KEY}\n")


def _names(hosts: Sequence[str]) -> Any:
    from cryptography import x509

    names: list[x509.GeneralName] = []
    for host in dict.fromkeys([*hosts, "localhost", "127.0.0.1", socket.gethostname()]):
        try:
            names.append(x509.IPAddress(ipaddress.ip_address(host)))
        except ValueError:
            try:
                names.append(x509.DNSName(host))
            except ValueError:
                raise AutograderError(f"expected the name or the address of a machine, got {host!r}") from None
    return names


def _write_private(path: Path, content: bytes) -> None:
    # Private before the first byte is in it, and never through a link.
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
