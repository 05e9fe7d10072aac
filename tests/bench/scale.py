# SPDX-License-Identifier: GPL-2.0-or-later
"""A home agent with very many bindings, for tests/bench/memory and restart."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time

import rows
# pylint: disable=wrong-import-order
from lab import LabError, ar, wait_for

WHO = "ar1"
START_LIMIT = 60


@contextlib.contextmanager
def laboratory():
    """One whose only daemon will be kedge-ha at ar1, not started."""
    rows.make("tests/bench/fill")
    with rows.laboratory(anchors=(1,)) as lab:
        yield lab


def fill(lab, count):
    """So many bindings into the pinned map."""
    p = subprocess.run(
        [os.path.join(lab.build, "tests", "bench", "fill"), "--map",
         lab.path("bpf", WHO), "--count", str(count), "--ha", ar(1),
         "--prefix", "2001:db8:1:0:1::", "--coa", "2001:db8:2:0:1::"],
        text=True, timeout=120, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        check=False)
    if p.returncode:
        raise LabError(f"fill: {p.stdout.strip()[-300:]}")


def enter(group):
    """A command's beginning that takes it into a control group."""
    return ["sh", "-c", 'echo $$ >"$0/cgroup.procs" && exec "$@"',
            group] if group else []


def start(lab, group=None, limit=START_LIMIT):
    """Starts kedge-ha, in this control group. (s until it says READY=1, s
    until it answers kedgectl)"""
    path = lab.path("notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        sock.bind(path)
        sock.settimeout(limit)
        begun = time.monotonic()
        lab.spawn(WHO, WHO, *enter(group), *lab.daemon(WHO), "--foreground",
                  env={**os.environ, "NOTIFY_SOCKET": path})
        try:
            while b"READY=1" not in sock.recv(4096):
                pass
        except TimeoutError:
            raise LabError(f"{WHO} not ready within {limit} s: "
                           f"{lab.log(WHO)[-400:]}") from None
        ready = time.monotonic() - begun
    wait_for(f"{WHO} answers", lambda: bindings(lab) is not None, limit)
    return ready, time.monotonic() - begun


def bindings(lab):
    """How many kedge-ha says it has; None where it does not answer."""
    return lab.ctl(WHO, "status", check=False).get("bindings")


def stop(lab, sig=signal.SIGTERM):
    lab.stop(WHO, sig, limit=START_LIMIT)


def reset(lab, **keys):
    """Not running, nothing pinned, no state on disk, other keys of [ha]."""
    if WHO in lab.procs:
        stop(lab)
    lab.cmd(WHO, *lab.daemon(WHO), "--flush")
    shutil.rmtree(lab.path("state", WHO), ignore_errors=True)
    lab.configure(WHO, {"ha": keys})


def reboot(lab):
    """What a reboot does to the kernel's state of a daemon that has ended."""
    shutil.rmtree(lab.path("bpf", WHO))
    for dev in ("acc0", "core0"):
        lab.cmd(WHO, "tc", "qdisc", "del", "dev", dev, "clsact")


def filled(lab, count, group=None):
    """kedge-ha was started, ended, and has so many pinned bindings now."""
    reset(lab, **{"max-bindings": count})
    start(lab, group)
    stop(lab)
    fill(lab, count)


def check(lab, count):
    got = bindings(lab)
    if got != count:
        raise LabError(f"kedge-ha has {got:,} of {count:,} bindings")
