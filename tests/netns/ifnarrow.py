# SPDX-License-Identifier: GPL-2.0-or-later
"""End-to-end case of a mobile node with two links: what the programs leave to
the daemon goes the way of its flow binding."""

from cases import case, check, tshark
from lab import CN, PYTHON, hoa, wait_for
from tunnels import PROBE, arrived, got, listen, narrow, probe
from twolinks import call, coa, move, on, pause, pinned, two_links

PORT = 7301
FRAGMENTS = "ip6[6] == 44"


def begin(lab):
    """Two flows: else it would be all of the HoA that moves."""
    call(lab, 3, PORT + 1, 20)
    listen(lab, "cn", CN, "at-cn")
    lab.spawn("mn", "moved", PYTHON, PROBE, "udp", hoa(3), CN, "--size", 1280,
              "--sport", PORT, "--count", 1000, "--wait", 0.05)
    lab.flow_event("moved", "connected")


@case(120)
def moved_flow_by_a_narrow_link():
    """RFC 2473 7.1, RFC 6089 4.2: packets of 1280 bytes of a flow that was
    moved go in fragments by its own care-of address, where that one's path is
    narrow; the other flows' as ever."""
    with two_links(at_ar3=begin) as lab:
        on(lab, 3, "net0")
        fragments = lab.capture("mn", "net1", FRAGMENTS)
        move(lab, PORT, "net1")
        check(len(pinned(lab, "mn", "flows")) == 1, "no flow binding")
        # what was before is let go of: nothing of this is done anew after that
        pause(lab, 2.5)
        narrow(lab, 1280)
        wait_for("fragments", lambda: lab.count("mn", "events",
                                                "slow_fragmented") >= 5)
        before = len(got(lab, "at-cn"))
        wait_for("what was moved", lambda: len(got(lab, "at-cn")) > before + 5)
        check({g["size"] for g in got(lab, "at-cn")} == {1280},
              "datagrams of another size")
        lab.stop("moved")
        lab.stop_captures()
        sent = tshark(fragments, "-Y", "ipv6.fraghdr.nxt == 41 && "
                      f"ipv6.src == {coa('net1')}")
        check(len(sent) >= 10, f"{len(sent)} fragments by net1")
        before = len(got(lab, "at-cn"))
        n = lab.count("mn", "events", "slow_fragmented")
        probe(lab, "mn", hoa(3), CN, size=1280, count=3, wait=0.1)
        arrived(lab, before + 3, "at-cn")
        check(lab.count("mn", "events", "slow_fragmented") == n,
              "another flow in fragments")
