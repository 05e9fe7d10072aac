# SPDX-License-Identifier: GPL-2.0-or-later
"""Faults of the access routers and of the daemons: death, reboot, being stopped,
clocks that jump."""

import os
import shutil
import signal
import subprocess
import time

from faultlab import away, check, flowing, hoa, row, start, whole
from lab import HERE, SLOW, wait_for
from statefaults import empty

DAY = 86400


def dies(lab, n):
    """The machine is switched off: nothing of it answers any more."""
    lab.stop(f"ar{n}", signal.SIGKILL)
    lab.stop(f"radvd{n}", signal.SIGKILL)
    for dev in ("acc0", "core0"):
        lab.ip(f"ar{n}", f"link set {dev} down")
    lab.anchors = tuple(k for k in lab.anchors if k != n)


@row("the present AR dies, its link does not; another AR is on that link",
     quick=True)
def present_ar_dies(t):
    with t.scene() as lab:
        with t.fault():
            dies(lab, 2)
            lab.ip("sw", "link set a3 master br2")
            lab.at = 3
            t.back()
        t.told("mn", "moves")
        t.alive()


@row("the anchor's AR dies for good; another flow's anchor does not", 120)
def anchor_dies(t):
    with t.scene(mn={"lifetime": 12, "heartbeat": 1, "missing-heartbeats": 2,
                     "dead-anchor": "reset"}) as lab:
        start(lab, "other")
        lab.wait_anchorable(2)
        t.move(3)
        away(lab, [1, 2])
        # one that never answered a heartbeat may not know what that is
        wait_for("ar1 answers", lambda: lab.anchor(1).get("alive"))
        with t.fault():
            dies(lab, 1)
            said = lab.flow_event("session", "report", 30)
        check(said["errors"], f"session: {said}")
        t.told("mn", "anchor_dead", 1, 1)
        flowing(lab, "other")
        whole(lab, "other")
        t.sessions = f"lost: {said['errors'][0]}; other anchor's alive"


def binding_of(lab):
    (binding,) = lab.bindings("ar1", "bound")
    return binding


@row("the anchor's kedge-ha killed and started, three times", quick=True)
def ha_killed(t):
    with t.scene() as lab:
        with t.fault():
            for _ in range(3):
                lab.stop("ar1", signal.SIGKILL)
                time.sleep(0.5)
                lab.start("ar1")
        t.told("mn", "bu_retransmitted", 0, 0)
        t.back()
        t.alive()


def reboot(lab, state=True, prefix=()):
    """Of ar1: what a reboot leaves of a stopped daemon's kernel state, which
    is nothing, and of its state on disk."""
    time.sleep(0.5 * SLOW)      # the journal is written
    lab.stop("ar1", signal.SIGKILL)
    empty(lab.path("bpf", "ar1"))
    for dev in ("acc0", "core0"):
        lab.cmd("ar1", "tc", "qdisc", "del", "dev", dev, "clsact", check=False)
    if not state:
        shutil.rmtree(lab.path("state", "ar1"))
    time.sleep(1)
    lab.start("ar1", prefix=prefix)


@row("the anchor reboots, its disk keeps its state")
def anchor_reboots(t):
    with t.scene() as lab:
        with t.fault():
            reboot(lab)
        t.told("ar1", "binding_restored")
        t.told("mn", "bu_retransmitted", 0, 0)
        t.back()
        t.alive()


@row("the anchor reboots with a boot clock that is a day ahead")
def boot_clock(t):
    """CLOCK_BOOTTIME by a time namespace; BPF's is the machine's."""
    with t.scene() as lab:
        with t.fault():
            reboot(lab, prefix=["unshare", "--time", "--boottime", str(DAY),
                                "--fork", "--kill-child"])
        t.told("ar1", "binding_restored")
        left = binding_of(lab)["remaining_s"]
        check(200 <= left <= 300, f"{left} s of the lifetime are left")
        t.back()
        t.alive()


@row("the anchor reboots, its disk has lost everything (IKE)", 120)
def anchor_reboots_blank(t):
    """Its table of owners is gone too: whoever is away cannot show that the
    address is his."""
    with t.scene(keys="psk", mn={"lifetime": 12}) as lab:
        start(lab, "other")
        lab.wait_anchorable(2)
        t.move(3)
        away(lab, [1, 2])
        with t.fault():
            reboot(lab, state=False)
            said = lab.flow_event("session", "report", 60)
        check(said["errors"], f"session: {said}")
        t.told("mn", "hoa_abandoned", 1, 1)
        flowing(lab, "other")
        whole(lab, "other")
        t.sessions = f"lost: {said['errors'][0]}; other anchor's alive"


def stopped(t, who, seconds, **kw):
    with t.scene(**kw) as lab:
        with t.fault():
            os.kill(t.pid(who), signal.SIGSTOP)
            time.sleep(seconds)
            os.kill(t.pid(who), signal.SIGCONT)
            t.back()
        t.told("mn", "ba_received")
        t.alive()


@row("kedge-mn stopped for 20 s (SIGSTOP), longer than its binding lasts", 90)
def mn_stopped(t):
    stopped(t, "mn", 20, mn={"lifetime": 12})


@row("the anchor's kedge-ha stopped for 20 s, longer than the binding lasts",
     90)
def ha_stopped(t):
    stopped(t, "ar1", 20, mn={"lifetime": 12})


@row("kedge-mn stopped for 5 s, and moved meanwhile")
def mn_stopped_moves(t):
    with t.scene() as lab:
        with t.fault():
            os.kill(t.pid("mn"), signal.SIGSTOP)
            t.move(3)
            time.sleep(5)
            os.kill(t.pid("mn"), signal.SIGCONT)
            t.back()
        check(hoa(2) not in [a["local"] for a in lab.addresses()],
              "ar2's address is still there")
        t.told("mn", "moves")
        t.alive()


def preload(lab):
    """What makes a daemon's wall clock ours."""
    so = lab.path("wallclock.so")
    subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", so,
                    os.path.join(HERE, "wallclock.c")], check=True)
    asan = subprocess.run(["cc", "-print-file-name=libasan.so"], text=True,
                          stdout=subprocess.PIPE, check=True).stdout.strip()
    return ["env", f"LD_PRELOAD={os.path.realpath(asan)}:{so}",
            f"WALLCLOCK={lab.path('wallclock')}"]


@row("the daemons' wall clocks go a day ahead, then two back (preloaded)")
def wall_clock(t):
    """Lifetimes are CLOCK_BOOTTIME's: nothing happens. The machine's clock is
    everybody's, so only the daemons see it."""
    def jump(lab, seconds):
        with open(lab.path("wallclock.new"), "w", encoding="ascii") as f:
            f.write(f"{seconds}\n")
        os.rename(lab.path("wallclock.new"), lab.path("wallclock"))

    def restart(lab):
        jump(lab, 0)
        prefix = preload(lab)
        for who in ("mn", "ar1"):
            lab.stop(who)
            lab.start(who, prefix=prefix)

    with t.scene() as lab:
        restart(lab)
        t.back()
        with t.fault():
            before = binding_of(lab)
            for days in (1, -1):
                jump(lab, days * DAY)
                time.sleep(1.5)
            after = binding_of(lab)
        check(before["seq"] == after["seq"], f"{before}, then {after}")
        spent = before["remaining_s"] - after["remaining_s"]
        check(2 <= spent <= 6, f"{spent} s of the lifetime went by")
        t.told("mn", "bu_sent", 0, 0)
        t.told("ar1", "binding_expired", 0, 0)
        t.move(3)
        t.back()
        t.alive()
