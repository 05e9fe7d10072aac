# SPDX-License-Identifier: GPL-2.0-or-later
"""Faults on the access link by whoever is on it, or by who runs it: routers that
change, storms, floods, forgeries; and moves that come too fast."""

import json
import os
import signal
import time

from faultlab import (check, cpu_seconds, flowing, hoa, row, rss, start,
                      wait_for, whole)
from lab import CN, HERE, PYTHON, ar

NOISE = [PYTHON, os.path.join(HERE, "noise.py")]
LOG_LINES_PER_S = 150       # of all kinds together


def guest(lab, n):
    """h1 is on the same link as the mobile node."""
    lab.ip("sw", f"link set h1 master br{n}")


def noise(lab, space, *args):
    """Runs it to its end; how many packets."""
    out = lab.cmd(space, *NOISE, *args, timeout=60)
    return json.loads(out.splitlines()[-1])["sent"]


class Cost:
    """What a fault costs daemons: CPU, memory, log."""

    def __init__(self, t, *whose):
        self.t, self.begun = t, time.monotonic()
        self.at = {who: self._now(who) for who in whose}

    def _now(self, who):
        pid = self.t.pid(who)
        return (cpu_seconds(pid), rss(pid),
                self.t.lab.log(who).count("\n"))

    def bounded(self, share=0.9, megabytes=32):
        wall = time.monotonic() - self.begun
        for who, (cpu, kb, lines) in self.at.items():
            now = self._now(who)
            used, more, said = now[0] - cpu, now[1] - kb, now[2] - lines
            self.t.note(f"{who} {100 * used / wall:.0f} % CPU, "
                        f"{max(0, more) // 1024} MB more, {said} lines")
            check(used < share * wall, f"{who} used {used:.1f} s of {wall:.1f}")
            check(more < megabytes * 1024, f"{who}: {more} kB more")
            check(said < 50 + LOG_LINES_PER_S * wall,
                  f"{who} wrote {said} lines in {wall:.1f} s")


@row("3000 RAs/s for 4 s: random routers, prefixes, lifetimes, H and R flags",
     90, quick=True)
def ra_storm(t):
    with t.scene() as lab:
        guest(lab, 2)
        trusted = [a["ha"] for a in lab.ctl("mn", "anchors")["anchors"]
                   if a["trusted"]]
        with t.fault():
            cost = Cost(t, "mn")
            t.note(f"{noise(lab, 'h1', 'ra', 'net0')} RAs")
            cost.bounded()
        left = [a["ha"] for a in lab.ctl("mn", "anchors")["anchors"]
                if a["trusted"]]
        check(set(trusted) <= set(left), f"trusted {trusted}, now {left}")
        t.told("mn", "ra_received", 1000)
        t.back()
        t.alive(60, littered=True)


def whole_flood(t, to_mn):
    with t.scene() as lab:
        who = "mn" if to_mn else "ar1"
        with t.fault(), lab.forging(f"ipv6.src == {CN}"):
            cost = Cost(t, who)
            hosts = [hoa(2), hoa(1)] if to_mn else [ar(1)]
            t.note(f"{noise(lab, 'cn', 'flood', CN, *hosts)} "
                   "packets")
            cost.bounded()
        check(t.grown(who, "esp_replay") == 0, "esp_replay counted")
        refused = sum(t.grown(who, name) for name in
                      lab.ctl(who, "counters")["refused"])
        check(refused > 100, f"{refused} refused")
        t.note(f"{who} refused {refused}")
        check(t.grown("ar1", "bu_received") <= 1, "a BU was taken")
        t.back()
        t.alive()


@row("3000 malformed MH, ESP, tunnel packets/s at the mobile node for 4 s",
     90, quick=True)
def flood_at_mn(t):
    whole_flood(t, True)


@row("3000 malformed MH, ESP, tunnel packets/s at the home agent for 4 s", 90)
def flood_at_ha(t):
    whole_flood(t, False)


@row("forged Packet Too Big about the tunnel: MTU 1280, 600, 0", quick=True)
def ptb_forged(t):
    with t.scene() as lab:
        with t.fault():
            for mtu in (1280, 600, 0):
                for home in (hoa(1), hoa(3)):
                    noise(lab, "cn", "ptb", CN, hoa(2), ar(1), home, CN, mtu)
                    noise(lab, "cn", "ptb", CN, ar(1), hoa(2), CN, home, mtu)
            time.sleep(0.5)
        # who guesses the home address is believed, who does not is not
        for who in ("mn", "ar1"):
            t.told(who, "tunnel_errors")
            t.told(who, "tunnel_quote_unbound")
        # RFC 8200 5: never less than 1280
        for who in ("mn", "ar1"):
            mtus = [w for l in lab.cmd(who, "ip", "-6", "route", "show",
                                       "cache").splitlines()
                    for w in [l.split("mtu ")[-1].split()[0]] if "mtu " in l]
            check(all(int(m) >= 1280 for m in mtus), f"{who}: MTUs {mtus}")
        t.alive()


@row("the path between ar2 and the core has an MTU of 1300 for 3 s")
def mtu_shrinks(t):
    """TCP's segments and tunnel packets no longer fit."""
    with t.scene() as lab:
        with t.fault():
            for space, dev in (("ar2", "core0"), ("core", "ar2")):
                lab.ip(space, f"link set {dev} mtu 1300")
            time.sleep(3)
            flowing(lab, "session")
            for space, dev in (("ar2", "core0"), ("core", "ar2")):
                lab.ip(space, f"link set {dev} mtu 1500")
        t.told("mn", "tunnel_errors")
        t.alive()


@row("another AR takes over: same prefix and HA, another link-layer address")
def router_replaced(t):
    """The address of ar2's interface changes, radvd starts anew."""
    with t.scene() as lab:
        with t.fault():
            lab.stop("radvd2", 9)
            lab.ip("ar2", "link set acc0 down",
                   "link set acc0 address 02:00:00:00:99:01",
                   "link set acc0 up",
                   f"address replace {ar(2)}/64 dev acc0 nodad")
            lab.radvd_start(2)
            t.told("mn", "router_replaced", limit=15)
        t.back()
        t.alive()


@row("the link has another AR with the same prefix and another HA address",
     90)
def prefix_twice(t):
    """ar3 says that it anchors ar2's prefix; then ar2 goes."""
    with t.scene() as lab:
        with t.fault():
            lab.stop("radvd3", 9)
            lab.ip("sw", "link set a3 master br2")
            lab.ip("ar3", "address add 2001:db8:2::3/64 dev acc0 nodad")
            lab.ip("core", "route replace 2001:db8:2::/64 via "
                   "2001:db8:f03::2")
            lab.radvd_start(3, (f"{ar(3)}/64", "2001:db8:2::3/64"))
            time.sleep(0.5)
            lab.stop("radvd2", 9)
            lab.ip("ar2", "link set acc0 down")
            time.sleep(1)
        t.told("mn", "router_replaced", limit=15)
        flowing(lab, "session", 20)
        t.back()
        has = {a["ha"]: a["trusted"] for a in
               lab.ctl("mn", "anchors")["anchors"]}
        check(has.get(ar(2)), f"ar2 is not trusted any more: {has}")
        check(has.get("2001:db8:2::3") is False, f"trusted unseen: {has}")
        t.alive(30)


def of_network(lab, n):
    """Addresses and routes of arN's network on the link; its router's."""
    routes = json.loads(lab.cmd("mn", "ip", "-6", "-j", "route", "show",
                                "table", "all", "dev", "net0"))
    return [a["local"] for a in lab.addresses() if
            a["local"].startswith(f"2001:db8:{n}:")] + [
        r for r in routes if r["dst"].startswith(f"2001:db8:{n}::/") or
        r.get("gateway") == f"fe80::ff:fe00:{n}01"]


@row("an RA of the router that we left comes 1 s after the move", 90)
def late_ra(t):
    """RFC 6275 11.5.1, RFC 4861 7.3: its router is not there. Then another
    one, of a network that we never were in."""
    with t.scene() as lab:
        for n in (1, 3):
            guest(lab, n)
            noise(lab, "h1", "hear", "net0", lab.path(f"ra{n}"))
        guest(lab, 2)
        time.sleep(1)
        with t.fault():
            for count, n in enumerate((1, 3), 1):
                noise(lab, "h1", "say", "net0", lab.path(f"ra{n}"))
                wait_for(f"the kernel believes ar{n}",
                         lambda at=n: of_network(lab, at), 5)
                t.told("mn", "ra_late", count, count, limit=20)
                wait_for(f"nothing left of ar{n}'s: {of_network(lab, n)}",
                         lambda at=n: not of_network(lab, at), 5)
        check(hoa(2) in [a["local"] for a in lab.addresses()], "ours is gone")
        t.back()
        t.alive()


@row("an RA of the router that we left is the first one after the move", 90)
def late_ra_first(t):
    """It is believed until its router does not answer."""
    with t.scene(route=(1, 3)) as lab:
        guest(lab, 3)
        noise(lab, "h1", "hear", "net0", lab.path("ra3"))
        guest(lab, 2)
        with t.fault():
            lab.procs["radvd2"].send_signal(signal.SIGSTOP)
            t.move(2, wait=False)
            time.sleep(0.3)
            noise(lab, "h1", "say", "net0", lab.path("ra3"))
            wait_for("the kernel believes ar3", lambda: of_network(lab, 3), 5)
            lab.procs["radvd2"].send_signal(signal.SIGCONT)
            wait_for(f"nothing left of ar3's: {of_network(lab, 3)}",
                     lambda: not of_network(lab, 3), 20)
        lab.wait_address(2, 20)
        t.back()
        t.alive()


@row("another AR comes to the link, and stays, with another prefix", 90)
def second_router(t):
    """RFC 6275 11.5.1: it is there, so what it advertises stays."""
    with t.scene() as lab:
        with t.fault():
            lab.ip("sw", "link set a3 master br2")
            wait_for("an address of ar3's",
                     lambda: hoa(3) in of_network(lab, 3), 10)
            # as long as one that is not there takes to fail, and more
            time.sleep(6)
        t.told("mn", "ra_late", 0, 0)
        check(hoa(3) in of_network(lab, 3), "it was taken off")
        lab.ip("sw", "link set a3 master br3")
        t.back()
        t.alive(littered=True)


@row("infinite lifetimes in the RAs, over two moves")
def endless_lifetimes(t):
    """Addresses and routes of before look like an administrator's."""
    def prepare(lab):
        for n in lab.nets:
            lab.radvd_start(n, ("Lifetime 3600", "Lifetime infinity"),
                            ("PreferredLifetime 1800",
                             "PreferredLifetime infinity"))
    with t.scene(prepare=prepare) as lab:
        with t.fault():
            for n in (3, 2):
                t.move(n)
                t.back()
        routes = lab.cmd("mn", "ip", "-6", "route", "show", "dev", "net0",
                         "proto", "kernel")
        check("2001:db8:1::/64" not in routes and
              "2001:db8:3::/64" not in routes, f"left: {routes}")
        t.alive()


@row("ar2 answers no neighbour solicitation for 12 s, its RAs go on", 90)
def nud_fails(t):
    with t.scene() as lab:
        with t.fault():
            lab.block("ar2", "icmpv6 type nd-neighbor-advert")
            time.sleep(12)
            lab.block("ar2")
        t.back()
        t.alive()


@row("20 times down and up again in 5 s, at ar2", quick=True)
def flapping(t):
    with t.scene() as lab:
        with t.fault():
            for _ in range(20):
                lab.unplug()
                time.sleep(0.125)
                lab.plug(2)
                time.sleep(0.125)
        t.told("mn", "link_down", 20)
        t.back()
        t.alive()


@row("30 moves to and fro, one each 40 ms, faster than a registration",
     quick=True)
def to_and_fro(t):
    with t.scene() as lab:
        with t.fault():
            for k in range(30):
                t.move((3, 1, 2)[k % 3], wait=False)
                time.sleep(0.04)
        t.told("mn", "link_down", 30)
        t.back()
        t.alive()


@row("moved on while the BA is on its way (600 ms of delay), three times")
def moved_before_ba(t):
    with t.scene(link=True) as lab:
        with t.fault():
            t.link(delay=300)
            for n in (3, 2, 3):
                sent = t.grown("mn", "bu_sent")
                acked = t.grown("mn", "ba_received")
                t.move(n, wait=False)
                wait_for("a BU", lambda: t.grown("mn", "bu_sent") > sent, 10,
                         0.01)
                check(t.grown("mn", "ba_received") == acked, "too late")
            t.move(2)
            t.back()
            t.link()
        t.told("mn", "bu_sent", 4)
        t.alive()


@row("two moves while IKE with the new AR is under way (40 ms of delay)", 90)
def moves_during_ike(t):
    with t.scene(link=True, keys="x509") as lab:
        start(lab, "other")
        t.link(delay=40)
        with t.fault():
            for n in (3, 2):
                t.move(n)
                time.sleep(0.1)
                check(n == 2 or not lab.anchor(3).get("anchorable"),
                      "IKE with ar3 was over already")
            t.back()
            t.link()
        whole(lab, "other")
        t.told("mn", "ba_received")
        t.alive()
