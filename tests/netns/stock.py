# SPDX-License-Identifier: GPL-2.0-or-later
"""Stock strongSwan (Debian's charon-systemd and swanctl) in a namespace of the
laboratory: a peer for kedge's IKE that others wrote, or an attacker.

Every instance has its own folder; nothing is read from or written to /etc.
Where the kernel has no ESP, noesp.c is preloaded: IKE alone is at work then,
and esp says so."""

import os
import re
import subprocess

from lab import HERE, SLOW, LabError, wait_for

CHARON = "/usr/sbin/charon-systemd"
PLUGINS = ("random nonce openssl pem x509 revocation constraints pubkey pkcs1 "
           "pkcs8 kdf kernel-netlink socket-default vici")


def block(name, lines, depth=0):
    """Text of a section of strongswan.conf or swanctl.conf: a dict, whose
    values are text or dicts."""
    tab = "\t" * depth
    out = f"{tab}{name} {{\n"
    for key, value in lines.items():
        out += block(key, value, depth + 1) if isinstance(value, dict) else \
            f"{tab}\t{key} = {value}\n"
    return out + tab + "}\n"


def kernel_has_esp(lab):
    p = subprocess.run(lab.argv(
        "h1", "ip", "xfrm", "state", "add", "src", "::1", "dst", "::1",
        "proto", "esp", "spi", "0x1000", "mode", "transport", "aead",
        "rfc4106(gcm(aes))", "0x" + 20 * "5a", "128"), check=False,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return p.returncode == 0


class Stock:
    def __init__(self, lab, space, name, **settings):
        """settings: of strongswan.conf's charon-systemd section."""
        self.lab, self.space, self.name = lab, space, name
        self.dir = lab.path(name)
        self.esp = kernel_has_esp(lab)
        for d in ("", "x509", "x509ca", "private"):
            os.mkdir(os.path.join(self.dir, d), 0o700)
        self.uri = "unix://" + os.path.join(self.dir, "vici")
        self.settings = settings

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def start(self):
        """load: no kernel-libipsec. The limits: a lost message is sent again
        soon, an attacker gives up soon."""
        conf = {"load": PLUGINS, "install_routes": "no",
                "install_virtual_ip": "no", "retransmit_timeout": 1,
                "retransmit_tries": 3, "plugins": {
                    "vici": {"socket": self.uri}},
                "filelog": {"log": {"path": self.lab.path("log", self.name +
                                                          ".charon"),
                                    "default": 1,
                                    "flush_line": "yes"}},
                **self.settings}
        with open(self.path("strongswan.conf"), "w", encoding="ascii") as f:
            f.write(block("charon-systemd", conf))
        env = dict(os.environ, SWANCTL_DIR=self.dir,
                   STRONGSWAN_CONF=self.path("strongswan.conf"))
        self.env = dict(env)
        if not self.esp:
            env["LD_PRELOAD"] = self._shim()
        p = self.lab.spawn(self.space, self.name, CHARON, env=env)

        def ready():
            if p.poll() is not None:
                raise LabError(f"{self.name}: charon ended with "
                               f"{p.returncode}: {self.log()[-800:]}")
            return self.swanctl("--stats", check=False)
        wait_for(f"{self.name}: charon answers", ready)
        return self

    def _shim(self):
        out = self.lab.path("noesp.so")
        if not os.path.exists(out):
            subprocess.run(["cc", "-O1", "-D_GNU_SOURCE", "-shared", "-fPIC",
                            "-o", out, os.path.join(HERE, "noesp.c")],
                           check=True)
        return out

    def log(self):
        return self.lab.log(self.name) + self.lab.log(self.name + ".charon")

    def swanctl(self, *args, check=True, timeout=30):
        """Its standard output, or "" where it failed and check is false."""
        p = subprocess.run(self.lab.argv(self.space, "swanctl", *args, "--uri",
                                         self.uri), env=self.env, text=True,
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, timeout=timeout * SLOW,
                           check=False)
        if p.returncode and check:
            raise LabError(f"{self.name}: swanctl {' '.join(args)}: "
                           f"{p.stdout[-300:]}{p.stderr[-300:]}")
        return "" if p.returncode else p.stdout

    def load(self, connections, keys=(), secrets=None, pools=None):
        """connections, secrets and pools as in swanctl.conf; keys: files of
        private keys."""
        for i, key in enumerate(keys):
            with open(key, "rb") as f, open(self.path(
                    "private", f"{i}.pem"), "wb") as g:
                g.write(f.read())
        with open(self.path("swanctl.conf"), "w", encoding="ascii") as f:
            f.write(block("connections", connections))
            f.write(block("secrets", secrets or {}))
            f.write(block("pools", pools or {}))
        return self.swanctl("--load-all", "--noprompt")

    def initiate(self, child="mh", limit=10):
        """True if the CHILD_SA came up."""
        return bool(self.swanctl("--initiate", "--child", child, "--timeout",
                                 str(limit), check=False))

    def sas(self):
        """{CHILD_SA's name and number: its state} of what is there."""
        out = self.swanctl("--list-sas", check=False)
        return dict(re.findall(r"^\s+(\w+: #\d+), reqid \d+, (\w+)", out,
                               re.M))

    def spis(self):
        """SPIs of installed ESP SAs, [(in, out)] as numbers."""
        out = self.swanctl("--list-sas", check=False)
        return [(int(a, 16), int(b, 16)) for a, b in re.findall(
            r"\n\s+in\s+([0-9a-f]{8}).*\n\s+out\s+([0-9a-f]{8})", out)]

    def stop(self):
        return self.lab.stop(self.name)


def connection(local, remote, ours, theirs, hoa, ha, more=None, child=None):
    """One connection "kedge" with one child "mh": the MH SAs of (hoa, ha),
    hoa at our end. ours, theirs: sections local and remote."""
    return {"kedge": {
        "version": 2, "local_addrs": local, "remote_addrs": remote,
        "proposals": "aes128-sha256-x25519,default", "mobike": "yes",
        "local": ours, "remote": theirs, **(more or {}),
        "children": {"mh": {
            "mode": "transport_proxy", "local_ts": f"{hoa}/128[135]",
            "remote_ts": f"{ha}/128[135]",
            "esp_proposals": "chacha20poly1305-x25519,chacha20poly1305,"
                             "aes256gcm16-x25519,aes256gcm16",
            **(child or {})}}}}
