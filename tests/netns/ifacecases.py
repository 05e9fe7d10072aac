# SPDX-License-Identifier: GPL-2.0-or-later
"""End-to-end cases of a mobile node with two interfaces: each is an attachment
of its own, new flows go by the preferred one, and one stands in for the other.
Part of tests/netns/e2e."""

import contextlib
import ipaddress
import json
import signal
import time

import wire
from cases import case, check, flowing, start, whole, world
from duplex import Call
from journey import NATIVE_RULES
from lab import CN, ar, hoa, mac, wait_for

ONE, TWO = hoa(1), hoa(2, iface="net1")     # where each is native


def anchored(lab, n):
    """Until what begins at arN can be kept, with all of its addresses."""
    lab.wait_anchorable(n, 15)


@contextlib.contextmanager
def two(nets=(1, 2), **kw):
    """net0 and net1 in these networks, both attached; a server at cn."""
    with world(interfaces=2, **kw) as lab:
        lab.flow("cn", "server", "server")
        lab.flow_event("server", "listening")
        lab.monitor("mn")
        for n, dev in zip(nets, ("net0", "net1")):
            lab.plug(n, iface=dev)
            lab.wait_address(n, iface=dev)
        attached(lab, "net0", "net1")
        for n in set(nets):
            anchored(lab, n)
        yield lab


def interfaces(lab):
    return {i["name"]: i for i in lab.ctl("mn", "interfaces")["interfaces"]}


def attached(lab, *devs, limit=15):
    """These are, and no others."""
    wait_for(f"attached: {devs}", lambda: {
        n for n, i in interfaces(lab).items() if i["state"] == "attached"} ==
        set(devs), limit, 0.05)


def preferred(lab, dev, limit=10):
    wait_for(f"{dev} preferred", lambda: interfaces(lab)[dev]["preferred"],
             limit, 0.05)


def rules(lab):
    """{source address: table} of the rules of native addresses."""
    return {r["src"]: int(r["table"]) for r in json.loads(
        lab.cmd("mn", "ip", "-6", "-j", "rule"))
        if r["priority"] == NATIVE_RULES}


def source(lab):
    """What the kernel gives a socket that asks for nothing, and by where."""
    (r,) = json.loads(lab.cmd("mn", "ip", "-6", "-j", "route", "get", CN))
    return r["prefsrc"], r["dev"]


def ours(lab):
    """Our default routes in the main table: (device, metric)."""
    return [(r["dev"], r["metric"]) for r in json.loads(lab.cmd(
        "mn", "ip", "-6", "-j", "route", "show", "default", "proto", "77"))]


def calls(lab, *sources):
    return [Call(lab, f"call{k}", s, CN, 7200 + k, rate=200)
            for k, s in enumerate(sources)]


def bound(lab, want, limit=15):
    """{HoA: care-of address} of all that is away, by mn's word."""
    wait_for(f"bound: {want}, not {lab.bound('mn')}",
             lambda: lab.bound("mn") == want, limit, 0.05)


def sent_by(pcap):
    """Source addresses of UDP and TCP that the mobile node sent natively."""
    return {p.src for p in wire.packets(pcap)
            if p.proto in (wire.TCP, wire.UDP) and p.dst == CN}


@case(quick=True)
def native_on_both_interfaces():
    """RFC 5648 section 1, RFC 3704: what is from an interface's address leaves
    by that interface, both at the same time, whichever is preferred."""
    with two() as lab:
        check(rules(lab) == {ONE: 7078, TWO: 7079}, f"{rules(lab)}")
        pcaps = {dev: lab.capture("mn", dev, "ip6 and (tcp or udp)")
                 for dev in ("net0", "net1")}
        both = calls(lab, ONE, TWO)
        for name, src in (("one", ONE), ("two", TWO)):
            check(start(lab, name, "tcp", "--source", src) == src, name)
        time.sleep(1)
        for name in ("one", "two"):
            flowing(lab, name)
            whole(lab, name)
        for call in both:
            call.end()
            check(not call.up.lost and not call.down.lost, call.told())
        lab.stop_captures()
        for dev, src in (("net0", ONE), ("net1", TWO)):
            check(sent_by(pcaps[dev]) == {src},
                  f"{dev} sent {sent_by(pcaps[dev])}")
        check(not lab.bindings("mn"), f"{lab.bindings('mn')}")


@case(180, quick=True)
def other_interface_takes_over():
    """Carrier lost on the preferred one: its flows, and those that were away by
    it, go on by the other in the same event; put back, they return home."""
    with two(nets=(3, 2)) as lab:
        third = start(lab, "third")
        check(third == hoa(3), f"a new flow from {third}")
        lab.move(1)
        lab.wait_address(1)
        bound(lab, {third: ONE})
        anchored(lab, 1)
        first = start(lab, "first")
        check(first == ONE, f"a new flow from {first}")
        call, = calls(lab, ONE)
        time.sleep(0.5)
        before, _ = lab.cut("net0")
        bound(lab, {ONE: TWO, third: TWO}, 5)
        events = [e for e in lab.events("mn", before)
                  if e["event"] in ("link_down", "bu_sent", "ra", "address")]
        # no advertisement, no address was waited for
        kinds = [e["event"] for e in events[:3]]
        check(kinds == ["link_down", "bu_sent", "bu_sent"], f"{kinds}")
        print(f"  BUs {1000 * (events[1]['time'] - events[0]['time']):.1f} and "
              f"{1000 * (events[2]['time'] - events[0]['time']):.1f} ms after "
              "the carrier")
        preferred(lab, "net1")
        check(source(lab) == (TWO, "net1"), f"{source(lab)}")
        for name in ("first", "third"):
            flowing(lab, name)
        again = time.time()
        lab.plug(iface="net0")
        bound(lab, {third: ONE})
        check(not lab.bound("ar1"), f"ar1: {lab.bound('ar1')}")
        preferred(lab, "net0")
        for name in ("first", "third"):
            flowing(lab, name)
            whole(lab, name)
        call.end()
        print("  " + call.told())
        for way, w in call.ways:
            late = w.lost_between(again + 8, time.time())
            check(not late, f"{way}: lost at the end: {late[:5]}")


@case(180)
def router_lost_other_takes_over():
    """RFC 6275 11.5.1: the link stays, its router does not answer any more. And
    an address that somebody takes away is nothing but a reason to go on."""
    with two() as lab:
        check(start(lab, "session") == ONE, "a new flow")
        lab.stop("radvd1", signal.SIGKILL)
        lab.block("ar1", "icmpv6 type { nd-neighbor-advert, nd-router-advert }")
        bound(lab, {ONE: TWO}, 30)
        flowing(lab, "session", 5)
        preferred(lab, "net1")
        lab.block("ar1")
        lab.radvd_start(1)
        bound(lab, {}, 30)
        flowing(lab, "session", 5)
        # its care-of address alone
        lab.move(3)
        lab.wait_address(3)
        bound(lab, {ONE: hoa(3)})
        lab.sysctl("mn", **{"net0/accept_ra": 0})
        lab.cmd("mn", "ip", "-6", "address", "flush", "dev", "net0", "scope",
                "global")
        bound(lab, {ONE: TWO})
        flowing(lab, "session")
        lab.sysctl("mn", **{"net0/accept_ra": 1})
        bound(lab, {ONE: hoa(3)}, 20)
        flowing(lab, "session")
        whole(lab, "session")


@case(180)
def interface_deleted_and_made_again():
    with two() as lab:
        check(start(lab, "session") == ONE, "a new flow")
        gone = time.time()
        lab.ip("mn", "link del net0")
        bound(lab, {ONE: TWO}, 5)
        flowing(lab, "session")
        check(set(rules(lab)) == {TWO}, f"{rules(lab)}")
        check(not [e for e in lab.events("mn", gone)
                   if e["event"] == "abandoned"], "abandoned")
        lab.ip("mn", f"link add net0 index 200 address {mac('mn', 'net0')} type "
               f"veth peer name mnp netns {lab.ns('sw')}", "link set net0 up")
        lab.plug(1)
        lab.wait_address(1)
        bound(lab, {})
        check(rules(lab) == {ONE: 7078, TWO: 7079}, f"{rules(lab)}")
        check(source(lab) == (ONE, "net0"), f"{source(lab)}")
        flowing(lab, "session")
        whole(lab, "session")


@case(180)
def both_in_one_network():
    """On the same link at once: each address leaves by its own; one is pulled,
    and the other has its address natively, without a binding; put back."""
    other = hoa(1, iface="net1")
    with two(nets=(1, 1)) as lab:
        check(rules(lab) == {ONE: 7078, other: 7079}, f"{rules(lab)}")
        pcaps = {dev: lab.capture("mn", dev, "ip6 and (tcp or udp)")
                 for dev in ("net0", "net1")}
        both = calls(lab, ONE, other)
        check(start(lab, "session", "tcp", "--source", ONE) == ONE, "session")
        time.sleep(0.5)
        lab.stop_captures()
        for dev, src in (("net0", ONE), ("net1", other)):
            check(sent_by(pcaps[dev]) == {src},
                  f"{dev} sent {sent_by(pcaps[dev])}")
        begun, _ = lab.cut("net0")
        wait_for("carried over", lambda: rules(lab) == {ONE: 7079,
                                                        other: 7079}, 5)
        flowing(lab, "session")
        check(not lab.bindings("mn") and not lab.bound("ar1"), "a binding")
        check(not [e for e in lab.events("mn", begun)
                   if e["event"] == "bu_sent"], "a Binding Update")
        time.sleep(1)
        lab.plug(1)
        wait_for("back", lambda: rules(lab) == {ONE: 7078, other: 7079}, 10)
        lab.wait_address(1)
        flowing(lab, "session")
        time.sleep(0.5)
        for call in both:
            call.end()
            print("  " + call.told())
        check(not both[1].up.lost and not both[1].down.lost, both[1].told())
        whole(lab, "session")
        check(not lab.bindings("mn"), f"{lab.bindings('mn')}")


@case(180)
def restarted_with_two_interfaces():
    """Killed and started: the flows of both go on all the time, by their own
    interfaces; what moved meanwhile is swept."""
    with two(nets=(3, 2)) as lab:
        third = start(lab, "third")
        lab.move(1)
        lab.wait_address(1)
        bound(lab, {third: ONE})
        anchored(lab, 1)
        both = calls(lab, ONE, TWO)
        begun = time.time()
        lab.stop("mn", signal.SIGKILL)
        check(rules(lab) == {ONE: 7078, TWO: 7079}, f"{rules(lab)}")
        time.sleep(0.5)
        lab.start("mn")
        attached(lab, "net0", "net1")
        bound(lab, {third: ONE})
        check(rules(lab) == {ONE: 7078, TWO: 7079}, f"{rules(lab)}")
        check(ours(lab) == [("net0", 50)], f"{ours(lab)}")
        flowing(lab, "third")
        for call in both:
            call.end()
            for way, w in call.ways:
                lost = w.lost_between(begun, time.time())
                check(not lost, f"{call.told()}, {way}")
        lab.stop("mn", signal.SIGKILL)
        lab.move(3, iface="net1")
        lab.start("mn")
        attached(lab, "net0", "net1")
        at3 = hoa(3, iface="net1")
        lab.wait_address(3, iface="net1")
        # net1 is on the home link of the third flow's address now
        wait_for("the old address's rule is swept", lambda: rules(lab) ==
                 {ONE: 7078, third: 7079, at3: 7079}, 20)
        bound(lab, {})
        flowing(lab, "third")
        whole(lab, "third")


@case(180)
def ike_on_both_interfaces():
    """Associations with the routers at both, each from its native address; at
    failover that of the home address goes on from the other's care-of address
    (MOBIKE or the K flag), and back."""
    def ends():
        return {(i["hoa"], i["local"], i["remote"]) for i in
                lab.ctl("mn", "sas")["ike"]}

    with two(keys="psk") as lab:
        home = {(ONE, ONE, ar(1)), (TWO, TWO, ar(2))}
        wait_for(f"IKE with both: {ends()}", lambda: ends() == home)
        pcap = lab.capture("mn", "net0", "udp port 500 or udp port 4500")
        check(start(lab, "session") == ONE, "a new flow")
        lab.cut("net0")
        bound(lab, {ONE: TWO}, 5)
        wait_for(f"IKE of {ONE} from {TWO}: {ends()}", lambda: ends() == {
            (ONE, TWO, ar(1)), (TWO, TWO, ar(2))})
        flowing(lab, "session")
        lab.plug(1)
        bound(lab, {})
        wait_for(f"IKE as it was: {ends()}", lambda: ends() == home)
        flowing(lab, "session")
        whole(lab, "session")
        lab.stop_captures()
        wrong = [p for p in wire.packets(pcap) if TWO in (p.src, p.dst)]
        check(not wrong, f"by the wrong interface: {wrong[:3]}")
        refused = {k: n for k, n in lab.ctl("mn", "counters")[
            "refused"].items() if n and k.startswith("ike_")}
        check(not refused, f"{refused}")


@case(120)
def native_rules_repaired():
    """Somebody deletes the rules, the tables, our default route."""
    with two() as lab:
        both = calls(lab, ONE, TWO)
        time.sleep(0.3)
        for cmd in ("rule del priority 7071", "rule del priority 7071",
                    "route flush table 7078", "route flush table 7079",
                    "route del default proto 77"):
            lab.cmd("mn", "ip", "-6", *cmd.split())
        wait_for("all is back", lambda: rules(lab) == {ONE: 7078, TWO: 7079}
                 and ours(lab) == [("net0", 50)] and all(
                     lab.cmd("mn", "ip", "-6", "route", "show", "table",
                             str(t)).count("\n") == 2 for t in (7078, 7079)),
                 10)
        check(lab.count("mn", "events", "repaired_rule") == 2, "rules")
        check(lab.count("mn", "events", "repaired_route") == 5, "routes")
        for call in both:
            call.end()
            late = [t for _, w in call.ways
                    for t in w.lost_between(time.time() - 0.2, time.time())]
            check(not late, f"{call.told()}")
        lab.stop("mn")
        lab.cmd("mn", *lab.daemon("mn"), "--flush")
        check(not rules(lab) and not ours(lab), "left after --flush")


@case(120)
def other_networks_stay():
    """Rules of native addresses hide no network that the main table leads
    elsewhere: of containers, an administrator's."""
    def way(dst):
        (r,) = json.loads(lab.cmd("mn", "ip", "-6", "-j", "route", "get", dst,
                                  "from", ONE))
        return r["dev"], r.get("gateway")

    def ways(limit=5, **want):
        wait_for(f"ways {want}", lambda: {k: way(dst) for k, dst in where
                                          } == want, limit)
    with world(interfaces=2) as lab:
        where = (("pods", "fd00:77::2"), ("site", "2001:db8:aa::1"),
                 ("far", CN))
        far = ("net0", "fe80::ff:fe00:101")
        lab.ip("mn", "link add pod0 type veth peer name pod1",
               "link set pod1 up", "link set pod0 up",
               "address add fd00:77::1/64 dev pod0 nodad")
        lab.plug(1)
        lab.wait_address(1)
        attached(lab, "net0")
        ways(pods=("pod0", None), site=far, far=far)
        lab.ip("mn", "route add 2001:db8:aa::/48 via fe80::aa dev net0")
        ways(pods=("pod0", None), site=("net0", "fe80::aa"), far=far)
        # as it was after a move there and back, and a restart
        lab.move(2)
        lab.wait_address(2)
        lab.move(1)
        lab.wait_address(1)
        attached(lab, "net0")
        ways(pods=("pod0", None), site=("net0", "fe80::aa"), far=far)
        lab.stop("mn", signal.SIGKILL)
        # nor is what somebody has in that very table: it is told
        lab.ip("mn", "route add 2001:db8:bb::/48 via fe80::bb dev net0 table "
               "7078 proto static")
        lab.cmd("mn", "ip", "-6", "rule", "add", "from", "2001:db8:bb::1",
                "lookup", "7078")
        lab.start("mn")
        attached(lab, "net0")
        ways(pods=("pod0", None), site=("net0", "fe80::aa"), far=far)
        for what in ("1 ip rules of somebody else lead to table 7078",
                     "1 routes of somebody else are in table 7078"):
            check(what in lab.log("mn"), f"not told: {what}")
        check("2001:db8:bb::/48" in lab.cmd(
            "mn", "ip", "-6", "route", "show", "table", "7078"), "deleted")
        lab.ip("mn", "link del pod0",
               "route del 2001:db8:aa::/48 via fe80::aa dev net0")
        ways(pods=far, site=far, far=far)
        left = lab.cmd("mn", "ip", "-6", "route", "show", "table", "7078")
        check("throw" not in left, left)


@case(180)
def new_flows_by_the_preferred():
    """By order, by preference, not by what is metered; changed by SIGHUP and by
    what attaches. Homes that are away go over to the better one."""
    def prepare(lab):
        lab.configure("mn", {"interface net1": {"preference": 5}})
    with two(nets=(3, 2), prepare=prepare) as lab:
        def again(**sections):
            lab.configure("mn", {h.replace("_", " "): k
                                 for h, k in sections.items()})
            lab.procs["mn"].send_signal(signal.SIGHUP)
        check(source(lab) == (TWO, "net1"), f"{source(lab)}")
        check(ours(lab) == [("net1", 50)], f"{ours(lab)}")
        again(interface_net1={"preference": 0})
        preferred(lab, "net0")
        check(source(lab) == (hoa(3), "net0"), f"{source(lab)}")
        again(interface_net0={"metered": "yes"})
        preferred(lab, "net1")
        again(interface_net0={"preference": 1}, mn={"metric": 40})
        preferred(lab, "net0")
        wait_for("metric 40", lambda: ours(lab) == [("net0", 40)])
        session = start(lab, "session")
        check(session == hoa(3), f"a new flow from {session}")
        again(interface_net0={"preference": 0})
        preferred(lab, "net1")
        lab.move(1)
        # away by the better one, without waiting for net0
        bound(lab, {session: TWO})
        lab.wait_address(1)
        again(interface_net0={"metered": "no"})
        bound(lab, {session: ONE})
        again(interface_net0={"preference": 2})
        lab.cut("net0")
        bound(lab, {session: TWO})
        lab.plug(iface="net0")
        bound(lab, {session: ONE})
        flowing(lab, "session")
        told = [(e["old"], e["interface"]) for e in lab.events("mn")
                if e["event"] == "preferred"]
        check(told[-2:] == [("net0", "net1"), ("net1", "net0")], f"{told}")
        # somebody's own, of the same metric, is left alone, and told
        lab.cut("net1")
        wait_for("one is left", lambda: not ours(lab))
        lab.ip("mn", "route add default via fe80::99 dev net0 metric 40 proto "
               "static")
        lab.plug(iface="net1")
        wait_for("told", lambda: "has metric 40" in lab.log("mn"))
        lab.ip("mn", "route del default via fe80::99 dev net0 metric 40")
        preferred(lab, "net0")
        wait_for("ours, then", lambda: ours(lab) == [("net0", 40)], 5)
        flowing(lab, "session")
        whole(lab, "session")
