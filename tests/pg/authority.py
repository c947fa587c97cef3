"""Certificates for the tests of TLS."""

import pathlib
import subprocess


class Authority:
    """Makes certificates, by openssl(1), in a directory of its own."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.directory = directory
        self._openssl("req", "-x509", "-subj", "/CN=test CA", "-keyout", "ca.key", "-out", "ca.crt")

    def issue(self, common_name: str, name: str) -> pathlib.Path:
        """A PEM file with certificate and key; `name`.crt and `name`.key hold one each."""
        self._openssl("req", "-subj", f"/CN={common_name}", "-keyout", f"{name}.key",
                      "-out", f"{name}.csr")  # fmt: skip
        extension = self.directory / "names"
        extension.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        self._openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key",
                      "-CAcreateserial", "-extfile", "names", "-out", f"{name}.crt")  # fmt: skip
        whole = self.directory / f"{name}.pem"
        parts = [(self.directory / f"{name}.{end}").read_text() for end in ("crt", "key")]
        whole.write_text("".join(parts))
        return whole

    def _openssl(self, verb: str, *arguments: str) -> None:
        new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        command = ["openssl", verb, *(new_key if verb == "req" else []), *arguments]
        subprocess.run(command, cwd=self.directory, check=True, capture_output=True)
        for key in self.directory.glob("*.key"):
            key.chmod(0o600)
