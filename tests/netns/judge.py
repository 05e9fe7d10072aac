# SPDX-License-Identifier: GPL-2.0-or-later
"""What tshark finds malformed in a capture.

It looks at the layers that are kedge's and the kernel's: what TCP and UDP carry
is the tests' own, random at times, and tshark would take it for whatever it
looks like. ESP is opened before where its keys are known (tshark of Debian 12
does not know ChaCha20-Poly1305), so tshark sees each Mobility Header.
"""

import atexit
import os
import shutil
import signal
import subprocess
import tempfile
import time

import wire

SLOW = float(os.environ.get("KEDGE_SLOW", "1"))
# Protocols by tshark's names; and those whose name begins so.
LAYERS = {"frame", "eth", "ethertype", "sll", "raw", "arp", "ip", "icmp", "igmp",
          "ipv6", "icmpv6", "mipv6", "esp", "ah", "tcp", "udp", "udpencap",
          "isakmp", "dhcpv6", "data", "null", "pkt_comment"}
KINDS = ("_ws.", "ipv6.", "mip6.", "icmpv6.", "isakmp.")
MALFORMED = '_ws.malformed || _ws.expert.group == "Malformed"'
config = None


def run(*args, **env):
    p = subprocess.run(["tshark", *args], text=True, timeout=300 * SLOW,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       check=False, env={**os.environ, **env})
    # a capture that was cut off in its last packet is none of kedge's
    if p.returncode and "cut short" not in p.stderr:
        raise ValueError(f"tshark {' '.join(args)}: {p.stderr.strip()[-300:]}")
    return p.stdout.splitlines()


def tshark(*args):
    """Its output, in lines; all other protocols are turned off. ValueError
    where it fails."""
    global config
    if not config:
        names = [l.split("\t")[2] for l in run("-G", "protocols")]
        config = tempfile.mkdtemp(prefix="kedge-tshark-")
        atexit.register(shutil.rmtree, config, ignore_errors=True)
        with open(os.path.join(config, "disabled_protos"), "w",
                  encoding="utf-8") as f:
            f.writelines(n + "\n" for n in names
                         if n not in LAYERS and not n.startswith(KINDS))
    return run(*args, WIRESHARK_CONFIG_DIR=config)


def malformed(path, sas=(), but=()):
    """Lines about a capture's malformed packets, none if there is none. sas: as
    the lab keeps them. but: display filters of packets that are a test's own,
    made to be wrong."""
    if not os.path.exists(path) or os.path.getsize(path) <= 24:
        return []
    test = " && ".join([f"({MALFORMED})"] + [f"!({b})" for b in but])
    files = [path]
    if sas and wire.open_capture(path, path + ".open", sas):
        files.append(path + ".open")
    return [f"{os.path.basename(f)}: {line.strip()}" for f in files
            for line in tshark("-n", "-r", f, "-Y", test) if line.strip()]


class Capture:
    """What an interface sends, and tshark's word on it."""
    all = []

    def __init__(self, inside, dev, path, *expr):
        """inside: the command before a command, which runs it in dev's
        namespace. expr: tcpdump's filter."""
        self.path = path
        with open(path + ".log", "wb") as log:
            self.p = subprocess.Popen(
                [*inside, "tcpdump", "-Z", "root", "-i", dev, "-Q", "out",
                 "-n", "-U", "--immediate-mode", "-s", "0", "-B", "8192", "-w",
                 path, *expr],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        Capture.all.append(self)
        end = time.monotonic() + 10 * SLOW
        while b"listening on" not in self.said():
            if self.p.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"tcpdump at {dev}: {self.said()!r}")
            time.sleep(0.02)

    def said(self):
        with open(self.path + ".log", "rb") as f:
            return f.read()

    def end(self):
        """In whatever state it is."""
        if self.p.poll() is None:
            self.p.kill()
            self.p.wait()

    def stop(self):
        if self.p.poll() is None:
            time.sleep(0.1)     # what the kernel still holds for it
            self.p.send_signal(signal.SIGINT)
        self.p.wait(10 * SLOW)

    def malformed(self, sas=()):
        """(how many packets there are, what tshark finds wrong)"""
        self.stop()
        return (sum(1 for _ in wire.packets(self.path)),
                malformed(self.path, sas))
