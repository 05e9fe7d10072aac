# SPDX-License-Identifier: GPL-2.0-or-later
"""End-to-end cases about home agents that are found: by asking on the home link
(RFC 6275 11.4.1), by the DNS (RFC 5026 5.1); which one is chosen, and the next
one where that fails. Part of tests/netns/e2e."""

import os
import secrets
import signal
import time

import wire
from cases import cannot_have, case, check, flowing, start, whole, world
from journey import arrive
from kinds import FIXED, bound_fixed, serve
from lab import CN, HERE, PYTHON, ar, hoa, identity, wait_for

HOME = "2001:db8:1::/64"
OTHER = "2001:db8:1::2"         # a second home agent on ar1's link, in h1
NOBODY = "2001:db8:1::dd"


def finds(lab, **how):
    """A fixed address of ar1's link; its home agent is to be found."""
    lab.configure("mn", {"fixed main": {"address": FIXED, "prefix": HOME,
                                        **how},
                         "mn": {"discovery-interval": "2s"}})
    lab.configure("ar1", {"owner main": {"hoa": FIXED,
                                         "identity": identity("mn")}})


def silent(lab, **how):
    """The same, and kedge-ha hears no request (haads.py does, from below the
    filter)."""
    finds(lab, **how)
    lab.block("ar1", "icmpv6 type 144")


def second_agent(lab, more=None):
    """Another kedge-ha on ar1's link, in h1: it is a router there."""
    lab.sysctl("h1", **{"all/forwarding": 1, "net0/accept_ra": 0})
    lab.ip("h1", f"address add {OTHER}/64 dev net0 nodad",
           f"route add default via {ar(1)}")
    lab.conf["h1"] = {
        "ha": {"address": OTHER, **lab._places("h1")},
        "link net0": {"prefix": HOME},
        "owner main": {"hoa": FIXED, "identity": identity("mn")},
        "ike": {"identity": "ar9.example.org"},
        "psk lab": {"identity": "mn*@example.org", "secret": lab.psk}}
    lab.configure("h1", {k: v for k, v in (more or {}).items()
                         if v or k in lab.conf["h1"]})
    lab.start("h1")


def answering(lab, *agents, lies=""):
    """Somebody on ar1 answers, with these, after those lies."""
    lab.spawn("ar1", "haads", PYTHON, os.path.join(HERE, "haads.py"), "core0",
              ar(1), lies, *(agents or [ar(1)]))
    wait_for("haads.py listens", lambda: any(
        e["event"] == "listening" for e in lab.flow_said("haads")), 15)


def asked(lab):
    return [e for e in lab.flow_said("haads") if e["event"] == "request"]


def names(lab, *options):
    """A name server on cn, and kedge-mn asks it: it alone has that
    resolv.conf."""
    lab.spawn("cn", "dnsmasq", "dnsmasq", "-k", "-C", "/dev/null", "-u", "root",
              "--no-resolv", "--no-hosts", "--log-facility=-", "--log-queries",
              "--pid-file=", f"--listen-address={CN}", "--bind-interfaces",
              "--local=/example.org/", *options)
    conf = lab.path("conf", "resolv.conf")
    with open(conf, "w", encoding="ascii") as f:
        f.write(f"nameserver {CN}\n")
    wait_for("dnsmasq", lambda: "started" in lab.log("dnsmasq"))
    lab.stop("mn")
    lab.start("mn", prefix=("unshare", "-m", "sh", "-c",
                            f"mount --bind {conf} /etc/resolv.conf && "
                            'exec "$@"', "sh"))
    lab.monitor("mn")


def known(lab, ha):
    """kedge-mn's word on that home agent, {} if it knows none."""
    return next((a for a in lab.ctl("mn", "anchors")["anchors"]
                 if a["ha"] == ha), {})


def agent(lab):
    """The home agent of the binding that is acknowledged, or None."""
    return next((b["ha"] for b in lab.bindings("mn", "bound", "refreshing")
                 if b["hoa"] == FIXED), None)


@case(limit=90, quick=True)
def agent_found_by_asking():
    """11.4.1: a request to the anycast address from the care-of address, the
    binding with who was named, and nothing more is asked then."""
    with world(keys="psk", prepare=silent) as lab:
        serve(lab)
        answering(lab)
        pcap = lab.capture("mn", "net0", "icmp6")
        arrive(lab, 2)
        bound_fixed(lab, 2)
        one = known(lab, ar(1))
        check(one["learnt"] == "dhaad" and one["trusted"] and
              one["works"] and one["rank"] == 1, f"{one}")
        check(start(lab, "fixed", "tcp", "--service", "fixed") == FIXED,
              "another address")
        lab.move(3)
        lab.wait_address(3)
        bound_fixed(lab, 3)
        flowing(lab, "fixed")
        # at home it is the router's own word, away again as before
        lab.move(1)
        lab.wait_address(1)
        flowing(lab, "fixed")
        lab.move(2)
        lab.wait_address(2)
        bound_fixed(lab, 2)
        whole(lab, "fixed")
        lab.stop_captures()
        sent = [p for p in wire.packets(pcap) if p.proto == wire.ICMP6 and
                p.payload[0] == 144]
        check(len(sent) == 1 == len(asked(lab)), f"asked {len(sent)} times")
        check(sent[0].src == hoa(2) and sent[0].dst ==
              "2001:db8:1:0:fdff:ffff:ffff:fffe", f"{sent[0]}")
        check(wire.checksum(sent[0].src, sent[0].dst, 58,
                            sent[0].payload) == 0, "checksum")
        check(lab.count("mn", "events", "haad_found") == 1, "answers")


@case(limit=120)
def agent_asked_for_again():
    """11.4.1: nobody answers for a while: the same request after 3, 6 seconds
    more; from the new care-of address after a move."""
    with world(keys="psk", prepare=silent) as lab:
        serve(lab)
        pcap = lab.capture("mn", "net0", "icmp6")
        arrive(lab, 2)
        wait_for("three requests", lambda: lab.count(
            "mn", "events", "haad_asked") == 3, 20, 0.2)
        state = lab.ctl("mn", "anchors")["discovery"]
        check([d["state"] for d in state] == ["asking"], f"{state}")
        answering(lab)
        lab.move(3)
        lab.wait_address(3)
        bound_fixed(lab, 3)
        lab.stop_captures()
        sent = [p for p in wire.packets(pcap) if p.proto == wire.ICMP6 and
                p.payload[0] == 144]
        gaps = [b.time - a.time for a, b in zip(sent, sent[1:])]
        check([round(g) for g in gaps[:2]] == [3, 6], f"gaps {gaps}")
        ids = [p.payload[4:6] for p in sent]
        check(ids[0] == ids[1] == ids[2], f"identifiers {ids}")
        check(sent[-1].src == hoa(3), f"{sent[-1]}")


@case(limit=180)
def agent_found_despite_lies():
    """Answers with another identifier, from elsewhere, without addresses, with
    none that can be or with too many, cut; and a flood of them. Each is refused
    and counted, the question stands, and the truth is believed."""
    rounds = ((("id", "source"), {"haad_unmatched": 1, "haad_source": 1}),
              (("many", "long", "none"), {"haad_list": 3}),
              (("far", "cut", "flood"), {"haad_list": 1, "nd_truncated": 1,
                                         "haad_unmatched": 1000}))

    with world(keys="psk", prepare=silent) as lab, \
            lab.forging("icmpv6.type == 145"):
        for nth, (lies, counted) in enumerate(rounds):
            if nth:
                lab.stop("mn")
                lab.cmd("mn", *lab.daemon("mn"), "--flush")
                lab.stop("haads")
                os.unlink(lab.path("log", "haads"))
                lab.start("mn")
            answering(lab, lies=",".join(lies))
            if nth:
                lab.move(2)
            else:
                arrive(lab, 2)
            bound_fixed(lab, 2, 60)
            told = [e["lie"] for e in asked(lab)]
            check(told[-len(lies) - 1:] == [*lies, ""], f"{told}")
            for reason, n in counted.items():
                check(lab.count("mn", "refused", reason) == n,
                      f"{lies}: {reason}, "
                      f"{lab.count('mn', 'refused', reason)} of {n}")
            others = [a["ha"] for a in lab.ctl("mn", "anchors")["anchors"]
                      if a["ha"] not in (ar(1), ar(2))]
            check(not others, f"believed: {others}")


@case(limit=120)
def nobody_asks():
    """Nothing needs a home agent: not a packet, not a question to the DNS."""
    def prepare(lab):
        lab.configure("mn", {
            "anchor office": {"prefix": "2001:db8:7::/64"},
            "anchor far": {"prefix": HOME, "domain": "example.org",
                           "remote": "yes"},
            "mn": {"discovery-interval": "1s"}})
    with world(keys="psk", prepare=prepare) as lab:
        serve(lab)
        names(lab)
        pcap = lab.capture("mn", "net0", "icmp6 or udp port 53")
        arrive(lab, 2)
        time.sleep(5)
        lab.stop_captures()
        bad = [p for p in wire.packets(pcap) if p.proto == wire.UDP or
               p.payload[0] == 144]
        check(not bad, f"asked: {bad[:3]}")
        for name in ("haad_asked", "dns_asked"):
            check(lab.count("mn", "events", name) == 0, name)
        states = [d["state"] for d in lab.ctl("mn", "anchors")["discovery"]]
        check(set(states) == {"idle"}, f"{states}")


@case(limit=90)
def agent_found_by_name():
    """RFC 5026 5.1.1, a name in the DNS."""
    def prepare(lab):
        finds(lab, name="ha.example.org")
    with world(keys="psk", prepare=prepare) as lab:
        names(lab, f"--host-record=ha.example.org,{ar(1)}")
        arrive(lab, 2)
        bound_fixed(lab, 2)
        one = known(lab, ar(1))
        check(one["learnt"] == "dns" and one["trusted"], f"{one}")
        check(lab.count("mn", "events", "dns_asked") == 1, "more than once")
        check(lab.count("mn", "events", "haad_asked") == 0, "asked the link")


@case(limit=120)
def agent_found_by_service():
    """RFC 5026 5.1.2: SRV records, by priority; the first one's address is
    nobody's, the next one is tried."""
    def prepare(lab):
        finds(lab, domain="example.org")
        lab.configure("mn", {"ike": {"dpd": "2s"}})
    srv = "--srv-host=_mip6._ipv6.example.org"
    with world(keys="psk", prepare=prepare) as lab:
        names(lab, f"{srv},ha1.example.org,0,20,5",
              f"{srv},ha0.example.org,0,10,5",
              f"--host-record=ha1.example.org,{ar(1)}",
              f"--host-record=ha0.example.org,{NOBODY}")
        arrive(lab, 2)
        wait_for("both are known", lambda: known(lab, ar(1)) and
                 known(lab, NOBODY))
        first, second = known(lab, NOBODY), known(lab, ar(1))
        check((first["order"], second["order"]) == (0, 1) and
              first["rank"] == 1 and second["rank"] == 2, f"{first} {second}")
        check(second["rank_why"] == "behind: listed first", f"{second}")
        bound_fixed(lab, 2, 100)
        first, second = known(lab, NOBODY), known(lab, ar(1))
        check(first["failed"] and second["rank"] == 1, f"{first} {second}")
        print(f"  {NOBODY}: {first['failed_why']}")


@case(limit=90)
def agent_of_no_domain():
    """The domain names none, or there is no such domain: the home link is
    asked (RFC 6275 11.4.1)."""
    def prepare(lab):
        silent(lab, domain="example.org")
    with world(keys="psk", prepare=prepare) as lab:
        names(lab)
        answering(lab)
        arrive(lab, 2)
        bound_fixed(lab, 2)
        check(known(lab, ar(1))["learnt"] == "dhaad", "not asked")
        check(lab.count("mn", "events", "dns_failed") == 1, "dns_failed")


@case(limit=120)
def next_agent_where_refused():
    """11.4.1: the first of the list will not have us, the second does."""
    def prepare(lab):
        silent(lab)
        lab.configure("ar1", {"owner main": {"identity": "boss@example.org"}})
    with world(keys="psk", prepare=prepare) as lab:
        serve(lab)
        second_agent(lab)
        answering(lab, ar(1), OTHER)
        arrive(lab, 2)
        wait_for("by the other one", lambda: agent(lab) == OTHER, 40, 0.1)
        one = known(lab, ar(1))
        check(one["failed"] and not one["works"] and one["failed_why"] and
              one["rank"] == 2, f"{one}")
        check(known(lab, OTHER)["rank_why"] == "others failed",
              f"{known(lab, OTHER)}")
        check(start(lab, "fixed", "tcp", "--service", "fixed") == FIXED,
              "another address")
        flowing(lab, "fixed")
        whole(lab, "fixed")
        print(f"  {one['failed_why']}")


@case(limit=90)
def next_agent_by_status():
    """11.4.1 and 11.7.3: the first one answers with status 129; the next one is
    sent a Binding Update, but not before InitialBindackTimeoutFirstReg."""
    home = hoa(1)

    def pair(spi, ha):
        return {f"sa {spi + way}": {
            "spi": spi + way, "src": src, "dst": dst,
            "algorithm": "chacha20-poly1305", "key": secrets.token_hex(36),
            "identity": identity("mn")}
            for way, src, dst in ((0, home, ha), (1, ha, home))}

    def prepare(lab):
        ours = pair(0x7000, OTHER)
        lab.configure("mn", {"fixed main": {"address": home, "prefix": HOME},
                             "mn": {"discovery-interval": "2s"}, **ours})
        lab.configure("ar1", {"owner main": {"hoa": home,
                                             "identity": "boss@example.org"}})
        lab.block("ar1", "icmpv6 type 144")
        second_agent(lab, {"ike": None, "psk lab": None, **ours,
                           "owner main": {"hoa": home,
                                          "identity": identity("mn")}})
    with world(prepare=prepare) as lab:
        lab.monitor("mn")
        answering(lab, ar(1), OTHER)
        arrive(lab, 2)
        wait_for("by the other one", lambda: any(
            b["ha"] == OTHER for b in lab.bindings("mn", "bound")), 30, 0.1)
        told = [(e["event"], e["ha"], e.get("status", 0), e["time"])
                for e in lab.events("mn")
                if e["event"] in ("bu_sent", "ba_received")]
        check([t[:3] for t in told] == [
            ("bu_sent", ar(1), 0), ("ba_received", ar(1), 129),
            ("bu_sent", OTHER, 0), ("ba_received", OTHER, 0)], f"{told}")
        gap = told[2][3] - told[0][3]
        check(gap >= 1.5, f"the next one after {gap:.2f} s")
        one = known(lab, ar(1))
        check(one["failed_why"] and one["rank"] == 2, f"{one}")
        print(f"  {one['failed_why']}, the next one after {gap:.2f} s")


@case(limit=120)
def next_agent_when_dead():
    """11.4.1: the one in use answers no more; the session goes on by the
    other, and does not come back as soon as the first one lives."""
    with world(keys="psk", prepare=silent, mn={"lifetime": 8}) as lab:
        serve(lab)
        second_agent(lab)
        answering(lab, ar(1), OTHER)
        arrive(lab, 2)
        bound_fixed(lab, 2)
        check(agent(lab) == ar(1), f"{agent(lab)}")
        check(start(lab, "fixed", "tcp", "--service", "fixed") == FIXED,
              "another address")
        flowing(lab, "fixed")
        died = time.time()
        lab.stop("ar1", signal.SIGKILL)
        lab.cmd("ar1", *lab.daemon("ar1"), "--flush")
        wait_for("by the other one", lambda: agent(lab) == OTHER, 60, 0.1)
        print(f"  after {time.time() - died:.1f} s")
        flowing(lab, "fixed", 20)
        check(lab.count("mn", "events", "ha_changed") == 1, "ha_changed")
        check(any(e["event"] == "ha_changed" and e["ha"] == OTHER
                  for e in lab.events("mn")), "no event")
        lab.start("ar1")
        lab.move(3)
        lab.wait_address(3)
        wait_for("bound from ar3", lambda: lab.bound("mn").get(FIXED) ==
                 hoa(3), 15, 0.1)
        check(agent(lab) == OTHER, f"back at {agent(lab)}")
        flowing(lab, "fixed")
        whole(lab, "fixed")


@case(limit=90)
def nobody_is_agent():
    """None answers: sockets are told, there is no binding; until one does."""
    with world(keys="psk", prepare=silent) as lab:
        serve(lab)
        arrive(lab, 2)
        cannot_have(lab, "fixed", "Cannot assign requested address")
        check(not lab.bindings("mn"), f"{lab.bindings('mn')}")
        answering(lab)
        bound_fixed(lab, 2, 60)


@case(limit=90)
def remote_anchor_by_name():
    """ar3 anchors nothing; the remote anchor is found by its name when the
    first socket wants an address of it."""
    def prepare(lab):
        lab.configure("ar1", {"link acc0": {"pool": "2001:db8:1:0:8000::/80"},
                              "ike": {"pool-identity": "*@example.org"}})
        lab.configure("mn", {"anchor far": {
            "prefix": HOME, "name": "ha.example.org", "remote": "yes"}})
    with world(keys="psk", prepare=prepare, anchors=(1, 2),
               mn={"release-grace": 4}) as lab:
        lab.flow("cn", "server", "server")
        lab.flow_event("server", "listening")
        names(lab, f"--host-record=ha.example.org,{ar(1)}")
        lab.plug(3)
        lab.wait_address(3)
        check(lab.count("mn", "events", "dns_asked") == 0, "nobody wants it")
        cannot_have(lab, "session-lasting", "Cannot assign requested address")
        wait_for("assigned", lambda: lab.bindings("mn", "bound"), 20, 0.1)
        home = start(lab, "lasting", "tcp", "--service", "session-lasting")
        check(home.startswith("2001:db8:1:0:8000:"), home)
        one = known(lab, ar(1))
        check("assigns" in one["capabilities"] and "key-mobility" in
              one["capabilities"], f"{one['capabilities']}")
        flowing(lab, "lasting")
        whole(lab, "lasting")


@case(limit=90)
def agent_found_at_a_home_agent():
    """The same as agent_found_by_asking(), answered by kedge-ha."""
    with world(keys="psk", prepare=finds) as lab:
        serve(lab)
        arrive(lab, 2)
        bound_fixed(lab, 2)
        check(known(lab, ar(1))["learnt"] == "dhaad", f"{known(lab, ar(1))}")
        check(start(lab, "fixed", "tcp", "--service", "fixed") == FIXED,
              "another address")
        flowing(lab, "fixed")
        whole(lab, "fixed")
