# SPDX-License-Identifier: GPL-2.0-or-later
"""A mobile node with two links: net0 at ar1, net1 at ar2. What the cases about
them share: the scene, moves by hand, what the home agent's maps hold, and what
TCP went through.

    mn net0 --- ar1 ------- core --- cn      HoA 1: of ar1, at home on net0
       net1 --- ar2 --------/|               HoA 3: of ar3, away on both
                       ar3 --/
"""

import contextlib
import json
import os
import statistics
import time

from cases import Failed, check, world
from duplex import Call
from journey import arrive
from lab import CN, LabError, ar, hoa, wait_for

PLACES = {"net0": 1, "net1": 2}
# HA's maps that hold something only where a HoA has several paths.
SEVERAL = ("coas", "flows")


def coa(iface):
    """The care-of address of an interface where the scene has it."""
    return hoa(PLACES[iface], iface=iface)


@contextlib.contextmanager
def two_links(**kw):
    """net0 was at ar3 before, so an address of ar3 is there to be kept: the
    flows that `at_ar3`, called there, begins."""
    at_ar3 = kw.pop("at_ar3", None)
    with world(interfaces=2, **kw) as lab:
        lab.flow("cn", "server", "server")
        lab.flow_event("server", "listening")
        lab.monitor("mn")
        if at_ar3:
            arrive(lab, 3)
            at_ar3(lab)
        for dev, n in PLACES.items():
            lab.move(n, iface=dev)
            lab.wait_address(n, iface=dev)
        for n in PLACES.values():
            lab.wait_anchorable(n)
        yield lab


def call(lab, n, port, rate=1000):
    """A call from net0's address in network n."""
    c = Call(lab, f"call-{port}", hoa(n), CN, port, rate)
    c.net = n
    return c


# --- moving -----------------------------------------------------------------

def move(lab, what, iface):
    """By hand: a HoA, or a flow by its local port. Answered when it is done,
    with where that is ("auto": wherever it is)."""
    answer = lab.ctl("mn", "move", what, "--to", iface)
    check(iface in ("auto", answer["to"]), f"move to {iface}: {answer}")


def pinned(lab, who, name):
    """The keys of one of the data plane's maps."""
    out = lab.cmd(who, "bpftool", "-j", "map", "dump", "pinned",
                  os.path.join(lab.path("bpf", who), name))
    return [e.get("formatted", e)["key"] for e in json.loads(out)]


def several(lab, n):
    """How much arN's maps hold for HoAs with several paths."""
    return {name: len(pinned(lab, f"ar{n}", name)) for name in SEVERAL}


def wait_single(lab, n, limit=15):
    """Until arN sends by one path alone: nothing is left of any other."""
    try:
        wait_for("", lambda: not any(several(lab, n).values()), limit, 0.02)
    except LabError:
        raise Failed(f"ar{n} still has {several(lab, n)}") from None


def home_link(lab, n):
    """Is mn attached to network n?"""
    return any(at == n and "LOWER_UP" in lab.cmd("mn", "ip", "link", "show",
                                                 "dev", iface)
               for (_, iface), at in lab.place.items())


def on(lab, n, iface, limit=15):
    """Waits until all of the HoA of network n goes by that interface, by the
    word of both ends, and the other path is given up; not the home link's,
    where that is attached (RFC 5648 5.6): no home agent defends the HoA there
    against us."""
    want = {} if PLACES[iface] == n else {hoa(n): coa(iface)}

    def agreed():
        mine = {h: c for h, c in lab.bound("mn").items() if h == hoa(n)}
        return mine == want == lab.bound(f"ar{n}")
    try:
        wait_for("", agreed, limit)
    except LabError:
        raise Failed(f"{hoa(n)} is not on {iface}: mn {lab.bound('mn')}, "
                     f"ar{n} {lab.bound(f'ar{n}')}") from None
    if want and home_link(lab, n):
        wait_for("the two paths", lambda: several(lab, n) ==
                 {"coas": 2, "flows": 0}, limit)
    else:
        wait_single(lab, n, limit)


# --- judging ----------------------------------------------------------------

TCP_COUNTS = ("TcpExt TCPTimeouts", "TcpExt TCPSpuriousRTOs",
              "TcpExt TCPLossProbes", "TcpExt TCPDSACKRecv",
              "TcpExt TCPSACKReorder", "TcpExt PAWSEstab", "Tcp RetransSegs")


def snmp(lab, space):
    """The namespace's counters."""
    out = {}
    for path in ("netstat", "snmp"):
        lines = lab.cmd(space, "cat", f"/proc/net/{path}").splitlines()
        for names, values in zip(lines[::2], lines[1::2]):
            group = names.split(":")[0]
            out.update((f"{group} {k}", int(v)) for k, v in
                       zip(names.split()[1:], values.split()[1:]))
    return out


def queue_drops(lab):
    """{interface: packets that it dropped}: the kernel's queue behind it was
    full, as at the end of a wire. It is what TCP makes happen by itself."""
    return {f"{space} {dev['ifname']}": sum(
        dev["stats64"][way].get(key, 0) for way in ("rx", "tx")
        for key in ("dropped", "over_errors"))
        for space in lab.spaces for dev in json.loads(
            lab.cmd(space, "ip", "-j", "-s", "link", "show"))}


class Tcp:
    """What both ends' TCP, and the links' queues, went through meanwhile."""

    def __init__(self, lab):
        self.lab = lab
        self.before, self.drops = self._now(), queue_drops(lab)

    def _now(self):
        return {who: snmp(self.lab, who) for who in ("mn", "cn")}

    def grown(self):
        now = self._now()
        return {k: sum(now[who].get(k, 0) - self.before[who].get(k, 0)
                       for who in now)
                for k in TCP_COUNTS}

    def dropped(self):
        return {k: n - self.drops.get(k, 0) for k, n in
                queue_drops(self.lab).items() if n > self.drops.get(k, 0)}

    def told(self):
        return ", ".join(f"{k.split()[1]} {n}" for k, n in
                         self.grown().items()) + \
            f"; dropped by full queues: {self.dropped() or 0}"


def backed_off(lab, space):
    """Connections whose retransmission timer has run out, by ss."""
    return [line.split()[3] for line in lab.cmd(
        space, "ss", "-tinHO").splitlines() if " backoff:" in line]


def median(values):
    return statistics.median(values) if values else 0


def p95(values):
    """The nearest rank."""
    values = sorted(values)
    return values[-(-95 * len(values) // 100) - 1] if values else 0


def spread(values, unit="", scale=1):
    """Median and p95, as text."""
    return f"{median(values) * scale:.4g}{unit} (p95 " \
           f"{p95(values) * scale:.4g}{unit})"


def lost_nothing(*calls, since=0.0):
    """Ended calls of which no datagram may be missing that was sent later."""
    for c in calls:
        for way, w in c.ways:
            sent = sum(t >= since for t in w.sent)
            lost = [(n, t) for n, t in w.lost if t >= since]
            check(sent > 20, f"{c.name} {way}: {sent} sent")
            check(not lost, f"{c.name} {way}: {len(lost)} of {sent} lost: "
                  f"{lost[:5]}; {c.errors}")


def pause(lab, seconds):
    """Traffic goes on; no daemon or flow may end meanwhile."""
    time.sleep(seconds)
    ended = [n for n, p in lab.procs.items() if p.poll() is not None]
    check(not ended, f"ended: {ended}")


__all__ = ["CN", "Failed", "LabError", "PLACES", "Tcp", "ar", "backed_off",
           "call", "check", "coa", "hoa", "lost_nothing", "median", "move",
           "on", "pause", "pinned", "several", "spread", "two_links", "wait_for",
           "wait_single"]
