#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Sockets by the thousand that do nothing, for tests of what they keep.

    hold.py serve [--port P]            takes connections, ends with each
    hold.py hold WHAT...                until SIGTERM

WHAT is KIND[:N][,KEY=VALUE...], N of them (1):
    tcp     connected to CN
    udp     connected to CN
    open    UDP, bound to nothing; sends one datagram to CN
    bound   UDP, bound to source=ADDRESS
    listen  TCP, listening at source=ADDRESS
source=ADDRESS binds to it first, type=N asks for this RFC 8653 type by socket
option, port=N is CN's port (7000).

JSON, one object a line: "holding" with the first socket's local address of each
WHAT; "told" with errno's name as soon as a socket has an error; SIGTERM closes
all and says "closed", with the wall clock before and after.
"""

import argparse
import errno
import json
import resource
import select
import signal
import socket
import sys
import time

from lab import CN

IPV6_ADDR_PREFERENCES, SHIFT = 72, 16
IP_BIND_ADDRESS_NO_PORT = 24
PORT = 7000


def say(event, **kw):
    print(json.dumps({"event": event, "time": time.time(), **kw}), flush=True)


def many_files():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def serve(args):
    """Accepts, and closes what its peer has closed."""
    poll, socks = select.epoll(), {}
    listener = socket.create_server(("::", args.port), family=socket.AF_INET6,
                                    backlog=4096)
    listener.setblocking(False)
    poll.register(listener, select.EPOLLIN)
    sink = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    sink.bind(("::", args.port))
    say("listening")
    while True:
        for fd, _ in poll.poll():
            if fd == listener.fileno():
                accept(listener, poll, socks)
            else:
                poll.unregister(fd)
                socks.pop(fd).close()


def accept(listener, poll, socks):
    while True:
        try:
            s, _ = listener.accept()
        except BlockingIOError:
            return
        socks[s.fileno()] = s
        poll.register(s, select.EPOLLIN | select.EPOLLRDHUP)


def parse(text):
    kind, *more = text.split(",")
    kind, _, n = kind.partition(":")
    return kind, int(n or 1), dict(m.split("=", 1) for m in more)


def make(kind, keys):
    stream = kind in ("tcp", "listen")
    s = socket.socket(socket.AF_INET6, socket.SOCK_STREAM if stream else
                      socket.SOCK_DGRAM)
    if "type" in keys:
        s.setsockopt(socket.IPPROTO_IPV6, IPV6_ADDR_PREFERENCES,
                     int(keys["type"]) << SHIFT)
    if "source" in keys:
        if kind == "tcp":
            # the port is chosen at connect(), or there are too few
            s.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
        s.bind((keys["source"], 0))
    to = (CN, int(keys.get("port", PORT)))
    if kind in ("tcp", "udp"):
        s.connect(to)
    elif kind == "open":
        s.sendto(b"x", to)
    elif kind == "listen":
        s.listen()
    return s


def hold(args):
    poll, socks, where = select.poll(), {}, []
    for what in args.what:
        kind, n, keys = parse(what)
        for i in range(n):
            s = make(kind, keys)
            socks[s.fileno()] = s
            if i == 0:
                where.append(s.getsockname()[0])
            if n == 1 and kind != "listen":
                poll.register(s, 0)     # errors alone
    done = []
    signal.signal(signal.SIGTERM, lambda *_: done.append(1))
    say("holding", local=where)
    while not done:
        for fd, _ in poll.poll(100):
            err = socks[fd].getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            poll.unregister(fd)
            say("told", error=errno.errorcode.get(err, err))
    before = time.time()
    for s in socks.values():
        s.close()
    say("closed", before=before)


def main():
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    sub = p.add_subparsers(dest="what_to_do", required=True)
    sub.add_parser("serve").add_argument("--port", type=int, default=PORT)
    sub.add_parser("hold").add_argument("what", nargs="+")
    args = p.parse_args()
    many_files()
    {"serve": serve, "hold": hold}[args.what_to_do](args)


if __name__ == "__main__":
    sys.exit(main())
