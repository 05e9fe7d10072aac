# SPDX-License-Identifier: GPL-2.0-or-later
"""Several care-of addresses and flow bindings on the wire, made and read by the
figures of RFC 5648, RFC 6088 and RFC 6089 alone: for peers that judge kedge's
own."""

import socket
import struct

ALTCOA, LLA, BID, SUMMARY, FLOW = 3, 7, 35, 44, 45
FLAGS = {"A": 1 << 15, "H": 1 << 14, "L": 1 << 13, "K": 1 << 12,
         "M": 1 << 11, "R": 1 << 10, "P": 1 << 9, "O": 1 << 6}
HEAD = 12       # of a BU and a BA, up to their options
# RFC 6088 3.2, A to P: what a selector has, and how it is packed
FIELDS = (("src", 16), ("dst", 16), ("spi", 4), ("label", 4), ("sport", 2),
          ("dport", 2), ("tc", 1), ("nh", 1))


def addr(text):
    return socket.inet_pton(socket.AF_INET6, text)


# --- making ------------------------------------------------------------------
# An option is (x, y, its octets): it begins where x * n + y is.

def pad(n):
    """RFC 6275 6.2.2, 6.2.3."""
    return b"\0" if n == 1 else bytes([1, n - 2]) + bytes(n - 2) if n else b""


def option(kind, data, x=2, y=0, length=None):
    return x, y, bytes([kind, len(data) if length is None else length]) + data


def bid(number, coa=None, pri=1, home=False, status=0, length=None):
    """RFC 5648 4.3 and RFC 6089 4.1. coa: text, or octets."""
    data = coa if isinstance(coa, bytes) else addr(coa) if coa else b""
    return option(BID, struct.pack("!HBB", number, status, home << 7 | pri) +
                  data, *((8, 2) if len(data) == 16 else (2, 0)),
                  length=length)


def lla(mac, code=2):
    """RFC 5568 6.4.4."""
    return option(LLA, bytes([code]) + bytes.fromhex(mac.replace(":", "")), 1)


def flow(fid, pri, *subs, status=0, reserved=0):
    """RFC 6089 4.2."""
    return option(FLOW, struct.pack("!HHBB", fid, pri, reserved, status) +
                  b"".join(subs))


def summary(*fids):
    """RFC 6089 4.2.2."""
    return option(SUMMARY, struct.pack(f"!{len(fids)}H", *fids))


def sub(kind, data, length=None):
    return bytes([kind, len(data) if length is None else length]) + data


def ref(*bids):
    """RFC 6089 4.2.1.3."""
    return sub(2, struct.pack(f"!{len(bids)}H", *bids))


def ts(fmt=2, reserved=0, flags=None, more=b"", **fields):
    """RFC 6089 4.2.1.4 with RFC 6088 3.2. A field is one value, or (first,
    last). flags: instead of those of the fields."""
    bits, data = 0, b""
    for i, (name, size) in enumerate(FIELDS):
        value = fields.pop(name, None)
        if value is None:
            continue
        ends = value if isinstance(value, tuple) else (value,)
        bits |= (0x8000, 0xc000)[len(ends) - 1] >> 2 * i
        for end in ends:
            data += addr(end) if size == 16 else end.to_bytes(size, "big")
    if fields:
        raise ValueError(fields)
    return sub(3, bytes([fmt, reserved]) +
               struct.pack("!HH", bits if flags is None else flags, reserved) +
               data + more)


def message(kind, fixed, options=()):
    """A Mobility Header, without its checksum. fixed: what is before the
    options, 6 octets (or 2, of a Binding Refresh Request)."""
    out = bytes([59, 0, kind, 0, 0, 0]) + fixed
    for x, y, octets in options:
        out += pad((y - len(out)) % x) + octets
    out += pad(-len(out) % 8)
    return bytes([59, len(out) // 8 - 1]) + out[2:]


def bu(seq, life, flags="AH", options=()):
    """life in units of four seconds."""
    return message(5, struct.pack("!HHH", seq, sum(FLAGS[f] for f in flags),
                                  life), options)


def ba(status, seq, life, options=(), flags=0):
    return message(6, struct.pack("!BBHH", status, flags, seq, life), options)


def brr(options=()):
    return message(0, b"\0\0", options)


# --- reading -----------------------------------------------------------------

class Bid:
    def __init__(self, at, data):
        self.at, self.size = at, len(data)
        self.bid, self.status, last = struct.unpack_from("!HBB", data)
        self.home, self.pri = bool(last & 0x80), last & 0x7f
        self.coa = socket.inet_ntop(socket.AF_INET6, data[4:]) \
            if len(data) == 20 else None


class Flow:
    """faults: what is no good in it, in words."""

    def __init__(self, at, data):
        self.at, self.faults = at, []
        self.fid, self.pri, self.reserved, self.status = struct.unpack_from(
            "!HHBB", data)
        self.refs, self.selectors = [], []
        self.subs(at + 8, data[6:])

    def subs(self, at, data):
        while data:
            if data[0] == 0:
                at, data = at + 1, data[1:]
                continue
            kind, body = data[0], data[2:2 + data[1]]
            if len(body) != data[1]:
                self.faults.append(f"truncated sub-option {kind}")
            if kind == 2:
                self.refs.append(list(struct.unpack(f"!{len(body) // 2}H",
                                                    body)))
                if at % 2:
                    self.faults.append(f"binding reference at {at}")
            elif kind == 3:
                self.selectors.append(self.selector(at, body))
            at, data = at + 2 + len(body), data[2 + len(body):]

    def selector(self, at, body):
        """{} matches all."""
        fmt, reserved, bits, more = struct.unpack_from("!BBHH", body)
        if (fmt, reserved, more) != (2, 0, 0):
            self.faults.append(f"selector {body[:6].hex()}")
        out, body, align = {}, body[6:], 1
        for i, (name, size) in enumerate(FIELDS):
            both = bits >> 14 - 2 * i & 3
            if both == 1:
                self.faults.append(f"end of {name} without start")
            ends = []
            for _ in range(both.bit_count()):
                ends.append(body[:size])
                body = body[size:]
            if ends:
                align = max(align, min(size, 8))
                out[name] = tuple(
                    socket.inet_ntop(socket.AF_INET6, e) if size == 16 else
                    int.from_bytes(e, "big") for e in (ends[0], ends[-1]))
        if body:
            self.faults.append("selector longer than its fields")
        if at % align:
            self.faults.append(f"selector at {at}, not {align}n")
        return out


class Message:
    """A BU or BA. faults: of the form, in words."""

    def __init__(self, mh):
        self.mh, self.faults = mh, []
        self.kind = mh[2]
        if len(mh) != 8 * (mh[1] + 1):
            self.faults.append(f"length {len(mh)}, header says {mh[1]}")
        if self.kind == 5:
            self.seq, flags, self.life = struct.unpack_from("!HHH", mh, 6)
            self.flags = {f for f, bit in FLAGS.items() if flags & bit}
        elif self.kind == 6:
            self.status, _, self.seq, self.life = struct.unpack_from(
                "!BBHH", mh, 6)
        self.options = []       # (type, where it begins, data)
        self.bids, self.flows, self.kept = [], [], []
        self.read(HEAD if self.kind else 8)

    def read(self, at):
        while at < len(self.mh):
            if self.mh[at] == 0:
                at += 1
                continue
            kind, size = self.mh[at], self.mh[at + 1]
            data = self.mh[at + 2:at + 2 + size]
            if len(data) != size:
                self.faults.append(f"truncated option {kind}")
                return
            self.options.append((kind, at, data))
            self.known(kind, at, data)
            at += 2 + size

    def known(self, kind, at, data):
        if kind == BID:
            self.bids.append(Bid(at, data))
            x, y = (8, 2) if len(data) == 20 else (2, 0)
            if len(data) not in (4, 8, 20):
                self.faults.append(f"BID option of length {len(data)}")
            if (at - y) % x:
                self.faults.append(f"BID option at {at}")
        elif kind == FLOW:
            self.flows.append(Flow(at, data))
            self.faults += self.flows[-1].faults
        elif kind == SUMMARY:
            self.kept += struct.unpack(f"!{len(data) // 2}H", data)
        if kind in (FLOW, SUMMARY) and at % 2:
            self.faults.append(f"option {kind} at {at}")

    def has(self, kind):
        return any(k == kind for k, _, _ in self.options)

    def lla(self):
        """[(option code, address)]"""
        return [(d[0], d[1:].hex(":")) for k, _, d in self.options
                if k == LLA]
