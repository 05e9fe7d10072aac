# SPDX-License-Identifier: GPL-2.0-or-later
"""End-to-end cases of a mobile node with two links: moves that lose nothing,
and one flow of several that is moved alone."""

import bisect
import signal
import struct
import time

import cases
import wire
from cases import case, start, whole
from lab import SLOW
from twolinks import (CN, PLACES, Tcp, ar, backed_off, call, check,
                      coa, hoa, lost_nothing, move, on, pause, pinned, several,
                      spread, two_links, wait_for, wait_single)

IFACES = tuple(PLACES)
OTHER = dict(zip(IFACES, IFACES[::-1]))


def rounds(many, quick=10):
    if SLOW > 1:
        return 4
    return quick if cases.QUICK else many


def slowed(rate):
    """An emulated machine has not the time for so many."""
    return rate if SLOW == 1 else rate / 20


# --- which link what took ---------------------------------------------------

DATAGRAMS = "udp or (ip6 proto 41 and ip6[46] = 17)"


def number_of(packet):
    return struct.unpack_from("!I", packet.payload, 8)[0]


class Links:
    """Calls, and both links' captures of them."""

    def __init__(self, lab, calls):
        self.lab, self.calls = lab, calls
        self.stages = []        # (the link of each call, begun, ended)
        self.pcaps = {dev: lab.capture("mn", dev, DATAGRAMS, most=256)
                      for dev in IFACES}

    def stay(self, where, seconds=1.0):
        """where: the link of each call, by its place. What is sent last may
        be under way for a while."""
        begun = time.time()
        pause(self.lab, seconds)
        self.stages.append((where, begun, time.time()))
        pause(self.lab, 0.2 * SLOW)

    def judge(self):
        """The calls have ended. Each datagram that was sent in a stage went by
        its call's link, and by no other: natively at home, else in the tunnel
        from its home agent to that link's care-of address. Returns how many
        went by each link."""
        self.lab.stop_captures()
        seen, by = self._seen(), dict.fromkeys(IFACES, 0)
        for k, c in enumerate(self.calls):
            for out, sent in ((True, c.up.sent), (False, c.down.sent)):
                for stage, (where, begun, ended) in enumerate(self.stages):
                    numbers = range(bisect.bisect_left(sent, begun),
                                    bisect.bisect_left(sent, ended))
                    self._stage(f"stage {stage}, {c.name} "
                                f"{'out' if out else 'in'}", c, where[k], out,
                                seen[c.port, out], numbers)
                    by[where[k]] += len(numbers)
        return by

    def _seen(self):
        """{(port, is it mn's): {number: {(link, outer addresses)}}}"""
        seen = {(c.port, out): {} for c in self.calls for out in (True, False)}
        home = {c.port: c.source for c in self.calls}
        for dev, pcap in self.pcaps.items():
            for p in wire.packets(pcap):
                q = p.inner or p
                out = q.src == home.get(q.sport)
                if q.proto != wire.UDP or \
                        not out and q.dst != home.get(q.dport):
                    continue
                outer = (p.src, p.dst) if p.inner else None
                seen[q.sport if out else q.dport, out].setdefault(
                    number_of(q), set()).add((dev, outer))
        return seen

    @staticmethod
    def _stage(what, c, dev, out, seen, numbers):
        ends = coa(dev), ar(c.net)
        want = {(dev, None if PLACES[dev] == c.net else
                 ends if out else ends[::-1])}
        wrong = [(n, seen.get(n)) for n in numbers if seen.get(n) != want]
        check(numbers and not wrong, f"{what}: {len(wrong)} of {len(numbers)} "
              f"not by {want} alone: {wrong[:3]}")


def tcp_bytes(packet):
    """(source, how many) that the innermost header says are in it."""
    while packet.inner:
        packet = packet.inner
    if packet.proto != wire.TCP:
        return packet.src, 0
    before = len(packet.raw) - len(packet.payload)
    length, = struct.unpack_from("!H", packet.raw, 4)
    return packet.src, 40 + length - before - (packet.payload[12] >> 4) * 4


class Segments:
    """The bytes of TCP that left each end, sent again or not, and came to the
    other: the network lost nothing if they are as many, whatever TCP made of
    them."""

    def __init__(self, lab):
        # none is ever too big for a tunnel
        lab.ip("cn", "link set core0 mtu 1400")
        self.at = {who: [self._capture(lab, who, dev) for dev in devs]
                   for who, devs in (("mn", IFACES), ("cn", ["any"]))}

    @staticmethod
    def _capture(lab, who, dev):
        return lab.capture(who, dev, "tcp or ip6 proto 41", most=192,
                           name="tcpdump-tcp")

    def judge(self):
        """The captures have ended, after the session."""
        n = {}
        for who, pcaps in self.at.items():
            for pcap in pcaps:
                for source, many in map(tcp_bytes, wire.packets(pcap)):
                    way = (who, "in" if (source == CN) == (who == "mn") else
                           "out")
                    n[way] = n.get(way, 0) + many
        check(n["mn", "out"] == n["cn", "in"] > 1e6 * SLOW ** -2 and
              n["cn", "out"] == n["mn", "in"], f"bytes of TCP lost: {n}")


# --- make before break ------------------------------------------------------

def between(lab, links, n):
    """n moves: the calls' HoAs in turn, each to the other link. Returns how
    long they took."""
    at, took = ["net0" for _ in links.calls], []
    for i in range(n):
        k = i % len(at)
        at[k] = OTHER[at[k]]
        begun = time.time()
        move(lab, links.calls[k].source, at[k])
        on(lab, links.calls[k].net, at[k])
        took.append(time.time() - begun)
        # at no fixed distance from anything periodic
        links.stay(list(at), 0.1 + 0.037 * (i % 4))
    return took


def lossless(n, tcp_rate, overtaken=False, **kw):
    """That many moves under a call with each HoA, and a TCP session with one
    of them. overtaken: of its segments, by others that were sent later."""
    rate = slowed(1000)
    calls = []
    with two_links(at_ar3=lambda lab: calls.append(call(lab, 3, 7203, rate)),
                   **kw) as lab:
        on(lab, 3, "net0")
        calls.append(call(lab, 1, 7201, rate))
        segments = Segments(lab) if overtaken else None
        lab.flow("mn", "bulk", "tcp", CN, "--rate", tcp_rate, "--source",
                 hoa(1))
        lab.flow_event("bulk", "connected")
        pause(lab, 1)
        tcp, since = Tcp(lab), time.time()
        links = Links(lab, calls)
        took = between(lab, links, n)
        backoff = backed_off(lab, "mn") + backed_off(lab, "cn")
        grown, told = tcp.grown(), tcp.told()
        bulk = whole(lab, "bulk")
        for c in calls:
            print(f"  {c.end().told(since)}")
        by = links.judge()
        print(f"  {len(took)} moves, each done within "
              f"{spread(took, ' ms', 1000)}; datagrams by link: {by}; TCP: "
              f"{(bulk['sent'] + bulk['received']) / 1e6:.0f} MB, {told}")
        check(all(by.values()), f"datagrams by link: {by}")
        lost_nothing(*calls, since=since)
        if segments:
            segments.judge()
        else:
            check(not grown["TcpExt TCPTimeouts"] and not backoff,
                  f"TCP's retransmission timer ran out: {told} {backoff}")
        for who in ("mn", "ar1", "ar3"):
            sent_again = lab.ctl(who, "counters")["events"].get(
                "bu_retransmitted", 0)
            check(not sent_again or SLOW > 1,
                  f"{who}: {sent_again} BUs had to be sent again")


@case(600, quick=True)
def moves_lose_nothing():
    """Make before break, 100 times, under 1,000 packets/s each way and TCP as
    fast as it goes: 0 lost, no retransmission timeout. A HoA that is at home
    on one of the links (RFC 5648 5.6, H flag), and one that is away on both."""
    lossless(rounds(100), 0 if SLOW == 1 else 2e5)


@case(240)
def far_moves_lose_nothing():
    """The same where there is something under way: 20 ms to ar1 and back, 60
    to ar2, so that packets overtake each other at each move. What TCP makes of
    that is counted, not judged: by itself it throws away what comes after a
    later segment and is older than that (RFC 7323 5.3), as if it were lost."""
    lossless(rounds(30, 6), 2e5, True, delay={1: 10, 2: 30, 3: 10})


def interfaces_of(lab, calls):
    """Which link each of them takes, by kedgectl's word."""
    at = {f["local_port"]: f["interface"] for f in
          lab.ctl("mn", "flows")["flows"] if f["protocol"] == "udp"}
    return [at.get(c.port) for c in calls]


def one_bound(lab, net):
    """arN has one flow binding, and so has the mobile node."""
    wait_for(f"one flow at ar{net}: {several(lab, net)}",
             lambda: several(lab, net)["flows"] == 1)
    wait_for("one flow at mn", lambda: len(pinned(lab, "mn", "flows")) == 1)


def one_of_four(net):
    calls = []

    def begin(lab):
        calls.extend(call(lab, net, 7210 + i, slowed(250)) for i in range(4))
    with two_links(**({"at_ar3": begin} if net == 3 else {})) as lab:
        if not calls:
            begin(lab)
        on(lab, net, "net0")
        since = time.time()
        links = Links(lab, calls)
        links.stay(["net0"] * 4)
        for _ in range(2):
            move(lab, calls[2].port, "net1")
            one_bound(lab, net)
            check(interfaces_of(lab, calls) == ["net0", "net0", "net1", "net0"],
                  f"kedgectl flows: {interfaces_of(lab, calls)}")
            links.stay(["net0", "net0", "net1", "net0"])
            move(lab, calls[2].port, "net0")
            wait_single(lab, net)
            links.stay(["net0"] * 4)
        # RFC 6089 4.2: another of them, then the rest: all of it is there
        for c in (0, 1, 3, 2):
            move(lab, calls[c].port, "net1")
        check(interfaces_of(lab, calls) == ["net1"] * 4,
              f"kedgectl flows: {interfaces_of(lab, calls)}")
        links.stay(["net1"] * 4)
        for c in calls:
            print(f"  {c.end().told(since)}")
        links.judge()
        lost_nothing(*calls, since=since)
        wait_single(lab, net)   # the flows are over
        wait_for("no flow at mn", lambda: not pinned(lab, "mn", "flows"))


@case(120, quick=True)
def one_flow_of_four_moved():
    """RFC 6089: of a HoA that is away; both links' captures prove it."""
    one_of_four(3)


@case(120)
def one_flow_of_four_moved_at_home():
    """RFC 5648 5.6, RFC 6089: of a HoA that is at home, all but one stays."""
    one_of_four(1)


@case(120)
def moved_flow_expires():
    """RFC 6089 5.3: what the mobile node does not refresh any more ends with
    its binding, and so does what is in the maps."""
    with two_links(mn={"lifetime": 8}) as lab:
        calls = [call(lab, 1, 7210 + i, slowed(250)) for i in range(2)]
        move(lab, calls[0].port, "net1")
        one_bound(lab, 1)
        # a refresh keeps it
        refreshed = time.time()
        wait_for("a refresh", lambda: any(
            e["event"] == "ba_received" and e["status"] < 128
            for e in lab.events("mn", refreshed)), 15, 0.1)
        check(several(lab, 1)["flows"] == 1, "gone with a refresh")
        lab.stop("mn", signal.SIGKILL)
        wait_single(lab, 1, 20)
        wait_for("no binding", lambda: not lab.bindings("ar1", "bound"), 20)
        for c in calls:
            c.end()


@case(120)
def moved_flow_ends():
    """The flow that was moved is over: its flow binding goes, and with it the
    other care-of address; its neighbour does not notice."""
    with two_links() as lab:
        stays, goes = (call(lab, 1, 7210 + i, slowed(250)) for i in range(2))
        lab.flow("mn", "session", "tcp", CN, "--source", hoa(1))
        lab.flow_event("session", "connected")
        move(lab, goes.port, "net1")
        one_bound(lab, 1)
        pause(lab, 1)
        goes.end()
        wait_single(lab, 1, 20)
        pause(lab, 0.5)
        lost_nothing(stays.end(), goes)
        whole(lab, "session")
