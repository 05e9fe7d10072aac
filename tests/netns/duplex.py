#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A call: numbered datagrams both ways at a steady rate, neither way an echo of
the other, so that each way's losses are known for themselves.

    duplex.py call SOURCE HOST [--port P] [--rate PACKETS/S] --out FILE
    duplex.py answer ADDR [--port P] [--rate PACKETS/S] --out FILE

The one that answers begins when the first datagram comes. At SIGTERM they send
no more, take what is under way until it is silent, and write FILE: {"sent":
[time of each], "got": [[number, time] in the order of arrival], "errors": {}}.
Times are wall clock, of arrival the kernel's; all of the laboratory has one
clock. A line of JSON is said at the beginning ("connected", "listening") and
at the end ("report", with counts).

Both ends of it in the laboratory, and what became of each datagram: class
Call.
"""

import argparse
import bisect
import json
import math
import os
import select
import signal
import socket
import struct
import sys
import time

SO_TIMESTAMPNS, SO_RCVBUFFORCE = 35, 33
SIZE = 64
SILENCE = 0.5 * float(os.environ.get("KEDGE_SLOW", "1"))
LONGEST = 20 * SILENCE      # that the end may take


def say(event, **kw):
    print(json.dumps({"event": event, **kw}), flush=True)


class End:
    """One end of a call while it lasts."""

    def __init__(self, args):
        self.rate, self.stopped = args.rate, False
        self.sent, self.got, self.errors = [], [], {}
        self.sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        # No datagram is to be lost for want of a CPU.
        self.sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
        self.sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        if args.what == "call":
            self.sock.bind((args.source, args.port))
            self.sock.connect((args.host, args.port))
        else:
            self.sock.bind((args.source, args.port))
        self.ready = args.what == "call"
        self.sock.setblocking(False)
        signal.signal(signal.SIGTERM, self.stop)

    def stop(self, *_):
        self.stopped = True

    def send(self):
        """An error that an earlier datagram's ICMP brought is not this
        one's."""
        data = struct.pack("!I", len(self.sent)) + bytes(SIZE - 4)
        self.sent.append(time.time())
        for _ in range(2):
            try:
                self.sock.send(data)
                return
            except OSError as e:
                self.errors[e.strerror] = self.errors.get(e.strerror, 0) + 1

    def receive(self):
        """Everything there is; whether there was something."""
        any_ = False
        while True:
            try:
                data, ancillary, _, peer = self.sock.recvmsg(2048, 64)
            except BlockingIOError:
                return any_
            except OSError as e:
                self.errors[e.strerror] = self.errors.get(e.strerror, 0) + 1
                continue
            if not self.ready:
                self.sock.connect(peer)
                self.ready = True
            sec, nsec = struct.unpack("=qq", ancillary[0][2])
            number, = struct.unpack_from("!I", data)
            self.got.append((number, sec + nsec / 1e9))
            any_ = True

    def wait(self, until):
        select.select([self.sock], [], [], max(0, until - time.monotonic()))

    def run(self):
        while not self.stopped and not self.ready:
            self.wait(time.monotonic() + 0.1)
            self.receive()
        begun = time.monotonic()
        while not self.stopped:
            due = begun + len(self.sent) / self.rate
            if due <= time.monotonic():
                self.send()
            else:
                self.wait(min(due, time.monotonic() + 0.1))
            self.receive()
        end = time.monotonic() + LONGEST
        silent = time.monotonic() + SILENCE
        while time.monotonic() < min(end, silent):
            self.wait(silent)
            if self.receive():
                silent = time.monotonic() + SILENCE


def main():
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    sub = p.add_subparsers(dest="what", required=True)
    call = sub.add_parser("call")
    call.add_argument("source")
    call.add_argument("host")
    answer = sub.add_parser("answer")
    answer.add_argument("source")
    for s in (call, answer):
        s.add_argument("--port", type=int, default=7200)
        s.add_argument("--rate", type=float, default=1000)
        s.add_argument("--out", required=True)
    args = p.parse_args()
    # What is measured is the network.
    os.setpriority(os.PRIO_PROCESS, 0, -15)
    end = End(args)
    local = end.sock.getsockname()
    say("connected" if args.what == "call" else "listening",
        local={"address": local[0], "port": local[1]}, time=time.time())
    end.run()
    with open(args.out, "w", encoding="ascii") as f:
        json.dump({"sent": end.sent, "got": end.got, "errors": end.errors}, f)
    say("report", sent=len(end.sent), got=len(end.got), errors=end.errors)


# --- in the laboratory ------------------------------------------------------

class Way:
    """What became of the datagrams of one way. Times are those of sending."""

    def __init__(self, sent, got):
        self.sent, self.arrived = sent, {}
        self.twice = self.late = 0
        last = -1
        for number, at in got:
            if number in self.arrived:
                self.twice += 1
                continue
            self.arrived[number] = at
            # RFC 4737 3.3: one that comes after a later one
            self.late += number < last
            last = max(last, number)
        self.lost = [(n, t) for n, t in enumerate(sent)
                     if n not in self.arrived]

    def numbers(self, begun, ended):
        """Of those sent in that time."""
        return range(bisect.bisect_left(self.sent, begun),
                     bisect.bisect_left(self.sent, ended))

    def lost_between(self, begun, ended):
        return [self.sent[n] for n in self.numbers(begun, ended)
                if n not in self.arrived]

    def took(self, numbers):
        """Seconds under way of those of them that arrived."""
        return [self.arrived[n] - self.sent[n] for n in numbers
                if n in self.arrived]

    def silence(self, begun, ended):
        """The longest time in it without arrivals, in seconds."""
        at = [begun, *sorted(t for t in self.arrived.values()
                             if begun <= t < ended), ended]
        return max(b - a for a, b in zip(at, at[1:]))


class Call:
    """A call from `source`, an address of mn, to cn; up and down are known
    when it has ended."""

    def __init__(self, lab, name, source, cn, port, rate=1000):
        self.lab, self.name, self.port = lab, name, port
        self.source, self.peer, self.rate = source, cn, rate
        self.up = self.down = self.errors = None
        self._start("cn", "answer", cn, event="listening")
        self._start("mn", "call", source, cn, event="connected")

    def _start(self, space, *args, event):
        name = f"{self.name}-{space}"
        self.lab.spawn(space, name, sys.executable, os.path.abspath(__file__),
                       *args, "--port", self.port, "--rate", self.rate,
                       "--out", self.lab.path(f"{name}.json"))
        self.lab.flow_event(name, event)

    def end(self):
        names = [f"{self.name}-{space}" for space in ("mn", "cn")]
        for name in names:
            self.lab.procs[name].send_signal(signal.SIGTERM)
        ends = []
        for name in names:
            self.lab.flow_event(name, "report", 40)
            self.lab.stop(name)
            with open(self.lab.path(f"{name}.json"), encoding="ascii") as f:
                ends.append(json.load(f))
        mn, cn = ends
        self.up, self.down = Way(mn["sent"], cn["got"]), \
            Way(cn["sent"], mn["got"])
        self.errors = {**cn["errors"], **mn["errors"]}
        return self

    @property
    def ways(self):
        return (("up", self.up), ("down", self.down))

    def told(self, since=0.0):
        """What was sent from then on; what came twice or out of order, of
        all."""
        return f"{self.name}: " + "; ".join(
            f"{way} {len(w.numbers(since, math.inf))} sent, "
            f"{len(w.lost_between(since, math.inf))} lost, {w.twice} twice, "
            f"{w.late} out of order" for way, w in self.ways)


if __name__ == "__main__":
    main()
