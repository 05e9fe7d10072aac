# SPDX-License-Identifier: GPL-2.0-or-later
"""Certificates made on the spot by strongSwan's `pki`, good ones and bad ones.

    ca = Authority(folder)
    cert, key = ca.issue("ar1", "CN=ar1.example.org", ["2001:db8:1::1"])

Everything is PEM, in that folder, its names begin with the CA's. Dates are
seconds from now."""

import os
import subprocess
import time

DAY = 86400


class PkiError(Exception):
    """`pki` refused to do it."""


def pki(path, *args):
    """Writes what `pki` prints to path, for root's eyes alone."""
    p = subprocess.run(["pki", *map(str, args), "--outform", "pem"],
                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, check=False, timeout=60)
    if p.returncode or not p.stdout:
        raise PkiError(f"pki {' '.join(map(str, args))}: "
                       f"{p.stderr.decode(errors='replace')[-400:]}")
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(fd, "wb") as f:
        f.write(p.stdout)
    return path


def generate(path, kind):
    size = {"rsa": ["--size", 2048], "ecdsa": ["--size", 256]}
    return pki(path, "--gen", "--type", kind, *size.get(kind, []))


def date(seconds):
    return time.strftime("%d.%m.%y %T", time.gmtime(time.time() + seconds))


class Authority:
    """A CA with its key: self-signed, or below a parent."""

    def __init__(self, folder, name="ca", parent=None, pathlen=None,
                 kind="ecdsa"):
        self.folder, self.name, self.made = folder, name, {}
        dn = f"O=kedge lab, CN={name}"
        limit = [] if pathlen is None else ["--pathlen", pathlen]
        if parent:
            self.cert, self.key = parent.issue(name, dn, kind=kind,
                                               more=["--ca", *limit])
            return
        self.key = generate(self.path("self.key"), kind)
        self.cert = pki(self.path("self.pem"), "--self", "--ca", *limit,
                        "--in", self.key, "--type", "priv", "--dn", dn)

    def path(self, name):
        return os.path.join(self.folder, f"{self.name}-{name}")

    def issue(self, name, dn, sans=(), kind="ecdsa", begin=-DAY, end=30 * DAY,
              more=()):
        """(certificate, key). The key is NAME.key, made where it is not there
        yet, so that one key may have several certificates."""
        key = self.made.get(name) or generate(self.path(f"{name}.key"), kind)
        self.made[name] = key
        cert = self.path(f"{name}.pem")
        names = [word for san in sans for word in ("--san", san)]
        pki(cert, "--issue", "--cacert", self.cert, "--cakey", self.key,
            "--in", key, "--type", "priv", "--dn", dn, *names,
            "--not-before", date(begin), "--not-after", date(end), *more)
        return cert, key

    def revoke(self, *certs):
        """The CA's revocation list: these, and what was in it before."""
        path = self.path("revoked.crl")
        last = ["--lastcrl", path] if os.path.exists(path) else []
        return pki(path, "--signcrl", "--cacert", self.cert, "--cakey",
                   self.key, *last, *(
                       word for cert in certs for word in
                       ("--reason", "key-compromise", "--cert", cert)))
