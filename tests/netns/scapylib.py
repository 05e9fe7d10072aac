# SPDX-License-Identifier: GPL-2.0-or-later
"""What scapy_mn's worlds are made of: results, namespaces, security
associations, Mobility Headers as scapy and python-cryptography make them."""

import ctypes
import importlib
import logging
import os
import secrets
import socket
import struct
import subprocess
import sys
import threading
import time

SLOW = float(os.environ.get("KEDGE_SLOW", "1"))


def import_or_install():
    """Debian's packages, for the system's own python3."""
    try:
        for module in ("cryptography", "scapy"):
            importlib.import_module(module)
    except ImportError:
        subprocess.run(["apt-get", "install", "-y", "-qq", "python3-scapy",
                        "python3-cryptography"], check=True,
                       stdout=subprocess.DEVNULL)


import_or_install()
logging.getLogger("scapy").setLevel(logging.ERROR)

from cryptography.hazmat.primitives.ciphers import aead  # noqa: E402
from scapy.all import IPv6, in6_chksum  # noqa: E402

ESP_PROTO, MH_PROTO, NONE = 50, 135, 59

libc = ctypes.CDLL(None, use_errno=True)


class Results:
    """Told as they come, by any thread."""

    def __init__(self):
        self.passed = self.failed = 0
        self.lock = threading.Lock()

    def check(self, ok, what, *detail):
        with self.lock:
            self.passed += bool(ok)
            self.failed += not ok
            print(("ok " if ok else "FAIL ") + what + (
                "" if ok or not detail else ": " +
                " ".join(map(str, detail))), flush=True)
        return ok


def run(*cmd, check_it=True):
    p = subprocess.run(list(map(str, cmd)), text=True, check=False,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if check_it and p.returncode:
        raise RuntimeError(f"{' '.join(map(str, cmd))}: {p.stdout.strip()}")
    return p.stdout


def wait_for(test, limit=3.0):
    end = time.monotonic() + limit * SLOW
    while True:
        value = test()
        if value or time.monotonic() > end:
            return value
        time.sleep(0.02)


def socket_in(space, *args):
    """A socket of that network namespace, for use from here. Namespaces are
    a thread's own."""
    with open("/proc/thread-self/ns/net", "rb") as here, \
            open(f"/run/netns/{space}", "rb") as there:
        if libc.setns(there.fileno(), 0):
            raise OSError(ctypes.get_errno(), "setns")
        try:
            return socket.socket(*args)
        finally:
            libc.setns(here.fileno(), 0)


class Sa:
    """A pair of manual SAs of a HoA and its HA, as the HA uses them."""
    lock = threading.Lock()
    last = 0x1000

    def __init__(self, hoa, ha):
        with Sa.lock:
            Sa.last += 2
            self.spi = Sa.last
        self.hoa, self.ha, self.seq = hoa, ha, 0
        self.keys = secrets.token_bytes(36), secrets.token_bytes(36)

    @property
    def pair(self):
        """As wire.esp_open() wants them: the MN's, then the HA's."""
        return [{"spi": spi, "src": src, "dst": dst, "key": key.hex(),
                 "algorithm": "chacha20-poly1305",
                 "identity": "scapy@example.org"} for spi, src, dst, key in (
            (self.spi, self.hoa, self.ha, self.keys[0]),
            (self.spi + 1, self.ha, self.hoa, self.keys[1]))]

    @property
    def conf(self):
        return "".join(
            f"[sa {sa['spi']}]\n" + "".join(
                f"{key} = {value}\n" for key, value in sa.items())
            for sa in self.pair)

    def seal(self, data, nh=MH_PROTO, spi=None):
        """RFC 4303, RFC 7634."""
        self.seq += 1
        pad = bytes(range(1, 1 + -(len(data) + 2) % 4))
        head = struct.pack("!II", spi or self.spi + 1, self.seq)
        iv = struct.pack("!Q", self.seq)
        key = self.keys[1]
        return head + iv + aead.ChaCha20Poly1305(key[:32]).encrypt(
            key[32:] + iv, data + pad + bytes([len(pad), nh]), head)


def mh_sum(mh, src, dst):
    """A Mobility Header with its checksum, RFC 6275 6.1.1."""
    mh = bytearray(bytes(mh))
    mh[4:6] = b"\0\0"
    mh[4:6] = struct.pack("!H", in6_chksum(
        MH_PROTO, IPv6(src=src, dst=dst), bytes(mh)))
    return bytes(mh)


if os.geteuid():
    print("needs root (network namespaces, BPF)")
    sys.exit(1)
