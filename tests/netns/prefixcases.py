# SPDX-License-Identifier: GPL-2.0-or-later
"""Cases of e2e: prefixes, and mobile prefix discovery (RFC 6275 10.6, 11.4.2 and
11.4.3) of kedge-mn, with kedge-ha and with a home agent made by hand."""

import glob
import ipaddress
import json
import re
import signal
import struct
import time

import wire
from cases import case, check, flowing, start, traveller, whole
from journey import away
from lab import ar, hoa, wait_for
from livecases import no_binding

MPS, MPA = 146, 147
ECHO = 128
STATUS_1 = 1        # accepted, prefix discovery necessary: 6.1.8


def soon(lab):
    """Changes are told within four seconds: MaxScheduleDelay is the preferred
    lifetime."""
    lab.configure("ar1", {"ha": {"prefix-adv-min": 1},
                          "link acc0": {"prefix-valid": 4000,
                                        "prefix-preferred": 4}})


def told(lab, valid, since=0.0):
    return [e for e in lab.events("mn", since) if e["event"] == "home_prefix"
            and e["own"] and e["valid_s"] == valid]


def protected(lab, pcap, kind=None):
    """[(packet, ICMPv6 message)] between HoA and HA, by a capture."""
    out = []
    for p in wire.packets(pcap):
        if p.proto != wire.ESP:
            continue
        proto, data = wire.esp_open(p, lab.sas)
        if proto == wire.ICMP6 and kind in (None, data[0]):
            out.append((p, data))
    return out


@case(90, quick=True)
def home_prefixes_away():
    """10.6.2, 11.4.3: what is told unasked is asked for; SIGHUP changes it."""
    with traveller(("session",), prepare=soon, route=(1,)) as lab:
        pcap = lab.capture("ar1", "core0", "ip6")
        lab.move(2)
        lab.wait_address(2)
        away(lab, [1])
        wait_for("the prefix is told", lambda: told(lab, 4000))
        lab.configure("ar1", {"link acc0": {"prefix-valid": 5000}})
        lab.procs["ar1"].send_signal(signal.SIGHUP)
        wait_for("a change is told", lambda: told(lab, 5000))
        flowing(lab, "session")
        # told unasked or asked for; then told unasked, asked for, answered
        wait_for("all in the capture",
                 lambda: len(protected(lab, pcap, MPA)) >= 3)
        check(lab.count("mn", "refused", "mpa_unsolicited") >= 1,
              "nothing was unsolicited")
        asked = protected(lab, pcap, MPS)
        answers = protected(lab, pcap, MPA)
        check(len(asked) >= 2, f"asked {[str(p) for p, _ in asked]}")
        for p, data in asked:
            check((p.src, p.hao, p.dst) == (hoa(2), hoa(1), ar(1)) and
                  data[6:8] == b"\0\0" and
                  not wire.checksum(hoa(1), ar(1), wire.ICMP6, data),
                  f"11.4.2, 6.7: {p}: {data.hex()}")
        check(len({data[4:6] for _, data in asked}) == len(asked),
              "11.4.2: identifiers are not random")
        for p, data in answers:
            check((p.src, p.rh2, p.dst) == (ar(1), hoa(1), hoa(2)) and
                  not wire.checksum(ar(1), hoa(1), wire.ICMP6, data),
                  f"10.6.3, 6.8: {p}: {data.hex()}")
        times = [p.time for p, _ in answers]
        check(all(b - a > 0.99 for a, b in zip(times, times[1:])),
              f"6.8: more than one a second: {times}")
        whole(lab, "session")


@case(90)
def home_prefix_over():
    """11.4.2: asked for before it ends, renewed; then nobody answers: the
    address ends with its prefix, and that is said."""
    with traveller(("session",), prepare=soon) as lab:
        away(lab, [1])
        wait_for("the prefix is told", lambda: told(lab, 4000))
        lab.configure("ar1", {"link acc0": {"prefix-valid": 5}})
        lab.procs["ar1"].send_signal(signal.SIGHUP)
        wait_for("renewed again and again",
                 lambda: len(told(lab, 5)) >= 3, 20)
        check(lab.bound("mn") == {hoa(1): hoa(2)}, "the address is lost")
        lab.stop("ar1", signal.SIGKILL)
        since = time.time()
        said = wait_for("its end", lambda: [
            e for e in lab.events("mn", since) if e["event"] == "abandoned"],
            15)
        check(said[0]["hoa"] == hoa(1) and "prefix" in said[0]["why"],
              f"said {said}")
        check(not lab.bindings("mn"), f"left {lab.bindings('mn')}")


class ByHand:
    """kedge-ha of ar1 was killed (its data plane works on): we are it."""

    def __init__(self, lab):
        self.lab = lab
        self.sa = next(s for s in lab.sas if s["src"] == ar(1))
        lab.stop("ar1", signal.SIGKILL)
        self.seq = next(s["seq"] for s in lab.ctl("mn", "sas")["sas"]
                        if s["spi"] == self.sa["spi"])
        self.pcap = lab.capture("ar1", "core0", "ip6")

    def seal(self, data, proto):
        """RFC 4303, 7634."""
        from cryptography.hazmat.primitives.ciphers import aead
        self.seq += 1
        head = struct.pack("!II", self.sa["spi"], self.seq)
        iv, key = struct.pack("!Q", self.seq), bytes.fromhex(self.sa["key"])
        n = -(len(data) + 2) % 4
        cipher = aead.AESGCM if self.sa["algorithm"].startswith("aes") else \
            aead.ChaCha20Poly1305
        return head + iv + cipher(key[:32]).encrypt(
            key[32:] + iv, data + bytes(range(1, n + 1)) + bytes([n, proto]),
            head)

    @staticmethod
    def ip(src, dst, nh, body):
        return struct.pack("!IHBB", 6 << 28, len(body), nh, 64) + b"".join(
            ipaddress.IPv6Address(a).packed for a in (src, dst)) + body

    def send(self, data, proto=wire.ICMP6, clear=False, tunnel=False):
        """By a type 2 routing header to the mobile node, or the tunnel."""
        at = hoa(self.lab.at)
        body = data if clear else self.seal(data, proto)
        nh = proto if clear else wire.ESP
        rh = struct.pack("!BBBBI", nh, 2, 2, 1, 0) + \
            ipaddress.IPv6Address(hoa(1)).packed
        packet = self.ip(ar(1), at, wire.ROUTING, rh + body)
        if tunnel:
            packet = self.ip(ar(1), at, wire.IP6,
                             self.ip(ar(1), hoa(1), nh, body))
        self.lab.cmd("ar1", "/usr/bin/python3", "-c",
                     "import socket, sys\n"
                     "s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, "
                     "socket.IPPROTO_RAW)\n"
                     "s.sendto(bytes.fromhex(sys.argv[1]), (sys.argv[2], 0))",
                     packet.hex(), at)

    @staticmethod
    def icmp(kind, ident=0, valid=None, code=0, rest=b""):
        """With a Prefix Information option of our link (7.2: R)."""
        if valid is not None:
            rest += struct.pack("!BBBBIII", 3, 4, 64, 0xe0, valid, valid // 2,
                                0) + ipaddress.IPv6Address(ar(1)).packed
        msg = struct.pack("!BBHHH", kind, code, 0, ident, 0) + rest
        total = wire.checksum(ar(1), hoa(1), wire.ICMP6, msg)
        return msg[:2] + struct.pack("!H", total) + msg[4:]

    def asked(self):
        return [struct.unpack_from("!H", data, 4)[0] for p, data in
                protected(self.lab, self.pcap, MPS) if p.dst == ar(1)]

    def counted(self, name, what, *args, **kw):
        before = self.lab.count("mn", "refused", name)
        self.send(*args, **kw)
        wait_for(f"{what}: {name}",
                 lambda: self.lab.count("mn", "refused", name) == before + 1)


@case(120)
def home_prefixes_validated():
    """11.4.3: what a mobile node makes of Mobile Prefix Advertisements."""
    with traveller(("session",), anchors=(1, 2)) as lab:
        away(lab, [1])
        ha = ByHand(lab)
        # kedge-ha is dead: what comes from there is ours
        with lab.forging(f"ipv6.src == {ar(1)}"):
            icmp = ha.icmp
            ha.counted("mh_unexpected", "11.4.3 in the clear",
                       icmp(MPA, valid=0), clear=True)
            ha.counted("mip_unexpected", "an echo request", icmp(ECHO))
            ha.counted("mip_unexpected", "a solicitation", icmp(MPS))
            ha.counted("nd_checksum", "6.8 checksum",
                       icmp(MPA, valid=0)[:-1] + b"\x55")
            ha.counted("nd_truncated", "6.8 short", icmp(MPA)[:6])
            ha.counted("nd_option", "6.8 option of length 0",
                       icmp(MPA, rest=b"\x63" + bytes(7)))
            ha.counted("mpa_source", "11.4.3 without a routing header",
                       icmp(MPA, valid=0), tunnel=True)
            check(not ha.asked(), f"asked {ha.asked()}")
            ha.counted("mpa_unsolicited", "11.4.3 unsolicited",
                       icmp(MPA, 0x1234, valid=0))
            ids = wait_for("11.4.3 it is asked for", ha.asked)
            ha.counted("mpa_unsolicited", "11.4.3 another identifier",
                       icmp(MPA, ids[-1] ^ 1, valid=0))
            check(lab.bound("mn") == {hoa(1): hoa(2)}, "the address is lost")
            wait_for("12 INITIAL_SOLICIT_TIMER: asked again",
                     lambda: len(ha.asked()) >= 2)
            times = [p.time for p, _ in protected(lab, ha.pcap, MPS)
                     if p.dst == ar(1)]
            check(2.5 < times[1] - times[0] < 5 and len(set(ha.asked())) == 1,
                  f"asked again at {times}, {ha.asked()}")
            ha.send(icmp(MPA, ids[-1], valid=7000, rest=b"\x63\1" + bytes(6)))
            wait_for("6.8 believed, an unknown option is skipped",
                     lambda: told(lab, 7000))
            ha.counted("mpa_unsolicited", "11.4.3 a second one of this identifier",
                       icmp(MPA, ids[-1], valid=0))
            check(lab.bound("mn") == {hoa(1): hoa(2)}, "the address is lost")
            n = len(ha.asked())
            ids = wait_for("asked for", lambda: ha.asked()[n:])
            flowing(lab, "session")
            ha.send(icmp(MPA, ids[-1], valid=0))
            said = wait_for("11.4.3 valid no more", lambda: [
                e for e in lab.events("mn") if e["event"] == "abandoned"])
            check("prefix" in said[0]["why"], f"said {said}")


@case(90)
def status_1_asks_for_prefixes():
    """11.7.3: status 1 of an acknowledgement."""
    with traveller(("session",), anchors=(1, 2, 3)) as lab:
        away(lab, [1])
        ha = ByHand(lab)
        lab.move(3)
        lab.wait_address(3)

        def update():
            return [data for p in wire.packets(ha.pcap)
                    if p.proto == wire.ESP and p.dst == ar(1)
                    for proto, data in [wire.esp_open(p, lab.sas)]
                    if proto == wire.MH and data[2] == 5]
        bu = wait_for("a Binding Update", update)[-1]
        check(not ha.asked(), "asked before")
        mh = struct.pack("!BBBBHBBHH", 59, 1, 6, 0, 0, STATUS_1, 0,
                         struct.unpack_from("!H", bu, 6)[0], 30) + \
            b"\1\2\0\0"
        total = wire.checksum(ar(1), hoa(1), wire.MH, mh)
        ha.send(mh[:4] + struct.pack("!H", total) + mh[6:], wire.MH)
        wait_for("a solicitation", ha.asked)
        p, _ = protected(lab, ha.pcap, MPS)[0]
        check((p.src, p.hao) == (hoa(3), hoa(1)), f"11.4.2: {p}")


@case(120)
def more_home_prefixes_than_the_map():
    """The 257th /64 of home addresses, bound in a longer prefix or configured:
    told, counted, and served like the others."""
    def prepare(lab):
        lab.configure("ar1", {
            **{f"link other{n}": {"prefix": [f"2001:db8:e:{n:x}{k}::/64"
                                             for k in range(8)]}
               for n in range(32)},
            "link acc0": {"prefix": "2001:db8:1::/48"}})

    def served(lab):
        flowing(lab, "session", 2)
        check(lab.bound("ar1") == {hoa(1): hoa(2)}, f"{lab.bound('ar1')}")
        check(lab.count("ar1", "events", "homes_full"), "not counted")
        check(lab.log("ar1").count("than the data plane has room for") ==
              lab.log("ar1").count(" ready: "), "told never, or again")
    with traveller(("session",), prepare=prepare) as lab:
        away(lab, [1])
        served(lab)
        lab.configure("ar1", {"link acc0": {"prefix": "2001:db8:1::/64"}})
        lab.stop("ar1")
        lab.start("ar1")
        served(lab)
        whole(lab, "session")


def homes(lab, who):
    """The daemon's map of that name: {/64: for how many}"""
    for name in glob.glob(f"/proc/{lab.procs[who].pid}/fdinfo/*"):
        with open(name, encoding="ascii") as f:
            found = re.search(r"^map_id:\s*(\d+)", f.read(), re.M)
        if not found:
            continue
        tool = ["bpftool", "-j", "map"]
        of = "id", found[1]
        if json.loads(lab.cmd(who, *tool, "show", *of))["name"] == "homes":
            return {str(ipaddress.IPv6Network(
                (bytes(int(x, 16) for x in e["key"]) + bytes(8), 64))):
                    int.from_bytes((int(x, 16) for x in e["value"]), "little")
                    for e in json.loads(lab.cmd(who, *tool, "dump", *of))}
    return None


@case(90)
def home_prefix_goes_with_its_binding():
    """What a link with more than a /64 brings into the data plane's map goes
    with the last binding, also after a restart."""
    mine = "2001:db8:1::/64"
    with traveller(("session",), prepare=lambda lab: lab.configure(
            "ar1", {"link acc0": {"prefix": "2001:db8:1::/48"}})) as lab:
        away(lab, [1])
        flowing(lab, "session", 2)
        check(homes(lab, "ar1") == {mine: 1}, f"bound: {homes(lab, 'ar1')}")
        lab.stop("ar1", signal.SIGKILL)
        lab.start("ar1")
        check(homes(lab, "ar1") == {mine: 1}, f"again: {homes(lab, 'ar1')}")
        flowing(lab, "session", 2)
        whole(lab, "session")
        no_binding(lab, 1)
        check(homes(lab, "ar1") == {}, f"not bound: {homes(lab, 'ar1')}")
