# SPDX-License-Identifier: GPL-2.0-or-later
"""tests/netns/dataplane: a home agent whose mobile node has several ways.

The HoA's care-of addresses: COA behind h2 (mn), COAB behind h3 (mn2); its home
link is h1 (nb). Which way a packet goes is told by the port that it comes out
of: "a", "b", or "h", natively.
"""
import socket
import struct
import time

from scapy.all import (ESP, ICMPv6EchoRequest, ICMPv6HAADReply,
                       ICMPv6MPAdv, ICMPv6ND_NS, IPv6,
                       IPv6ExtHdrDestOpt, IPv6ExtHdrFragment,
                       IPv6ExtHdrHopByHop, PadN, Raw, SCTP, TCP, UDP, Ether,
                       raw)

COAB = "2001:db8:f2::9"
NB_PEER = "2001:db8:a::c"       # another host of the home link
MULTI, HOME, ON_LINK = 16, 32, 64
PEER_PORT, HOA_PORT = 4000, 5000
UDPLITE = 136


class Ways:
    def __init__(self, d, ctl, cn, nb, mn, mn2):
        self.d, self.ctl = d, ctl
        self.cn, self.ports = cn, {"a": mn, "b": mn2, "h": nb}
        self.gw = d.mac("ha", "h0")
        self.a, self.b = f"{d.HA},{d.COA}", f"{d.HA},{COAB}"
        self.check = d.check

    def bind(self, flags, coa=None):
        self.ctl.do("bind", self.d.HOA, self.d.HA, coa or self.d.COA, "h2",
                    self.d.MTU, flags)

    def select(self, *words):
        self.ctl.do("select", self.d.HOA, *words)

    def only(self, *words):
        """The one selector there is: to b, what else goes to a."""
        self.select()
        self.select(7, self.b, *words)

    def flow(self, paths, pri=5, proto=17, hoa=None):
        self.ctl.do("ways", hoa or self.d.HOA, self.d.CN, HOA_PORT, PEER_PORT,
                    proto, pri, paths)

    def unflow(self, proto=17):
        self.ctl.do("unflow", self.d.HOA, self.d.CN, HOA_PORT, PEER_PORT, proto)

    def counters(self, proto=17):
        line = self.ctl.do("flowget", self.d.HOA, self.d.CN, HOA_PORT,
                           PEER_PORT, proto)[0]
        return tuple(int(x) for x in line.split()[1:])

    def got(self, sent, wait):
        """Where it came out, in order of the letters, each as often as it did,
        and the packets. sent: or the end of it."""
        want = sent if isinstance(sent, bytes) else \
            bytes(IPv6(raw(sent)).payload)
        where, packets = "", []
        end = time.monotonic() + wait
        for name, port in self.ports.items():
            while True:
                p = port.recv(lambda p: True,
                              max(0.02, end - time.monotonic()))
                if not p:
                    break
                p = p[IPv6]
                inner = p.payload if p.nh == 41 else p
                if not bytes(inner.payload).endswith(want) or \
                        (name == "h") == (p.nh == 41):
                    continue
                where += name
                packets.append(p)
        return where, packets

    def send(self, packet, wait=0.12, port=None, dst=None):
        for p in self.ports.values():
            p.drain()
        (port or self.cn).send(Ether(dst=dst or self.gw) / packet)
        return self.got(packet, wait)

    def goes(self, want, what, packet=None, **kw):
        packet = packet or self.udp()
        where, packets = self.send(packet, **kw)
        if where != want and len(where) < len(want):    # a busy machine
            where, packets = self.send(packet, 1.5, **kw)
        self.check(where == want, what, f"went to {where!r}, not {want!r}")
        return packets

    def udp(self, sport=PEER_PORT, dport=HOA_PORT, **kw):
        kw = {"src": self.d.CN, "dst": self.d.HOA, "hlim": 17, **kw}
        return IPv6(**kw) / UDP(sport=sport, dport=dport) / Raw(b"w" * 40)

    def ip(self, upper, **kw):
        return IPv6(src=self.d.CN, dst=self.d.HOA, **kw) / upper


def exact(w):
    """A flow binding of one five-tuple."""
    d = w.d
    w.goes("a", "no flow binding: the binding's own")
    w.flow(w.b)
    before, b0 = w.ctl.stats(), w.ctl.binding(d.HOA)
    packets = w.goes("b", "6089 5.3.6: the flow goes where it is bound to",
                     w.udp(tc=0xb9, fl=0xabcde))
    if packets:
        o, i = packets[0], packets[0].payload
        w.check((o.src, o.dst, o.hlim, o.tc) == (d.HA, COAB, 64, 0xb9),
                "its outer fields", o.summary())
        w.check((i.src, i.dst, i.hlim, i.tc, i.fl) ==
                (d.CN, d.HOA, 16, 0xb9, 0xabcde), "its inner ones")
    n = len(w.udp())
    w.check(w.ctl.counted(before) == {"encap": 1, "by_flow_binding": 1},
            "counted", w.ctl.counted(before))
    w.check(w.counters() == (1, n), "and in the flow", w.counters())
    b = w.ctl.binding(d.HOA)
    w.check((b["tx"] - b0["tx"], b["tx_bytes"] - b0["tx_bytes"]) == (1, n),
            "and in the binding", b)
    for what, packet in (("peer's port", w.udp(sport=4001)),
                         ("own port", w.udp(dport=5001)),
                         ("peer", w.udp(src="2001:db8:c::3")),
                         ("protocol", w.ip(TCP(sport=4000, dport=5000)))):
        w.goes("a", f"another {what}: not that flow", packet)
    w.flow(w.b)
    w.check(w.counters() == (1, n), "counters outlive a change", w.counters())
    w.flow("none")
    w.goes("a", "6089 4.3: an inactive flow binding is skipped")
    w.unflow()
    protocols(w)


def protocols(w):
    """All that have ports there, and behind extension headers."""
    hbh = IPv6ExtHdrHopByHop(options=[PadN(optdata=bytes(4))])
    dest = IPv6ExtHdrDestOpt(options=[PadN(optdata=bytes(12))])
    ports = struct.pack("!HH", PEER_PORT, HOA_PORT)
    cases = [("TCP", 6, TCP(sport=PEER_PORT, dport=HOA_PORT)),
             ("SCTP", 132, SCTP(sport=PEER_PORT, dport=HOA_PORT)),
             ("DCCP", 33, Raw(ports + bytes(12))),
             ("UDP-Lite", UDPLITE, Raw(ports + bytes(4)))]
    for name, proto, upper in cases:
        packet = w.ip(upper)
        packet.nh = proto
        w.goes("a", name + ", not bound", packet)
        w.flow(w.b, proto=proto)
        w.goes("b", name + ", bound", packet)
        w.unflow(proto)
    w.flow(w.b)
    u = UDP(sport=PEER_PORT, dport=HOA_PORT) / Raw(b"x" * 9)
    for what, packet in (("hop-by-hop", w.ip(hbh / u)),
                         ("destination", w.ip(dest / u)),
                         ("both", w.ip(hbh / dest / u))):
        w.goes("b", f"ports behind {what} options", packet)
    w.unflow()


def ranges(w):
    """RFC 6088 3.2, field by field."""
    d = w.d
    esp = w.ip(ESP(spi=0x1000, seq=1, data=b"z" * 40))
    echo = w.ip(ICMPv6EchoRequest(data=b"ping"))
    cases = [
        ("peer", "2001:db8:c::1-2001:db8:c::2", [w.udp()],
         [w.udp(src="2001:db8:c::3"), w.udp(src="2001:db8:c::")]),
        ("peer", "2001:db8:b:ffff:ffff:ffff:ffff:fff0-2001:db8:c::2",
         [w.udp()], [w.udp(src="2001:db8:c:0:8000::1")]),
        ("hoa", f"{d.HOA}-{d.HOA}", [w.udp()], []),
        ("hoa", "2001:db8:a::9a-2001:db8:a::ff", [], [w.udp()]),
        ("spi", "0xfff-0x1000", [esp],
         [w.ip(ESP(spi=0x1001, seq=1, data=b"z" * 40)), w.udp()]),
        ("label", "0x12345-0x12346", [w.udp(fl=0x12345), w.udp(fl=0x12346)],
         [w.udp(fl=0x12344), w.udp(fl=0x12347)]),
        ("peer_port", "3999-4001", [w.udp(), w.udp(sport=4001)],
         [w.udp(sport=3998), w.udp(sport=4002), echo]),
        ("hoa_port", "5000-5000", [w.udp(), w.ip(TCP(dport=5000))],
         [w.udp(dport=4999), w.udp(dport=5001), esp]),
        # of 6088's TC the two lower bits are ECN's, and ignored
        ("tc", "0xb9-0xbb", [w.udp(tc=0xb8), w.udp(tc=0xbb)],
         [w.udp(tc=0xb7), w.udp(tc=0xbc)]),
        ("proto", "17-17", [w.udp()], [w.ip(TCP(dport=5000)), echo]),
        ("proto", "58-132", [echo, w.ip(SCTP(dport=1))], [w.udp()]),
    ]
    for field, values, yes, no in cases:
        w.only(f"{field}={values}")
        for packet in yes:
            w.goes("b", f"6088 3.2 {field} {values}", packet)
        for packet in no:
            w.goes("a", f"6088 3.2 not {field} {values}", packet)
    w.only()
    w.goes("b", "no field: all that is", echo)
    w.only("peer_port=4000-4000", "tc=0x20-0x20", "proto=17-17")
    w.goes("b", "several fields: all of them fit", w.udp(tc=0x20))
    for packet in (w.udp(tc=0x24), w.udp(sport=1, tc=0x20),
                   w.ip(TCP(sport=4000), tc=0x20)):
        w.goes("a", "several fields: one does not", packet)
    w.only("proto=17-17")
    w.goes("b", "6088 3.2: the protocol behind extension headers",
           w.ip(IPv6ExtHdrDestOpt(options=[PadN(optdata=bytes(4))]) /
                UDP(sport=1, dport=2)))
    w.select()


def priorities(w):
    """RFC 6089 5.3.6: the lowest FID-PRI that takes the packet."""
    w.select(10, w.b, "proto=17-17")
    w.flow(w.a, pri=9)
    w.goes("a", "the five-tuple, of lower FID-PRI, before the range")
    w.flow(w.a, pri=11)
    w.goes("b", "the range, of lower FID-PRI, before the five-tuple")
    w.unflow()
    w.select()
    w.select(10, w.a, "peer_port=4000-4000")
    w.select(20, w.b)
    w.goes("a", "the first of two ranges")
    w.goes("b", "the second, where the first does not fit", w.udp(sport=9))
    w.select()
    w.select(10, "none")
    w.select(20, w.b)
    w.goes("b", "6089 4.3: an inactive one is skipped")
    w.select()
    for i in range(15):
        w.select(i, w.a, f"peer_port={i}-{i}")
    w.select(15, w.b)
    w.goes("b", "the last of sixteen")
    w.select()


def selector_counters(w):
    """Of each selector's own packets, whatever comes beside it."""
    def read():
        return {int(line.split()[1]): tuple(map(int, line.split()[2:]))
                for line in w.ctl.do("selget", w.d.HOA)}

    n = len(w.udp())
    w.select()
    w.select(10, w.a, "peer_port=1-5")
    w.select(20, w.b, "proto=17-17")
    w.goes("a", "the first selector's", w.udp(sport=2))
    for _ in range(2):
        w.goes("b", "the second's", w.udp(sport=6))
    w.check(read() == {10: (1, n), 20: (2, 2 * n)}, "each has its counters",
            read())
    w.select(30, w.a, "peer_port=9-9")
    w.flow(w.a, pri=15)
    w.goes("a", "a five-tuple of a priority between them")
    w.check(w.counters() == (1, n) and
            read() == {10: (1, n), 20: (2, 2 * n), 30: (0, 0)},
            "one more: the others' counters go on", read(), w.counters())
    w.unflow()
    w.select()
    w.select(20, w.b)
    w.check(read() == {20: (0, 0)}, "all were removed: a new one is new", read())
    w.select()


def fragments(w):
    """RFC 6089 5.3.6: all fragments of a packet go the same way."""
    whole = bytes(UDP(sport=PEER_PORT, dport=HOA_PORT, len=120) / Raw(bytes(112)))
    parts = [w.ip(IPv6ExtHdrFragment(nh=17, offset=off // 8, m=off < 80, id=7)
                  / Raw(whole[off:off + 40])) for off in (0, 40, 80)]
    w.flow(w.b)
    for packet in parts:
        w.goes("a", "6089 5.3.6 fragments: not by ports", packet)
    w.only("peer_port=4000-4000")
    for packet in parts:
        w.goes("a", "6089 5.3.6 fragments: nor by a range of ports", packet)
    w.only("proto=17-17")
    for packet in parts:
        w.goes("b", "6089 5.3.6 fragments: by what all have", packet)
    w.select()
    w.unflow()


def signalling(w):
    """Mobile IPv6's own packets are nobody's flow."""
    d = w.d
    w.only()
    mh = IPv6(src=d.CN, dst=d.HOA, nh=135) / \
        Raw(bytes([59, 1, 13]) + bytes(13))
    for what, packet in (("a Mobility Header", mh),
                         ("HAAD", w.ip(ICMPv6HAADReply())),
                         ("a prefix advertisement", w.ip(ICMPv6MPAdv()))):
        w.goes("a", what + " goes the default way", packet)
    w.goes("b", "another's ESP is a flow",
           w.ip(ESP(spi=d.SPI, seq=1, data=b"z" * 40)))
    with d.inside("ha"), socket.socket(socket.AF_INET6, socket.SOCK_RAW,
                                       50) as s:
        for p in w.ports.values():
            p.drain()
        s.bind((d.HA, 0))
        data = struct.pack("!II", d.SPI, 1) + bytes(32)
        s.sendto(data, (d.HOA, 0))
        where = w.got(IPv6(src=d.HA, dst=d.HOA, nh=50) / Raw(data), 0.3)[0]
        w.check(where == "a", "the home agent's own ESP is none", where)
    w.select()


def sources(w):
    """RFC 5648 6.5: tunnel packets may come from each care-of address."""
    d = w.d
    back = {"a": d.mac("ha", "h2"), "b": d.mac("ha", "h3")}
    inner = IPv6(src=d.HOA, dst=d.CN, hlim=9) / UDP(dport=5000) / Raw(b"up")

    def up(name, src, stat):
        before = w.ctl.stats()
        w.cn.drain()
        w.ports[name].send(Ether(dst=back[name]) /
                           IPv6(src=src, dst=d.HA) / inner)
        got = w.cn.recv(lambda p: p[IPv6].src == d.HOA,
                        1 if stat == "decap" else d.QUIET)
        w.check(bool(got) == (stat == "decap") and
                w.ctl.counted(before) == {stat: 1}, f"5648 6.5 from {src}: {stat}",
                w.ctl.counted(before))

    up("b", COAB, "drop_tunnel_wrong_coa")
    w.ctl.do("coa", d.HOA, COAB)
    for _ in range(2):
        up("a", d.COA, "decap")
        up("b", COAB, "decap")
    up("b", "2001:db8:f2::a", "drop_tunnel_wrong_coa")
    w.bind(MULTI | HOME | ON_LINK, d.HOA)
    up("b", COAB, "decap")      # the default at home
    up("a", d.COA, "drop_tunnel_wrong_coa")
    w.bind(0)
    up("b", COAB, "drop_tunnel_wrong_coa")      # not MULTI: not asked
    w.bind(MULTI)
    w.ctl.do("uncoa", d.HOA, COAB)
    up("b", COAB, "drop_tunnel_wrong_coa")


def at_home(w):
    """The default is the home link, with one flow in a tunnel; or one flow at
    home, and the default in a tunnel."""
    d = w.d
    d.ip("ha", f"neigh replace {d.HOA} dev h1 lladdr {d.mac('nb', 'n0')} "
         "nud permanent")
    w.bind(MULTI | HOME | ON_LINK, d.HOA)
    before = w.ctl.stats()
    packets = w.goes("h", "the default at home: the stack's")
    w.check(packets and packets[0].hlim == 16 and
            not w.ctl.counted(before), "a hop less, nothing counted",
            w.ctl.counted(before))
    w.flow(w.b)
    w.goes("b", "its flow goes by the tunnel")
    w.goes("h", "and all else does not", w.udp(sport=1))
    w.flow("home")
    w.bind(MULTI | ON_LINK)
    w.goes("h", "a flow at home")
    w.goes("a", "with the default away", w.udp(sport=1))
    w.flow(f"{w.b}+home")
    for order in ("home+" + w.b, w.b + "+home"):
        w.flow(order)
        before = w.ctl.stats()
        packets = w.goes("bh", "a copy to each: home and away")
        w.check([p.payload.hlim if p.nh == 41 else p.hlim
                 for p in packets] == [16, 16], "each a hop less")
        w.check(w.ctl.counted(before) ==
                {"encap": 1, "copies": 1, "by_flow_binding": 1}, "counted",
                w.ctl.counted(before))
    own(w)
    w.unflow()
    discovery(w)
    d.ip("ha", f"neigh del {d.HOA} dev h1")
    w.bind(MULTI)


def own(w):
    """The router's own packets."""
    d = w.d
    with d.inside("ha"), socket.socket(socket.AF_INET6,
                                       socket.SOCK_DGRAM) as s:
        s.bind((d.HA, PEER_PORT))
        for paths, want in ((w.b, "b"), ("home", "h"), (w.b + "+home", "bh"),
                            (f"{w.a}+{w.b}", "ab")):
            w.ctl.do("ways", d.HOA, d.HA, HOA_PORT, PEER_PORT, 17, 1, paths)
            for _ in range(2):      # neighbours
                for p in w.ports.values():
                    p.drain()
                s.sendto(b"own" * 9, (d.HOA, HOA_PORT))
                where = w.got(b"own" * 9, 0.3)[0]
            w.check(where == want, "the router's own: " + want, where)
        w.ctl.do("unflow", d.HOA, d.HA, HOA_PORT, PEER_PORT, 17)


def discovery(w):
    """RFC 5648 6.3: with a path at home, it is the mobile node's."""
    d, nb = w.d, w.ports["h"]
    me, ha = d.mac("nb", "n0"), d.mac("ha", "h1")
    cases = [("resolution", d.solicit(NB_PEER, "ff02::1:ff00:99", d.HOA, me),
              "33:33:ff:00:00:99"),
             ("reachability", d.solicit(NB_PEER, d.HOA, d.HOA, me), ha)]
    for flags, taken in ((MULTI, 1), (MULTI | ON_LINK, 0),
                         (MULTI | HOME | ON_LINK, 0)):
        w.bind(flags)
        for what, packet, dst in cases:
            w.ctl.ring()
            nb.send(Ether(dst=dst) / packet)
            w.check(len(w.ctl.ring()) == taken,
                    f"5648 6.3 {what}, flags {flags}: taken {taken}")
    # The router asks itself: no answer is made up for it.
    for flags, out in ((MULTI, False), (MULTI | HOME | ON_LINK, True)):
        w.bind(flags)
        d.run_in("ha", f"ip -6 neigh del {d.HOA} dev h1")
        nb.drain()
        d.poke("ha", d.HOA)
        asked = nb.recv(lambda p: ICMPv6ND_NS in p and
                        p[ICMPv6ND_NS].tgt == d.HOA, 1 if out else d.QUIET)
        w.check(bool(asked) == out, f"5648 6.3 the router's own, flags {flags}")
    d.ip("ha", f"neigh replace {d.HOA} dev h1 lladdr {me} nud permanent")


def copies(w):
    """RFC 6089 5.3.6: a copy of the packet to each of the BIDs' addresses."""
    d = w.d
    w.flow(f"{w.a}+{w.b}")
    before, c0 = w.ctl.stats(), w.counters()
    packets = w.goes("ab", "6089 5.3.6 a copy to each",
                     w.udp(tc=0x2a, fl=0x777))
    n = len(w.udp())
    if len(packets) == 2:
        a, b = packets
        w.check((a.dst, b.dst) == (d.COA, COAB) and
                bytes(a.payload) == bytes(b.payload) and
                (a.tc, a.fl, a.hlim) == (b.tc, b.fl, b.hlim),
                "both the same, but for the outer destination")
    w.check(w.ctl.counted(before) ==
            {"encap": 2, "copies": 1, "by_flow_binding": 1}, "counted",
            w.ctl.counted(before))
    w.check(w.counters() == (c0[0] + 1, c0[1] + n), "the flow counts one")
    for lost in (["b"], ["a"], ["a", "b"]):
        for _ in range(4):
            for name in lost:
                d.run_in("ha", "ip -6 neigh del %s dev %s" %
                         ((d.COA, "h2") if name == "a" else (COAB, "h3")))
            w.ctl.do("routes")
            w.goes("ab", f"neighbours not known: {lost}")
    d.run_in("ha", "ip -6 route add unreachable 2001:db8:f1::2/128")
    w.ctl.do("routes")
    w.goes("b", "no way for the copy: the packet goes")
    d.run_in("ha", "ip -6 route del unreachable 2001:db8:f1::2/128")
    d.run_in("ha", f"ip -6 route add unreachable {COAB}/128")
    w.ctl.do("routes")
    w.goes("a", "no way for the packet: the copy goes")
    d.run_in("ha", f"ip -6 route del unreachable {COAB}/128")
    w.ctl.do("routes")
    w.select(1, f"{w.b}+{w.a}")
    w.goes("ab", "of a range: all is copied, ICMPv6 too",
           w.ip(ICMPv6EchoRequest(data=b"both")))
    w.goes("", "but not what ends here", w.udp(hlim=1))
    w.select()
    too_big(w)
    w.unflow()


def too_big(w):
    """One of two ways is too narrow: the sender is told, the other has it."""
    d = w.d
    for dev, other, lost in (("h2", "b", "a"), ("h3", "a", "b")):
        d.ip("ha", f"link set {dev} mtu 1400")
        w.ctl.do("routes")
        w.ctl.ring()
        packet = w.udp() / Raw(bytes(1380 - len(w.udp())))
        packet = IPv6(raw(packet[IPv6].copy()))
        big = IPv6(src=d.CN, dst=d.HOA) / \
            UDP(sport=PEER_PORT, dport=HOA_PORT) / Raw(bytes(1332))
        w.goes(other, f"too big for way {lost}: the other has it", big)
        recs = w.ctl.ring()
        w.check([(r[0], r[2]) for r in recs] == [(d.REC_TOOBIG, 1360)],
                "and the sender is told", recs)
        d.ip("ha", f"link set {dev} mtu 1280")
        w.ctl.do("routes")
        small = IPv6(src=d.CN, dst=d.HOA, hlim=9) / \
            UDP(sport=PEER_PORT, dport=HOA_PORT) / Raw(bytes(1212))
        packets = w.goes(other, f"way {lost} needs fragments", small)
        w.check(packets and packets[0].payload.hlim == 8, "a hop less")
        recs = w.ctl.ring()
        small.hlim = 8
        w.check([(r[0], r[4]) for r in recs] ==
                [(d.REC_FRAGMENT, bytes(small))],
                "the daemon makes them, of a hop less", recs)
        d.ip("ha", f"link set {dev} mtu 1500")
        w.ctl.do("routes")


def hairpin(w):
    """From another mobile node, out of its tunnel into the flow's."""
    d = w.d
    peer, coa = "2001:db8:a::55", "2001:db8:f1::55"
    w.ctl.do("bind", peer, d.HA, coa, "h2", d.MTU, 0)
    inner = IPv6(src=peer, dst=d.HOA, hlim=9) / \
        UDP(sport=PEER_PORT, dport=HOA_PORT) / Raw(b"mn to mn" * 4)
    d.ip("ha", f"neigh replace {coa} dev h2 lladdr {d.mac('mn', 'm0')}")

    def turn(want):
        w.ctl.do("ways", d.HOA, peer, HOA_PORT, PEER_PORT, 17, 1, want[0])
        for p in w.ports.values():
            p.drain()
        before = w.ctl.stats()
        w.ports["a"].send(Ether(dst=d.mac("ha", "h2")) /
                          IPv6(src=coa, dst=d.HA) / inner)
        where, packets = w.got(inner, 0.3)
        w.check(where == want[1] and
                all((p.payload if p.nh == 41 else p).hlim == 8
                    for p in packets), "MN to MN by a flow: " + want[1], where)
        done = w.ctl.counted(before)
        w.check(done["mn_to_mn"] == 1 and done["decap"] == 1 and
                done.get("encap", 0) == len(want[1].replace("h", "")),
                "counted", done)

    d.ip("ha", f"neigh replace {d.HOA} dev h1 lladdr {d.mac('nb', 'n0')} "
         "nud permanent")
    for paths, where in ((w.a, "a"), (w.b, "b"), (f"{w.a}+{w.b}", "ab"),
                         ("home", "h"), ("home+" + w.a, "ah")):
        turn((paths, where))
    d.ip("ha", f"neigh del {d.HOA} dev h1")
    w.ctl.do("unflow", d.HOA, peer, HOA_PORT, PEER_PORT, 17)
    w.ctl.do("del", peer)


def nested(w):
    """Care-of addresses that are home addresses: here, and at another home
    agent whose mobile node has one of ours."""
    d = w.d
    peer = "2001:db8:a::55"
    w.ctl.do("bind", peer, d.HA, d.COA, "h2", d.MTU, 0)
    for paths in f"{d.HA},{peer}+{w.b}", f"{w.b}+{d.HA},{peer}":
        w.flow(paths)
        for _ in range(3):      # neighbours
            d.run_in("ha", f"ip -6 neigh del {peer} dev h1")
            w.goes("b", "a copy to a home address of ours is not tunnelled "
                   "once more")
    w.ctl.do("del", peer)
    w.unflow()
    w.select(1, f"{w.a}+{w.b}")
    once = w.ip(IPv6(src=d.CN, dst="2001:db8:77::1") / UDP() / Raw(b"o" * 40))
    twice = w.ip(IPv6(raw(once)))
    part = w.ip(IPv6ExtHdrFragment(nh=41, id=1, m=1) / Raw(raw(once)))
    w.goes("ab", "6089 5.3.6 of a tunnel packet a copy to each", once)
    for what, packet in ("tunnelled twice", twice), ("a tunnel's part", part):
        w.goes("b", "no copies of what is " + what + ": tunnels in a circle "
               "would make more and more", packet)
    w.select()


def prefix(w):
    """A /64 that is bound as a whole has one way: what has its first address
    for a home address is another's."""
    d = w.d
    net, host = "2001:db8:b:9::", "2001:db8:b:9::42"
    first, neighbour = "2001:db8:a::", "2001:db8:a::56"
    w.ctl.do("prefix", net, d.HA, d.COA, MULTI)
    w.ctl.do("home", net)
    w.ctl.do("home", d.HOA)
    w.ctl.do("bind", neighbour, d.HA, d.COA, "h2", d.MTU, MULTI)
    for whose, to in (net, host), (first, neighbour):
        w.goes("a", "a network, or a host beside it", w.udp(dst=to))
        w.ctl.do("select", whose, 3, w.b, "proto=17-17")
        w.goes("a", f"the selectors of {whose} are not those of {to}",
               w.udp(dst=to))
        w.ctl.do("select", whose)
        w.ctl.do("coa", whose, COAB)
        w.cn.drain()
        w.ports["b"].send(Ether(dst=d.mac("ha", "h3")) /
                          IPv6(src=COAB, dst=d.HA) /
                          IPv6(src=to, dst=d.CN) / UDP() / Raw(b"another's"))
        got = w.cn.recv(lambda p: p[IPv6].src == to, d.QUIET)
        w.check(not got, f"nor are its care-of addresses those of {to}")
        w.ctl.do("uncoa", whose, COAB)
    w.ctl.do("del", neighbour)
    w.ctl.do("unprefix", net)


def plain(w):
    """Without DP_BINDING_MULTI none of it is looked at."""
    w.flow(w.b)
    w.only()
    w.bind(0)
    before = w.ctl.stats()
    w.goes("a", "a plain binding stays one")
    w.check(w.ctl.counted(before) == {"encap": 1}, "counted",
            w.ctl.counted(before))
    w.unflow()
    w.select()


def cases(d, ctl, cn, nb, mn):
    """Before the mobile nodes' own data planes are there."""
    d.ip("mn2", f"addr add {COAB}/64 dev m0 nodad")
    d.poke("ha", COAB)
    w = Ways(d, ctl, cn, nb, mn, d.Port("mn2", "m0"))
    w.bind(MULTI)
    for name, fn in (("exact flows", exact), ("ranges", ranges),
                     ("priorities", priorities),
                     ("counters of ranges", selector_counters),
                     ("fragments", fragments),
                     ("signalling", signalling), ("sources", sources),
                     ("copies", copies), ("at home", at_home),
                     ("MN to MN", hairpin), ("nested", nested),
                     ("networks", prefix),
                     ("plain bindings", plain)):
        w.bind(MULTI)
        d.step("HA, several ways: " + name, fn, w)
    w.bind(0)


def malformed(d, ctl, cn, nb, mn):
    """No ports where they should be: the default way."""
    w = Ways(d, ctl, cn, nb, mn, d.Port("mn2", "m0"))
    w.bind(MULTI)
    w.only("peer_port=0-65535")
    loop = IPv6ExtHdrDestOpt(options=[PadN(optdata=bytes(4))])
    for _ in range(30):
        loop = IPv6ExtHdrDestOpt(options=[PadN(optdata=bytes(4))]) / loop
    cases = [("no room for ports", w.ip(Raw(b"\x0f\xa0"), nh=17)),
             ("nothing at all", w.ip(Raw(b""), nh=6)),
             ("options longer than the packet",
              w.ip(Raw(bytes([17, 9]) + bytes(6)), nh=60)),
             ("headers without end", w.ip(loop / UDP(sport=PEER_PORT)))]
    for what, packet in cases:
        w.goes("a", what, packet)
    w.goes("b", "while a good one is taken")
    w.select()
    w.bind(0)


def traffic(d, ctl, mn2):
    """TCP, its segments still to be cut: each receiver in turn gets the copies
    or the packets, one in a tunnel and one natively."""
    mn2.do("addr", COAB)
    mn2.do("bind", d.HOA, COAB, d.HA, "m0", d.MTU, d.UP)
    a, b = f"{d.HA},{d.COA}", f"{d.HA},{COAB}"
    mb = max(1, d.MB // 10)
    # no daemon tells the sender what is too big
    d.ip("nb", f"route replace default via {d.HA} advmss 1400")
    ctl.do("bind", d.HOA, d.HA, d.COA, "h2", d.MTU, MULTI)
    ctl.do("bind", d.NB, d.HA, d.NB, "h1", d.MTU, MULTI | HOME | ON_LINK)
    for hoa, ns, ways in ((d.HOA, "mn", ((a, b), (b, a))),
                          (d.NB, "nb", (("home", b), (b, "home")))):
        for pair in ways:
            ctl.do("select", hoa)
            ctl.do("select", hoa, 1, "+".join(pair), "proto=6-6")
            before = ctl.stats()
            d.check(d.transfer("cn", d.CN, ns, hoa, mb)[0],
                    "TCP with copies to %s, %s" % (ns, pair))
            done = ctl.counted(before)
            d.check(done.get("copies", 0) * 1500 > mb << 20 and
                    "drop_copy" not in done, "all were copied", done)
        ctl.do("select", hoa)
    ctl.do("del", d.NB)
    mn2.do("del", d.HOA)
    ctl.do("bind", d.HOA, d.HA, d.COA, "h2", d.MTU, 0)
