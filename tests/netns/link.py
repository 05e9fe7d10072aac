#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A bad link between two interfaces: every frame of one goes out of the other,
but for what it loses, doubles, delays or lets overtake.

    link.py UP DOWN --conf FILE [--seed N]

UP is the mobile node's side. FILE is JSON, read at the start and at each
SIGHUP; each key is for both ways, or for one with "up_" or "down_" before it:

    loss, twice, late   shares of the frames, in %: lost; sent twice; held
                        for `hold` ms more, so that others overtake them
    delay, jitter       ms; the delay is delay +- jitter, in order
    hold                20 ms unless told
    cut                 true: nothing passes

SIGUSR1 forgets what is under way: the link was lost. JSON, an object a line:
"set" after each reading; "report" at SIGTERM, with what was done. What chance
does depends on the seed and on the order of frames alone.

This kernel has no netem; nftables has loss, but none of the others.
"""

import argparse
import heapq
import json
import os
import random
import select
import signal
import socket
import time

ETH_P_ALL, OUTGOING = 3, 4
WAYS = ("up", "down")
UNLESS_TOLD = {"loss": 0, "twice": 0, "late": 0, "delay": 0, "jitter": 0,
               "hold": 20, "cut": False}


def say(event, **kw):
    print(json.dumps({"event": event, **kw}), flush=True)


class Way:
    """One direction: from `source` to `sink`."""

    def __init__(self, name, source, sink, seed):
        self.name, self.source, self.sink = name, source, sink
        self.chance = random.Random(f"{seed}-{name}")
        self.keys, self.queue, self.number = dict(UNLESS_TOLD), [], 0
        self.last = 0.0         # when what is in order goes out
        self.done = dict.fromkeys(("passed", "lost", "twice", "late", "cut",
                                   "delayed"), 0)

    def set(self, keys):
        self.keys = {k: keys.get(f"{self.name}_{k}", keys.get(k, v))
                     for k, v in UNLESS_TOLD.items()}

    def happens(self, what):
        """Always a draw, whatever the share: runs stay comparable."""
        hit = self.chance.random() * 100 < self.keys[what]
        self.done[{"loss": "lost"}.get(what, what)] += hit
        return hit

    def take(self, frame, now):
        lost, twice, late = map(self.happens, ("loss", "twice", "late"))
        spread = self.chance.uniform(-1, 1) * self.keys["jitter"]
        self.done["cut"] += self.keys["cut"]
        if lost or self.keys["cut"]:
            return
        due = now + max(0, self.keys["delay"] + spread) / 1000
        self.done["delayed"] += due > now
        if late:
            due += self.keys["hold"] / 1000
        else:
            due = self.last = max(due, self.last)
        for _ in range(1 + twice):
            heapq.heappush(self.queue, (due, self.number, frame))
            self.number += 1

    def give(self, now):
        """Sends what is due; returns when the next is, or None."""
        while self.queue and self.queue[0][0] <= now:
            frame = heapq.heappop(self.queue)[2]
            self.done["passed"] += 1
            try:
                self.sink.send(frame)
            except OSError:     # that side is down
                pass
        return self.queue[0][0] if self.queue else None

    def forget(self):
        self.queue.clear()
        self.last = 0.0


def packet_socket(name):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW,
                      socket.htons(ETH_P_ALL))
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    s.bind((name, 0))
    s.setblocking(False)
    return s


def read(way, now):
    while True:
        try:
            frame, where = way.source.recvfrom(65536)
        except BlockingIOError:
            return
        except OSError:         # told once that the link went down
            continue
        if where[2] != OUTGOING:
            way.take(frame, now)


def main():
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    p.add_argument("up")
    p.add_argument("down")
    p.add_argument("--conf", required=True)
    p.add_argument("--seed", default="kedge")
    args = p.parse_args()
    # A link does not wait for a CPU that others want.
    os.setpriority(os.PRIO_PROCESS, 0, -15)
    ends = [packet_socket(args.up), packet_socket(args.down)]
    ways = [Way("up", *ends, args.seed), Way("down", *ends[::-1], args.seed)]
    asked = {signal.SIGHUP}     # to be done, in the loop
    for sig in (signal.SIGHUP, signal.SIGUSR1, signal.SIGTERM):
        signal.signal(sig, lambda sig, _: asked.add(sig))
    # A signal that comes just before the wait is seen within this time.
    longest = 0.05
    while signal.SIGTERM not in asked:
        if signal.SIGUSR1 in asked:
            asked.discard(signal.SIGUSR1)
            for way in ways:
                way.forget()
        if signal.SIGHUP in asked:
            asked.discard(signal.SIGHUP)
            with open(args.conf, encoding="ascii") as f:
                keys = json.load(f)
            for way in ways:
                way.set(keys)
            say("set", **keys)
        next_due = [way.give(time.monotonic()) for way in ways]
        wait = min([longest] + [t - time.monotonic() for t in next_due if t])
        ready, _, _ = select.select(ends, [], [], max(0, wait))
        now = time.monotonic()
        for way in ways:
            if way.source in ready:
                read(way, now)
    say("report", **{way.name: way.done for way in ways})


if __name__ == "__main__":
    main()
