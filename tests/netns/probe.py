#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Single packets in the laboratory, and what comes back.

    probe.py send                          hex packets from standard input, out
                                           as they are (IPv6 header first)
    probe.py udp SOURCE HOST [--port P] [--size N] [--hops N] [--count N]
                 [--sport P]               datagrams, IPv6 packets of N bytes
                                           each, never fragmented here; with
                                           --sport of a connected socket
    probe.py listen ADDR [--port P]        datagrams that arrive, until SIGTERM
    probe.py stream SOURCE HOST [--port P] [--rate PACKETS/S]
    probe.py order ADDR [--port P]         numbered datagrams, until SIGTERM, as
                                           fast as they are asked for; and the
                                           order in which they arrive

JSON, an object a line: "connected", "listening", "got"; udp ends with "report":
its replies, and the errors that its socket was told: local ones (type 0) and
ICMPv6's. So does order: how many there were, and how many came after a later one.
"""

import argparse
import errno
import hashlib
import json
import select
import signal
import socket
import struct
import sys
import time

IPV6_MTU_DISCOVER, IPV6_RECVERR, MSG_ERRQUEUE = 23, 25, 0x2000
PMTUDISC_DO = 2
HEADERS = 48            # IPv6's and UDP's


def say(event, **kw):
    print(json.dumps({"event": event, **kw}), flush=True)


def send():
    s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)
    for line in sys.stdin:
        data = bytes.fromhex(line)
        s.sendto(data, (socket.inet_ntop(socket.AF_INET6, data[24:40]), 0))


def error(sock):
    """The next of the socket's errors, or None."""
    try:
        _, ancillary, _, _ = sock.recvmsg(64, 512, MSG_ERRQUEUE)
    except BlockingIOError:
        return None
    for level, kind, data in ancillary:
        if (level, kind) == (socket.IPPROTO_IPV6, IPV6_RECVERR):
            _, origin, kind, code, _, info = struct.unpack_from("=IBBBBI",
                                                                data)
            icmp = origin == 3
            return {"type": kind if icmp else 0, "code": code, "info": info,
                    "from": socket.inet_ntop(socket.AF_INET6, data[24:40])
                    if icmp else None}
    return {"type": -1}


def udp(args):
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_FREEBIND
                 if hasattr(socket, "IPV6_FREEBIND") else 78, 1)
    s.setsockopt(socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER, PMTUDISC_DO)
    s.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, args.hops)
    s.bind((args.source, args.sport))
    if args.sport:
        s.connect((args.host, args.port))
        say("connected", address=args.source)
    s.setblocking(False)
    replies, errors, refused = [], [], 0
    for _ in range(args.count):
        try:
            s.sendto(bytes(args.size - HEADERS), (args.host, args.port))
        except OSError as e:
            # An earlier datagram's error, or that it is too long.
            refused += e.errno == errno.EMSGSIZE
        end = time.monotonic() + args.wait
        before = len(errors) + len(replies)
        while len(errors) + len(replies) == before and \
                (left := end - time.monotonic()) > 0:
            select.select([s], [], [s], left)
            while told := error(s):
                errors.append(told)
            try:
                data, peer = s.recvfrom(65536)
                replies.append({"from": peer[0], "size": len(data) + HEADERS})
            except OSError:
                pass
    say("report", replies=replies, errors=errors, refused=refused)


def listen(args):
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    for option in (socket.IPV6_RECVTCLASS, socket.IPV6_RECVHOPLIMIT):
        s.setsockopt(socket.IPPROTO_IPV6, option, 1)
    s.bind((args.source, args.port))
    say("listening", address=args.source, port=args.port)
    while True:
        data, ancillary, _, peer = s.recvmsg(65536, 256)
        told = {kind: int.from_bytes(value, sys.byteorder)
                for _, kind, value in ancillary}
        say("got", **{"from": peer[0]}, size=len(data) + HEADERS,
            sha256=hashlib.sha256(data).hexdigest(),
            tclass=told.get(socket.IPV6_TCLASS),
            hops=told.get(socket.IPV6_HOPLIMIT))


def stream(args):
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    s.bind((args.source, 0))
    s.connect((args.host, args.port))
    say("connected", address=args.source)
    begun, n = time.monotonic(), 0
    while True:
        # No sleep: what matters is that packets come close upon each other.
        if n > (time.monotonic() - begun) * args.rate:
            continue
        n += 1
        try:
            s.send(struct.pack("!I", n) + bytes(60))
        except OSError:
            pass            # unreachable for a while: lost


def order(args):
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    s.bind((args.source, args.port))
    got = late = last = 0
    stopped = []
    signal.signal(signal.SIGTERM, lambda *_: stopped.append(True))
    s.settimeout(0.1)
    say("listening", address=args.source, port=args.port)
    while not stopped:
        try:
            number, = struct.unpack_from("!I", s.recv(2048))
        except OSError:
            continue
        got += 1
        late += number < last
        last = max(last, number)
    say("report", received=got, last=last, late=late)


def main():
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    sub = p.add_subparsers(dest="what", required=True)
    sub.add_parser("send")
    u = sub.add_parser("udp")
    u.add_argument("source")
    u.add_argument("host")
    u.add_argument("--size", type=int, default=100)
    u.add_argument("--sport", type=int, default=0)
    u.add_argument("--hops", type=int, default=64)
    u.add_argument("--count", type=int, default=1)
    u.add_argument("--wait", type=float, default=1.0)
    listener = sub.add_parser("listen")
    listener.add_argument("source")
    o = sub.add_parser("order")
    o.add_argument("source")
    st = sub.add_parser("stream")
    st.add_argument("source")
    st.add_argument("host")
    st.add_argument("--rate", type=float, default=1000)
    for s in (u, listener, o, st):
        s.add_argument("--port", type=int, default=7100)
    args = p.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    if args.what == "send":
        send()
    else:
        {"udp": udp, "listen": listen, "stream": stream,
         "order": order}[args.what](args)


if __name__ == "__main__":
    main()
