# SPDX-License-Identifier: GPL-2.0-or-later
"""End-to-end cases about the service types: fixed home addresses, remote
anchors, temporary addresses, what a move does to each. Part of tests/netns/e2e;
tests/netns/services has the matrix of applications, tests/netns/sockets what
the socket programs do alone."""

import signal
import time

from cases import (cannot_have, case, check, flowing, gone, start, whole,
                   world)
from journey import arrive
from lab import CN, ar, hoa, identity, wait_for

FIXED = "2001:db8:1::f1"


def serve(lab):
    lab.flow("cn", "server", "server")
    lab.flow_event("server", "listening")
    lab.monitor("mn")


def has_fixed(lab, ar_knows=True):
    """An address of ar1's that is the mobile node's for good."""
    lab.configure("mn", {"fixed main": {"address": FIXED, "home-agent": ar(1),
                                        "prefix": "2001:db8:1::/64"}})
    if ar_knows:
        lab.configure("ar1", {"owner main": {"hoa": FIXED,
                                             "identity": identity("mn")}})


def bound_fixed(lab, n, limit=15):
    wait_for(f"{FIXED} bound from ar{n}: {lab.bindings('mn')}", lambda:
             lab.bound("mn").get(FIXED) == hoa(n) and
             lab.bound("ar1").get(FIXED) == hoa(n), limit, 0.05)


def grace_of(seconds):
    """A prepare() for world(): graceful-replacement's."""
    def prepare(lab):
        path = lab.path("conf", "policy.conf")
        with open(path, "w", encoding="ascii") as f:
            f.write(f"[policy]\ngraceful-replacement = {seconds}s\n")
        lab.configure("mn", {"mn": {"policy": path}})
    return prepare


def told(lab, name, limit=5):
    """A flow ends by itself, with an error; returns its report."""
    report = lab.flow_event(name, "report", limit)
    check(report["errors"], f"{name} ended without an error")
    lab.stop(name)
    return report


@case(limit=90, quick=True)
def fixed_address():
    """Registered from away without a flow; at home it is the link's; nobody
    gets it who did not ask; it survives restarts, and the end of its flows."""
    with world(keys="psk", prepare=has_fixed) as lab:
        serve(lab)
        arrive(lab, 2)
        bound_fixed(lab, 2)
        check(start(lab, "plain") == hoa(2), "an unmarked flow got it")
        check(start(lab, "fixed", "tcp", "--service", "fixed") == FIXED,
              "who asked did not get it")
        lab.move(3)
        bound_fixed(lab, 3)
        flowing(lab, "fixed")
        lab.stop("mn", sig=9)
        lab.start("mn")
        bound_fixed(lab, 3)
        flowing(lab, "fixed")
        lab.move(1)
        wait_for(f"{FIXED} at home", lambda: any(
            a["local"] == FIXED and a["valid_life_time"] > 1e6
            for a in lab.addresses()) and FIXED not in lab.bound("ar1"))
        flowing(lab, "fixed")
        check(start(lab, "home", "tcp", "--service", "fixed") == FIXED,
              "not to be had at home")
        check(start(lab, "plain1") == hoa(1), "an unmarked flow got it at home")
        for name in ("fixed", "home", "plain", "plain1"):
            whole(lab, name)
        lab.move(2)
        bound_fixed(lab, 2)
        check(not any(a.get("local") == FIXED and not a.get("deprecated")
                      for a in lab.addresses("kedge0")), "it is preferred")
        time.sleep(3)
        bound_fixed(lab, 2)     # with no flow for long


@case(limit=60)
def fixed_no_more():
    """Taken out of the configuration: by SIGHUP it goes with its flows; after a
    restart it is not to be had, whatever the programs were told before."""
    with world(keys="psk", prepare=has_fixed) as lab:
        serve(lab)
        arrive(lab, 2)
        bound_fixed(lab, 2)
        start(lab, "fixed", "tcp", "--service", "fixed")
        lab.configure("mn", {"fixed main": None})
        lab.procs["mn"].send_signal(signal.SIGHUP)
        wait_for("SIGHUP", lambda: "taken over" in lab.log("mn"))
        cannot_have(lab, "fixed", "Operation not supported")
        flowing(lab, "fixed")
        whole(lab, "fixed")
        wait_for("released", lambda: not lab.bindings("mn"))
        has_fixed(lab)
        lab.procs["mn"].send_signal(signal.SIGHUP)
        bound_fixed(lab, 2)
        lab.stop("mn")
        lab.configure("mn", {"fixed main": None})
        lab.start("mn")
        wait_for("released", lambda: not lab.bindings("mn"))
        cannot_have(lab, "fixed", "Operation not supported")


@case(limit=60)
def fixed_nobody_knows():
    """The home agent does not know whose it is: asked for, it fails at once,
    others are not disturbed, and it comes when the home agent learns."""
    def prepare(lab):
        has_fixed(lab, ar_knows=False)
    with world(keys="psk", prepare=prepare) as lab:
        serve(lab)
        arrive(lab, 2)
        cannot_have(lab, "fixed", "Cannot assign requested address")
        check(start(lab, "plain") == hoa(2), "plain")
        flowing(lab, "plain")
        whole(lab, "plain")


@case(limit=60)
def types_at_a_move():
    """Which flows survive, which are told, and which addresses stay bound."""
    with world(prepare=grace_of(3)) as lab:
        serve(lab)
        arrive(lab, 1)
        for name, *args in (("lasting", "--service", "session-lasting"),
                            ("passing", "--service", "nonpersistent"),
                            ("graceful", "--service", "graceful-replacement"),
                            ("plain",)):
            check(start(lab, name, "tcp", *args) == hoa(1), f"{name}: source")
        moved = time.time()
        lab.move(2)
        report = told(lab, "passing")
        check("Software caused connection abort" in str(report["errors"]),
              f"passing: {report['errors']}")
        for name in ("lasting", "graceful", "plain"):
            flowing(lab, name)
        told(lab, "graceful", 10)
        grace = time.time() - moved
        check(2.5 < grace, f"graceful: ended after {grace:.1f} s, not 3")
        for name in ("lasting", "plain"):
            flowing(lab, name)
            whole(lab, name)
        gone(lab, 2)
        cannot_have(lab, "fixed", "Operation not supported")
        # with nonpersistent flows alone, nothing is bound
        check(start(lab, "passing2", "tcp", "--service", "nonpersistent") ==
              hoa(2), "passing2: source")
        lab.move(3)
        told(lab, "passing2")
        check(not lab.bindings("mn"), f"bound: {lab.bindings('mn')}")


@case(limit=120)
def fixed_is_defended_at_home():
    """By the home agent, for a binding that we forgot: DAD fails, and is tried
    again until the binding's lifetime is over."""
    with world(keys="psk", prepare=has_fixed, mn={"lifetime": 12}) as lab:
        serve(lab)
        arrive(lab, 2)
        bound_fixed(lab, 2)
        lab.unplug()
        wait_for("detached", lambda: not lab.addresses())
        lab.stop("mn", signal.SIGKILL)
        lab.cmd("mn", *lab.daemon("mn"), "--flush")
        lab.start("mn")
        lab.plug(1)
        lab.wait_address(1)
        cannot_have(lab, "fixed", "Cannot assign requested address")
        wait_for("at home", lambda: any(
            a["local"] == FIXED and not a.get("tentative")
            for a in lab.addresses()), 60, 0.2)
        check(start(lab, "fixed", "tcp", "--service", "fixed") == FIXED,
              "another address")
        flowing(lab, "fixed")
        whole(lab, "fixed")


@case(limit=60)
def fixed_by_another_agent():
    """SIGHUP gives it another home agent: it goes when its flows have ended,
    and comes again by that one."""
    other = "2001:db8:1::2"

    def prepare(lab):
        has_fixed(lab)
        lab.ip("ar1", f"address add {other}/64 dev acc0 nodad")
        lab.configure("ar1", {"ha": {"address": [ar(1), other]}})

    def agents(lab):
        return [b["ha"] for b in lab.bindings("mn", "bound")]
    with world(keys="psk", prepare=prepare) as lab:
        serve(lab)
        arrive(lab, 2)
        bound_fixed(lab, 2)
        start(lab, "fixed", "tcp", "--service", "fixed")
        lab.configure("mn", {"fixed main": {"home-agent": other}})
        lab.procs["mn"].send_signal(signal.SIGHUP)
        flowing(lab, "fixed")
        check(agents(lab) == [ar(1)], f"left its flow alone: {agents(lab)}")
        whole(lab, "fixed")
        wait_for("by the other one", lambda: agents(lab) == [other])


@case(limit=60)
def grace_over_a_restart():
    """It ends when it would have ended, or the old address stayed for good."""
    with world(prepare=grace_of(6)) as lab:
        serve(lab)
        arrive(lab, 1)
        start(lab, "graceful", "tcp", "--service", "graceful-replacement")
        moved = time.time()
        lab.move(2)
        lab.wait_address(2)
        time.sleep(2)
        lab.stop("mn", signal.SIGKILL)
        lab.start("mn")
        flowing(lab, "graceful")
        told(lab, "graceful", 15)
        grace = time.time() - moved
        check(5.5 < grace, f"ended after {grace:.1f} s, not 6")
        gone(lab, 2)


@case(limit=60)
def temporary_addresses():
    """RFC 8981's are anchored like others while they have flows."""
    with world(keys="psk") as lab:
        serve(lab)
        lab.sysctl("mn", **{"net0/use_tempaddr": 2})
        arrive(lab, 1)

        def temporary(n):
            return next((a["local"] for a in lab.addresses()
                         if a.get("temporary") and not a.get("tentative") and
                         a["local"].startswith(f"2001:db8:{n}:")), None)
        address = wait_for("a temporary address", lambda: temporary(1))
        wait_for("SAs for it", lambda: any(
            address in (sa.get("src"), sa.get("dst"))
            for sa in lab.ctl("mn", "sas")["sas"]), 10, 0.1)
        check(start(lab, "private") == address, "the kernel's choice changed")
        lab.move(2)
        flowing(lab, "private")
        check(list(lab.bound("mn")) == [address], f"{lab.bound('mn')}")
        check(start(lab, "new") == wait_for("another", lambda: temporary(2)),
              "a new flow is not from the new network")
        whole(lab, "private")
        whole(lab, "new")
        wait_for("released", lambda: not lab.bindings("mn"))


@case(limit=60)
def no_anchor_here():
    """ar3 anchors nothing, and no remote anchor is configured: who asks for
    what cannot be had is told, others get the native address."""
    with world(keys="psk", anchors=(1, 2)) as lab:
        serve(lab)
        lab.plug(3)
        lab.wait_address(3)
        wait_for("attached", lambda: any(
            i["state"] == "attached"
            for i in lab.ctl("mn", "status")["interfaces"]))
        cannot_have(lab, "session-lasting", "Cannot assign requested address")
        check(start(lab, "plain") == hoa(3), "plain")
        check(start(lab, "passing", "tcp", "--service", "nonpersistent") ==
              hoa(3), "passing")
        lab.move(1)
        for name in ("plain", "passing"):   # nobody keeps hoa(3)
            told(lab, name)


@case(limit=60)
def grace_is_for_old_ones():
    """Where nothing is anchored a new flow may share an address that is kept;
    not a graceful one, whose time there is over already."""
    def prepare(lab):
        with open(lab.path("conf", "policy.conf"), "w", encoding="ascii") as f:
            f.write("[policy]\ngraceful-replacement = 2s\n")
        lab.configure("mn", {"mn": {"policy": lab.path("conf",
                                                       "policy.conf")}})
    with world(prepare, keys="psk", anchors=(1, 2)) as lab:
        serve(lab)
        arrive(lab, 1)
        start(lab, "lasting", "tcp", "--service", "session-lasting")
        start(lab, "graceful", "tcp", "--service", "graceful-replacement")
        lab.move(3)
        lab.wait_address(3)
        told(lab, "graceful", 10)
        cannot_have(lab, "graceful-replacement",
                    "Cannot assign requested address")
        check(start(lab, "another", "tcp", "--service", "session-lasting") ==
              hoa(1), "another's source")
        for name in ("lasting", "another"):
            whole(lab, name)
        gone(lab, 3)


@case(limit=60)
def one_prefix_of_two():
    """The link has one that is not anchored, which the care-of address is of,
    and one that is: session-lasting is of that."""
    with world(keys="psk") as lab:
        serve(lab)
        path = lab.path("conf", "radvd1.conf")
        with open(path, encoding="ascii") as f:
            text = f.read()
        with open(path, "w", encoding="ascii") as f:
            f.write(text.replace("    prefix", "    prefix 2001:db8:4::/64 "
                                 "{ };\n    prefix", 1))
        lab.procs["radvd1"].send_signal(signal.SIGHUP)
        time.sleep(0.5)
        lab.plug(1)
        lab.wait_address(1)
        wait_for("anchored", lambda: lab.ctl(
            "mn", "explain", CN, "--service=session-lasting").get(
            "source") == hoa(1))
        check(start(lab, "lasting", "tcp", "--service", "session-lasting") ==
              hoa(1), "not from the anchored prefix")
        lab.move(2)
        flowing(lab, "lasting")
        whole(lab, "lasting")
