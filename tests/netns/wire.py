#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What was on the wire: reads a capture, tells signalling, tunnelled and
native packets apart, opens ESP, verifies the Mobility Header's checksum.

Written for the tests from the RFCs, apart from the daemons' codec, which it
judges. Standard library alone; opening ESP needs python3-cryptography.

    wire.py FILE.pcap       one line a packet
"""

import ipaddress
import struct
import sys

IP6, TCP, UDP, ROUTING, FRAGMENT, ESP, ICMP6, DESTOPT, MH = \
    41, 6, 17, 43, 44, 50, 58, 60, 135
HAO, RH2 = 201, 2
RAW = 101       # pcap's link type of bare IPv6
# Link header by pcap's link type: its length, where the EtherType stands.
LINKS = {1: (14, 12), 113: (16, 14), 276: (20, 0)}


class Packet:
    """An IPv6 packet, raw. src, dst: of its own header; hao and rh2: the home
    addresses in a Home Address option and a type 2 routing header, or None;
    proto and payload: after its extension headers; inner: the packet inside,
    if proto is 41; sport, dport of TCP and UDP."""

    def __init__(self, time, data):
        self.time = time
        self.src, self.dst = (str(ipaddress.IPv6Address(data[i:i + 16]))
                              for i in (8, 24))
        self.hao = self.rh2 = self.inner = None
        self.sport = self.dport = None
        length, self.proto = struct.unpack_from("!HB", data, 4)
        self.raw = data[:40 + length]
        rest = self.raw[40:]
        self.whole = len(rest) == length
        self.proto_at = 6       # in raw
        while self.proto in (0, ROUTING, FRAGMENT, DESTOPT) and len(rest) >= 8:
            size = 8 if self.proto == FRAGMENT else 8 * (rest[1] + 1)
            if self.proto == ROUTING and rest[2] == RH2:
                self.rh2 = str(ipaddress.IPv6Address(rest[8:24]))
            if self.proto == DESTOPT:
                self.options(rest[2:size])
            self.proto_at = len(self.raw) - len(rest)
            self.proto, rest = rest[0], rest[size:]
        self.payload = rest
        if self.proto == IP6 and len(rest) >= 40:
            self.inner = Packet(time, rest)
        if self.proto in (TCP, UDP) and len(rest) >= 4:
            self.sport, self.dport = struct.unpack_from("!HH", rest)

    def options(self, data):
        while data:
            if data[0] == 0:
                data = data[1:]
                continue
            if data[0] == HAO:
                self.hao = str(ipaddress.IPv6Address(data[2:18]))
            data = data[2 + data[1]:] if len(data) > 1 else b""

    @property
    def flow(self):
        """(protocol, two ends in an order that both directions share)."""
        return (self.proto, *sorted([(self.src, self.sport),
                                     (self.dst, self.dport)]))

    def __str__(self):
        out = f"{self.time:.6f} {self.src} > {self.dst}"
        out += f" HAO {self.hao}" if self.hao else ""
        out += f" RH2 {self.rh2}" if self.rh2 else ""
        out += f" proto {self.proto} {len(self.payload)} bytes"
        out += f" {self.sport} > {self.dport}" if self.sport else ""
        out += f" type {self.payload[0]}" if self.proto == ICMP6 else ""
        return out + (f" [{self.inner}]" if self.inner else "")


def packets(path):
    """Every whole IPv6 packet of a capture, in order."""
    with open(path, "rb") as f:
        head = f.read(24)
        if len(head) < 24:
            return
        if head[:4] != struct.pack("=I", 0xa1b2c3d4):
            raise ValueError(f"{path}: not a pcap file of this machine")
        link, kind = LINKS[struct.unpack_from("=I", head, 20)[0]]
        while len(rec := f.read(16)) == 16:
            sec, part, size, _ = struct.unpack("=IIII", rec)
            data = f.read(size)
            if len(data) == size >= link + 40 and \
                    data[kind:kind + 2] == b"\x86\xdd":
                yield Packet(sec + part * 1e-6, data[link:])


def paths(captured):
    """{flow: {"native": N, outer pair (src, dst): N}}: how TCP and UDP went."""
    out = {}
    for p in captured:
        how, q = ("native", p) if not p.inner else ((p.src, p.dst), p.inner)
        if q.proto in (TCP, UDP):
            ways = out.setdefault(q.flow, {})
            ways[how] = ways.get(how, 0) + 1
    return out


def checksum(src, dst, proto, data):
    """The Internet checksum with IPv6's pseudo-header; 0 if data's is right."""
    pseudo = ipaddress.IPv6Address(src).packed + \
        ipaddress.IPv6Address(dst).packed + struct.pack("!II", len(data), proto)
    data = pseudo + data + b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xffff:
        total = (total & 0xffff) + (total >> 16)
    return total ^ 0xffff


def mh_checksum_ok(packet, mh):
    """RFC 6275 6.1.1: the home addresses stand in the pseudo-header."""
    return checksum(packet.hao or packet.src, packet.rh2 or packet.dst, MH,
                    mh) == 0


def esp_open(packet, sas):
    """(next header, content) of an ESP packet (RFC 4303, 4106, 7634), by its
    SA in sas as the lab keeps them. ValueError says what is wrong with it."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers import aead
    data = packet.payload
    if len(data) < 32:
        raise ValueError("too short")
    spi, = struct.unpack_from("!I", data)
    sa = next((sa for sa in sas if sa["spi"] == spi), None)
    if not sa:
        raise ValueError(f"no SA with SPI {spi:#x}")
    if (packet.hao or packet.src, packet.rh2 or packet.dst) != \
            (sa["src"], sa["dst"]):
        raise ValueError(f"addresses are not those of SPI {spi:#x}")
    key = bytes.fromhex(sa["key"])
    cipher = aead.AESGCM if sa["algorithm"].startswith("aes") else \
        aead.ChaCha20Poly1305
    try:
        plain = cipher(key[:32]).decrypt(key[32:] + data[8:16], data[16:],
                                         data[:8])
    except InvalidTag:
        raise ValueError("integrity check failed") from None
    pad, proto = plain[-2:]
    if len(plain) % 4 or plain[len(plain) - 2 - pad:-2] != \
            bytes(range(1, pad + 1)):
        raise ValueError("wrong padding")
    return proto, plain[:len(plain) - 2 - pad]


def without_esp(packet, sas):
    """The packet as it would be without its ESP."""
    proto, content = esp_open(packet, sas)
    head = bytearray(packet.raw[:len(packet.raw) - len(packet.payload)])
    head[packet.proto_at] = proto
    head[4:6] = struct.pack("!H", len(head) - 40 + len(content))
    return bytes(head) + content


def open_capture(path, out, sas):
    """Writes a capture's ESP packets that open, opened and out of the tunnel;
    how many."""
    n = 0
    with open(out, "wb") as f:
        f.write(struct.pack("=IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, RAW))
        for p in (p.inner or p for p in packets(path)):
            if p.proto != ESP:
                continue
            try:
                data = without_esp(p, sas)
            except ValueError:
                continue        # not of these, or a test's own
            f.write(struct.pack("=IIII", int(p.time), int(p.time % 1 * 1e6),
                                len(data), len(data)) + data)
            n += 1
    return n


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    for packet in packets(sys.argv[1]):
        print(packet)
