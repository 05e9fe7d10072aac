#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A home agent that answers address discovery (RFC 6275 10.5) and nothing
else, or one that lies. By scapy, apart from kedge's codec.

    haads.py DEV SOURCE LIES HA...

Answers requests to the anycast address of SOURCE's /64, which it takes on lo,
with HA..., from SOURCE. LIES, "" or of these with commas: one is told for each
request, and after the last the truth.

    id      the identifier is another
    source  from 2001:db8:bad::1
    none    no addresses
    far     addresses of another prefix alone
    many    3900 addresses, in fragments
    long    addresses for 1296 octets
    cut     half an address at the end
    flood   1000 answers, each with another identifier

What it sees and does goes to standard output, a line of JSON each.
"""

import ipaddress
import json
import socket
import subprocess
import sys

from scapy.all import (ICMPv6HAADReply, ICMPv6HAADRequest, IPv6, Raw,
                       IPv6ExtHdrFragment, fragment6, sniff)

import wire

ANYCAST = 0xfdfffffffffffffe
FAR = "2001:db8:bad::1"


def whole(packet):
    """With its lengths and checksum, parsed again."""
    return IPv6(bytes(packet))


def answers(request, source, lie, agents):
    seq = request[ICMPv6HAADRequest].id
    to = request[IPv6].src

    def reply(src=source, number=seq, addresses=agents):
        return IPv6(src=src, dst=to) / ICMPv6HAADReply(
            id=number, addresses=list(addresses))

    def several(n):
        first = int(ipaddress.ip_address(source)) & ~0xffff
        return [str(ipaddress.ip_address(first + 0x1000 + i))
                for i in range(n)]
    if lie == "id":
        return [reply(number=seq ^ 1)]
    if lie == "source":
        return [reply(src=FAR)]
    if lie == "none":
        return [reply(addresses=[])]
    if lie == "far":
        return [reply(addresses=[FAR, "2001:db8:2::1", "ff02::1", "::1"])]
    if lie == "many":
        big = whole(reply(addresses=several(3900)))
        return fragment6(IPv6(src=big.src, dst=big.dst) /
                         IPv6ExtHdrFragment(nh=wire.ICMP6) /
                         Raw(bytes(big)[40:]), 1280)
    if lie == "long":
        return [reply(addresses=several(78))]
    if lie == "cut":
        data = bytearray(bytes(whole(reply()))[40:-8])
        data[2:4] = b"\0\0"
        data[2:4] = wire.checksum(source, to, wire.ICMP6,
                                  bytes(data)).to_bytes(2, "big")
        return [IPv6(src=source, dst=to, nh=wire.ICMP6) / Raw(bytes(data))]
    if lie == "flood":
        return [reply(number=(seq + 1 + i) & 0xffff) for i in range(1000)]
    return [reply()]


def main(dev, source, lies, *agents):
    prefix = ipaddress.ip_network(f"{source}/64", strict=False)
    anycast = str(prefix[ANYCAST])
    subprocess.run(["ip", "address", "replace", f"{anycast}/128", "dev", "lo"],
                   check=True)
    out = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)
    left = [lie for lie in lies.split(",") if lie]

    def say(**what):
        print(json.dumps(what), flush=True)

    def take(packet):
        if ICMPv6HAADRequest not in packet or packet[IPv6].dst != anycast:
            return
        lie = left.pop(0) if left else ""
        say(event="request", src=packet[IPv6].src, lie=lie,
            id=packet[ICMPv6HAADRequest].id)
        for answer in answers(packet, source, lie, agents):
            out.sendto(bytes(answer), (packet[IPv6].src, 0))
    sniff(iface=dev, prn=take, store=False, filter="ip6",
          started_callback=lambda: say(event="listening"))


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
