# SPDX-License-Identifier: GPL-2.0-or-later
"""End-to-end cases of a mobile node with two links, one of which is attached,
and leads nowhere."""

import re
import signal
import time

from cases import case
from keepcases import again
from lab import SLOW
from movecases import by, with_policy
from twolinks import (call, check, coa, hoa, lost_nothing, move, on, pause,
                      two_links, wait_for)

LIFETIME = 20


def hole(lab, there, ends=("saddr", "daddr")):
    """What net1's network is sent, and sends, goes no further than its
    router."""
    drop = "".join(f"ip6 {end} {coa('net1')} counter drop; " for end in ends)
    lab.cmd("ar2", "nft", "-f", "-", stdin="table ip6 hole\n"
            "delete table ip6 hole\n" + ("table ip6 hole {\nchain forward { "
            f"type filter hook forward priority 0; {drop}}}\n}}\n" if there
            else ""))


def begin(lab):
    return call(lab, 3, 7203, 50)


@case(150)
def new_way_leads_nowhere():
    """RFC 6275 11.7.1: a move to an interface by which no home agent answers
    loses nothing: what goes by the other is refreshed by that, for longer than
    a lifetime. Told once, however often all flows are looked at (a policy with
    ways has that done). When it is tried again Binding Updates get there, but
    nothing comes, as behind many a firewall: all packets take the other until
    something does, and then the move is made."""
    calls = []
    with two_links(at_ar3=lambda lab: calls.append(begin(lab)),
                   mn={"lifetime": LIFETIME, "heartbeat": f"{2 * SLOW:g}s"},
                   prepare=with_policy("[rule other]\nport = 9\n"
                                       "interface = net1\n")
                   ) as lab:
        on(lab, 3, "net0")
        pause(lab, 1)
        since = time.time()
        hole(lab, True)
        lab.ctl("mn", "move", hoa(3), "--to", "net1", check=False)
        wait_for("no answer", lambda: lab.count("mn", "events",
                                                "moves_taken_back"),
                 60 * SLOW, 0.5)
        pause(lab, 1)
        failed = lab.count("mn", "events", "moves_failed")
        pause(lab, LIFETIME + 5)
        check(lab.bound("mn") == {hoa(3): coa("net0")},
              f"{lab.bindings('mn')}")
        check(lab.count("mn", "events", "moves_failed") == failed,
              "told again and again")
        hole(lab, True, ["daddr"])
        log = len(lab.log("ar3"))
        wait_for("a Binding Update", lambda: re.search(
            f"BA for HoA {hoa(3)} to {coa('net1')} ", lab.log("ar3")[log:]),
                 60 * SLOW, 0.2)
        pause(lab, SLOW)
        check(lab.bound("ar3") == {hoa(3): coa("net0")}, f"{lab.bound('ar3')}")
        hole(lab, False)
        on(lab, 3, "net1")
        pause(lab, 1)
        calls[0].end()
        print("  " + calls[0].told())
        lost_nothing(*calls, since=since)


@case(150)
def moved_flows_way_dies():
    """RFC 5847 3, RFC 6275 9.5.4: of flows that were moved, one of an address
    that is at home, one of an address that is away, the way stops leading
    anywhere. That is noticed, the flows go with the rest; once it leads somewhere
    again they take it, and lose nothing by that."""
    calls = []

    def begin_two(lab):
        calls.extend(call(lab, 3, 7203 + i, 50) for i in range(2))
    with two_links(at_ar3=begin_two, mn={
            "heartbeat": f"{SLOW:g}s", "missing-heartbeats": 2}) as lab:
        on(lab, 3, "net0")
        calls.extend(call(lab, 1, 7205 + i, 50) for i in range(2))
        for port in 7203, 7205:
            lab.ctl("mn", "move", f":{port}", "--to", "net1")
        pause(lab, 3 * SLOW)
        for port in 7203, 7205:
            by(lab, port, "net1", "hand")
        check(not lab.count("mn", "events", "paths_dead"), "dead while it lives")
        hole(lab, True)
        for port in 7203, 7205:
            by(lab, port, "net0", "dead", limit=15)
        check(lab.count("mn", "events", "paths_dead") == 2, "not counted")
        # what was under way
        pause(lab, 0.5 * SLOW)
        since = time.time()
        pause(lab, SLOW)
        # tried again, in vain: that loses nothing
        lab.procs["mn"].send_signal(signal.SIGHUP)
        pause(lab, 2 * SLOW)
        hole(lab, False)
        for port in 7203, 7205:
            by(lab, port, "net1", "hand", limit=60)
        pause(lab, SLOW)
        for c in calls:
            c.end()
            print("  " + c.told())
        lost_nothing(*calls, since=since)


@case(150)
def restarted_with_a_dead_way():
    """The way of a moved flow stops leading anywhere while kedge-mn is being
    started again: its first Binding Update goes there, and no other."""
    with two_links(mn={"heartbeat": f"{SLOW:g}s", "lifetime": LIFETIME}) as lab:
        calls = [call(lab, 1, 7205 + i, 50) for i in range(2)]
        move(lab, 7205, "net1")
        pause(lab, 3 * SLOW)
        again(lab, signal.SIGKILL, lambda: hole(lab, True))
        by(lab, 7205, "net0", "dead", limit=LIFETIME * SLOW)
        pause(lab, 0.5 * SLOW)
        since = time.time()
        pause(lab, 2 * SLOW)
        check(lab.count("mn", "events", "paths_dead") == 1, "not counted")
        for c in calls:
            c.end()
            print("  " + c.told())
        lost_nothing(*calls, since=since)


@case(120)
def no_way_home_taken():
    """A home agent that has refused the home link as one of several ways is
    told of moves as any other: what is under way to where they were comes."""
    one = hoa(1)
    net0, net1 = hoa(3), coa("net1")

    def prepare(lab):
        lab.configure("ar1", {"link acc0": {"simultaneous": "no"}})
    with two_links(prepare=prepare, delay={2: 40}) as lab:
        c, other = (call(lab, 1, 7205 + i, 200 / SLOW) for i in range(2))
        lab.ctl("mn", "move", ":7205", "--to", "net1", check=False)
        wait_for("refused", lambda: lab.count("ar1", "refused",
                                              "bid_prohibited"))
        wait_for("at home again", lambda: not lab.bindings("ar1"))
        lab.move(3)
        wait_for("away", lambda: lab.bound("ar1").get(one) in (net0, net1), 20)
        pause(lab, 3)
        since = time.time()
        for iface, at in (("net1", net1), ("net0", net0)) * 4:
            lab.ctl("mn", "move", one, "--to", iface)
            wait_for(f"by {iface}", lambda: lab.bound("ar1") == {one: at})
            pause(lab, 1.5)     # the rate of Binding Updates holds none up
        for each in c, other:
            each.end()
            print("  " + each.told(since))
        lost_nothing(c, other, since=since)
