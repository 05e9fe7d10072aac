# SPDX-License-Identifier: GPL-2.0-or-later
"""End-to-end cases of what was ordered by hand, over restarts of kedge-mn: it
still holds, as far as what it is about is there."""

import os
import signal
import time

from cases import case, check
from lab import SLOW, hoa, wait_for
from movecases import RATE, by, flow_of, give_back
from twolinks import call, lost_nothing, move, on, pause, two_links

ONE = hoa(1)
RECORD = b"KDGM"
# ms from net1's router to the others: what a Binding Update makes the home agent
# send elsewhere, or mn not take any more, has packets under way
FAR = {2: 50}


def stored(lab):
    """Where mn's store has moves by hand: offsets of their record's pages."""
    with open(lab.path("state", "mn", "soft.mdb"), "rb") as f:
        data = f.read()
    out, at = [], data.find(RECORD)
    while at >= 0:
        out.append(at)
        at = data.find(RECORD, at + 1)
    return out


def again(lab, sig, meanwhile=None):
    """kedge-mn ends by that signal, and starts again."""
    if "monitor-mn" in lab.procs:   # which ends with it
        lab.stop("monitor-mn")
    lab.stop("mn", sig)
    if meanwhile:
        meanwhile()
    lab.start("mn")


def restored(lab):
    return lab.count("mn", "events", "moves_restored")


@case(240)
def moves_kept_over_restarts():
    """A home address and flows that were moved by hand still are after kedge-mn
    was stopped, and killed; what is by the policy is. One that ended meanwhile
    is forgotten: its port's next flow is at home. Nothing is lost."""
    calls = []
    with two_links(delay=FAR, at_ar3=lambda lab: calls.append(
            call(lab, 3, 7203, RATE))) as lab:
        calls += [call(lab, 1, 7210 + i, RATE) for i in range(2)]
        ends = call(lab, 1, 7212, RATE)
        for port in (7211, 7212):
            move(lab, port, "net1")
        move(lab, hoa(3), "net1")
        on(lab, 3, "net1")
        number = flow_of(lab, 7211)["flow"]
        since = time.time()     # net0 has left ar3's link before
        for sig, meanwhile, n in ((signal.SIGTERM, None, 3),
                                  (signal.SIGKILL, ends.end, 3),
                                  (signal.SIGKILL, None, 2)):
            again(lab, sig, meanwhile)
            by(lab, 7211, "net1", "hand", limit=20)
            by(lab, 7203, "net1", "hand", limit=20)
            by(lab, 7210, "net0", "home")
            check(restored(lab) == n, f"{restored(lab)} of {n} are restored")
            on(lab, 3, "net1")
            pause(lab, 2)   # the last Binding Updates of the start
        check(flow_of(lab, 7211)["flow"] == number, "another number")
        next_one = call(lab, 1, 7212, RATE)
        by(lab, 7212, "net0", "home")
        next_one.end()
        for c in calls:
            c.end()
            print("  " + c.told(since))
        lost_nothing(*calls, since=since)


@case(240)
def several_ways_over_restarts():
    """Of a home address that is away, and of one at home, one flow goes by the
    other interface: over restarts nothing is lost, and no home agent lets go of
    any path or flow binding meanwhile (RFC 5648 6.2: a Binding Update with one
    care-of address would have it do so)."""
    calls = []
    with two_links(delay=FAR, at_ar3=lambda lab: calls.extend(
            call(lab, 3, 7203 + i, RATE) for i in range(2))) as lab:
        calls += [call(lab, 1, 7210 + i, RATE) for i in range(2)]
        for port in (7204, 7211):
            move(lab, port, "net1")
        pause(lab, 2)   # what was before the moves is let go of
        since = time.time()     # net0 has left ar3's link before
        told = {n: len(lab.log(f"ar{n}")) for n in (1, 3)}
        lab.spawn("mn", "routes", "ip", "-6", "monitor", "route")
        for sig in (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL):
            again(lab, sig)
            for port in (7204, 7211):
                by(lab, port, "net1", "hand", limit=20)
            by(lab, 7210, "net0", "home")
            pause(lab, 2)   # longer than anything is kept
        for n, at in told.items():
            log = lab.log(f"ar{n}")[at:]
            check(log.count("BA for HoA") >= 3, f"ar{n}: {log}")
            check("ended" not in log, f"ar{n} let go: {log}")
        # a tunnel's packets have no other way than its interface's table
        routes = lab.log("routes").splitlines()
        gone = [r for r in routes if r.startswith("Deleted") and
                " table 70" in r]
        check(len(routes) > 10 and not gone, f"routes: {gone or routes}")
        for c in calls:
            c.end()
            print("  " + c.told(since))
        lost_nothing(*calls, since=since)


@case(180)
def moves_taken_back_stay_so():
    """--to auto is kept as well. So is a home address' move: its next flow
    goes where it does. Nothing is lost."""
    with two_links(delay=FAR) as lab:
        c = call(lab, 1, 7210, RATE)
        move(lab, 7210, "net1")
        give_back(lab, 7210)
        again(lab, signal.SIGKILL)
        by(lab, 7210, "net0", "home", limit=20)
        check(restored(lab) == 0, "restored what was taken back")
        move(lab, ONE, "net1")
        by(lab, 7210, "net1", "hand")
        again(lab, signal.SIGKILL)
        by(lab, 7210, "net1", "hand", limit=20)
        pause(lab, 2)
        print("  " + c.end().told())
        lost_nothing(c)
        c = call(lab, 1, 7211, RATE)
        by(lab, 7211, "net1", "hand", limit=20)
        c.end()


@case(180)
def moves_wait_for_their_interface():
    """Where the interface is not there after a restart, the next best serves,
    and kedgectl flows says what is waited for; it goes there when it comes. An
    interface that is configured no more is not waited for."""
    with two_links() as lab:
        c = call(lab, 1, 7210, RATE)
        move(lab, 7210, "net1")
        check(flow_of(lab, 7210)["waits_for"] is None, "waits")
        again(lab, signal.SIGKILL, lambda: lab.cut("net1"))
        by(lab, 7210, "net0", "failover", limit=20)
        check(flow_of(lab, 7210)["waits_for"] == "net1",
              f"{flow_of(lab, 7210)}")
        table = lab.cmd("mn", os.path.join(lab.build, "kedgectl"), "-s",
                        lab.sock("mn"), "flows")
        check("failover, waits for net1" in table, table)
        lab.plug(2, iface="net1")
        by(lab, 7210, "net1", "hand", limit=20)
        check(flow_of(lab, 7210)["waits_for"] is None, "still waits")
        lab.configure("mn", {"mn": {"interface": ["net0"]}})
        again(lab, signal.SIGTERM)
        by(lab, 7210, "net0", "home", limit=20)
        check(restored(lab) == 0 and "no interface of ours any more"
              in lab.log("mn"), "not told")
        c.end()


@case(180)
def kept_moves_damaged():
    """What the store has of them is damaged: refused, counted, told; all goes
    as the policy has it, and the next move is kept again."""
    with two_links() as lab:
        c = call(lab, 1, 7210, RATE)
        move(lab, 7210, "net1")

        def damage():
            check(stored(lab), "no record in the store")
            with open(lab.path("state", "mn", "soft.mdb"), "r+b") as f:
                for at in stored(lab):
                    f.seek(at + 80)     # in the first one's key
                    byte = f.read(1)[0]
                    f.seek(at + 80)
                    f.write(bytes([byte ^ 1]))
        again(lab, signal.SIGTERM, damage)
        by(lab, 7210, "net0", "home", limit=20)
        refused = lab.ctl("mn", "counters")["refused"]["moves_stored"]
        check(refused == 1 and restored(lab) == 0, f"{refused} refused")
        check("refused: moves_stored" in lab.log("mn"), "not told")
        move(lab, 7210, "net1")
        again(lab, signal.SIGKILL)
        by(lab, 7210, "net1", "hand", limit=20)
        check(restored(lab) == 1, "not restored")
        # flushed, nothing is left for the next one
        lab.ctl("mn", "flush")
        wait_for("the daemon ends", lambda: lab.procs["mn"].poll() is not None,
                 15)
        check(not lab.procs.pop("mn").returncode, "flush")
        lab.start("mn")
        by(lab, 7210, "net0", "home", limit=20)
        check(restored(lab) == 0, "flushed, but restored")
        c.end()
