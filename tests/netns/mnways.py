# SPDX-License-Identifier: GPL-2.0-or-later
"""tests/netns/dataplane: a mobile node with several interfaces.

    two: m0 --- r0 :wide     the home link
         m1 --- r1           CoA 2001:db8:e1::2
         m2 --- r2           CoA 2001:db8:e2::2

What comes from `wide` is made by scapy, or, for transfers, by its kernel.
"""
import select
import socket
import struct
import time

from scapy.all import (ESP, HAO, Ether, ICMPv6EchoRequest, ICMPv6ND_NS,
                       ICMPv6NDOptSrcLLAddr, ICMPv6PacketTooBig, IPv6,
                       IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, PadN, Raw, UDP,
                       raw)

HA, PEER = "2001:db8:a::1", "2001:db8:c::2"
HOA, COA1, COA2 = ("2001:db8:a::77", "2001:db8:e1::2", "2001:db8:e2::2")
OTHER = "2001:db8:e1::3"        # an address of ours that is no CoA of the HoA
UP, MULTI, HOME, BICAST = 1, 16, 32, 128
PATH_HOME = 1
REC_TOOBIG = 3
MTU = 1460
IPV6_MTU = 24
TICK = 0.15                     # s: more than one of dp_binding.used
STALE = 0.7                     # s: longer than COPY_WINDOW
QUIET = 0.3                     # s after which nothing comes
AGAIN = 0.03                    # s in which a packet may come another way, too


def seen(p, want):
    """Is that what is wanted? "n"atively, "t"unnelled, or not: ""."""
    if want(p[IPv6]):
        return "n"
    return "t" if p[IPv6].nh == 41 and want(p[IPv6].payload) else ""


class Ways:
    def __init__(self, d):
        self.d = d
        d.NAMES += ["two", "wide"]
        for ns in "two", "wide":
            d.sh("ip netns add " + d.PREFIX + ns)
            d.ip(ns, "link set lo up")
            # no DAD, and no MLD or RS of the kernel's own in between
            d.run_in(ns, "sysctl -qw net.ipv6.conf.all.accept_dad=0 "
                         "net.ipv6.conf.default.accept_dad=0 "
                         "net.ipv6.conf.default.router_solicitations=0 "
                         "net.ipv6.icmp.ratelimit=0")
        for i, net in enumerate(("a", "e1", "e2")):
            self.link(i, net)
        d.ip("two", "route add 2001:db8:a::/64 dev m0",
             f"route add default via {HA} dev m0 metric 100",
             "route add default via 2001:db8:e1::1 dev m1 metric 50",
             f"route add {HA}/128 via 2001:db8:e2::1 dev m2",
             f"rule add from {COA1} lookup 81 priority 600",
             f"rule add from {COA2} lookup 82 priority 600")
        self.ctl = d.mobile("two", HOA)
        d.ip("two", f"rule add from {HOA} oif m0 lookup 80 priority 499")
        self.ctl.do("open", "mn", d.tmp + "/bpf/two", 64, "kedge0")
        for i in range(3):
            self.ctl.do("attach", f"m{i}")
        self.ctl.do("attach_tun", "kedge0")
        for a in HOA, COA1, COA2, OTHER:
            self.ctl.do("addr", a)
        time.sleep(0.5)         # link-local addresses
        self.r = [d.Port("wide", f"r{i}") for i in range(3)]
        self.m0 = d.Port("two", "m0")
        self.mac = [d.mac("two", f"m{i}") for i in range(3)]
        self.turn = 0

    def link(self, i, net):
        """Neighbours are known: nothing but what is sent is on the wire."""
        d = self.d
        d.sh(f"ip -n {d.PREFIX}two link add m{i} type veth peer name r{i} "
             f"netns {d.PREFIX}wide")
        d.ip("wide", f"link set r{i} up")
        d.ip("two", f"link set m{i} up")
        if i:
            d.ip("two", f"addr add 2001:db8:{net}::2/64 dev m{i} nodad")
        router = f"2001:db8:{net}::1"
        d.ip("two", f"neigh add {router} dev m{i} lladdr "
             + d.mac("wide", f"r{i}"),
             f"route add 2001:db8:{net}::/64 dev m{i} table {80 + i}",
             f"route add default via {router} dev m{i} table {80 + i}")

    def bind(self, coa, dev, mtu, flags):
        self.ctl.do("bind", HOA, coa, HA, dev, mtu, flags)

    def flow(self, port, local, dev, mtu=MTU, flags=0, n=1, proto=17):
        self.ctl.do("flow", HOA, PEER, port, 5000, proto, local, HA, dev, mtu,
                    flags, n)

    def flow_of(self, port):
        return int(self.ctl.do("flowget", HOA, PEER, port, 5000,
                               17)[0].split()[1])

    def drain(self):
        for port in self.r:
            port.drain()

    def took(self, want, wait=1.0):
        """What of that came by (r0, r1, r2): "n"atively, "t"unnelled, or
        nothing; and the first such packet."""
        out, first = ["-"] * 3, None
        end = time.monotonic() + wait
        while time.monotonic() < end:
            ready = select.select(self.r, [], [], end - time.monotonic())[0]
            for port in ready:
                p = port.recv(lambda q: seen(q, want), 0.001)
                if p:
                    out[self.r.index(port)] = seen(p, want)
                    end = time.monotonic() + AGAIN
                    first = first or p
        return "".join(out), first

    def sent(self, s, port, n=64, layer=UDP, wait=1.0):
        """A datagram of a socket's: how it went."""
        self.drain()
        s.sendto(bytes(n), (PEER, port))
        return self.took(lambda p: p.dst == PEER and layer in p.payload and
                         p.nh != 41, wait)


def sock(w, port, kind=socket.SOCK_DGRAM):
    with w.d.inside("two"):
        s = socket.socket(socket.AF_INET6, kind)
        s.bind((HOA, port))
    return s


def coas(w):
    """RFC 5648: tunnels end at each care-of address, and nowhere else."""
    d, ctl = w.d, w.ctl
    s = sock(w, 5000)
    s.settimeout(0.3)

    def arrives(i, coa, src=HA):
        before = ctl.stats()
        w.r[i].send(Ether(dst=w.mac[i]) / IPv6(src=src, dst=coa) /
                    d.udp(PEER, HOA))
        try:
            s.recv(2048)
            return "", ctl.counted(before)
        except socket.timeout:
            return "lost", ctl.counted(before)

    w.bind(COA1, "m1", MTU, UP)
    ctl.do("coa", HOA, COA2, "m2")
    d.check(arrives(1, COA1) == ("", {"decap": 1}), "the binding's own CoA")
    d.check(arrives(2, COA2) == ("lost", {"drop_tunnel_wrong_coa": 1}),
            "a plain binding has no other CoA")
    w.bind(COA1, "m1", MTU, UP | MULTI)
    for i, coa, src, want in [
            (1, COA1, HA, ("", {"decap": 1})),
            (2, COA2, HA, ("", {"decap": 1})),
            (1, COA2, HA, ("", {"decap": 1})),
            (1, OTHER, HA, ("lost", {"drop_tunnel_wrong_coa": 1})),
            (2, COA2, PEER, ("lost", {"drop_tunnel_wrong_ha": 1}))]:
        got = arrives(i, coa, src)
        d.check(got == want, "5648 5.4 a CoA of several", coa, src, got)
    ctl.do("uncoa", HOA, COA2)
    d.check(arrives(2, COA2)[0] == "lost", "and not when it is gone")
    s.close()


def flows(w):
    """RFC 6089: from kedge0, by the flow binding of its five-tuple."""
    d, ctl = w.d, w.ctl
    w.bind(COA1, "m1", MTU, UP | MULTI)
    w.flow(6001, COA2, "m2")
    s1, s2 = sock(w, 6001), sock(w, 6002)
    before, b0 = ctl.stats(), ctl.binding(HOA)
    got = w.sent(s1, 5000)
    if d.check(got[0] == "--t", "6089 4.2 its own way", got):
        o = got[1][IPv6]
        d.check((o.src, o.dst, o.payload.src) == (COA2, HA, HOA),
                "outer addresses of its path", o.summary())
    d.check(ctl.counted(before) == {"encap": 1, "by_flow_binding": 1},
            "counted", ctl.counted(before))
    d.check(w.flow_of(6001) == 1 and ctl.binding(HOA)["tx"] == b0["tx"] + 1,
            "by flow and binding")
    for what, got in [
            ("another port of ours", w.sent(s2, 5000)),
            ("another port of the peer's", w.sent(s1, 5001)),
            ("fragments", w.sent(s1, 5000, 3000, IPv6ExtHdrFragment))]:
        d.check(got[0] == "-t-", "the binding's own way: " + what, got)
    d.check(w.flow_of(6001) == 1, "counted for it: its own alone")
    w.flow(6001, COA2, "m2", 1300)
    ctl.ring()
    d.check(w.sent(s1, 5000, 1290, wait=QUIET)[0] == "---" and
            w.sent(s2, 5000, 1290)[0] == "-t-", "its path's MTU")
    recs = ctl.ring()
    d.check([r[0:3:2] for r in recs] == [(REC_TOOBIG, 1300)], "is told", recs)
    d.check(w.flow_of(6001) == 1, "an update keeps what is counted")
    w.flow(6001, COA2, "m2", n=0)
    d.check(w.sent(s1, 5000)[0] == "-t-", "6089 4.3 an inactive one is none")
    w.flow(6001, COA2, "m2")
    tcp = sock(w, 6001, socket.SOCK_STREAM)
    tcp.setblocking(False)
    tcp.connect_ex((PEER, 5000))
    got = w.took(lambda p: p.nh == 6 and p.dst == PEER)
    d.check(got[0] == "-t-", "another protocol", got)
    w.bind(COA1, "m1", MTU, UP)
    d.check(w.sent(s1, 5000)[0] == "-t-", "a plain binding has no flows")
    w.bind(COA1, "m1", MTU, MULTI)
    ctl.do("tunread")
    d.check(w.sent(s1, 5000, wait=QUIET)[0] == "---" and
            len(ctl.do("tunread")) == 1, "not up: to the daemon")
    for s in s1, s2, tcp:
        s.close()
    ctl.do("unflow", HOA, PEER, 6001, 5000, 17)


def home(w):
    """RFC 5648's H: what leaves kedge0 natively, by the home link."""
    d, ctl = w.d, w.ctl
    s1, s2 = sock(w, 6001), sock(w, 6002)
    s1.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, 33)
    w.bind(COA1, "m1", MTU, UP | MULTI)
    w.flow(6001, HOA, "m0", 1500, PATH_HOME)
    before, b0 = ctl.stats(), ctl.binding(HOA)
    time.sleep(TICK)
    got = w.sent(s1, 5000)
    if d.check(got[0] == "n--", "a flow by the home link", got):
        p = got[1]
        d.check((p.dst, p[IPv6].src, p[IPv6].hlim, len(p)) ==
                (d.mac("wide", "r0"), HOA, 33, 14 + 48 + 64),
                "to its router, as it is", p.summary())
    d.check(ctl.counted(before) == {"by_home_link": 1, "by_flow_binding": 1},
            "counted", ctl.counted(before))
    b = ctl.binding(HOA)
    d.check(b["tx"] == b0["tx"] and b["last"] > b0["last"] + 5e7 and
            w.flow_of(6001) == 1, "as no tunnel's", b, b0)
    d.check(w.sent(s2, 5000)[0] == "-t-", "the rest by the tunnel")
    w.flow(6001, HOA, "m0", 1280, PATH_HOME)
    ctl.ring()
    d.check(w.sent(s1, 5000, 1300, wait=QUIET)[0] == "---" and
            [r[2] for r in ctl.ring()] == [1280], "a narrow home link")
    w.bind(HOA, "m0", 1500, UP | MULTI | HOME)
    w.flow(6001, COA2, "m2")
    d.check(w.sent(s1, 5000)[0] == "--t" and w.sent(s2, 5000)[0] == "n--",
            "all by the home link but one flow")
    w.bind(HOA, "m0", 1500, MULTI | HOME)
    d.check(w.sent(s2, 5000)[0] == "n--", "also where no tunnel is up")
    ctl.do("unflow", HOA, PEER, 6001, 5000, 17)
    s1.close()
    s2.close()


def links_own(w):
    """What stays, whatever the binding says."""
    ike = IPv6(src=HOA, dst=HA) / UDP(sport=500, dport=500) / Raw(bytes(40))
    hao = IPv6ExtHdrDestOpt(options=[PadN(optdata=b"\0\0"), HAO(hoa=PEER)])
    return [
        ("an NS", IPv6(src=HOA, dst=HA, hlim=255) / ICMPv6ND_NS(tgt=HA) /
         ICMPv6NDOptSrcLLAddr(lladdr="02:00:00:00:00:01")),
        ("to a link-local address", IPv6(src=HOA, dst="fe80::1") / UDP()),
        ("to a group", IPv6(src=HOA, dst="ff02::fb") / UDP(dport=5353)),
        ("ESP to the HA", IPv6(src=HOA, dst=HA) / ESP(spi=7, data=bytes(32))),
        ("an MH to the HA", IPv6(src=HOA, dst=HA, nh=135) / Raw(bytes(16))),
        ("IKE to the HA", ike),
        ("a BU from it as a CoA", IPv6(src=HOA, dst=PEER) / hao /
         ESP(spi=7, data=bytes(32))),
        ("a tunnel from it as a CoA", IPv6(src=HOA, dst=HA) /
         w.d.udp("2001:db8:b::1", PEER)),
    ]


def on_link(w):
    """A HoA on its link: what leaves it there and is to go another way."""
    d, ctl = w.d, w.ctl
    d.ip("two", f"addr del {HOA}/128 dev kedge0",
         f"rule del from {HOA} lookup 77",
         f"addr add {HOA}/64 dev m0 nodad",
         f"rule add from {HOA} lookup 80 priority 600")
    s1, s2 = sock(w, 6001), sock(w, 6002)
    w.bind(HOA, "m0", 1500, UP | MULTI | HOME)
    w.flow(6001, COA1, "m1")
    ctl.do("multi", 0)
    before = ctl.stats()
    d.check(w.sent(s1, 5000)[0] == "n--" and not ctl.counted(before),
            "nobody looks where there is none", ctl.counted(before))
    ctl.do("multi", 1)
    got = w.sent(s1, 5000)
    if d.check(got[0] == "-t-", "a flow off its link", got):
        o = got[1][IPv6]
        d.check((o.src, o.dst, o.payload.src) == (COA1, HA, HOA),
                "its outer addresses", o.summary())
    d.check(ctl.counted(before) == {"taken_off_link": 1, "encap": 1,
                                    "by_flow_binding": 1}, "counted",
            ctl.counted(before))
    d.check(w.sent(s2, 5000)[0] == "n--", "the others stay")
    off_link_too_big(w, s1)
    w.bind(HOA, "m0", 1500, MULTI | HOME)
    d.check(w.sent(s1, 5000)[0] == "n--", "no tunnel is up: they stay")
    # no HOME: sockets remember their routes
    w.bind(COA2, "m2", MTU, UP | MULTI)
    d.check(w.sent(s2, 5000)[0] == "--t", "all off the link")
    echo = IPv6(src=HOA, dst=PEER) / ICMPv6EchoRequest(data=b"x" * 32)
    for what, packet, want in [("an echo request", echo, "--t"),
                               ("a datagram", d.udp(HOA, PEER), "--t")] + [
            (what, p, "n--") for what, p in links_own(w)]:
        w.drain()
        w.m0.send(Ether(dst="02:00:00:00:00:01") / packet)
        data = raw(packet)
        got = w.took(lambda p: raw(p)[8:48] == data[8:48])
        d.check(got[0] == want, "off the link, or not: " + what, got)
    restart(w, s1, s2)
    s1.close()
    s2.close()


def off_link_too_big(w, s):
    """RFC 2473 7.1: and the stack takes it from kedge0 for a socket that has
    its route by the link."""
    d, ctl = w.d, w.ctl
    w.flow(6001, COA1, "m1", 1300)
    ctl.ring()
    d.check(w.sent(s, 5000, 1290, wait=QUIET)[0] == "---",
            "too big for its path")
    recs = ctl.ring()
    if not d.check([r[0:3:2] for r in recs] == [(REC_TOOBIG, 1300)],
                   "is told", recs):
        return
    with d.inside("two"):
        s.connect((PEER, 5000))
    was = s.getsockopt(socket.IPPROTO_IPV6, IPV6_MTU)
    error = IPv6(src=HA, dst=HOA) / ICMPv6PacketTooBig(mtu=1300) / \
        Raw(recs[0][4][:64])
    ctl.do("tunwrite", raw(error).hex())
    end = time.monotonic() + 2
    now = was
    while now == was and time.monotonic() < end:
        now = s.getsockopt(socket.IPPROTO_IPV6, IPV6_MTU)
    d.check((was, now) == (1500, 1300), "its socket hears of it", was, now)
    s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    # path of 1280: the daemon makes fragments of what may not be shorter
    w.flow(6001, COA1, "m1", 1240)
    ctl.do("tunread")
    d.check(w.sent(s, 5000, 1200, wait=QUIET)[0] == "---", "a path of 1280")
    pkts = [bytes.fromhex(line.split()[1]) for line in ctl.do("tunread")]
    d.check([len(p) for p in pkts] == [1248], "to the daemon, whole")
    w.flow(6001, COA1, "m1")


def restart(w, s1, s2):
    """The next daemon's programs know it from the maps."""
    d, ctl = w.d, w.ctl
    ctl.do("close")
    d.check(ctl.do("open", "mn", d.tmp + "/bpf/two", 64, "kedge0") ==
            ["took_over 1"], "taken over")
    for i in range(3):
        ctl.do("attach", f"m{i}")
    ctl.do("attach_tun", "kedge0")
    d.check(w.sent(s1, 5000)[0] == "-t-" and w.sent(s2, 5000)[0] == "--t",
            "after a restart as before")


def transfers(w):
    """The kernel's own segments, large ones, off the link and back by a
    tunnel."""
    d = w.d
    ha = d.Ctl("wide")
    ha.do("open", "ha", d.tmp + "/bpf/wide", 64)
    for i in range(3):
        ha.do("attach", f"r{i}")
    ha.do("addr", HA)
    ha.do("bind", HOA, HA, COA1, "r1", 0, 0)
    d.run_in("wide", "sysctl -qw net.ipv6.conf.all.forwarding=1")
    d.ip("wide", f"addr add {HA}/64 dev r0 nodad",
         f"addr add {PEER}/128 dev lo",
         "addr add 2001:db8:e1::1/64 dev r1 nodad",
         f"neigh add {COA1} dev r1 lladdr {w.mac[1]}")
    d.ip("two", f"route replace {PEER}/128 via {HA} dev m0")
    w.bind(COA1, "m1", MTU, UP | MULTI)
    before, b0 = w.ctl.stats(), ha.stats()
    for a, b in (("two", HOA), ("wide", PEER)), (("wide", PEER), ("two", HOA)):
        ok, rate = d.transfer(*a, *b, max(1, d.MB // 10))
        d.check(ok, "TCP, by a tunnel off the link: bytes as sent", a)
        print(f"  TCP {a[0]} -> {b[0]}, off the link {rate:7.0f} MB/s")
    done = w.ctl.counted(before)
    d.check(done["taken_off_link"] == done["encap"] > 100 and
            done["decap"] > 100 and
            not [k for k in done if k.startswith("drop")],
            "all of it by the tunnel", done, ha.counted(b0))
    for ns in "two", "wide":
        d.check(d.csum_errors(ns) == 0, "no checksum errors in " + ns)
    ha.do("flush")
    d.run_in("wide", "sysctl -qw net.ipv6.conf.all.forwarding=0")
    d.ip("wide", f"addr del {HA}/64 dev r0", f"addr del {PEER}/128 dev lo",
         "addr del 2001:db8:e1::1/64 dev r1")
    d.ip("two", f"route del {PEER}/128 via {HA} dev m0")


class Copies:
    """Datagrams to the HoA by the care-of addresses, and what is read of
    them."""
    def __init__(self, w):
        self.w, self.s = w, sock(w, 5000)
        self.s.settimeout(2)
        self.n = 0

    def send(self, way, packet):
        w = self.w
        if way:
            packet = IPv6(src=HA, dst=(COA1, COA2)[way - 1]) / packet
        w.r[way].send(Ether(dst=w.mac[way]) / packet)

    def datagram(self, text, **kw):
        """The same text is the same packet."""
        return IPv6(src=PEER, dst=HOA, **kw) / \
            UDP(sport=4000, dport=5000) / Raw(text.encode())

    def read(self):
        """All that has come, in order: up to one that was sent last."""
        self.n += 1
        last = f"last {self.n}"
        self.send(1, self.datagram(last))
        out = []
        while True:
            text = self.s.recv(4096).decode()
            if text == last:
                return out
            out.append(text)

    def run(self, *what):
        """(way, text) each; what was read, and how many were dropped."""
        before = self.w.ctl.stats()
        for way, text in what:
            self.send(way, self.datagram(text))
        got = self.read()
        return got, self.w.ctl.counted(before).get("drop_second_copy", 0)


def copies(w):
    """RFC 6089 5.3.6: the second copy of each is dropped."""
    d, ctl = w.d, w.ctl
    c = Copies(w)
    w.bind(COA1, "m1", MTU, UP | MULTI)
    ctl.do("coa", HOA, COA2, "m2")
    d.check(c.run((1, "a"), (2, "a")) == (["a", "a"], 0),
            "no bicasting: both come")
    w.bind(COA1, "m1", MTU, UP | MULTI | BICAST)
    long = "z" * 1300
    for what, sent, want in [
            ("one of each", [(1, "b"), (2, "b"), (2, "c"), (1, "c")],
             (["b", "c"], 2)),
            ("one way only", [(1, "d")] * 5, (["d"] * 5, 0)),
            ("the same again, in turns", [(1, "e"), (2, "e")] * 5,
             (["e"] * 5, 5)),
            ("reordered", [(1, "f"), (1, "g"), (1, "h"), (2, "h"), (2, "f"),
                           (2, "g")], (["f", "g", "h"], 3)),
            ("lost here and there",
             [(1, "i"), (2, "j"), (2, "k"), (1, "k"), (1, "l"), (2, "l"),
              (2, "m")], (list("ijklm"), 2)),
            ("the same by the other way only, afterwards",
             [(1, "n"), (2, "n"), (2, "n"), (2, "n")], (["n"] * 3, 1)),
            ("long ones that differ in the last byte",
             [(1, long + "1"), (2, long + "2")],
             ([long + "1", long + "2"], 0)),
            ("long ones that are the same",
             [(1, long + "3"), (2, long + "3")], ([long + "3"], 1))]:
        got = c.run(*sent)
        d.check(got == want, "copies: " + what, got)
    same = c.run(*[(1, "o")] * 3, *[(2, "o")] * 3)
    d.check(3 <= len(same[0]) <= 5, "a volley of the same: none is lost", same)
    first = c.run((1, "p"))
    time.sleep(STALE)
    d.check(first == (["p"], 0) and c.run((2, "p")) == (["p"], 0),
            "nothing waits for long")
    copies_alike(w, c)
    copies_on_link(w, c)
    many = [f"{i} of many" for i in range(200)]
    got = c.run(*[(way, t) for t in many for way in (2, 1)])
    d.check(got == (many, 200), "one each of many", len(got[0]), got[1])
    c.s.close()


def copies_alike(w, c):
    """What devices and routers change on the way."""
    d, before = w.d, w.ctl.stats()
    for text, a, b in [("ce", dict(tc=2), dict(tc=3)),
                       ("hops", dict(hlim=60), dict(hlim=59))]:
        c.send(1, c.datagram(text, **a))
        c.send(2, c.datagram(text, **b))
    good = c.datagram("sum")
    c.send(1, good)
    part = bytearray(raw(good))     # left to a device, of which there is none
    part[46:48] = struct.pack("!H", 0xffff)
    c.send(2, IPv6(bytes(part)))
    got, done = c.read(), w.ctl.counted(before)
    d.check(got == ["ce", "hops", "sum"] and
            done == {"decap": 4, "drop_second_copy": 3}, "alike all the same",
            got, done)
    for kw in dict(fl=1), dict(fl=2):
        c.send(1 + (kw["fl"] == 2), c.datagram("label", **kw))
    d.check(c.read() == ["label"] * 2, "another flow label: another packet")


def copies_on_link(w, c):
    """One of the ways is the home link (RFC 5648 5.6: the H flag)."""
    d = w.d
    w.ctl.do("multi", 1)
    d.check(c.run((0, "q"), (1, "q"), (1, "r"), (0, "r"), (0, "s"),
                  (2, "t")) == (["q", "r", "s", "t"], 2),
            "a copy by the home link")
    w.ctl.do("multi", 0)
    d.check(c.run((1, "u"), (0, "u")) == (["u", "u"], 0),
            "where nobody looks")


def cases(d):
    w = d.step("MN, several interfaces: laboratory", Ways, d)
    d.step("MN: care-of addresses", coas, w)
    d.step("MN: flows", flows, w)
    d.step("MN: the home link from kedge0", home, w)
    d.step("MN: off a link", on_link, w)
    d.step("MN: transfers off a link", transfers, w)
    d.step("MN: second copies", copies, w)
    w.ctl.do("flush")
