#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The laboratory's application: flows whose every byte can be accounted for.

    flow.py server [--bind ADDR] [--port P] [--tcp-only]     until SIGTERM
    flow.py tcp HOST [--port P] [--seed S] [--rate BYTES/S] [--seconds N]
                     [--service TYPE] [--source ADDR] [--download]
    flow.py udp HOST [--port P] [--rate PACKETS/S] [--seconds N]
                     [--service TYPE] [--source ADDR]

A TCP session carries, in both directions at once, a stream that is derived
from a seed; each end checks the order of every byte and hashes what it sends
and what it gets. UDP sends numbered packets that the server echoes. Both run
until SIGTERM (or --seconds), then end in order. SIGUSR1 halts sending and
starts it again; with --download it is halted from the beginning. What they say is JSON, one object a line: "connected" first,
"report" last; the server says "listening", and "closed" for each session.
Times are wall clock; a gap is a time without reception, [from, to].
"""

import argparse
import hashlib
import json
import random
import signal
import socket
import struct
import sys
import threading
import time

BLOCK = 1 << 16
CHUNK = 4096
# kedge.h
ADDR_PREFERENCES = 72
SERVICES = {"fixed": 1, "session-lasting": 2, "nonpersistent": 3,
            "graceful-replacement": 4}
END_LIMIT = 20          # s to wait for the other end's end
stopping = threading.Event()
sending = threading.Event()
say_lock = threading.Lock()


def say(event, **kw):
    with say_lock:
        print(json.dumps({"event": event, **kw}), flush=True)


class Stream:
    """The bytes of a seed: a random block over and over, numbered."""

    def __init__(self, seed):
        self.block = random.Random(seed).randbytes(BLOCK)
        self.at = 0

    def take(self, n):
        out = bytearray()
        while n:
            number, off = divmod(self.at, BLOCK)
            part = (struct.pack("!Q", number) + self.block[8:])[off:off + n]
            out += part
            self.at += len(part)
            n -= len(part)
        return bytes(out)


class Gaps:
    """Times without reception of more than `least` seconds."""

    def __init__(self, least=0.05):
        self.least, self.last, self.gaps = least, None, []

    def received(self, now):
        if self.last and now - self.last > self.least and \
                len(self.gaps) < 10000:
            self.gaps.append([self.last, now])
        self.last = now


class Session:
    """Both directions of a TCP connection, a thread each."""

    def __init__(self, sock, out_seed, in_seed, rate):
        self.sock, self.rate = sock, rate
        self.out, self.expected = Stream(out_seed), Stream(in_seed)
        self.sent_hash, self.got_hash = hashlib.sha256(), hashlib.sha256()
        self.sent = self.got = 0
        self.in_order, self.errors, self.gaps = True, [], Gaps()
        self.peer_done = threading.Event()

    def run(self, stop, data=b""):
        """Until stop() is true, then ends in order. data: already read."""
        self.take(data)
        receiver = threading.Thread(target=self.receive, daemon=True)
        receiver.start()
        self.send(lambda: stop() or self.peer_done.is_set())
        receiver.join(END_LIMIT)
        if receiver.is_alive():
            self.errors.append(f"no end within {END_LIMIT} s")

    def send(self, stop):
        begun, paid = time.monotonic(), 0
        try:
            while not stop():
                if not sending.wait(0.1):
                    begun, paid = time.monotonic(), 0
                    continue
                ahead = paid / self.rate - (time.monotonic() - begun) \
                    if self.rate else 0
                if ahead > 0:
                    time.sleep(min(ahead, 0.1))
                    continue
                data = self.out.take(CHUNK)
                self.sent_hash.update(data)
                self.sock.sendall(data)
                self.sent += len(data)
                paid += len(data)
            self.sock.shutdown(socket.SHUT_WR)
        except OSError as e:
            self.errors.append(f"send: {e.strerror or e}")

    def take(self, data):
        if data and data != self.expected.take(len(data)):
            self.in_order = False
        self.got_hash.update(data)
        self.got += len(data)

    def receive(self):
        try:
            while data := self.sock.recv(BLOCK):
                self.gaps.received(time.time())
                self.take(data)
        except OSError as e:
            self.errors.append(f"receive: {e.strerror or e}")
        self.peer_done.set()

    def report(self):
        return {"sent": self.sent, "sent_sha256": self.sent_hash.hexdigest(),
                "received": self.got,
                "received_sha256": self.got_hash.hexdigest(),
                "in_order": self.in_order, "errors": self.errors}


def name(pair):
    return {"address": pair[0], "port": pair[1]}


def serve_tcp(sock, peer):
    """The client's first line is {"seed", "rate"}; then its stream."""
    data = b""
    try:
        while b"\n" not in data:
            part = sock.recv(4096)
            if not part:
                return
            data += part
        head, data = data.split(b"\n", 1)
        head = json.loads(head)
        s = Session(sock, f"{head['seed']}-down", f"{head['seed']}-up",
                    head["rate"])
        # Ends when the peer ends, not at our SIGTERM.
        s.run(lambda: False, data)
        say("closed", peer=name(peer), **s.report())
    except OSError as e:
        say("closed", peer=name(peer), errors=[str(e)])
    finally:
        sock.close()


def echo_udp(sock):
    while True:
        data, peer = sock.recvfrom(2048)
        try:
            sock.sendto(data, peer)
        except OSError:
            pass                # unreachable for a while: lost


def server(args):
    tcp = socket.create_server((args.bind, args.port), family=socket.AF_INET6,
                               backlog=64)
    if not args.tcp_only:
        udp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        udp.bind((args.bind, args.port))
        threading.Thread(target=echo_udp, args=(udp,), daemon=True).start()

    def accept():
        while True:
            sock, peer = tcp.accept()
            threading.Thread(target=serve_tcp, args=(sock, peer),
                             daemon=True).start()
    threading.Thread(target=accept, daemon=True).start()
    say("listening", address=args.bind, port=args.port)
    stopping.wait()


def open_socket(kind, args):
    """With the service type that --service asks for, by the socket option."""
    sock = socket.socket(socket.AF_INET6, kind)
    if args.service:
        sock.setsockopt(socket.IPPROTO_IPV6, ADDR_PREFERENCES,
                        SERVICES[args.service] << 16)
    if args.source:
        sock.bind((args.source, 0))
    sock.settimeout(15)
    sock.connect((args.host, args.port))
    sock.settimeout(None)
    return sock


def tcp(args):
    sock = open_socket(socket.SOCK_STREAM, args)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    local = name(sock.getsockname())
    sock.sendall(json.dumps({"seed": args.seed, "rate": args.rate}).encode()
                 + b"\n")
    say("connected", local=local, time=time.time())
    s = Session(sock, f"{args.seed}-up", f"{args.seed}-down", args.rate)
    s.run(stopping.is_set)
    sock.close()
    say("report", protocol="tcp", local=local, gaps=s.gaps.gaps, **s.report())


def ranges(lost, sent_at):
    """[[first, last, time of first, time of last]] of sorted numbers."""
    out = []
    for n in lost:
        if out and out[-1][1] == n - 1:
            out[-1][1], out[-1][3] = n, sent_at[n]
        else:
            out.append([n, n, sent_at[n], sent_at[n]])
    return out


def udp(args):
    sock = open_socket(socket.SOCK_DGRAM, args)
    local = name(sock.getsockname())
    say("connected", local=local, time=time.time())
    sent_at, got_at, gaps, errors, twice = [], {}, Gaps(0.005), {}, 0

    def receive():
        nonlocal twice
        while True:
            try:
                number, = struct.unpack_from("!I", sock.recv(2048))
            except OSError as e:        # an ICMP error: count, go on
                errors[e.strerror] = errors.get(e.strerror, 0) + 1
                continue
            gaps.received(time.time())
            twice += number in got_at
            got_at[number] = gaps.last
    threading.Thread(target=receive, daemon=True).start()
    begun, paid = time.monotonic(), 0
    while not stopping.is_set():
        if not sending.wait(0.1):
            begun, paid = time.monotonic(), 0
            continue
        ahead = paid / args.rate - (time.monotonic() - begun)
        if ahead > 0:
            time.sleep(min(ahead, 0.1))
            continue
        sent_at.append(time.time())
        paid += 1
        try:
            sock.send(struct.pack("!I", len(sent_at) - 1) + bytes(60))
        except OSError as e:
            errors[e.strerror] = errors.get(e.strerror, 0) + 1
    end = time.monotonic() + 1
    while len(got_at) < len(sent_at) and time.monotonic() < end:
        time.sleep(0.02)
    lost = [n for n in range(len(sent_at)) if n not in got_at]
    say("report", protocol="udp", local=local, sent=len(sent_at),
        received=len(got_at), twice=twice, lost=len(lost),
        lost_ranges=ranges(lost, sent_at), gaps=gaps.gaps, errors=errors)


def main():
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    sub = p.add_subparsers(dest="what", required=True)
    s = sub.add_parser("server")
    s.add_argument("--bind", default="::")
    s.add_argument("--tcp-only", action="store_true")
    for proto, rate in (("tcp", 1e6), ("udp", 1000)):
        c = sub.add_parser(proto)
        c.add_argument("host")
        c.add_argument("--seed", default="kedge")
        c.add_argument("--rate", type=float, default=rate)
        c.add_argument("--seconds", type=float)
        c.add_argument("--service", choices=SERVICES)
        c.add_argument("--source", help="address to bind to")
        c.add_argument("--download", action="store_true")
    for s in sub.choices.values():
        s.add_argument("--port", type=int, default=7000)
    args = p.parse_args()
    for sig in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sig, lambda *_: stopping.set())
    signal.signal(signal.SIGUSR1, lambda *_: sending.clear()
                  if sending.is_set() else sending.set())
    if not getattr(args, "download", False):
        sending.set()
    if getattr(args, "seconds", None):
        threading.Timer(args.seconds, stopping.set).start()
    try:
        {"server": server, "tcp": tcp, "udp": udp}[args.what](args)
    except OSError as e:
        say("failed", error=str(e))
        sys.exit(1)


if __name__ == "__main__":
    main()
