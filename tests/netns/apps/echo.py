#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""echo.py ADDRESS PORT...: echoes over TCP and UDP, and says on a line of JSON
from which address a cell's records come, each time that this changes."""

import json
import selectors
import socket
import sys
import time

RECORD = 32


class Echo:
    def __init__(self):
        self.selector = selectors.DefaultSelector()
        self.sources = {}       # {(cell, protocol): the last one}

    def tell(self, event, **what):
        print(json.dumps({"time": time.time(), "event": event, **what}),
              flush=True)

    def note(self, record, proto, peer, port):
        cell = record[:20].decode("ascii", "replace").strip()
        if self.sources.get((cell, proto)) != peer:
            self.sources[(cell, proto)] = peer
            self.tell("source", cell=cell, proto=proto, source=peer[0],
                      peer_port=peer[1], port=port)

    def listen(self, address, port):
        for kind, on in ((socket.SOCK_STREAM, self.accept),
                         (socket.SOCK_DGRAM, self.datagram)):
            s = socket.socket(socket.AF_INET6, kind)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind((address, port))
            if kind == socket.SOCK_STREAM:
                s.listen(256)
            s.setblocking(False)
            self.selector.register(s, selectors.EVENT_READ, (on, port))

    def accept(self, s, port):
        connection, peer = s.accept()
        connection.setblocking(False)
        buffer = bytearray()

        def stream(c, _port):
            try:
                data = c.recv(4096)
                c.sendall(data)
            except OSError:
                data = b""
            if not data:
                self.selector.unregister(c)
                c.close()
            buffer.extend(data)
            while len(buffer) >= RECORD:
                self.note(bytes(buffer[:RECORD]), "tcp", peer[:2], port)
                del buffer[:RECORD]
        self.selector.register(connection, selectors.EVENT_READ,
                               (stream, port))

    def datagram(self, s, port):
        data, peer = s.recvfrom(4096)
        self.note(data, "udp", peer[:2], port)
        try:
            s.sendto(data, peer)
        except OSError:
            pass        # a port that has been closed

    def run(self):
        self.tell("listening")
        while True:
            for key, _ in self.selector.select():
                on, port = key.data
                try:
                    on(key.fileobj, port)
                except BlockingIOError:
                    pass


if __name__ == "__main__":
    echo = Echo()
    for number in sys.argv[2:]:
        echo.listen(sys.argv[1], int(number))
    echo.run()
