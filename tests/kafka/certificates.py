"""A certificate authority for tests, and what it signs. All as PEM."""

import subprocess
from pathlib import Path
from typing import NamedTuple

DAYS = "2"
KEY = ["-newkey", "rsa:2048", "-nodes"]


class Certificate(NamedTuple):
    """A certificate and its key."""

    certificate: Path
    key: Path
    both: Path
    """Key and certificate in one file, as Kafka wants them."""


class Authority:
    """Signs certificates for 127.0.0.1 and localhost, which are valid for two days."""

    def __init__(self, folder: Path, name: str = "Middlewatch tests") -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.certificate = folder / "ca.pem"
        self._key = folder / "ca.key"
        subject = ["-subj", f"/CN={name}", "-days", DAYS]
        _openssl("req", "-x509", *KEY, "-keyout", self._key, "-out", self.certificate, *subject)

    def sign(self, name: str) -> Certificate:
        """A certificate with this common name, for servers and clients."""
        paths = {kind: self.folder / f"{name}.{kind}" for kind in ("crt", "key", "pem", "csr", "ext")}
        paths["ext"].write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
        _openssl("req", "-new", *KEY, "-keyout", paths["key"], "-out", paths["csr"], "-subj", f"/CN={name}")
        by = ["-CA", self.certificate, "-CAkey", self._key, "-CAcreateserial", "-days", DAYS]
        _openssl("x509", "-req", "-in", paths["csr"], *by, "-extfile", paths["ext"], "-out", paths["crt"])
        paths["pem"].write_text(paths["key"].read_text() + paths["crt"].read_text())
        return Certificate(paths["crt"], paths["key"], paths["pem"])


def _openssl(*arguments: object) -> None:
    subprocess.run(["openssl", *map(str, arguments)], capture_output=True, check=True)
