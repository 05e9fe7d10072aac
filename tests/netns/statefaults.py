# SPDX-License-Identifier: GPL-2.0-or-later
"""Faults of what the daemons put into the kernel: others flush, delete, rewrite
it. Each is put back, or told."""

import json
import os
import shutil
import signal
import time

from faultlab import check, hoa, row, wait_for
from journey import NATIVE_RULES


def taken(t, *done, who="mn", counter=None, least=1, settle=1.0):
    """At ar2, the flows in the tunnel; done: commands in who's namespace."""
    with t.scene() as lab:
        with t.fault():
            for cmd in done:
                lab.cmd(who, *cmd.split())
            time.sleep(settle)
        if counter:
            t.told(who, counter, least)
        t.back()
        t.alive()


@row("mn: ip -6 addr flush dev net0 scope global")
def coa_flushed(t):
    taken(t, "ip -6 addr flush dev net0 scope global",
          counter="coa_lost")


@row("mn: ip -6 addr flush dev kedge0", quick=True)
def hoa_flushed(t):
    taken(t, "ip -6 addr flush dev kedge0", counter="repaired_address")


def our_rules(lab):
    return [r for r in json.loads(lab.cmd("mn", "ip", "-6", "-j", "rule"))
            if r["priority"] not in (0, NATIVE_RULES, 32766)]


@row("mn: our ip rules deleted (as systemd-networkd does), three times",
     quick=True)
def rules_deleted(t):
    with t.scene() as lab:
        with t.fault():
            for _ in range(3):
                (rule,) = our_rules(lab)
                lab.cmd("mn", "ip", "-6", "rule", "del", "priority",
                        rule["priority"], "from", rule["src"])
                wait_for("the rule is back", lambda: our_rules(lab), 5)
                time.sleep(0.3)
        t.told("mn", "repaired_rule", 3)
        t.alive()


@row("mn: the routes of our table flushed", quick=True)
def table_flushed(t):
    with t.scene() as lab:
        (rule,) = our_rules(lab)
        with t.fault():
            lab.cmd("mn", "ip", "-6", "route", "flush", "table", rule["table"])
            time.sleep(1)
        t.told("mn", "repaired_route")
        t.alive()


@row("mn: net0's own routes and rules deleted, and the RA's default route")
def native_routes_deleted(t):
    with t.scene() as lab:
        rules = [r for r in json.loads(lab.cmd("mn", "ip", "-6", "-j", "rule"))
                 if r["priority"] == NATIVE_RULES]
        check(len(rules) == 1, f"{rules}")
        with t.fault():
            lab.cmd("mn", "ip", "-6", "route", "del", "default", "dev", "net0")
            lab.cmd("mn", "ip", "-6", "route", "flush", "table",
                    rules[0]["table"])
            lab.cmd("mn", "ip", "-6", "rule", "del", "priority", NATIVE_RULES)
            time.sleep(0.5)
        t.told("mn", "repaired_route", 2)
        t.told("mn", "repaired_rule")
        t.alive()


@row("mn: kedge0 set down", quick=True)
def tun_down(t):
    taken(t, "ip link set kedge0 down", counter="repaired_tun")


@row("mn: kedge0 deleted")
def tun_deleted(t):
    taken(t, "ip link del kedge0", counter="repaired_tun")


@row("mn: tc qdisc del dev net0 clsact (our filters with it)", quick=True)
def mn_filter_deleted(t):
    taken(t, "tc qdisc del dev net0 clsact", counter="repaired_filter")


@row("mn: tc qdisc del dev kedge0 clsact")
def tun_filter_deleted(t):
    taken(t, "tc qdisc del dev kedge0 clsact", counter="repaired_filter")


@row("ar1: tc qdisc del clsact on its core link and its home link",
     quick=True)
def ha_filter_deleted(t):
    taken(t, "tc qdisc del dev core0 clsact", "tc qdisc del dev acc0 clsact",
          who="ar1", counter="repaired_filter", least=2)


@row("ar1: tc filter del (all filters at ingress of its core link)")
def ha_filters_flushed(t):
    taken(t, "tc filter del dev core0 ingress", who="ar1",
          counter="repaired_filter")


@row("ar1: its XDP program set off")
def xdp_off(t):
    with t.scene(ha={"xdp": "yes"}) as lab:
        with t.fault():
            lab.cmd("ar1", "ip", "link", "set", "core0", "xdp", "off")
            time.sleep(1)
        t.told("ar1", "repaired_xdp")
        check("xdp" in lab.cmd("ar1", "ip", "link", "show", "core0"),
              "no XDP at core0")
        t.alive()


def empty(folder):
    """The daemon may put back what is in it just then."""
    for name in os.listdir(folder):
        p = os.path.join(folder, name)
        if os.path.isdir(p):
            shutil.rmtree(p, ignore_errors=True)
        else:
            os.unlink(p)


def pins_removed(t, who, folder_too=False):
    """And then it is killed: without pins, what it knew would be gone."""
    with t.scene() as lab:
        with t.fault():
            empty(lab.path("bpf", who))
            if folder_too:
                shutil.rmtree(lab.path("bpf", who), ignore_errors=True)
            time.sleep(0.5)
            t.told(who, "repaired_pins")
            lab.stop(who, signal.SIGKILL)
            time.sleep(0.5)
            lab.start(who)
            check("another layout" not in lab.log(who), "maps made anew")
        # since its start
        t.told(who, "binding_restored")
        t.back()
        t.alive()


@row("mn: the pinned maps deleted; then killed and started")
def mn_pins_removed(t):
    pins_removed(t, "mn")


@row("ar1: the pinned maps and their folder deleted; then killed and started")
def ha_pins_removed(t):
    pins_removed(t, "ar1", True)


@row("mn: accept_ra = 0 before a move; 3.5 s later it is 1 again")
def accept_ra_off(t):
    with t.scene() as lab:
        with t.fault():
            lab.sysctl("mn", **{"net0/accept_ra": 0})
            t.move(3, wait=False)
            time.sleep(3.5)
            t.told("mn", "address_missing")
            t.said("mn", "accept_ra")
            lab.sysctl("mn", **{"net0/accept_ra": 1})
            lab.wait_address(3)
        t.back()
        t.alive()


@row("mn: optimistic_dad and use_optimistic set to 0 before a move")
def optimistic_off(t):
    with t.scene() as lab:
        with t.fault():
            lab.sysctl("mn", **{"net0/optimistic_dad": 0,
                                "net0/use_optimistic": 0})
            t.move(3)
            t.back()
        t.told("mn", "repaired_sysctl")
        t.alive()


@row("mn: killed; moved while it is dead; started")
def moved_unseen(t):
    """The old network's address and default route are still there."""
    with t.scene() as lab:
        with t.fault():
            lab.stop("mn", signal.SIGKILL)
            t.move(3)
            lab.start("mn")
            t.back()
        t.told("mn", "binding_restored")
        t.told("mn", "left_unseen", limit=10)
        time.sleep(0.5)
        stale = [a["local"] for a in lab.addresses()
                 if a["local"] != hoa(3)]
        check(not stale, f"left of ar2's network: {stale}")
        routes = json.loads(lab.cmd("mn", "ip", "-6", "-j", "route", "show",
                                    "default", "dev", "net0"))
        gateways = {h["gateway"] for r in routes
                    for h in r.get("nexthops", [r])}
        check(gateways == {"fe80::ff:fe00:301"}, f"default by {gateways}")
        t.alive()


