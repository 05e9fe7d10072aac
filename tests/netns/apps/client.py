#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""client.c in Python: the same arguments, the same lines."""

import ctypes
import errno
import json
import os
import select
import signal
import socket
import sys
import time

IPV6_ADDR_PREFERENCES = 72
RECORD, EVERY, STEP = 32, 0.15, 0.05


class Ended(Exception):
    """The connection is over."""


def libkedge():
    path = os.environ.get("KEDGE_LIB", "libkedge.so.0")
    return ctypes.CDLL(path, use_errno=True)


def setsc(sock, kind):
    """(result, errno's name or None, address or None)"""
    source = (ctypes.c_ubyte * 16)()
    rc = libkedge().setsc(sock.fileno(), ctypes.byref(source), kind)
    name = errno.errorcode.get(ctypes.get_errno()) if rc else None
    return rc, name, None if rc else socket.inet_ntop(socket.AF_INET6,
                                                      bytes(source))


class Client:
    def __init__(self, cell, proto, how, kind, address, port):
        self.cell, self.how, self.kind = cell, how, int(kind)
        self.tcp, self.connected = proto == "tcp", proto != "udp"
        self.to = (address, int(port))
        self.sent = self.echoed = 0
        self.buffer = b""
        self.sock = socket.socket(socket.AF_INET6, socket.SOCK_STREAM
                                  if self.tcp else socket.SOCK_DGRAM)

    def tell(self, event, **what):
        print(json.dumps({"cell": self.cell, "time": time.time(),
                          "event": event, **what, "sent": self.sent,
                          "echoed": self.echoed}), flush=True)

    def tell_local(self, event):
        value = self.sock.getsockopt(socket.IPPROTO_IPV6,
                                     IPV6_ADDR_PREFERENCES)
        local = self.sock.getsockname()
        self.tell(event, local=local[0], port=local[1],
                  type=value >> 16 & 7)

    def guarded(self, call, function, *args, fatal=True):
        """None where it failed, which is told."""
        try:
            return function(*args)
        except BlockingIOError:
            return None
        except OSError as e:
            self.tell("error", call=call, result=-1,
                      errno=errno.errorcode.get(e.errno, str(e.errno)))
            if fatal:
                raise Ended from e
        return None

    def ask(self):
        if self.how == "api":
            rc, name, source = setsc(self.sock, self.kind)
            if rc:
                self.tell("error", call="setsc", errno=name, result=rc)
                raise Ended
            self.tell("setsc", source=source)
        elif self.how == "option":
            self.guarded("setsockopt", self.sock.setsockopt,
                         socket.IPPROTO_IPV6, IPV6_ADDR_PREFERENCES,
                         self.kind << 16)

    def open(self):
        self.ask()
        if self.connected:
            self.guarded("connect", self.sock.connect, self.to)
        self.sock.setblocking(False)
        self.tell_local("open")

    def send(self):
        record = f"{self.cell:<20.20} {self.sent:10}\n".encode()
        if self.connected:
            n = self.guarded("send", self.sock.send, record, fatal=self.tcp)
        else:
            n = self.guarded("send", self.sock.sendto, record, self.to,
                             fatal=False)
        self.sent += n == RECORD

    def receive(self):
        data = self.guarded("recv", self.sock.recv, RECORD - len(self.buffer),
                            fatal=self.tcp)
        if data == b"" and self.tcp:
            self.tell("error", call="recv", errno="ENODATA", result=0)
            raise Ended
        self.buffer += data or b""
        if len(self.buffer) == RECORD:
            self.echoed = int(self.buffer[20:]) + 1
            self.buffer = b""

    def run(self):
        following = told = 0.0
        while True:
            if time.time() >= following:
                following = time.time() + EVERY
                self.send()
            if select.select([self.sock], [], [], STEP)[0]:
                self.receive()
            if time.time() >= told + 0.5:
                told = time.time()
                self.tell("echo")


def main(args):
    def stop(*_):
        raise KeyboardInterrupt
    signal.signal(signal.SIGTERM, stop)
    client = Client(*args)
    try:
        client.open()
    except Ended:
        return 1
    try:
        client.run()
    except (Ended, KeyboardInterrupt):
        client.tell_local("end")
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 7:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1:]))
