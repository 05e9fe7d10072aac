# SPDX-License-Identifier: GPL-2.0-or-later
"""End-to-end cases about the tunnel's slow paths: errors from inside it, outer
fragments and options, mobile nodes that talk to each other. Part of
tests/netns/e2e; tests/netns/dataplane has what BPF does alone."""

import hashlib
import json
import logging
import os
import time

import cases
from cases import (Failed, case, check, flowing, gone, start, traveller, tshark,
                   whole, world)
from journey import arrive, away
from lab import CN, HERE, PYTHON, ar, hoa, wait_for

logging.getLogger("scapy").setLevel(logging.ERROR)
from scapy.all import (IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment,  # noqa: E402
                       ICMPv6DestUnreach, ICMPv6PacketTooBig, UDP, Raw,
                       fragment6)
from scapy.layers.inet6 import HBHOptUnknown  # noqa: E402

PROBE = os.path.join(HERE, "probe.py")
PORT = 7100
UNREACHABLE, TOO_BIG, EXCEEDED = 1, 2, 3
# What the daemons sent and got, IPv6 in all.
EVERYTHING = "ip6"


# --- plumbing ---------------------------------------------------------------

def probe(lab, space, source, host, **kw):
    """probe.py udp's report."""
    args = [x for k, v in kw.items() for x in (f"--{k}", v)]
    out = lab.cmd(space, PYTHON, PROBE, "udp", source, host, *args)
    return json.loads(out.splitlines()[-1])


def send(lab, space, *packets):
    lab.cmd(space, PYTHON, PROBE, "send",
            stdin="".join(bytes(p).hex() + "\n" for p in packets))


def listen(lab, space, address, name="listener"):
    lab.spawn(space, name, PYTHON, PROBE, "listen", address)
    lab.flow_event(name, "listening")


def got(lab, name="listener"):
    return [line for line in lab.flow_said(name) if line["event"] == "got"]


def arrived(lab, n, name="listener", limit=5):
    """Waits for n datagrams in all; returns them."""
    wait_for(f"{n} datagrams, got {got(lab, name)}",
             lambda: len(got(lab, name)) >= n, limit)
    time.sleep(0.1)
    check(len(got(lab, name)) == n, f"more than {n}: {got(lab, name)}")
    return got(lab, name)


class Counts:
    """What a daemon counted since, as {name: number}."""

    def __init__(self, lab, who):
        self.lab, self.who = lab, who
        self.before = self.now()

    def now(self):
        groups = self.lab.ctl(self.who, "counters")
        return {k: v for g in groups.values() if isinstance(g, dict)
                for k, v in g.items()}

    def since(self, *names):
        now = self.now()
        return {n: now[n] - self.before[n] for n in names}

    def await_(self, **want):
        """Until these have grown by so many."""
        try:
            wait_for("", lambda: self.since(*want) == want, 5, 0.05)
        except cases.LabError:
            raise Failed(f"{self.who} counted {self.since(*want)}, "
                         f"not {want}") from None


def narrow(lab, mtu, net=2):
    """The link between core and the access router that the MN is at: in the
    middle of its tunnels."""
    lab.ip("core", f"link set ar{net} mtu {mtu}")
    lab.ip(f"ar{net}", f"link set core0 mtu {mtu}")


def prefix(lab, net, verb, kind=""):
    """core's route to an access router's prefix, replaced by no route."""
    lab.ip("core", f"route {verb} {kind} 2001:db8:{net}::/64 metric 1")


def nft(lab, space, text):
    lab.cmd(space, "nft", "-f", "-", stdin="table ip6 t\ndelete table ip6 t\n"
            + (f"table ip6 t {{\n{text}\n}}\n" if text else ""))


def judged(lab, *pcaps):
    """tshark finds nothing wrong in these captures."""
    lab.stop_captures()
    for pcap in pcaps:
        bad = tshark(pcap, "-Y",
                     "_ws.malformed || ipv6.fragment.error || "
                     "(icmpv6.checksum.status == 0 && icmpv6.type < 128)")
        check(not bad, f"tshark objects in {pcap} to: {bad[:5]}")
        check(tshark(pcap, "-c", "5"), f"{pcap} is empty")


def tunnelled(inner, src, dst, *headers):
    """inner from src to dst, with extension headers before it."""
    outer = IPv6(src=src, dst=dst)
    for h in headers:
        outer = outer / h
    return outer / inner


def limit_option(value):
    """RFC 2473 5.1, and the padding that it needs."""
    return IPv6ExtHdrDestOpt(options=[
        HBHOptUnknown(otype=4, optlen=1, optdata=bytes([value])),
        HBHOptUnknown(otype=1, optlen=1, optdata=b"\0")])


def fragments(packet, size):
    """Of a tunnel packet without options, unlike fragment6(), which takes the
    inner header for one of its own."""
    data, out = bytes(packet)[40:], []
    for at in range(0, len(data), size):
        out.append(IPv6(src=packet.src, dst=packet.dst, tc=packet.tc) /
                   IPv6ExtHdrFragment(nh=41, id=len(data) + 77777,
                                      offset=at // 8,
                                      m=int(at + size < len(data))) /
                   Raw(data[at:at + size]))
    return out


def datagram(src, dst, size, **kw):
    """An IPv6 packet of this size."""
    return IPv6(src=src, dst=dst, **kw) / UDP(sport=7200, dport=PORT) / \
        Raw(os.urandom(size - 48))


def digest(packet):
    return hashlib.sha256(bytes(packet[UDP].payload)).hexdigest()


# --- errors from inside the tunnel ------------------------------------------

@case(quick=True)
def narrow_tunnel():
    """RFC 2473 7 and 8: the path's MTU is told to the inner source of the
    first packet that is too long; from then on it is known."""
    with traveller(("udp", "udp"), route=(1,)) as lab:
        narrow(lab, 1400)
        pcaps = [lab.capture("mn", "net0", EVERYTHING),
                 lab.capture("cn", "core0", EVERYTHING)]
        lab.move(2)
        lab.wait_address(2)
        away(lab, [1])
        listen(lab, "cn", CN, "at-cn")
        listen(lab, "mn", hoa(1), "at-mn")
        for space, src, dst, who in (("mn", hoa(1), CN, "mn"),
                                     ("cn", CN, hoa(1), "ar1")):
            c = Counts(lab, who)
            told = probe(lab, space, src, dst, size=1440)
            check([(e["type"], e["info"], e["from"]) for e in told["errors"]]
                  == [(TOO_BIG, 1360, ar(1))], f"{space} was told {told}")
            c.await_(errors_relayed=1, ptb_sent=0, tunnel_quote_unbound=0)
            told = probe(lab, space, src, dst, size=1440)
            check([(e["type"], e["info"]) for e in told["errors"]] ==
                  [(0, 1360)] and told["refused"], f"{space} forgot: {told}")
            probe(lab, space, src, dst, size=1360, wait=0.1)
        check([g["size"] for g in arrived(lab, 1, "at-cn")] == [1360] and
              [g["size"] for g in arrived(lab, 1, "at-mn")] == [1360],
              "1360 bytes do not fit")
        # Another destination: nothing of it has to enter the tunnel.
        for space, src, dst, who in (
                ("mn", hoa(1), "2001:db8:c::1", "mn"),
                ("core", "2001:db8:f01::1", hoa(1), "ar1")):
            c = Counts(lab, who)
            told = probe(lab, space, src, dst, size=1400)
            check([(e["type"], e["info"]) for e in told["errors"]] ==
                  [(TOO_BIG, 1360)], f"another destination: {told}")
            c.await_(errors_relayed=0, ptb_sent=1)
        lab.flow_end("udp")
        lab.stop("at-mn")
        gone(lab, 2)
        judged(lab, *pcaps)


@case()
def narrow_tunnel_tcp():
    """The path narrows at the move, and once more while a flow is away."""
    with traveller(("session",), route=(1,)) as lab:
        narrow(lab, 1400)
        pcaps = [lab.capture("mn", "net0", EVERYTHING),
                 lab.capture("cn", "core0", EVERYTHING)]
        start(lab, "big", "tcp", "--seed", "big")
        lab.move(2)
        lab.wait_address(2)
        away(lab, [1])
        for mtu in (1400, 1330):
            c = [Counts(lab, who) for who in ("mn", "ar1")]
            narrow(lab, mtu)
            time.sleep(0.5)
            for name in ("session", "big"):
                flowing(lab, name)
        for counts in c:
            # a segment that is too big may be a while in coming
            wait_for(f"{counts.who} relays", lambda: counts.since(
                "errors_relayed")["errors_relayed"], 5, 0.1)
            n = counts.since("errors_relayed", "tunnel_quote_unbound")
            # Once the path is known it is BPF that says no.
            check(1 <= n["errors_relayed"] < 50, f"{counts.who} relayed {n}")
            check(not n["tunnel_quote_unbound"], f"{counts.who}: {n}")
        refused = lab.count("mn", "refused", "send_failed")
        check(not refused, f"mn could not send {refused} times")
        for name in ("session", "big"):
            whole(lab, name)
        gone(lab, 2)
        judged(lab, *pcaps)


@case()
def narrowest_tunnel():
    """RFC 2473 7.1 (b): 1280 bytes pass where the path's MTU is 1280."""
    with traveller(("session",), route=(1,)) as lab:
        narrow(lab, 1280)
        pcaps = [lab.capture("mn", "net0", EVERYTHING),
                 lab.capture("ar1", "core0", EVERYTHING)]
        lab.move(2)
        lab.wait_address(2)
        away(lab, [1])
        flowing(lab, "session")
        listen(lab, "cn", CN, "at-cn")
        listen(lab, "mn", hoa(1), "at-mn")
        # The paths' MTU is known now: what a flow is told is 1280.
        for space, src, dst in (("mn", hoa(1), CN), ("cn", CN, hoa(1))):
            told = probe(lab, space, src, dst, size=1400, count=3, wait=0.5)
            check(told["errors"] and all(e["info"] == 1280
                                         for e in told["errors"]),
                  f"{space} was told {told}")
            before = len(got(lab, "at-" + ("cn" if space == "mn" else "mn")))
            for size in (1240, 1241, 1280):
                probe(lab, space, src, dst, size=size, wait=0.1)
            there = arrived(lab, before + 3,
                            "at-" + ("cn" if space == "mn" else "mn"))
            check([g["size"] for g in there[before:]] == [1240, 1241, 1280],
                  f"from {space}: {there}")
        for who in ("mn", "ar1"):
            for name in ("slow_fragmented", "slow_decap"):
                check(lab.count(who, "events", name) >= 2,
                      f"{who}: {name} is not counted")
        flowing(lab, "session")
        whole(lab, "session")
        lab.stop("at-mn")
        gone(lab, 2)
        judged(lab, *pcaps)


@case()
def tunnel_unreachable():
    """RFC 2473 8: unreachable, and hop limit exceeded, inside the tunnel:
    address unreachable to the source. Traceroute through it works."""
    with traveller(("session",)) as lab:
        away(lab, [1])
        flowing(lab, "session")
        pcaps = [lab.capture("mn", "net0", EVERYTHING),
                 lab.capture("cn", "core0", EVERYTHING)]
        ends = (("mn", hoa(1), CN, 1), ("cn", CN, hoa(1), 2))

        def told(space, src, dst):
            r = probe(lab, space, src, dst, count=2, wait=1.5)
            kinds = {(e["type"], e["code"], e["from"]) for e in r["errors"]}
            check(kinds == {(UNREACHABLE, 3, ar(1))}, f"{space}: {r}")

        for space, src, dst, net in ends:
            prefix(lab, net, "add", "unreachable")
            told(space, src, dst)
            prefix(lab, net, "del", "unreachable")
        nft(lab, "core", "chain c { type filter hook prerouting priority -150;"
            " ip6 nexthdr 41 ip6 hoplimit set 1; }")
        for space, src, dst, _ in ends:
            told(space, src, dst)
        nft(lab, "core", "")
        flowing(lab, "session")
        # Outside of it: through the tunnel to a source that is away.
        hops = []
        for n in (1, 2, 3):
            r = probe(lab, "mn", hoa(1), CN, hops=n, wait=2)
            hops += [(e["type"], e["from"]) for e in r["errors"]]
        check(hops == [(EXCEEDED, "2001:db8:f01::2"),
                       (EXCEEDED, "2001:db8:f01::1"),
                       (UNREACHABLE, CN)], f"traceroute: {hops}")
        # The tunnel is one hop, its entry the one that counts.
        r = [probe(lab, "cn", CN, hoa(1), hops=n, wait=2) for n in (1, 2, 3)]
        hops = [(e["type"], e["from"]) for x in r for e in x["errors"]]
        check([h[0] for h in hops] == [EXCEEDED, EXCEEDED, UNREACHABLE] and
              hops[2][1] == hoa(1), f"traceroute from cn: {hops}")
        whole(lab, "session")
        gone(lab, 2)
        judged(lab, *pcaps)


def forge_errors(lab, router):
    """Errors from there, about the tunnel, to both its ends."""
    inner = datagram(CN, hoa(1), 1400)
    sent = datagram(hoa(1), CN, 1400)

    def error(kind, src, dst, packet, about=None):
        about = about or tunnelled(packet, src, dst)
        return IPv6(src=router, dst=src) / kind / \
            Raw(bytes(about)[:1232])

    at_ha = (ar(1), hoa(2), inner)
    at_mn = (hoa(2), ar(1), sent)
    unreachable = ICMPv6DestUnreach(code=0)
    for who, (src, dst, packet) in (("ar1", at_ha), ("mn", at_mn)):
        other = IPv6(bytes(packet))
        if who == "ar1":
            other.dst = "2001:db8:1::77"
        else:
            other.src = "2001:db8:1::77"
        c = Counts(lab, who)
        send(lab, "core",
             error(unreachable, src, "2001:db8:3::3", packet),
             error(ICMPv6PacketTooBig(mtu=1300), src, "2001:db8:3::3",
                   packet),
             error(unreachable, src, dst, other))
        c.await_(tunnel_quote_unbound=3, errors_relayed=0,
                 tunnel_errors=0)
        # The inner header is cut off.
        send(lab, "core", error(unreachable, src, dst, packet,
                                Raw(bytes(tunnelled(packet, src, dst))
                                    [:79])))
        c.await_(tunnel_quote=1, errors_relayed=0)
        # An error about an error, and what does not concern the source.
        icmp = IPv6(src=packet.src, dst=packet.dst) / unreachable / \
            Raw(bytes(sent)[:100])
        send(lab, "core", error(unreachable, src, dst, icmp))
        c.await_(tunnel_errors=1, errors_relayed=0)
        # A flood is answered at a rate.
        begun = time.monotonic()
        send(lab, "core", *[error(unreachable, src, dst, packet)] * 500)
        spent = time.monotonic() - begun
        time.sleep(0.5)
        # The kernel's queue is short: not all get to the daemon.
        n = c.since("errors_relayed", "errors_limited", "tunnel_errors")
        check(n["errors_relayed"] + n["errors_limited"] ==
              n["tunnel_errors"] - 1 and n["errors_limited"] and
              90 <= n["errors_relayed"] <= 100 * (1.1 + spent),
              f"{who}: {n} in {spent:.2f} s")


@case()
def forged_errors():
    """An error is relayed only if its quote is of a binding; at a rate."""
    with traveller(("session",)) as lab:
        away(lab, [1])
        router = "2001:db8:f01::1"
        with lab.forging(f"icmpv6.type < 128 && ipv6.src == {router}"):
            forge_errors(lab, router)
        flowing(lab, "session")
        whole(lab, "session")
        gone(lab, 2)


# --- what BPF leaves of the tunnel ------------------------------------------

def forgeries(who, ends, inner):
    """[(reason, tunnel packet, its traffic class)] that who must refuse."""
    p, stray = datagram(*inner, 1000), "2001:db8:2::bad"
    at_ha = who == "ar1"
    out = [("tunnel_wrong_coa", tunnelled(p, stray, ends[1]), 0) if at_ha else
           ("tunnel_wrong_ha", tunnelled(p, ar(3), ends[1]), 0),
           ("tunnel_inner", tunnelled(Raw(bytes(p)[:-1]), *ends), 0),
           ("tunnel_inner", tunnelled(Raw(b"\x45" + bytes(p)[1:]), *ends), 0),
           ("tunnel_ecn", tunnelled(p, *ends), 3)]
    if at_ha:
        out += [(reason, tunnelled(datagram(src, dst, 600), *ends), 0)
                for reason, src, dst in (
                    ("tunnel_no_binding", "2001:db8:1::77", CN),
                    ("tunnel_link_scope", inner[0], "fe80::1"),
                    ("tunnel_link_scope", inner[0], "ff02::16"),
                    ("tunnel_multicast", inner[0], "ff0e::77"))]
    return out


def spoofed(lab, who, space, name, ends, inner):
    before = len(got(lab, name))
    for reason, packet, tclass in forgeries(who, ends, inner):
        option = IPv6(src=packet.src, dst=packet.dst, tc=tclass) / \
            limit_option(1) / Raw(bytes(packet)[40:])
        option[IPv6ExtHdrDestOpt].nh = 41
        packet.tc = tclass
        for out in (fragments(packet, 400), [option]):
            c = Counts(lab, who)
            send(lab, space, *out)
            c.await_(**{reason: 1, "slow_decap": 0})
    time.sleep(0.1)
    check(len(got(lab, name)) == before, f"{who}: spoofed ones arrived")


@case()
def outer_fragments():
    """Fragments and the encapsulation limit, to the HA and to the MN; spoofed
    ones are refused, each for its reason."""
    with traveller(("session",)) as lab:
        away(lab, [1])
        pcaps = [lab.capture("ar1", "core0", EVERYTHING),
                 lab.capture("mn", "net0", EVERYTHING)]
        listen(lab, "cn", CN, "at-cn")
        listen(lab, "mn", hoa(1), "at-mn")
        to_ha = "ar1", "mn", "at-cn", (hoa(2), ar(1)), (hoa(1), CN)
        to_mn = "mn", "ar1", "at-mn", (ar(1), hoa(2)), (CN, hoa(1))
        for who, space, name, ends, inner in (to_ha, to_mn):
            c = Counts(lab, who)
            good = [datagram(*inner, size, hlim=9, tc=tc)
                    for size, tc in ((1400, 0), (600, 2), (1452, 0xb8))]
            out = fragments(tunnelled(good[0], *ends), 1232) + \
                [tunnelled(good[1], *ends, limit_option(3))] + \
                fragments(tunnelled(good[2], *ends), 504)[::-1]
            out[2].tc = 3
            send(lab, space, *out)
            there = {g["sha256"]: g for g in arrived(lab, 3, name)}
            check(set(there) == {digest(p) for p in good}, f"{who}: {there}")
            check(there[digest(good[1])]["tclass"] == 3,
                  f"{who}: congestion mark lost: {there}")
            check(there[digest(good[2])]["tclass"] == 0xb8, f"{there}")
            # The home agent forwards, and core does.
            check({g["hops"] for g in there.values()} ==
                  {7 if who == "ar1" else 9}, f"{who}: hop limit: {there}")
            c.await_(slow_decap=3)
        # The hop limit ends at the HA, which is a router.
        c = Counts(lab, "ar1")
        send(lab, "mn", *fragments(tunnelled(datagram(hoa(1), CN, 600, hlim=1),
                                             hoa(2), ar(1)), 400))
        c.await_(errors_sent=1, slow_decap=0)
        judged(lab, *pcaps)
        with lab.forging("ipv6.fraghdr || ipv6.dstopts"):
            for way in (to_ha, to_mn):
                spoofed(lab, *way)
        flowing(lab, "session")
        whole(lab, "session")
        lab.stop("at-mn")
        gone(lab, 2)


@case()
def other_tunnel():
    """Another IPv6-in-IPv6 tunnel of the host works beside kedge; at the HA
    one does that ends at another address of the router."""
    end = ("import socket, sys; s = socket.socket(10, 3, 41); "
           "s.settimeout(8); print('listening', flush=True); "
           "p = s.recv(4096); print(p.hex())")
    with traveller(("session",)) as lab:
        away(lab, [1])
        for who, at in (("mn", hoa(2)), ("ar1", "2001:db8:f01::2")):
            inner = datagram("2001:db8:77::1", "2001:db8:78::1", 300)
            c = Counts(lab, who)
            lab.spawn(who, f"end-{who}", PYTHON, "-c", end)
            wait_for("listening", lambda: "listening" in
                     lab.log(f"end-{who}"))
            send(lab, "cn", tunnelled(inner, CN, at))
            wait_for("the tunnel's packet",
                     lambda: bytes(inner).hex() in lab.log(f"end-{who}"))
            c.await_(pass_other_tunnel=int(who == "mn"), tunnel_no_binding=0,
                     drop_tunnel_no_binding=0)
        # Where there is no tunnel nothing is answered either.
        pcap = lab.capture("cn", "core0", "icmp6[0] < 128")
        send(lab, "cn", tunnelled(inner, CN, hoa(2)))
        time.sleep(0.5)
        lab.stop_captures()
        check(not tshark(pcap), f"answered: {tshark(pcap)}")
        whole(lab, "session")
        gone(lab, 2)


@case()
def multicast_out_of_the_tunnel():
    """RFC 6275 10.4.2: none of link scope goes on, and no other without a
    multicast router."""
    with traveller(("session",)) as lab:
        away(lab, [1])
        pcaps = [lab.capture(*at, "ip6 proto 17 and dst net ff00::/8 and "
                             "dst port 7100")
                 for at in (("ar1", "acc0"), ("ar1", "core0"), ("cn", "core0"))]
        for dst, drop in (("ff02::1", 1), ("fe80::1", 1), ("ff0e::77", 0)):
            c = Counts(lab, "ar1")
            send(lab, "mn", tunnelled(datagram(hoa(1), dst, 300), hoa(2),
                                      ar(1)))
            c.await_(drop_tunnel_link_scope=drop)
        time.sleep(0.3)
        lab.stop_captures()
        for pcap in pcaps:
            check(not tshark(pcap), f"forwarded: {tshark(pcap)}")
        whole(lab, "session")
        gone(lab, 2)


# --- who talks to whom ------------------------------------------------------

def pair(lab, net, at2):
    """A TCP session and a UDP flow between mn at arNET and mn2 at arAT2."""
    lab.plug(at2, "mn2")
    lab.wait_address(at2, who="mn2")
    arrive(lab, net)
    wait_for("mn2 knows its anchor", lambda: any(
        a["current"] for a in lab.ctl("mn2", "anchors")["anchors"]), 10, 0.1)
    peer = hoa(at2, "mn2")
    lab.flow("mn2", "server", "server", "--bind", peer)
    lab.flow_event("server", "listening")
    for name, proto, rate in (("tcp", "tcp", 2e5), ("udp", "udp", 200)):
        lab.flow("mn", name, proto, peer, "--rate", rate)
        local = lab.flow_event(name, "connected")["local"]["address"]
        check(local == hoa(net), f"{name} has {local}")
    time.sleep(0.3)


def both_away(lab, net, at2, to, to2):
    for who, n in (("mn", to), ("mn2", to2)):
        lab.move(n, who=who)
        lab.wait_address(n, who=who)
        home = net if who == "mn" else at2
        wait_for(f"{who}'s binding", lambda: lab.bound(who) ==
                 {hoa(home, who): hoa(n, who)})
        flowing(lab, "tcp")


def judge_pair(lab):
    whole(lab, "tcp")
    time.sleep(1)
    ended = time.time()
    udp = lab.flow_end("udp")
    check(not udp["twice"] and udp["received"] > udp["sent"] / 2, f"{udp}")
    late = [r for r in udp["lost_ranges"] if r[3] > ended - 0.5]
    check(not late, f"lost at the end: {late}")


@case()
def two_mobile_nodes_at_one_ha():
    with world(second=True) as lab:
        pair(lab, 1, 1)
        pcap = lab.capture("ar1", "core0", EVERYTHING)
        both_away(lab, 1, 1, 2, 3)
        c = Counts(lab, "ar1")
        time.sleep(1)
        check(c.since("mn_to_mn")["mn_to_mn"] > 20, "not from tunnel to tunnel")
        # An error about a packet between them goes through both tunnels.
        # The flows' packets take their share of the errors.
        lab.cmd("core", "sysctl", "-qw", "net.ipv6.icmp.ratelimit=0")
        prefix(lab, 3, "add", "unreachable")
        r = probe(lab, "mn", hoa(1), hoa(1, "mn2"), count=2, wait=1.5)
        prefix(lab, 3, "del", "unreachable")
        check({(e["type"], e["code"], e["from"]) for e in r["errors"]} ==
              {(UNREACHABLE, 3, ar(1))}, f"told: {r}")
        # Fragments from one to the other: out of a tunnel, and into one.
        listen(lab, "mn2", hoa(1, "mn2"), "at-mn2")
        p = datagram(hoa(1), hoa(1, "mn2"), 1400)
        send(lab, "mn", *fragments(tunnelled(p, hoa(2), ar(1)), 800))
        check(arrived(lab, 1, "at-mn2")[0]["sha256"] == digest(p),
              "not what was sent")
        judge_pair(lab)
        judged(lab, pcap)


@case()
def two_mobile_nodes_at_two_has():
    with world(second=True) as lab:
        pair(lab, 1, 2)
        pcaps = [lab.capture(f"ar{n}", "core0", EVERYTHING) for n in (1, 2)]
        both_away(lab, 1, 2, 3, 3)
        counts = [Counts(lab, f"ar{n}") for n in (1, 2)]
        time.sleep(1)
        for c in counts:
            n = c.since("encap", "decap", "mn_to_mn")
            check(n["encap"] > 20 and n["decap"] > 20 and not n["mn_to_mn"],
                  f"{c.who}: {n}")
        judge_pair(lab)
        judged(lab, *pcaps)


@case()
def home_link_neighbour():
    """A host on the home link and the mobile node that has left it."""
    with world() as lab:
        arrive(lab, 1)
        wait_for("h1's address", lambda: lab.addresses(space="h1"))
        h1 = lab.addresses(space="h1")[0]["local"]
        lab.flow("h1", "server", "server", "--bind", h1)
        lab.flow_event("server", "listening")
        lab.flow("mn", "tcp", "tcp", h1, "--rate", 2e5)
        lab.flow_event("tcp", "connected")
        time.sleep(0.3)
        pcap = lab.capture("h1", "net0", EVERYTHING)
        lab.move(2)
        lab.wait_address(2)
        away(lab, [1])
        flowing(lab, "tcp")
        # Both find the other where it does not listen.
        for space, src, dst in (("mn", hoa(1), h1), ("h1", h1, hoa(1))):
            r = probe(lab, space, src, dst, wait=2)
            check([(e["type"], e["code"], e["from"]) for e in r["errors"]] ==
                  [(UNREACHABLE, 4, dst)], f"{space}: {r}")
        whole(lab, "tcp")
        gone(lab, 2)
        judged(lab, pcap)
