# SPDX-License-Identifier: GPL-2.0-or-later
"""End-to-end cases about home addresses that a remote anchor assigns by IKE's
configuration payload. Part of tests/netns/ike.

The mobile node comes up at ar3, which anchors nothing, and asks ar1."""

import contextlib
import ipaddress
import os
import signal
import time

import wire
from cases import (cannot_have, case, check, flowing, start, whole,
                   world)
from ikelab import (crosswise, event_count, nothing_refused, owners, refused,
                    sas, stranger)
from lab import CN, HERE, PYTHON, ar, hoa, identity, wait_for
from stock import Stock, connection

POOL = "2001:db8:1:0:8000::/80"
ONE = "2001:db8:1:0:8000::17"       # for a pool of one address
FAR = CN                            # where strangers are


def in_pool(address, pool=POOL):
    return ipaddress.ip_address(address) in ipaddress.ip_network(pool)


def configured(pool=POOL, who="*@example.org", ha=None, more=None):
    """A prepare() for world(): ar1 has a pool, mn knows it as a remote one."""
    def prepare(lab):
        lab.configure("ar1", {"link acc0": {"pool": pool}, "ha": ha or {},
                              "ike": {"pool-identity": who}, **(more or {})})
        lab.configure("mn", {"anchor far": {
            "prefix": "2001:db8:1::/64", "address": ar(1), "remote": "yes"}})
    return prepare


@contextlib.contextmanager
def at_ar3(prepare, **kw):
    """A world whose mobile node is attached there."""
    kw = {"keys": "x509", "anchors": (1, 2), "mn": {"release-grace": 4}, **kw}
    with world(prepare, **kw) as lab:
        lab.flow("cn", "server", "server")
        lab.flow_event("server", "listening")
        lab.monitor("mn")
        lab.plug(3)
        lab.wait_address(3)
        wait_for("attached", lambda: any(
            i["state"] == "attached"
            for i in lab.ctl("mn", "status")["interfaces"]))
        yield lab


def outcome(lab, nth, limit=25):
    """What became of the nth request, from 0: kedge-mn's event."""
    def found():
        out = [e for e in lab.events("mn")
               if e["event"] in ("assigned", "assign_failed")]
        return out[nth] if len(out) > nth else None
    return wait_for("assigned, or not", found, limit, 0.05)


def request(lab, nth=0):
    """Asks; the home address."""
    lab.ctl("mn", "request")
    told = outcome(lab, nth)
    check(told["event"] == "assigned" and told["ha"] == ar(1), f"{told}")
    return told["hoa"]


def fails(lab, nth=0):
    """Asks, in vain: why."""
    lab.ctl("mn", "request")
    told = outcome(lab, nth)
    check(told["event"] == "assign_failed" and told["ha"] == ar(1), f"{told}")
    check(not lab.bindings("mn"), f"bindings {lab.bindings('mn')}")
    check(not lab.addresses("kedge0"), "an address is on kedge0")
    print(f"  {told['why']}")
    return told["why"]


def bound(lab, home, n, limit=15):
    """Both ends have the binding, from arN's network."""
    wait_for(f"{home} bound from ar{n}", lambda:
             lab.bound("mn").get(home) == hoa(n) and
             lab.bound("ar1").get(home) == hoa(n), limit, 0.05)


def released(lab):
    wait_for("released", lambda: not lab.bindings("mn") and
             not lab.bound("ar1") and not sas(lab, "ar1"), 20, 0.1)


def how(lab, home):
    return next((o["how"] for o in lab.ctl("ar1", "owners")["owners"]
                 if o["hoa"] == home), None)


def begin(lab, home, name="session"):
    check(start(lab, name, "tcp", "--source", home) == home, "source")


# --- it works ---------------------------------------------------------------

@case(90, quick=True)
def assigned_and_kept():
    """A session from an address of the pool, through the tunnel, across a
    move; released after it; the same address again."""
    with at_ar3(configured()) as lab:
        pcap = lab.capture("mn", "net0", "ip6")
        home = request(lab)
        check(in_pool(home), f"{home} is not of the pool")
        bound(lab, home, 3)
        check(owners(lab, 1) == {home: identity("mn")}, f"{owners(lab, 1)}")
        check(how(lab, home) == "assigned", f"{how(lab, home)}")
        one = sas(lab, "ar1", home)
        check(len(one) == 1 and one[0]["ha"] == ar(1) and
              one[0]["remote"] == hoa(3), f"ar1's IKE SAs: {one}")
        begin(lab, home)
        flowing(lab, "session")
        check(start(lab, "lasting", "tcp", "--service", "session-lasting") ==
              home, "who asked for session-lasting did not get it")
        check(start(lab, "plain") == hoa(3), "who asked for nothing got it")
        flowing(lab, "plain")
        whole(lab, "plain")
        lab.move(2)
        lab.wait_address(2)
        bound(lab, home, 2)
        flowing(lab, "session")
        flowing(lab, "lasting")
        whole(lab, "lasting")
        lab.wait_anchorable(2)
        check(len(sas(lab, "ar1", home)) == 1, f"{sas(lab, 'ar1')}")
        mine = whole(lab, "session")
        check(mine["local"]["address"] == home, f"{mine['local']}")
        released(lab)
        lab.stop_captures()
        check(not lab.addresses("kedge0"), "left on kedge0")
        native = [p for p in wire.packets(pcap) if home in (p.src, p.dst) and
                  p.proto == wire.TCP]
        check(not native, f"not in the tunnel: {native[:3]}")
        tunnel = {(p.src, p.dst) for p in wire.packets(pcap)
                  if p.proto == wire.IP6}
        check({(hoa(n), ar(1)) for n in (2, 3)} <= tunnel and
              {(ar(1), hoa(n)) for n in (2, 3)} <= tunnel, f"{tunnel}")
        check(owners(lab, 1).get(home) == identity("mn"), "the lease ended")
        lab.move(3)
        lab.wait_address(3)
        check(request(lab, 1) == home, "another address")
        nothing_refused(lab, "mn", "ar1", "ar2")


@case(90)
def assigned_with_a_secret():
    """The same with a pre-shared key; and the home agent restarts between."""
    with at_ar3(configured(), keys="psk") as lab:
        home = request(lab)
        bound(lab, home, 3)
        begin(lab, home)
        lab.move(2)
        lab.wait_address(2)
        bound(lab, home, 2)
        flowing(lab, "session")
        whole(lab, "session")
        released(lab)
        lab.stop("ar1")
        lab.start("ar1")
        check(how(lab, home) == "assigned", f"{how(lab, home)} after restart")
        lab.move(3)
        lab.wait_address(3)
        check(request(lab, 1) == home, "another address")


@case(90)
def assigned_comes_home():
    """To the link of the anchor: it stays what it was, for those who have it,
    also where kedge-mn was restarted meanwhile; and leaves again with them."""
    with at_ar3(configured(), keys="psk") as lab:
        home = request(lab)
        bound(lab, home, 3)
        begin(lab, home)
        lab.stop("mn", signal.SIGKILL)
        lab.start("mn")
        bound(lab, home, 3)
        lab.move(1)
        lab.wait_address(1)
        there = wait_for("at home", lambda: next(
            (a for a in lab.addresses() if a["local"] == home), None))
        check(there.get("deprecated") and there["valid_life_time"] > 1e6,
              f"{there}")
        flowing(lab, "session")
        lab.wait_anchorable(1)
        for name, *kind in (("plain",), ("lasting", "--service",
                                         "session-lasting")):
            check(start(lab, name, "tcp", *kind) == hoa(1), f"{name} got it")
            flowing(lab, name)
            whole(lab, name)
        lab.move(2)
        lab.wait_address(2)
        bound(lab, home, 2)
        flowing(lab, "session")
        whole(lab, "session")
        released(lab)


@case(120, quick=True)
def assigned_and_restarted():
    """Either end killed; then the mobile node moves."""
    with at_ar3(configured(), mn={"lifetime": 16, "release-grace": 4}) as lab:
        home = request(lab)
        bound(lab, home, 3)
        begin(lab, home)
        for who in ("mn", "ar1"):
            flowing(lab, "session")
            before = event_count(lab, who, "ike_up") if who == "mn" else 0
            lab.stop(who, signal.SIGKILL)
            lab.start(who)
            wait_for("IKE again", lambda: sas(lab, "ar1", home) and
                     event_count(lab, "ar1", "ike_up") > before, 40, 0.1)
            bound(lab, home, 3)
            flowing(lab, "session")
        lab.move(2)
        lab.wait_address(2)
        bound(lab, home, 2)
        flowing(lab, "session")
        whole(lab, "session")
        check(owners(lab, 1).get(home) == identity("mn"), f"{owners(lab, 1)}")


@case(120, quick=True)
def assigned_and_rekeyed():
    """ESP SAs of 3 s and IKE SAs of 4: what is negotiated anew is about the
    same address, by either end."""
    def prepare(lab):
        configured()(lab)
        for who in lab.conf:
            lab.configure(who, {"ike": {"sa-lifetime": "3s"}})
        lab.configure("mn", {"ike": {"ike-lifetime": "4s"}})
    with at_ar3(prepare, mn={"lifetime": 4, "release-grace": 4}) as lab:
        home = request(lab)
        begin(lab, home)
        bound(lab, home, 3)
        ids = [s["id"] for s in sas(lab, "mn", home)]
        for n in (2, 3):
            before = {e: event_count(lab, "mn", e)
                      for e in ("ike_rekeyed", "esp_rekeyed")}
            wait_for("new keys", lambda: event_count(
                lab, "mn", "ike_rekeyed") >= before["ike_rekeyed"] + 2 and
                event_count(lab, "mn", "esp_rekeyed") >=
                before["esp_rekeyed"] + 3, 40, 0.2)
            lab.move(n)
            lab.wait_address(n)
            bound(lab, home, n)
            flowing(lab, "session")
        check([s["id"] for s in sas(lab, "mn", home)] == ids,
              f"another IKE SA: {ids}, {sas(lab, 'mn')}")
        nothing_refused(lab, "mn", "ar1")
        whole(lab, "session")


@case(60)
def moved_while_asking():
    """The answer would go to where the mobile node is no more."""
    with at_ar3(configured(), anchors=(1,)) as lab:
        lab.block("ar1", "udp sport { 500, 4500 }")
        lab.ctl("mn", "request")
        wait_for("asked", lambda: "IKE for HoA ::" in lab.log("mn"))
        lab.move(2)
        lab.wait_address(2)
        lab.block("ar1")
        told = outcome(lab, 0)
        check(told["event"] == "assigned", f"{told}")
        bound(lab, told["hoa"], 2)


@case(120)
def assigned_despite_loss():
    """30 % each way, of everything. IKE may give up: then it is asked again,
    as it is for the next socket."""
    with at_ar3(configured(), anchors=(1,)) as lab:
        lab.loss(30, everything=True)
        for nth in range(4):
            lab.ctl("mn", "request")
            told = outcome(lab, nth)
            if told["event"] == "assigned":
                break
        check(told["event"] == "assigned", f"not after 4 requests: {told}")
        home = told["hoa"]
        bound(lab, home, 3, 30)
        begin(lab, home)
        lab.move(2)
        lab.wait_address(2)
        bound(lab, home, 2, 30)
        lab.loss(0)
        flowing(lab, "session", 10)
        whole(lab, "session")


@case(60)
def router_refuses_remote_does_not():
    """setsc() before there is a network; then the router, which anchors, will
    not have us: the remote anchor is asked while it waits."""
    def prepare(lab):
        configured()(lab)
        lab.configure("ar3", {"ike": {"deny": identity("mn")}})
    asks = ("import socket, client;"
            "s = socket.socket(socket.AF_INET6, socket.SOCK_STREAM);"
            "print(client.json.dumps({'event': 'setsc', 'time': 0,"
            " 'said': client.setsc(s, 2)}), flush=True)")
    with world(prepare, keys="psk") as lab:
        lab.spawn("mn", "asks", PYTHON, "-c", asks, env={
            **os.environ, **lab.app_env(),
            "PYTHONPATH": os.path.join(HERE, "apps")})
        time.sleep(0.5)
        lab.plug(3)
        rc, error, source = lab.flow_event("asks", "setsc")["said"]
        check(not rc and in_pool(source), f"{rc}, {error}: {source}")


@case(60)
def two_are_assigned():
    """A pool of two for two who ask at the same time."""
    def prepare(lab):
        configured("2001:db8:1:0:8000::16/127")(lab)
        lab.configure("mn2", {"anchor far": lab.conf["mn"]["anchor far"]})

    with at_ar3(prepare, keys="psk", anchors=(1,), second=True) as lab:
        lab.plug(3, "mn2")
        lab.wait_address(3, who="mn2")
        for who in lab.mobiles:
            lab.ctl(who, "request")
        wait_for("both are bound", lambda: len(lab.bound("ar1")) == 2)
        for who in lab.mobiles:
            home, = lab.bound(who)
            check(owners(lab, 1)[home] == identity(who), f"{owners(lab, 1)}")
        check(len(owners(lab, 1)) == 2, f"{owners(lab, 1)}")


# --- it is refused ----------------------------------------------------------

@case(90, quick=True)
def assigned_to_some():
    """Not to whom the pool is not for, until the configuration says so; not
    to who is denied; not another's, and not from the link."""
    with at_ar3(configured(who="boss@example.org")) as lab:
        with refused(lab, "ar1", "ike_pool_denied"):
            with refused(lab, "mn", "ike_refused_hoa"):
                fails(lab)
        check(not owners(lab, 1), f"owners {owners(lab, 1)}")
        lab.configure("ar1", {"ike": {"pool-identity": identity("mn")}})
        lab.procs["ar1"].send_signal(signal.SIGHUP)
        wait_for("SIGHUP", lambda: "taken over" in lab.log("ar1"))
        home = request(lab, 1)
        bound(lab, home, 3)
        begin(lab, home)
        mn2 = stranger(lab, "h1", "mn2", "mn2@example.org")
        with refused(lab, "ar1", "ike_not_owner"):
            check(not wants(lab, mn2, "%any", home), "SAs for another's")
        free = "2001:db8:1:0:8000::99"
        lab.ip("h1", f"address add {free}/64 dev net0 nodad")
        with refused(lab, "ar1", "ike_not_at_home"):
            check(not wants(lab, mn2, free, free), "took one of the pool")
        with refused(lab, "ar1", "ike_pool_denied"):
            check(not asks(lab, mn2, "%any"), "was assigned one")
        check(owners(lab, 1) == {home: identity("mn")}, f"{owners(lab, 1)}")
        flowing(lab, "session")
        whole(lab, "session")


@case(90)
def pool_exhausted():
    """A pool of one address: reserved for another by configuration, then let
    to another, then for us. And a limit."""
    def reserved(who):
        return {"owner one": {"hoa": ONE, "identity": who}}

    with at_ar3(configured(f"{ONE}/128", more=reserved("boss@example.org"))
                ) as lab:
        with refused(lab, "ar1", "ike_pool_empty"):
            fails(lab)
        lab.stop("ar1")
        lab.configure("ar1", {"owner one": None})
        lab.start("ar1")
        mn2 = stranger(lab, "cn", "mn2", "mn2@example.org")
        check(asks(lab, mn2, FAR), f"nothing for mn2: {mn2.log()[-1500:]}")
        check(owners(lab, 1) == {ONE: "mn2@example.org"}, f"{owners(lab, 1)}")
        with refused(lab, "ar1", "ike_pool_empty"):
            fails(lab, 1)
        lab.ctl("ar1", "owners", "forget", ONE)
        check(request(lab, 2) == ONE, "not the only one")
        bound(lab, ONE, 3)
        released(lab)
        lab.stop("ar1")
        lab.configure("ar1", {**reserved(identity("mn"))})
        lab.start("ar1")
        check(how(lab, ONE) == "configured", f"{how(lab, ONE)}")
        check(request(lab, 3) == ONE, "not the reserved one")
        released(lab)
        lab.stop("ar1")
        lab.configure("ar1", {"owner one": None, "ha": {"pool-max": 0},
                              "link acc0": {"pool": POOL}})
        lab.start("ar1")
        lab.ctl("ar1", "owners", "forget", ONE, check=False)
        with refused(lab, "ar1", "ike_pool_empty"):
            fails(lab, 4)


@case(60)
def no_pool_there():
    """A home agent without one says so; one that is not there does not."""
    def prepare(lab):
        configured()(lab)
        lab.configure("ar1", {"link acc0": {"pool": None},
                              "ike": {"pool-identity": None}})
    with at_ar3(prepare) as lab:
        with refused(lab, "ar1", "ike_pool_empty"):
            with refused(lab, "mn", "ike_refused_hoa"):
                fails(lab)
        lab.stop("ar1")
        with refused(lab, "mn", "ike_no_answer", 40):
            fails(lab, 1)


# --- stock strongSwan as the peer -------------------------------------------

def theirs(lab):
    return {"auth": "pubkey", "id": identity("ar1"), "cacerts": lab.ca.cert}


def wants(lab, stock, local, home):
    """It tries to get SAs for home, without asking for an address."""
    stock.load(connection(local, ar(1), stock.ours, theirs(lab), home, ar(1)),
               [stock.key])
    done = stock.initiate()
    end(stock)
    return done


def end(stock):
    stock.swanctl("--terminate", "--ike", "kedge", "--timeout", "3",
                  check=False)


def dynamic(local):
    return {f"{'local' if local else 'remote'}_ts": "dynamic[135]",
            "rekey_time": "1h"}


def ask(lab, stock, local):
    """It asks for an address; True if it got SAs."""
    stock.load(connection(local, ar(1), stock.ours, theirs(lab), "::", ar(1),
                          {"vips": "::"}, dynamic(True)), [stock.key])
    return stock.initiate()


def asks(lab, stock, local):
    done = ask(lab, stock, local)
    end(stock)
    return done


@case(90, quick=True)
def stock_is_assigned():
    """Stock charon asks kedge-ha for a virtual address, as a road warrior
    does, and gets the same one again; either end rekeys."""
    def prepare(lab):
        configured()(lab)
        lab.configure("ar1", {"ike": {"sa-lifetime": "8s"}})

    with world(prepare, ["ar1"], keys="x509", anchors=(1,)) as lab:
        stock = stranger(lab, "cn", "mn2", "mn2@example.org")
        check(ask(lab, stock, FAR), f"no CHILD_SA: {stock.log()[-2000:]}")
        home, = owners(lab, 1)
        check(in_pool(home) and how(lab, home) == "assigned", home)
        check(f"{home}/128" in stock.swanctl("--list-sas"),
              stock.swanctl("--list-sas"))
        pair = crosswise(lab, "ar1", stock, home)
        stock.swanctl("--rekey", "--child", "mh")
        pair = crosswise(lab, "ar1", stock, home, pair)
        before = event_count(lab, "ar1", "esp_rekeyed")
        pair = crosswise(lab, "ar1", stock, home, pair)
        check(event_count(lab, "ar1", "esp_rekeyed") > before,
              "kedge-ha did not count its rekeying")
        stock.swanctl("--rekey", "--ike", "kedge")
        wait_for("a new IKE SA", lambda: "#2, ESTABLISHED" in stock.swanctl(
            "--list-sas") and len(sas(lab, "ar1", home)) == 1)
        crosswise(lab, "ar1", stock, home)
        end(stock)
        wait_for("its end", lambda: not sas(lab, "ar1"))
        check(ask(lab, stock, FAR), "not a second time")
        check(owners(lab, 1) == {home: "mn2@example.org"}, f"{owners(lab, 1)}")
        crosswise(lab, "ar1", stock, home)
        nothing_refused(lab, "ar1")


@case(120, quick=True)
def stock_assigns():
    """Stock charon in place of kedge-ha assigns an address of its pool; and
    what is no home address of that anchor's, which is refused. (It does not
    know of Binding Updates, so it is soon left.)"""
    def prepare(lab):
        configured()(lab)
        lab.ip("mn", "address add 2001:db8:1::5/128 dev lo")

    with at_ar3(prepare, daemons=["mn"], anchors=(1,)) as lab:
        cert = lab.conf["ar1"]["ike"]
        stock = Stock(lab, "ar1", "stock-ar1").start()

        def offer(pool):
            stock.load(connection(
                ar(1), "%any", {
                    "auth": "pubkey", "certs": cert["certificate"],
                    "id": identity("ar1")},
                {"auth": "pubkey", "cacerts": lab.ca.cert}, ar(1), "::",
                {"pools": "one"} if pool else {}, dynamic(False)),
                [cert["key"]], pools={"one": {"addrs": pool}} if pool else {})
        for nth, (pool, what) in enumerate((
                ("2001:db8:99::17/128", "of another's prefix"),
                ("ff0e::17/128", "multicast"),
                ("2001:db8:1::5/128", "an interface's"),
                (f"{ar(1)}/128", "the home agent's"),
                (f"{hoa(3)}/128", "the care-of address"))):
            offer(pool)
            with refused(lab, "mn", "ike_assigned"):
                fails(lab, nth)
            print(f"  {what}: refused")
            end(stock)
        offer(None)
        with refused(lab, "mn", "ike_refused_hoa"):
            fails(lab, 5)
        offer(f"{ONE}/128")
        check(request(lab, 6) == ONE, "not the pool's")
        crosswise(lab, "mn", stock, ONE)
        check(f"{ONE}/128" in stock.swanctl("--list-sas"),
              stock.swanctl("--list-sas"))
        lab.stop("mn")
        wait_for("its end", lambda: not stock.sas())


@case(limit=90, quick=True)
def remote_on_demand():
    """ar3 anchors nothing: the first socket that asks for session-lasting is
    refused at once, an address of the remote anchor comes for the next, and
    goes when nobody has used it for a while."""
    with at_ar3(configured(), keys="psk") as lab:
        cannot_have(lab, "session-lasting", "Cannot assign requested address")
        home = outcome(lab, 0)["hoa"]
        bound(lab, home, 3)
        check(start(lab, "lasting", "tcp", "--service", "session-lasting") ==
              home, "not from the remote anchor's address")
        check(start(lab, "plain") == hoa(3), "an unmarked flow got it")
        lab.move(2)
        flowing(lab, "lasting")
        whole(lab, "lasting")
        wait_for("released", lambda: not lab.bindings("mn"), 20)
