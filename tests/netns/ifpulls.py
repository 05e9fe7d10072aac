# SPDX-License-Identifier: GPL-2.0-or-later
"""End-to-end cases of a mobile node with two links, one of which is pulled
without warning: what is lost is what was under way, and a round trip's worth.

What passes between a pull and the flow's going on, by whom:

    cut ------> event -----> BU ----------------> BA
        kernel       daemon     one round trip

Datagrams are lost from those under way at the cut until the home agent has the
BU (down), and until the mobile node sends by the other link (up): it may at
the BU, it must at the BA. So none that is sent after the BA is lost, and no
more than the rate times that span, and the time under way, before it. These
spans are measured; that of the daemon is less than a round trip.
"""

import datetime
import json
import math
import time
from xml.dom import minidom

import cablewifi
import wire
from cases import case, world
from ifmoves import rounds, slowed
from journey import first
from lab import SLOW
from twolinks import (call, check, coa, hoa, lost_nothing, median, on, pause,
                      spread, two_links)

SIGNALS = "ip6 proto 50 or ip6 proto 60 or ip6 proto 43"


def carrier_lost(lab):
    """When the kernel told so about net0, to another than the daemon."""
    out = []
    for line in lab.log("links").splitlines():
        stamp, _, rest = line.partition("]")
        if stamp[:1] == "[" and " net0" in rest and "NO-CARRIER" in rest:
            out.append(datetime.datetime.fromisoformat(stamp[1:]).timestamp())
    return out


class Pull:
    """A cable that is pulled, and put back. What is sent from `back` on, and
    arrives before the next cut, is the return's; then nothing has happened for
    as long as a packet takes."""

    def __init__(self, lab, nets):
        self.nets, self.bu, self.ba = nets, {}, {}
        pause(lab, 0.2 * SLOW)
        self.cut, _ = lab.cut("net0")
        for n in nets:
            on(lab, n, "net1")
        pause(lab, 0.1 * SLOW)
        self.back = time.time()
        pause(lab, 0.1 * SLOW)
        lab.plug(iface="net0")
        lab.wait_address(1)
        for n in nets:
            on(lab, n, "net0")
        self.event = first((t for t in carrier_lost(lab) if t > self.cut),
                           self.cut)
        check(self.event, "no event of the link after the cut")

    def signalling(self, packets):
        """packets: ESP on net1. Of each HoA the first that was sent, and the
        first that came, since the cut."""
        for p in packets:
            if not self.cut <= p.time < self.back:
                continue
            for n in self.nets:
                if p.hao == hoa(n) and p.src == coa("net1"):
                    self.bu.setdefault(n, p.time)
                elif p.rh2 == hoa(n) and p.dst == coa("net1"):
                    self.ba.setdefault(n, p.time)
        for n in self.nets:
            check(n in self.bu and n in self.ba, f"{hoa(n)}: no BU or no BA "
                  f"on net1 after the cut at {self.cut:.3f}")

    def kernel(self):
        return self.event - self.cut

    def daemon(self, n):
        return self.bu[n] - self.event

    def trip(self, n):
        return self.ba[n] - self.bu[n]


class Loss:
    """What a way of a call lost at a pull; `wrong` says what it should not
    have."""

    def __init__(self, pull, n, way, rate):
        # Where a CPU is wanting they take longer, or none is sent for a while.
        took = way.took(way.numbers(pull.cut - 0.5 * SLOW, pull.back))
        check(took, f"{hoa(n)}: nothing arrived about the pull at "
              f"{pull.cut:.3f}")
        self.since, self.back = pull.cut - max(took), pull.back
        lost = way.lost_between(self.since, pull.back)
        self.count = len(lost)
        self.flying = sum(t < pull.cut for t in lost)
        self.others = self.count - self.flying
        self.trip = rate * pull.trip(n)
        late = [t for t in lost if t > pull.ba[n]]
        span = pull.ba[n] - self.since
        # They come in bursts then: as many as were sent.
        bound = max(rate * span + 1, len(way.numbers(self.since, pull.ba[n])))
        self.wrong = [text for bad, text in (
            (late, f"{len(late)} lost that were sent up to "
             f"{max(late, default=0) - pull.ba[n]:.3f} s after the "
             "acknowledgement"),
            (self.count > bound, f"{self.count} lost in {span:.3f} s")) if bad]


def returns(way, losses):
    """Those lost between one pull and the next: (of which, how long after the
    cable was back)."""
    ends = [x.since for x in losses[1:]] + [math.inf]
    return [(i, round(t - x.back, 3)) for i, (x, end) in
            enumerate(zip(losses, ends)) for t in way.lost_between(x.back, end)]


def judge_way(what, way, losses):
    """Prints what it lost; returns what it should not have."""
    others, trip = ([getattr(x, k) for x in losses] for k in ("others", "trip"))
    back = returns(way, losses)
    print(f"  {what}: lost a pull {spread([x.count for x in losses])}: under "
          f"way {spread([x.flying for x in losses])}, others {spread(others)} "
          f"of a round trip's {spread(trip)}; put back: {len(back)} lost in "
          f"all; {way.twice} twice, {way.late} out of order")
    wrong = [f"{what}, pull {i}: {text}"
             for i, x in enumerate(losses) for text in x.wrong]
    if back:
        wrong.append(f"{what}: {len(back)} lost when the cable was put back: "
                     f"(pull, s later) {back[:5]}")
    if median(others) > median(trip):
        wrong.append(f"{what}: {median(others)} lost but for those under way, "
                     f"in a round trip {median(trip)} are sent")
    return wrong


def judge(pulls, calls, rate):
    """calls: {network: ended call}. What should not have been."""
    wrong = []
    for n, c in calls.items():
        for name, way in c.ways:
            wrong += judge_way(f"{hoa(n)} {name}", way,
                               [Loss(p, n, way, rate) for p in pulls])
    return wrong


@case(600)
def cables_pulled():
    """100 times, with another link attached: lost are those under way and a
    round trip's worth; put back, none."""
    rate, delay, calls = slowed(1000), 10 * SLOW, {}

    def begin(lab):
        calls[3] = call(lab, 3, 7203, rate)
    with two_links(at_ar3=begin, delay=dict.fromkeys((1, 2, 3), delay)) as lab:
        on(lab, 3, "net0")
        calls[1] = call(lab, 1, 7201, rate)
        pcap = lab.capture("mn", "net1", SIGNALS)
        lab.spawn("mn", "links", "ip", "-ts", "monitor", "link")
        pause(lab, 1)
        pulls = [Pull(lab, tuple(calls)) for _ in range(rounds(100))]
        lab.stop_captures()
        packets = list(wire.packets(pcap))
        for p in pulls:
            p.signalling(packets)
        print(f"  {len(pulls)} pulls, ms: cut to event "
              f"{spread([p.kernel() for p in pulls], scale=1000)}, to BU " +
              "; ".join(f"{hoa(n)} "
                        f"{spread([p.daemon(n) for p in pulls], scale=1000)}, "
                        f"BU to BA "
                        f"{spread([p.trip(n) for p in pulls], scale=1000)}"
                        for n in calls))
        for c in calls.values():
            c.end()
        wrong = judge(pulls, calls, rate)
        check(not wrong, f"{len(wrong)}: " + "; ".join(wrong[:5]))
        for n in calls:
            own = median([p.daemon(n) for p in pulls])
            trip = median([p.trip(n) for p in pulls])
            check(own < trip, f"{hoa(n)}: {own:.3f} s from the event to the "
                  f"BU, where a round trip takes {trip:.3f} s")


@case(240)
def announced_pulls_lose_nothing():
    """kedgectl prepare: what is about to go is left before it goes, and what
    was under way to it has come; nothing is lost, neither at the return."""
    rate, delay, calls = slowed(1000), 10 * SLOW, {}

    def begin(lab):
        calls[3] = call(lab, 3, 7203, rate)
    with two_links(at_ar3=begin, delay=dict.fromkeys((1, 2, 3), delay)) as lab:
        on(lab, 3, "net0")
        calls[1] = call(lab, 1, 7201, rate)
        pause(lab, 1)
        since, took = time.time(), []
        for _ in range(rounds(20, 5)):
            took.append(lab.ctl("mn", "prepare", "net0")["took_s"])
            pause(lab, 3 * delay / 1000)
            lab.cut("net0")
            for n in calls:
                on(lab, n, "net1")
            lab.plug(iface="net0")
            lab.wait_address(1)
            # it is there again: so it is not about to go any more
            lab.ctl("mn", "prepare", "net0", "--cancel", check=False)
            for n in calls:
                on(lab, n, "net0")
        for c in calls.values():
            print(f"  {c.end().told(since)}")
        print(f"  {len(took)} pulls, prepared within "
              f"{spread(took, ' ms', 1000)}")
        lost_nothing(*calls.values(), since=since)


@case(120, quick=True)
def cable_pulled_in_a_download():
    """The demo's second act; and its plot is XML with something in it."""
    with world(interfaces=2) as lab:
        result = cablewifi.act(lab, rate=slowed(1e6), stay=2)
    plot = minidom.parseString(cablewifi.plot(result))
    areas = [p for p in plot.getElementsByTagName("path")
             if p.getAttribute("fill-opacity")]
    check(len(areas) >= 3, f"{len(areas)} areas in the plot")
    del result["packets"]
    bad = [text for good, text in cablewifi.verdicts(result) if not good]
    check(not bad, f"not so: {bad}; {json.dumps(result)}")
