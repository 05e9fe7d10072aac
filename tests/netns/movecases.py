# SPDX-License-Identifier: GPL-2.0-or-later
"""End-to-end cases of who decides: kedgectl move and prepare, and the policy's
rules about interfaces. Part of tests/netns/e2e."""

import os
import time

from cases import case, check, flowing, start, whole
from lab import CN, SLOW, TOP, LabError, hoa, wait_for
from policycases import reload, write_policy
from twolinks import call, lost_nothing, move, on, two_links, wait_single

ONE, TWO = hoa(1), hoa(2, iface="net1")
RATE = 200 if SLOW == 1 else 20
HINT = os.path.join(TOP, "examples", "hints", "networkmanager")


def with_policy(text, **sections):
    """For two_links(): this policy, and these sections of kedge-mn.conf."""
    def prepare(lab):
        write_policy(lab, text)
        lab.configure("mn", {"mn": {
            "policy": lab.path("conf", "policy.conf")}, **sections})
    return prepare


def flow_of(lab, port, key="local_port"):
    got = [f for f in lab.ctl("mn", "flows")["flows"] if f[key] == port]
    check(len(got) == 1, f"{len(got)} flows with port {port}")
    return got[0]


def by(lab, port, iface, why, rule=None, limit=10):
    """Until that flow goes by it, for that reason."""
    want = iface, why, rule
    got = None

    def so():
        nonlocal got
        got = [(f["interface"], f["interface_why"], f["interface_rule"])
               for f in lab.ctl("mn", "flows")["flows"]
               if f["local_port"] == port]
        return got == [want]
    try:
        wait_for("", so, limit, 0.05)
    except LabError:
        check(False, f"port {port}: {got} instead of {want}")


def refused(lab, *args, why):
    """kedgectl says no, with these words; whatever it was, nothing moves."""
    def moved():
        return [lab.count("mn", "events", n)
                for n in ("flows_moved", "hoas_moved")]
    before = moved()
    out = lab.cmd("mn", "sh", "-c", '"$@" 2>&1; echo status $?', "sh",
                  os.path.join(lab.build, "kedgectl"), "-s", lab.sock("mn"),
                  *args, check=False)
    check(why in out and out.split()[-2:] in (["status", "1"],
                                              ["status", "2"]),
          f"{args}: {out}")
    check(moved() == before, f"{args}: moved")


def give_back(lab, what):
    """To the policy."""
    return lab.ctl("mn", "move", what, "--to", "auto")


def moves(lab, since, kind="flow_moved"):
    return [e for e in lab.events("mn", since) if e["event"] == kind]


def ways_told(lab, since):
    """Both ends have told of the same ways, and that each has ended."""
    def told(who, state):
        return sorted((e["bid"], e["coa"]) for e in lab.events(who, since)
                      if e["event"] == "path" and e["state"] == state)

    def ended():
        return (told("mn", "ended") == told("mn", "registered") ==
                told("ar1", "ended") == told("ar1", "registered"))
    try:
        wait_for("", ended, 5)
    except LabError:
        check(False, f"told of ways: {told('mn', 'registered')}, ended "
              f"{told('mn', 'ended')}, of ar1 {told('ar1', 'registered')}, "
              f"ended {told('ar1', 'ended')}")
    check(len(told("mn", "ended")) > 1, "no way was told of")


# --- by hand ----------------------------------------------------------------

@case(120)
def moves_by_hand():
    """A flow by its number, port, far end and command; a home address; back to
    the policy; what cannot be is refused, in words."""
    with two_links() as lab:
        lab.monitor("ar1")
        calls = [call(lab, 1, 7210 + i, RATE) for i in range(3)]
        since = time.time()
        number = flow_of(lab, 7211)["flow"]
        out = lab.ctl("mn", "move", f"#{number}", "--to", "net1")
        check((out["flow"], out["from"], out["to"], out["moved"]) ==
              (number, "net0", "net1", True), f"{out}")
        by(lab, 7211, "net1", "hand")
        by(lab, 7210, "net0", "home")
        event, = moves(lab, since)
        check((event["local_port"], event["from"], event["to"],
               event["why"]) == (7211, "net0", "net1", "hand"), f"{event}")
        out = lab.ctl("mn", "move", ":7211", "--to", "net1")
        check((out["moved"], out["why"], out["took_s"]) ==
              (False, None, None), f"{out}")
        move(lab, f"[{CN}]:7212", "net1")
        by(lab, 7212, "net1", "hand")
        for port in (7211, 7212):
            out = give_back(lab, port)
            check((out["from"], out["to"], out["moved"]) ==
                  ("net1", "net0", True), f"{out}")
            by(lab, port, "net0", "home")
        wait_single(lab, 1)
        ways_told(lab, since)
        move(lab, ONE, "net1")
        by(lab, 7210, "net1", "hand")
        give_back(lab, ONE)
        on(lab, 1, "net0")
        for what, why in (
                ("99999999", "is no flow"), (CN, "fits 3 flows"),
                ("python3", "fits 3 flows"), ("", "which flow")):
            refused(lab, "move", what, "--to", "net1", why=why)
        refused(lab, "move", ":7210", "--to", "net7", why="is none of")
        refused(lab, "move", ":7210", "--to", "auto", why="nothing to take")
        refused(lab, "prepare", "net7", why="is none of")
        refused(lab, "prepare", "net0", "--cancel", why="is not about to")
        lab.cut("net1")
        refused(lab, "move", ":7210", "--to", "net1", why="is not attached")
        refused(lab, "prepare", "net1", why="is not attached")
        refused(lab, "prepare", "net0", why="nothing to move to")
        for c in calls:
            c.end()
        lost_nothing(*calls)


@case(120)
def forgotten_with_their_flow():
    """A move by hand ends with its flow: the port's next flow is at home."""
    with two_links() as lab:
        first = call(lab, 1, 7210, RATE)
        move(lab, 7210, "net1")
        first.end()
        wait_single(lab, 1)
        again = call(lab, 1, 7210, RATE)
        by(lab, 7210, "net0", "home")
        again.end()


@case(120)
def hand_over_cable():
    """What was put there by hand falls back when that interface goes, and
    returns with it."""
    with two_links() as lab:
        c = call(lab, 1, 7210, RATE)
        move(lab, 7210, "net1")
        lab.cut("net1")
        by(lab, 7210, "net0", "failover")
        lab.plug(2, iface="net1")
        by(lab, 7210, "net1", "hand", limit=20)
        check(c.end().up.silence(c.up.sent[0], c.up.sent[-1]) < 1 * SLOW,
              "a gap of a second")


# --- by policy --------------------------------------------------------------

@case(120)
def policy_native_from_the_beginning():
    """A flow that a rule puts on another interface begins there, natively;
    others by the preferred one. explain says so before."""
    text = """[rule app]
command = python3
protocol = tcp
port = 7000
interface = net1
[rule far]
destination = 2001:db8:dead::/48
interface = net1
"""
    with two_links(prepare=with_policy(text)) as lab:
        said = lab.ctl("mn", "explain", CN, "--protocol=tcp", "--port=7000",
                       "--command=python3")
        check((said["source"], said["chosen_by"], said["interface"],
               said["interface_why"], said["interface_rule"]) ==
              (TWO, "policy", "net1", "policy", "app"), f"{said}")
        said = lab.ctl("mn", "explain", CN, "--protocol=udp", "--port=7000",
                       "--command=python3")
        check((said["source"], said["interface"], said["interface_why"]) ==
              (ONE, "net0", "home"), f"{said}")
        check(start(lab, "tcp") == TWO, "tcp is not by the rule")
        check(start(lab, "udp", "udp") == ONE, "udp is")
        flowing(lab, "tcp")
        check(not lab.bindings("mn"), f"a tunnel: {lab.bindings('mn')}")
        # its interface goes: another serves it, and it returns
        since = time.time()
        lab.cut("net1")
        wait_for("failover", lambda: lab.bound("mn") == {TWO: ONE})
        flowing(lab, "tcp")
        lab.plug(2, iface="net1")
        wait_for("return", lambda: not lab.bindings("mn"), 20)
        flowing(lab, "tcp")
        whole(lab, "tcp")
        check([(e["from"], e["to"], e["why"])
               for e in moves(lab, since, "hoa_moved")][:1] ==
              [("net1", "net0", "failover")],
              f"{moves(lab, since, 'hoa_moved')}")


@case(120)
def policy_moves_what_is_there():
    """New rules (SIGHUP) move flows that were there before: by port, by
    service type; those that fit none stay. Without the rules they return."""
    with two_links(prepare=with_policy("[rule all]\n"
                                       "service = session-lasting\n")) as lab:
        calls = [call(lab, 1, 7210 + i, RATE) for i in range(2)]
        by(lab, 7211, "net0", "home")
        write_policy(lab, "[rule video]\nport = 7211\ninterface = net1\n")
        reload(lab, ["video"])
        by(lab, 7211, "net1", "policy", "video")
        by(lab, 7210, "net0", "home")
        # by hand goes before
        move(lab, 7211, "net0")
        by(lab, 7211, "net0", "hand")
        give_back(lab, 7211)
        by(lab, 7211, "net1", "policy", "video")
        write_policy(lab, "[rule types]\nof-service = session-lasting\n"
                     "interface = net1\n")
        reload(lab, ["types"])
        for c in calls:
            by(lab, c.port, "net1", "policy", "types")
        write_policy(lab, "[rule none]\nport = 1\nservice = fixed\n")
        reload(lab, ["none"])
        for c in calls:
            by(lab, c.port, "net0", "home")
            c.end()
        wait_single(lab, 1)
        lost_nothing(*calls)


@case(120)
def metered_when_nothing_else():
    """metered = no: what is on a metered interface leaves it when another one
    comes, and goes back only where no other is left."""
    text = "[rule bulk]\nport = 7211\nmetered = no\n"
    with two_links(prepare=with_policy(
            text, **{"interface net0": {"metered": "yes", "preference": 10},
                     "interface net1": {}})) as lab:
        calls = [call(lab, 1, 7210 + i, RATE) for i in range(2)]
        by(lab, 7211, "net1", "policy", "bulk")
        by(lab, 7210, "net0", "home")
        lab.cut("net1")
        by(lab, 7211, "net0", "failover")
        lab.plug(2, iface="net1")
        by(lab, 7211, "net1", "policy", "bulk", limit=20)
        for c in calls:
            c.end()
        lost_nothing(calls[0])


@case(120)
def never_by_it():
    """interface = !NAME: with no other attached a new flow cannot begin, and is
    told so; others can."""
    text = "[rule video]\nprotocol = tcp\nport = 7000\ninterface = !net1\n"
    with two_links(prepare=with_policy(text)) as lab:
        check(start(lab, "before") == ONE, "not by net0")
        lab.cut("net0")
        wait_for("failover", lambda: lab.bound("mn") == {ONE: TWO})
        try:
            lab.flow("mn", "refused", "tcp", CN)
            lab.flow_event("refused", "connected", 2)
        except LabError:
            pass
        said = lab.flow_event("refused", "failed")
        check("unreachable" in said["error"], f"{said}")
        lab.stop("refused")
        check(start(lab, "udp", "udp") == TWO, "udp is not by net1")
        said = lab.ctl("mn", "explain", CN, "--protocol=tcp", "--port=7000")
        check((said["interface"], said["interface_rule"]) == (None, "video"),
              f"{said}")
        lab.plug(1)
        wait_for("return", lambda: not lab.bindings("mn"), 20)
        check(start(lab, "after") == ONE, "not by net0")
        for name in ("before", "after"):
            whole(lab, name)


# --- notices ----------------------------------------------------------------

@case(120)
def new_flows_elsewhere():
    """What is about to go gets no new flows: they begin on the next best, and
    stay there; those of a rule as it says. What stays is preferred again."""
    with two_links(prepare=with_policy(
            "[rule app]\nprotocol = udp\nport = 7000\n"
            "interface = !net1\n")) as lab:
        def preferred(want):
            wait_for(f"{want} preferred", lambda: [
                i["name"] for i in lab.ctl("mn", "interfaces")["interfaces"]
                if i["preferred"]] == [want])
        since = time.time()
        preferred("net0")
        check(start(lab, "before") == ONE, "before: not by net0")
        lab.ctl("mn", "prepare", "net0", "--seconds=60")
        preferred("net1")
        check(start(lab, "during") == TWO, "during: not by net1")
        check(start(lab, "never", "udp") == ONE, "never: not by net0")
        lab.ctl("mn", "prepare", "net0", "--cancel")
        preferred("net0")
        check(start(lab, "after") == ONE, "after: not by net0")
        lab.ctl("mn", "prepare", "net0", "--seconds=1")
        preferred("net1")
        preferred("net0")
        wait_for("all is native", lambda: not lab.bindings("mn"))
        for name in ("before", "during", "after"):
            flowing(lab, name)
            whole(lab, name)
        told = [(e["old"], e["interface"]) for e in lab.events("mn", since)
                if e["event"] == "preferred"]
        check(told == [("net0", "net1"), ("net1", "net0")] * 2, f"{told}")


@case(120)
def prepared_by_a_script():
    """examples/hints/networkmanager: all has left when it ends; the notice
    ends by itself, and what left returns. Copies by both interfaces meanwhile
    are dropped here (RFC 6089 5.3.6)."""
    with two_links() as lab:
        c = call(lab, 1, 7210, RATE)
        lab.cmd("mn", "env", "KEDGE_SOCKET=" + lab.sock("mn"),
                "PATH=" + lab.build + ":" + os.environ["PATH"], HINT, "net0",
                "pre-down")
        by(lab, 7210, "net1", "prepare")
        by(lab, 7210, "net0", "home", limit=20)
        c.end()
        lost_nothing(c)
        check(not c.up.twice and not c.down.twice, f"twice: {c.told()}")
        copies = lab.count("mn", "dataplane", "drop_second_copy")
        check(copies > 0, "nothing was sent twice")
        print(f"  {copies} second copies dropped; {c.told()}")
