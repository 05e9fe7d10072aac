#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Floods and forgeries of the fault lab, made by hand; seeded, so that each run
sends the same.

    noise.py ra DEV [--rate N] [--seconds N] [--seed S]
            router advertisements of random routers, with random prefixes,
            lifetimes, and H and R flags, as frames to all nodes
    noise.py flood SOURCE HOST... [--rate N] [--seconds N] [--seed S]
            to each HOST: Mobility Headers, ESP, tunnel packets, home address
            options, routing headers, of random content and length
    noise.py ptb SOURCE SRC DST INNER-SRC INNER-DST MTU [--count N]
            Packet Too Big about a packet from INNER-SRC to INNER-DST, in a
            tunnel from SRC to DST
    noise.py hear DEV FILE
            keeps the next router advertisement that comes by DEV
    noise.py say DEV FILE [--count N]
            sends it, as it was, by DEV

JSON when it ends: {"event": "report", "sent": N}.
"""

import argparse
import ipaddress
import json
import random
import socket
import struct
import time

from wire import checksum

ICMP6, TUNNEL, ESP, MH, DESTOPT, ROUTING = 58, 41, 50, 135, 60, 43
ALL_NODES = "ff02::1"
DISTINCT = 3000
# No more: the kernel's neighbour table, of 1024 entries, is all namespaces'.
ROUTERS = 200


def ip6(src, dst, proto, body, hops=64):
    return struct.pack("!IHBB", 6 << 28, len(body), proto, hops) + \
        ipaddress.IPv6Address(src).packed + \
        ipaddress.IPv6Address(dst).packed + body


def icmp(src, dst, message):
    message = message[:2] + bytes(2) + message[4:]
    return message[:2] + struct.pack(
        "!H", checksum(src, dst, ICMP6, message)) + message[4:]


def router_advertisement(chance):
    number = struct.pack("!H", chance.randrange(ROUTERS))
    mac = b"\x02\x99\x00\x00" + number
    src = str(ipaddress.IPv6Address(b"\xfe\x80" + bytes(6) + b"evil\x00\x00"
                                    + number))
    flags = chance.choice((0, 0x20, 0x28, 0xe0))
    body = struct.pack("!BBHBBHII", 134, 0, 0, 64, flags,
                       chance.choice((0, 30, 1800, 65535)), 0, 0)
    body += b"\x01\x01" + mac
    for _ in range(chance.randint(1, 3)):
        prefix = b"\x20\x01\x0d\xb8" + chance.randbytes(4) + \
            (bytes(8) if chance.random() < .5 else chance.randbytes(8))
        body += struct.pack("!BBBBIII", 3, 4, 64,
                            chance.choice((0xc0, 0xe0, 0x40, 0x60)),
                            chance.choice((0, 60, 0xffffffff)),
                            chance.choice((0, 30)), 0) + prefix
    packet = ip6(src, ALL_NODES, ICMP6, icmp(src, ALL_NODES, body), 255)
    return bytes.fromhex("333300000001") + mac + b"\x86\xdd" + packet


def anything(chance, src, dst):
    size = chance.randint(0, 200)
    body = chance.randbytes(size)
    kind = chance.choice((MH, MH, ESP, TUNNEL, DESTOPT, ROUTING))
    if kind == MH and size >= 8:    # a header that is right so far
        size -= size % 8
        body = bytes((59, size // 8 - 1, chance.randint(0, 25), 0, 0, 0)) + \
            body[6:size]
        if chance.random() < .5:
            body = body[:4] + struct.pack(
                "!H", checksum(src, dst, MH, body)) + body[6:]
    elif kind == ESP and chance.random() < .5:      # an SPI of the lab's
        body = struct.pack("!I", 0x1000 + chance.randint(0, 64)) + body
    elif kind == TUNNEL and chance.random() < .5:
        body = ip6(dst, src, 59, body)
    elif kind == DESTOPT:           # home address option, then a BU
        body = struct.pack("!BBBBBB", MH, 2, 1, 2, 0, 0) + b"\xc9\x10" + \
            chance.randbytes(16) + body
    elif kind == ROUTING:
        body = struct.pack("!BBBBI", MH, 2, 2, 1, 0) + \
            chance.randbytes(16) + body
    return ip6(src, dst, kind, body)


def send_all(send, packets, args):
    """In turn, at the rate asked for, for as long as asked for."""
    begun, n = time.monotonic(), 0
    while (now := time.monotonic() - begun) < args.seconds:
        if n > now * args.rate:
            time.sleep(0.001)
            continue
        try:
            send(packets[n % len(packets)])
        except OSError:             # no buffer: lost
            pass
        n += 1
    print(json.dumps({"event": "report", "sent": n}), flush=True)


def raw_sender():
    s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)
    return lambda p: s.sendto(p, (socket.inet_ntop(socket.AF_INET6, p[24:40]),
                                  0))


def ra(args, chance):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    s.bind((args.dev, 0))
    send_all(s.send, [router_advertisement(chance) for _ in range(DISTINCT)],
             args)


def flood(args, chance):
    send_all(raw_sender(), [anything(chance, args.source, host)
                            for _ in range(DISTINCT) for host in args.host],
             args)


def ptb(args, _chance):
    inner = ip6(args.src, args.dst, TUNNEL,
                ip6(args.inner_src, args.inner_dst, 59, bytes(1000)))
    body = struct.pack("!BBHI", 2, 0, 0, args.mtu) + inner[:1200]
    packet = ip6(args.source, args.src, ICMP6,
                 icmp(args.source, args.src, body))
    send = raw_sender()
    for _ in range(args.count):
        send(packet)
        time.sleep(0.01)
    print(json.dumps({"event": "report", "sent": args.count}), flush=True)


def is_ra(frame):
    return frame[12:14] == b"\x86\xdd" and frame[20] == ICMP6 and \
        frame[54:55] == b"\x86"


def hear(args, _chance):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    s.bind((args.dev, 3))
    frame = b""
    while not is_ra(frame):
        frame = s.recv(2000)
    with open(args.file, "wb") as f:
        f.write(frame)
    print(json.dumps({"event": "report", "sent": 0}), flush=True)


def say(args, _chance):
    with open(args.file, "rb") as f:
        frame = f.read()
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    s.bind((args.dev, 0))
    for _ in range(args.count):
        s.send(frame)
        time.sleep(0.01)
    print(json.dumps({"event": "report", "sent": args.count}), flush=True)


def main():
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    sub = p.add_subparsers(dest="what", required=True)
    r = sub.add_parser("ra")
    r.add_argument("dev")
    f = sub.add_parser("flood")
    f.add_argument("source")
    f.add_argument("host", nargs="+")
    b = sub.add_parser("ptb")
    for name in ("source", "src", "dst", "inner_src", "inner_dst"):
        b.add_argument(name)
    b.add_argument("mtu", type=int)
    b.add_argument("--count", type=int, default=50)
    for name, what in (("hear", hear), ("say", say)):
        o = sub.add_parser(name)
        o.add_argument("dev")
        o.add_argument("file")
        o.add_argument("--count", type=int, default=1)
        o.set_defaults(run=what, seed=0)
    for s in (r, f):
        s.add_argument("--rate", type=float, default=3000)
        s.add_argument("--seconds", type=float, default=4)
    for s in (r, f, b):
        s.add_argument("--seed", default="kedge")
    for s, what in ((r, ra), (f, flood), (b, ptb)):
        s.set_defaults(run=what)
    args = p.parse_args()
    args.run(args, random.Random(args.seed))


if __name__ == "__main__":
    main()
