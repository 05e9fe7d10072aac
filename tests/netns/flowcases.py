# SPDX-License-Identifier: GPL-2.0-or-later
"""End-to-end cases about which flows keep which address: by what the kernel
tells of sockets, and by kedgectl flows and explain. Part of tests/netns/e2e."""

import contextlib
import os
import signal
import time

from cases import (case, check, gone, start, traveller, whole, world)
from journey import arrive, away
from lab import CN, HERE, PYTHON, SLOW, ar, hoa, wait_for

HOLD = os.path.join(HERE, "hold.py")
# Without the socket programs: what sock_diag and the policy tell.
PLAIN = {"cgroup": "none"}


# --- plumbing ---------------------------------------------------------------

@contextlib.contextmanager
def settled(**kw):
    """A world whose mobile node is at ar1, and CN takes connections."""
    with world(**kw) as lab:
        lab.spawn("cn", "serve", PYTHON, HOLD, "serve")
        lab.flow_event("serve", "listening")
        lab.monitor("mn")
        arrive(lab, 1)
        yield lab


def hold(lab, name, *what):
    """Starts it; returns the local address of each WHAT."""
    lab.spawn("mn", name, PYTHON, HOLD, "hold", *what)
    return lab.flow_event(name, "holding", 60)["local"]


def let_go(lab, name):
    """Closes all its sockets; the wall clock of the last one."""
    lab.procs[name].send_signal(signal.SIGTERM)
    closed = lab.flow_event(name, "closed")["time"]
    lab.stop(name)
    return closed


def move(lab, n):
    lab.move(n)
    lab.wait_address(n)


def event(lab, name, since, limit=5):
    return wait_for(f"event {name}", lambda: next(
        (e for e in lab.events("mn", since) if e["event"] == name), None),
        limit)


def released_within(lab, since, limit=1.0):
    """The home agent has answered; returns how long that took."""
    took = event(lab, "released", since, limit + 5)["time"] - since
    check(took < limit * SLOW, f"released {took:.3f} s after the last close")
    return took


def still_bound(lab, net, seconds=1.5):
    time.sleep(seconds)
    check(hoa(net) in lab.bound(), f"{hoa(net)} was let go of")


def ends_dropped(lab):
    """How many the kernel could not tell kedge-mn."""
    lines = lab.cmd("mn", "cat", "/proc/self/net/netlink").splitlines()[1:]
    # sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode; 4: sock_diag
    return sum(int(l.split()[8]) for l in lines if l.split()[1] == "4")


# --- cases ------------------------------------------------------------------

@case(quick=True)
def released_within_a_second():
    """Of the last close, the Binding Acknowledgement included."""
    for mn in ({}, PLAIN):
        with settled(mn=mn) as lab:
            local = hold(lab, "first", "tcp:20") + hold(lab, "last", "tcp")
            check(local == [hoa(1)] * 2, f"local addresses: {local}")
            move(lab, 2)
            away(lab, [1])
            let_go(lab, "first")
            still_bound(lab, 1)
            released_within(lab, let_go(lab, "last"))
            gone(lab, 2)


@case()
def released_after_a_burst():
    """3,000 ends at once are some counts, not thousands."""
    with settled() as lab:
        hold(lab, "many", "tcp:3000")
        move(lab, 2)
        away(lab, [1])
        before = lab.count("mn", "events", "sockets_counted")
        released_within(lab, let_go(lab, "many"))
        passes = lab.count("mn", "events", "sockets_counted") - before
        check(1 <= passes <= 10, f"{passes} counts")
        gone(lab, 2)


@case()
def ends_lost():
    """More ends than the daemon's queue takes: counted anew."""
    with settled(mn=PLAIN) as lab:
        for name in ("many", "more"):
            hold(lab, name, "udp:13000")
        hold(lab, "one", "tcp")
        move(lab, 2)
        away(lab, [1])
        lab.procs["mn"].send_signal(signal.SIGSTOP)
        for name in ("many", "more", "one"):
            let_go(lab, name)
        wait_for("ends to be lost", lambda: ends_dropped(lab), 20)
        time.sleep(0.5 * SLOW)
        lab.procs["mn"].send_signal(signal.SIGCONT)
        since = time.time()
        event(lab, "released", since - 0.1)
        check(lab.count("mn", "events", "socket_events_lost") >= 1,
              "nothing was lost")
        gone(lab, 2)


@case()
def listeners_keep_nothing():
    """One that did not ask."""
    with settled() as lab:
        hold(lab, "server", f"listen,source={hoa(1)}")
        hold(lab, "client", "tcp")
        move(lab, 2)
        away(lab, [1])
        released_within(lab, let_go(lab, "client"))
        gone(lab, 2)


@case()
def silent_udp_by_default():
    """Keeps its address for udp-idle, and not longer."""
    with settled(mn={"udp-idle": 3}) as lab:
        hold(lab, "silent", f"bound,source={hoa(1)}")
        begun = time.time()
        move(lab, 2)
        away(lab, [1])
        took = event(lab, "released", begun, 8)["time"] - begun
        check(took > 2.9, f"released after {took:.1f} s")
        gone(lab, 2)


@case()
def flows_and_explain():
    """What they say of native and tunnelled flows, by pages too."""
    with traveller(("session",), ("udp", "udp")) as lab:
        away(lab, [1])
        start(lab, "new")
        flows = {(f["protocol"], f["local"]): f
                 for f in lab.ctl("mn", "flows")["flows"]}
        check(len(flows) == 3, f"flows: {flows}")
        old, new = flows["tcp", hoa(1)], flows["tcp", hoa(2)]
        check((old["path"], old["anchor"]) == ("tunnel", ar(1)) and
              (new["path"], new["anchor"]) == ("native", ar(2)),
              f"paths: {old} {new}")
        check(old["tx_bytes"] > 1000 and old["rx_bytes"] > 1000, f"{old}")
        check(flows["udp", hoa(1)]["tx_bytes"] is None, "bytes of UDP")
        pids = {f["pid"] for f in flows.values()}
        want = {lab.procs[n].pid for n in ("session", "udp", "new")}
        check(pids == want, f"processes {pids}, not {want}")
        plan = lab.ctl("mn", "explain", CN)
        check(plan["source"] == hoa(2) and plan["path"] == "native" and
              plan["at_move"] == f"kept, by tunnel to {ar(2)}", f"{plan}")
        plan = lab.ctl("mn", "explain", CN, "--service=fixed")
        check(plan["refused"] == "ENOTSUP", f"{plan}")
        plan = lab.ctl("mn", "explain", "::1")
        check(plan["source"] == "::1" and "at_move" not in plan, f"{plan}")
        for name in ("session", "new"):
            whole(lab, name)
        lab.flow_end("udp")
        gone(lab, 2)


@case()
def flows_by_pages():
    """Each of 5,000 once."""
    with settled() as lab:
        hold(lab, "many", "udp:5000")
        flows = [f for f in lab.ctl("mn", "flows")["flows"]
                 if f["protocol"] == "udp"]
        ports = {f["local_port"] for f in flows}
        check(len(flows) == len(ports) == 5000,
              f"{len(flows)} flows, {len(ports)} ports")
        let_go(lab, "many")


def told(lab, name, limit=5):
    """The error that a socket of hold.py got; how long after a move."""
    return wait_for(f"{name} is told", lambda: next(
        (e for e in lab.flow_said(name) if e["event"] == "told"), None), limit)


@case(quick=True)
def nonpersistent_is_reset():
    """At once, TCP and UDP, and its address is not kept."""
    with settled() as lab:
        hold(lab, "tcp", "tcp,type=3")
        hold(lab, "udp", "udp,type=3")
        down = lab.move(2)["down"]
        for name in ("tcp", "udp"):
            said = told(lab, name)
            check(said["error"] == "ECONNABORTED" and
                  said["time"] - down < 1 * SLOW, f"{name}: {said}")
        lab.wait_address(2)
        check(lab.count("mn", "events", "sockets_reset") == 2, "not counted")
        check(not lab.count("mn", "events", "hoa_adopted"), "adopted")
        check(event(lab, "reset", down)["address"] == hoa(1), "no event")
        gone(lab, 2)


@case()
def many_are_told():
    """What comes meanwhile does not wait: the handover, above all."""
    with settled() as lab:
        hold(lab, "kept", "tcp")
        hold(lab, "many", "tcp:5000,type=3")
        down = lab.move(2, dark=0.03)["down"]
        lab.wait_address(2)
        away(lab, [1])
        up, told_at = (event(lab, name, down)["time"]
                       for name in ("link_up", "reset"))
        print(f"  link up after {1000 * (up - down):.0f} ms, all were told "
              f"after {1000 * (told_at - down):.0f}")
        check(up < told_at, "the network was seen after all were told")
        check(lab.count("mn", "events", "sockets_reset") == 5000, "not all")


@case()
def nonpersistent_by_policy():
    """Without the socket programs: what the policy says of a destination."""
    def prepare(lab):
        path = lab.path("conf", "policy.conf")
        with open(path, "w", encoding="ascii") as f:
            f.write("[rule short]\nport = 7001\nservice = nonpersistent\n")
        lab.configure("mn", {"mn": {"policy": path}})
    with settled(mn=PLAIN, prepare=prepare) as lab:
        lab.spawn("cn", "other", PYTHON, HOLD, "serve", "--port", 7001)
        lab.flow_event("other", "listening")
        hold(lab, "short", "tcp,port=7001")
        hold(lab, "long", "tcp")
        why = {f["remote_port"]: (f["service"], f["why"], f["rule"])
               for f in lab.ctl("mn", "flows")["flows"]}
        check(why == {7001: ("nonpersistent", "policy", "short"),
                      7000: ("session-lasting", "default", None)}, f"{why}")
        move(lab, 2)
        check(told(lab, "short")["error"] == "ECONNABORTED", "not told")
        away(lab, [1])
        released_within(lab, let_go(lab, "long"))
        gone(lab, 2)


@case()
def listener_that_asked():
    """Keeps its address; so does UDP that asked, silent or not."""
    with settled(mn={"udp-idle": 2}) as lab:
        hold(lab, "server", f"listen,source={hoa(1)},type=2")
        hold(lab, "udp", f"bound,source={hoa(1)},type=2")
        move(lab, 2)
        away(lab, [1])
        let_go(lab, "server")
        still_bound(lab, 1, 4)
        let_go(lab, "udp")
        gone(lab, 2)
        move(lab, 1)
        hold(lab, "again", f"listen,source={hoa(1)},type=2")
        move(lab, 2)
        away(lab, [1])
        still_bound(lab, 1)
        released_within(lab, let_go(lab, "again"))
        gone(lab, 2)


@case()
def held_by_unbound_udp():
    """A socket that is bound to nothing sends from an address that it asked
    for: kept until its end, by kill -9."""
    with settled() as lab:
        hold(lab, "open", "open,type=2")
        move(lab, 2)
        away(lab, [1])
        (flow,) = [f for f in lab.ctl("mn", "flows")["flows"]
                   if f["protocol"] == "udp"]
        check((flow["local"], flow["why"], flow["pid"]) ==
              (hoa(1), "option", lab.procs["open"].pid), f"{flow}")
        still_bound(lab, 1)
        closed = time.time()
        lab.stop("open", signal.SIGKILL)
        released_within(lab, closed)
        gone(lab, 2)
