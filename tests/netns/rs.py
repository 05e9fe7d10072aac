#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A host that solicits routers, by scapy.

    rs.py DEV [--src ADDRESS] [--mac MAC] [--hlim N] [--count N] [--vary]
          [--wait SECONDS] [--first]

Sends `count` Router Solicitations, each from another MAC address with --vary,
and prints the Router Advertisements that come within `wait` seconds, one a
line, as JSON: ms after the last solicitation, addresses, contents. --first:
the first one alone.
"""

import argparse
import json
import sys
import time

from scapy.all import Ether, conf
from scapy.layers.inet6 import (
    ICMPv6ND_RA, ICMPv6ND_RS, ICMPv6NDOptAdvInterval, ICMPv6NDOptHAInfo,
    ICMPv6NDOptMTU, ICMPv6NDOptPrefixInfo, ICMPv6NDOptSrcLLAddr, IPv6)

OPTIONS = {
    ICMPv6NDOptAdvInterval: ("interval", "advint"),
    ICMPv6NDOptMTU: ("mtu", "mtu"),
    ICMPv6NDOptSrcLLAddr: ("slla", "lladdr"),
}


def frame(args, i):
    mac = f"02:00:00:{i >> 16 & 255:02x}:{i >> 8 & 255:02x}:{i & 255:02x}" \
        if args.vary else args.mac
    p = Ether(src=mac, dst="33:33:00:00:00:02") / \
        IPv6(src=args.src, dst="ff02::2", hlim=args.hlim) / ICMPv6ND_RS()
    if args.src != "::":
        p /= ICMPv6NDOptSrcLLAddr(lladdr=mac)
    return bytes(p)


def told(p, ms):
    ra = p[ICMPv6ND_RA]
    out = {"ms": round(ms, 3), "mac": p.dst, "dst": p[IPv6].dst,
           "src": p[IPv6].src, "hlim": p[IPv6].hlim, "home_agent": ra.H,
           "lifetime": ra.routerlifetime, "prefixes": []}
    for kind, (name, field) in OPTIONS.items():
        if kind in ra:
            out[name] = getattr(ra[kind], field)
    if ICMPv6NDOptHAInfo in ra:
        o = ra[ICMPv6NDOptHAInfo]
        out["ha_preference"], out["ha_lifetime"] = o.pref, o.lifetime
    i = 1
    while (o := ra.getlayer(ICMPv6NDOptPrefixInfo, i)) is not None:
        out["prefixes"].append({
            "prefix": f"{o.prefix}/{o.prefixlen}", "L": o.L, "A": o.A,
            "R": o.R, "valid": o.validlifetime,
            "preferred": o.preferredlifetime})
        i += 1
    return out


def main():
    p = argparse.ArgumentParser()
    p.add_argument("dev")
    p.add_argument("--src", default="::")
    p.add_argument("--mac", default="02:00:00:00:00:99")
    p.add_argument("--hlim", type=int, default=255)
    p.add_argument("--count", type=int, default=1)
    p.add_argument("--vary", action="store_true")
    p.add_argument("--wait", type=float, default=0.3)
    p.add_argument("--first", action="store_true")
    args = p.parse_args()
    conf.sniff_promisc = True
    sock = conf.L2socket(iface=args.dev, filter="icmp6")
    frames = [frame(args, i) for i in range(args.count)]
    for f in frames:
        sock.outs.send(f)
    sent = time.monotonic()
    end = sent + args.wait
    while (left := end - time.monotonic()) > 0:
        if not sock.select([sock], left):
            continue
        at = time.monotonic()
        got = sock.recv()
        if got is not None and ICMPv6ND_RA in got:
            print(json.dumps(told(got, (at - sent) * 1e3)))
            if args.first:
                break
    return 0


if __name__ == "__main__":
    sys.exit(main())
