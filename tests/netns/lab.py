#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The laboratory: a mobile node, three access routers, a core, a correspondent.

    cn 2001:db8:c::2 --- core --- 2001:db8:f0N::/64 --- arN 2001:db8:N::1
                                                         |  (acc0)
    mn net0 ...... veth, its peer `mnp` in sw ...... bridge brN in sw ... hN

Network namespaces kedge-PID-NAME for NAME in core, cn, ar1..ar3, mn (mn2), sw
and h1; files in /tmp/kedge-PID. The mobile node's link is moved hard: peer down
(carrier lost), another bridge, peer up. It may have several, net0, net1 and so
on (their peers: mnp, mnp1 ...). radvd and the daemons run from
$KEDGE_BUILD. Everything ends by process id, and with the namespaces.

    lab.py up [--plain] [--at N] [--keys x509|psk|manual] [--interfaces N]
                                    sets one up and leaves it (prints its NAME)
    lab.py NAME move N [IFACE]      moves the mobile node to arN
    lab.py NAME cut|plug [IFACE]    pulls its cable; puts it back
    lab.py NAME exec NS COMMAND...  runs a command inside
    lab.py NAME ctl mn|arN ARGS...  kedgectl of that daemon
    lab.py NAME start mn|arN        starts that daemon
    lab.py NAME loss PERCENT [all]  signalling (or all packets) lost; 0: none
    lab.py NAME down                ends it
"""

import atexit
import base64
import contextlib
import ctypes
import fcntl
import ipaddress
import json
import os
import secrets
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

import judge
from pki import Authority

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
PYTHON = "/usr/bin/python3"
NETS = (1, 2, 3)
CN = "2001:db8:c::2"
# The last byte of the mobile nodes' MAC addresses; net1's is one more.
MNS = {"mn": 0x10, "mn2": 0x20}
SPACES = ["core", "cn", "sw", "mn", "h1"]
CLONE_NEWNET = 0x40000000
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1
# An emulated machine is slow: factor for every limit of time.
SLOW = float(os.environ.get("KEDGE_SLOW", "1"))
# RFC 6275 7.5: 30 to 70 ms.
RADVD = ("MinRtrAdvInterval 0.03; MaxRtrAdvInterval 0.07; "
         "MinDelayBetweenRAs 0.03;")
# Signalling alone: ESP, destination options, routing header, MH.
SIGNALLING = "ip6 nexthdr { 50, 60, 43, 135 }"
# IKE alone: the home agents' ports, the mobile node may have others.
IKE = ("udp dport { 500, 4500 }", "udp sport { 500, 4500 }")
IKE_PORTS = (500, 4500)
# Not what flows carry: tcpdump's syntax. In the tunnel there may be ESP.
WATCHED = "ip6 and (not ip6 proto 41 or ip6[46] = 50) and not tcp and " \
          "(not udp or port 500 or port 4500)"
# What a sanitizer writes; any of them in a daemon's log is a failure.
SANITIZER = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer",
             "runtime error:", "UndefinedBehaviorSanitizer")

# libcharon has no frame pointers: without this a leak's place, and a
# suppression's, would end where it was called from. It costs time by depth.
LSAN_OPTIONS = (f"suppressions={HERE}/lsan.supp:fast_unwind_on_malloc=0:"
                f"malloc_context_size={8 if SLOW == 1 else 4}")


class LabError(Exception):
    """The laboratory, or what runs in it, does not do what was asked."""


def mac(who="mn", iface="net0"):
    return f"02:00:00:00:00:{MNS[who] + int(iface[3:]):02x}"


def hoa(n, who="mn", iface="net0"):
    """The mobile node's EUI-64 address in arN's prefix."""
    return str(ipaddress.ip_address(
        f"2001:db8:{n}::ff:fe00:{MNS[who] + int(iface[3:]):x}"))


def peer(who="mn", iface="net0"):
    """The other end of its cable, in sw."""
    return f"{who}p" + iface[3:].replace("0", "")


def ar(n):
    """arN's home agent address."""
    return f"2001:db8:{n}::1"


def wait_for(what, test, limit=10.0, step=0.02):
    """Calls test() until it is true and returns that; LabError at the limit."""
    end = time.monotonic() + limit * SLOW
    while True:
        value = test()
        if value:
            return value
        if time.monotonic() > end:
            raise LabError(f"not within {limit:g} s: {what}")
        time.sleep(step)


def has_aes():
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as f:
            flags = next((l for l in f if l.startswith("flags")), "").split()
    except OSError:
        return False
    return "aes" in flags and "pclmulqdq" in flags


def identity(who):
    """The IKE identity of mn or arN."""
    return {"mn": "mn1@example.org", "mn2": "mn2@example.org"}.get(
        who, f"{who}.example.org")


def ini(sections):
    """Text of {heading: {key: value, or values}}."""
    return "\n".join(f"[{head}]\n" + "".join(
        f"{key} = {value}\n" for key, values in keys.items()
        for value in (values if isinstance(values, list) else [values]))
        for head, keys in sections.items())


class Lab:
    """One laboratory. Use it as a context manager, or up() and down()."""

    made = 0    # by this process, which may have several

    def __init__(self, mn=None, ha=None, anchors=None, algorithm=None,
                 keys="manual", name=None, keep=False, build=None,
                 second=False, nets=NETS, advertise=None, radvd=RADVD,
                 interfaces=1, delay=None):
        """mn, ha: keys of [mn] and [ha] to add or replace. anchors: the
        networks with a home agent, all of nets if not given (the access
        routers: their numbers, 1 to 9). keys: "x509" and "psk" are IKE's; with
        "manual" ones, algorithm is every SA's (None: both kinds, as the CPU
        allows). name: a laboratory that stands already. second: there is
        another mobile node, mn2, too. advertise: {network: keys of [link]}
        where kedge-ha itself sends router advertisements, not radvd. radvd:
        how often that does. interfaces: how many mn has, net0 and so on;
        mn2 has one. delay: {network: ms that each packet takes between its
        access router and the core}."""
        Lab.made += name is None
        self.name = name or f"kedge-{os.getpid()}" + (
            f"-{Lab.made}" if Lab.made > 1 else "")
        self.tmp = f"/tmp/{self.name}"
        self.mn_keys, self.ha_keys = mn or {}, ha or {}
        self.nets, self.algorithm = tuple(nets), algorithm
        self.anchors = self.nets if anchors is None else tuple(anchors)
        self.keys, self.keep = keys, keep
        self.advertise, self.radvd = advertise or {}, radvd
        self.delay = delay or {}
        self.mobiles = ["mn"] + ["mn2"] * bool(second or (
            name and os.path.exists(f"/run/netns/{name}-mn2")))
        self.spaces = SPACES + [f"ar{n}" for n in self.nets] + \
            self.mobiles[1:]
        self.build = os.readlink(self.path("build")) if name else \
            os.path.abspath(build or os.environ.get("KEDGE_BUILD", TOP))
        self.interfaces = {who: tuple(f"net{i}" for i in range(
            interfaces if who == "mn" else 1)) for who in self.mobiles}
        self.place = {}         # {(mobile node, interface): network}
        # {a cable's end in sw: what goes into the bridges in its place}
        self.ports = {}
        self.sw_socket = None
        self.procs = {}
        self.problems = []
        self.captures = []      # all there were; judged at the end
        self.judged = True      # by tshark
        self.forged = []        # display filters of packets made to be wrong
        self.sas = []           # manual ones
        self.conf = {}          # {who: {heading: {key: value or values}}}
        self.ca = None
        self.psk = "of the lab: " + secrets.token_hex(16)

    # --- plumbing ---------------------------------------------------------

    def ns(self, space):
        return f"{self.name}-{space}"

    def path(self, *parts):
        return os.path.join(self.tmp, *parts)

    def argv(self, space, *cmd):
        """Not `ip netns exec`: that makes a mount namespace for each command,
        in which a daemon's mounts would vanish."""
        return ["nsenter", f"--net=/run/netns/{self.ns(space)}",
                *map(str, cmd)]

    def cmd(self, space, *cmd, check=True, timeout=20, stdin=None):
        """Runs a command in a namespace, returns its standard output."""
        p = subprocess.run(self.argv(space, *cmd), text=True, input=stdin,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           stdin=None if stdin else subprocess.DEVNULL,
                           timeout=timeout * SLOW, check=False)
        if check and p.returncode:
            raise LabError(f"{space}: {' '.join(map(str, cmd))}: exit status "
                           f"{p.returncode}: {p.stderr.strip()}")
        return p.stdout

    def ip(self, space, *lines):
        """`ip` commands, one a line."""
        self.cmd(space, "ip", "-batch", "-", stdin="\n".join(lines) + "\n")

    def sysctl(self, space, **values):
        """Keys below net.ipv6.conf, "/" between their parts."""
        self.cmd(space, "sysctl", "-qw",
                 *(f"net/ipv6/conf/{k}={v}" for k, v in values.items()))

    def spawn(self, space, name, *cmd, env=None):
        """Starts a command; its output goes to log/NAME. Returns the Popen."""
        with open(self.path("log", name), "ab") as log:
            p = subprocess.Popen(self.argv(space, *cmd), stdout=log,
                                 stderr=log, stdin=subprocess.DEVNULL,
                                 start_new_session=True, env=env)
        self.procs[name] = p
        return p

    def stop(self, name, sig=signal.SIGTERM, limit=10):
        """Ends a process that spawn() started and returns its exit status."""
        p = self.procs.pop(name)
        if p.poll() is None:
            p.send_signal(sig)
        try:
            return p.wait(limit * SLOW)
        except subprocess.TimeoutExpired:
            p.kill()
            p.wait()
            raise LabError(f"{name} did not end within {limit} s of signal "
                           f"{int(sig)}") from None

    def log(self, name):
        try:
            with open(self.path("log", name), encoding="utf-8",
                      errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    # --- the network ------------------------------------------------------

    def __enter__(self):
        self.up()
        return self

    def __exit__(self, *exc):
        if self.keep:
            me = os.path.join(HERE, "lab.py")
            print(f"kept: `{me} {self.name} exec mn ip addr` and `{me} "
                  f"{self.name} ctl mn bindings` look inside, `{me} "
                  f"{self.name} down` ends it")
        else:
            self.down()

    def up(self):
        if os.geteuid():
            raise LabError("the laboratory needs root: network namespaces")
        if not os.path.exists("/dev/net/tun"):
            subprocess.run(["modprobe", "tun"], check=False)
        atexit.register(lambda: self.keep or self.down())
        os.mkdir(self.tmp, 0o700)
        os.symlink(self.build, self.path("build"))
        for d in ("log", "bpf", "state", "conf"):
            os.mkdir(self.path(d))
        # RFC 6275 wants the state private; a bpffs must be one for all, and
        # stand before the first daemon.
        subprocess.run(["mount", "-t", "bpf", "-o", "mode=0700", "bpf",
                        self.path("bpf")], check=True)
        for space in self.spaces:
            subprocess.run(["ip", "netns", "add", self.ns(space)], check=True)
        # No duplicate address detection but on the mobile node, and no
        # addresses on the switch.
        for space in self.spaces:
            self.sysctl(space, **{"all/accept_dad": 0, "default/accept_dad": 0,
                                  "default/dad_transmits": 0}
                        if space not in ["sw"] + self.mobiles else
                        {"default/disable_ipv6": int(space == "sw"),
                         "default/addr_gen_mode": 0,
                         "default/use_tempaddr": 0})
            self.ip(space, "link set lo up")
        for space in ["core"] + [f"ar{n}" for n in self.nets]:
            self.sysctl(space, **{"all/forwarding": 1,
                                  "default/forwarding": 1})
        self._core_link("cn", "cn0", "core0", "2001:db8:c::", None)
        for n in self.nets:
            self._core_link(f"ar{n}", f"ar{n}", "core0", f"2001:db8:f0{n}::",
                            f"2001:db8:{n}::/64")
            self._access(n)
        for who in self.mobiles:
            self._mobile(who)
        self._host("h1", 1)
        for n in self.nets:
            if n not in self.advertise:
                self._radvd(n)
        self._write_conf()

    def _mobile(self, who):
        """An ifindex of its own: where both ends of a veth pair have the same
        one, the kernel takes carrier events for unimportant and delays them."""
        for i, dev in enumerate(self.interfaces[who]):
            self.ip(who, f"link add {dev} index {100 + i} address "
                    f"{mac(who, dev)} type veth peer name {peer(who, dev)} "
                    f"netns {self.ns('sw')}", f"link set {dev} up")

    def _core_link(self, space, core_dev, dev, net, routed):
        """core <-> space, addresses ::1 and ::2 of net."""
        delay = self.delay.get(int(space[2:])) if routed else None
        if delay:
            self.ip("core", f"link add {core_dev} type veth peer name "
                    f"{space}c netns {self.ns('sw')}")
            self.ip(space, f"link add {dev} type veth peer name {space}a netns "
                    f"{self.ns('sw')}")
            self.ip("sw", f"link set {space}c up", f"link set {space}a up")
            self.relay(f"delay-{space}", (space, dev), ("core", core_dev),
                       f"{space}a", f"{space}c", delay=delay)
        else:
            self.ip("core", f"link add {core_dev} type veth peer name {dev} "
                    f"netns {self.ns(space)}")
        self.ip("core", f"address add {net}1/64 dev {core_dev} nodad",
                f"link set {core_dev} up")
        self.ip(space, f"address add {net}2/64 dev {dev} nodad",
                f"link set {dev} up", f"route add default via {net}1")
        if routed:
            self.ip("core", f"route add {routed} via {net}2")

    def relay(self, name, *ends, **keys):
        """link.py between two interfaces of sw, the last of ends: two (space,
        interface) at the far sides, and theirs. Without offloads: what passes
        a packet socket has to be whole. keys: what the link does."""
        far, near = ends[:2], ends[2:]
        for space, dev in (*far, *(("sw", dev) for dev in near)):
            self.cmd(space, "ethtool", "-K", dev, "tx", "off", "gso", "off",
                     "tso", "off", "gro", "off")
        conf = self.path("conf", f"{name}.json")
        with open(conf, "w", encoding="ascii") as f:
            json.dump(keys, f)
        self.spawn("sw", name, PYTHON, os.path.join(HERE, "link.py"), *near,
                   "--conf", conf)
        self.flow_event(name, "set")

    def _access(self, n):
        self.ip("sw", f"link add br{n} type bridge stp_state 0 "
                "forward_delay 0 mcast_snooping 0", f"link set br{n} up",
                f"link add a{n} type veth peer name acc0 address "
                f"02:00:00:00:0{n}:01 netns {self.ns(f'ar{n}')}",
                f"link set a{n} master br{n} up")
        self.ip(f"ar{n}", f"address add {ar(n)}/64 dev acc0 nodad",
                "link set acc0 up")

    def _host(self, space, n):
        self.ip("sw", f"link add {space} type veth peer name net0 netns "
                f"{self.ns(space)}", f"link set {space} master br{n} up")
        self.ip(space, "link set net0 up")

    def _radvd(self, n):
        """A long router lifetime, so that the
        router left behind does not vanish from the MN by itself."""
        anchor = n in self.anchors
        home = """
    AdvHomeAgentFlag on;
    AdvHomeAgentInfo on;
    HomeAgentLifetime 1800;
    HomeAgentPreference 0;""" if anchor else ""
        prefix = f"{ar(n)}/64" if anchor else f"2001:db8:{n}::/64"
        conf = self.path("conf", f"radvd{n}.conf")
        with open(conf, "w", encoding="ascii") as f:
            f.write(f"""interface acc0 {{
    AdvSendAdvert on;
    {self.radvd}
    AdvDefaultLifetime 1800;
    AdvIntervalOpt on;{home}
    prefix {prefix} {{
        AdvValidLifetime 3600;
        AdvPreferredLifetime 1800;
        AdvRouterAddr {"on" if anchor else "off"};
    }};
}};
""")
        self.radvd_start(n)

    def radvd_start(self, n, *changes):
        """changes: (old, new) text in its configuration. What is at work is
        killed: it tells nobody."""
        conf = self.path("conf", f"radvd{n}.conf")
        with open(conf, encoding="ascii") as f:
            text = f.read()
        for old, new in changes:
            if old not in text:
                raise LabError(f"radvd{n}: no {old!r}")
            text = text.replace(old, new)
        with open(conf, "w", encoding="ascii") as f:
            f.write(text)
        if f"radvd{n}" in self.procs:
            self.stop(f"radvd{n}", signal.SIGKILL)
        self.spawn(f"ar{n}", f"radvd{n}", "radvd", "-n", "-m", "stderr",
                   "-C", conf, "-p", self.path(f"radvd{n}.pid"))

    # --- moving -----------------------------------------------------------

    @property
    def at(self):
        """The network of mn's net0, or None."""
        return self.place.get(("mn", "net0"))

    @at.setter
    def at(self, n):
        self.place["mn", "net0"] = n

    def unplug(self, who="mn", iface="net0"):
        self.ip("sw", f"link set {peer(who, iface)} down")

    def _socket(self, space):
        """A socket of ours in that namespace, for ioctl()."""
        made = []

        def enter():        # setns() is the thread's own
            libc = ctypes.CDLL(None, use_errno=True)
            with open(f"/run/netns/{self.ns(space)}", "rb") as f:
                if libc.setns(f.fileno(), CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), "setns")
            made.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()
        return made[0]

    def cut(self, iface, who="mn"):
        """Pulls that cable, sharply: unplug() takes the time that a program
        takes to start. Returns the wall clock before and after."""
        if not self.sw_socket:
            self.sw_socket = self._socket("sw")
        name = peer(who, iface).encode()
        flags, = struct.unpack_from("H", fcntl.ioctl(
            self.sw_socket, SIOCGIFFLAGS, struct.pack("16sH22x", name, 0)), 16)
        request = struct.pack("16sH22x", name, flags & ~IFF_UP)
        before = time.time()
        fcntl.ioctl(self.sw_socket, SIOCSIFFLAGS, request)
        return before, time.time()

    def plug(self, n=None, who="mn", iface="net0"):
        """Into network n, or where it was."""
        if n is None:
            n = self.place[who, iface]
        end = peer(who, iface)
        self.ip("sw", f"link set {self.ports.get(end, end)} master br{n}",
                f"link set {end} up")
        self.place[who, iface] = n

    def move(self, n, dark=0.0, who="mn", iface="net0"):
        """Link down, another network, link up. Returns the wall clock of both
        (the link is down after the first, up after the second)."""
        origin, down = self.place.get((who, iface)), time.time()
        end = peer(who, iface)
        self.unplug(who, iface)
        time.sleep(dark)
        self.ip("sw", f"link set {self.ports.get(end, end)} master br{n}")
        up = time.time()
        self.ip("sw", f"link set {end} up")
        self.place[who, iface] = n
        return {"from": origin, "to": n, "down": down, "up": up}

    def addresses(self, dev="net0", space="mn"):
        """Global addresses as `ip` tells them: [{"local", "flags"...}]."""
        out = self.cmd(space, "ip", "-6", "-j", "address", "show", "dev", dev,
                       "scope", "global", check=False)
        return [a for i in json.loads(out or "[]")
                for a in i.get("addr_info", []) if a.get("local")]

    def wait_address(self, n, limit=10, who="mn", iface="net0"):
        """Until the mobile node can use its address of network n."""
        want = hoa(n, who, iface)
        wait_for(f"{want} on {iface}", lambda: any(
            a["local"] == want and (not a.get("tentative") or
                                    a.get("optimistic"))
            for a in self.addresses(iface, who)), limit)

    def loss(self, percent, everything=False):
        """Drops that share of the signalling (or of everything) at net0's
        port, each way; 0 ends it. The first packet is lost, and then
        at even distances: what a test waits for has a bound."""
        rules = "table netdev loss\ndelete table netdev loss\n"
        if percent:
            lost = sorted({100 * k // percent for k in range(percent)})
            match = ("" if everything else SIGNALLING) + \
                " numgen inc mod 100 { %s }" % ", ".join(map(str, lost))
            rules += "table netdev loss {\n" + "".join(
                f"chain {hook} {{ type filter hook {hook} device mnp priority "
                f"0; {match} counter drop; }}\n"
                for hook in ("ingress", "egress")) + "}\n"
        self.cmd("sw", "nft", "-f", "-", stdin=rules)

    def block(self, space, *matches):
        """Drops what matches one of them (nft's syntax), into and out of a
        namespace; without any, nothing more is dropped."""
        rules = "table ip6 block\ndelete table ip6 block\n"
        if matches:
            drop = "".join(f"{m} counter drop; " for m in matches)
            rules += "table ip6 block {\n" + "".join(
                f"chain {hook} {{ type filter hook {hook} priority 0; {drop}"
                "}\n" for hook in ("input", "output")) + "}\n"
        self.cmd(space, "nft", "-f", "-", stdin=rules)

    # --- daemons ----------------------------------------------------------

    def _write_conf(self):
        if self.keys == "x509":
            os.mkdir(self.path("pki"), 0o700)
            self.ca = Authority(self.path("pki"))
        for n in self.anchors:
            who = f"ar{n}"
            self.conf[who] = {
                "ha": {"address": ar(n), **self._places(who), **self.ha_keys},
                "link acc0": {"prefix": f"2001:db8:{n}::/64",
                              **({"advertise": "yes", **self.advertise[n]}
                                 if n in self.advertise else {}),
                              # with manual SAs nothing shows that an MN was
                              # there; scapy_ha has the second that DAD takes
                              **({"dad": "no"} if self.keys == "manual"
                                 else {})},
                **self._keying(who, [n])}
        for who in self.mobiles:
            self.conf[who] = {
                "mn": {"interface": list(self.interfaces[who]),
                       **self._places(who),
                       **self.mn_keys},
                **self._keying(who, self.anchors)}
        for who in self.conf:
            self.configure(who)

    def _places(self, who):
        return {"control": self.sock(who), "state": self.path("state", who),
                "bpffs": self.path("bpf", who),
                **({"applications": self.app_sock(who)} if who in MNS else {})}

    def _keying(self, who, nets):
        """What protects the signalling between MNs and these networks."""
        mobiles = [who] if who in self.mobiles else self.mobiles
        if self.keys == "manual":
            return {k: v for n in nets for mn in mobiles
                    for dev in self.interfaces[mn]
                    for k, v in self._manual(n, mn, dev).items()}
        return self.ike_sections(who)

    def _manual(self, n, mn, dev):
        """The SAs of this MN's interface and arN, the same at both ends."""
        ends = {home := hoa(n, mn, dev), ar(n)}
        if not any(ends == {sa["src"], sa["dst"]} for sa in self.sas):
            alg = self.algorithm or ("aes-256-gcm" if n % 2 == 0 and has_aes()
                                     else "chacha20-poly1305")
            spi = 0x1000 + 16 * n + 4 * self.mobiles.index(mn) + \
                0x100 * int(dev[3:])
            self.sas += [{"spi": spi + way, "src": src,
                          "dst": dst, "algorithm": alg,
                          "key": secrets.token_hex(36),
                          "identity": identity(mn)}
                         for way, src, dst in ((1, home, ar(n)),
                                               (2, ar(n), home))]
        name = f"{mn}{dev[3:].replace('0', '')}-ar{n}"
        return {f"sa {name}-{'up' if sa['dst'] == ar(n) else 'down'}":
                {**sa, "spi": hex(sa["spi"])} for sa in self.sas
                if ends == {sa["src"], sa["dst"]}}

    def certificate(self, who, ca=None, **kw):
        """(certificate, key) of mn or arN; kw as for Authority.issue(). An
        access router's names its address, each has another kind of key."""
        n = 0 if who in MNS else int(who[2:])
        kind = ("ecdsa", "ed25519", "rsa")[n % 3]
        kw = {"name": who, "dn": f"O=kedge lab, CN={identity(who)}",
              "sans": [identity(who)] + ([ar(n)] if n else []), "kind": kind,
              **kw}
        return (ca or self.ca).issue(**kw)

    def ike_sections(self, who):
        """[ike] and [psk] of mn or arN."""
        ike = {"identity": identity(who)}
        if self.keys == "x509":
            cert, key = self.certificate(who)
            return {"ike": {**ike, "certificate": cert, "key": key,
                            "ca": self.ca.cert}}
        peer = "mn*@example.org"
        if who in MNS:
            peer = ike["anchor-identity"] = "ar*.example.org"
        return {"ike": ike, "psk lab": {"identity": peer, "secret": self.psk}}

    def configure(self, who, sections=None):
        """Changes the configuration of mn or arN: {heading: {key: value}}; a
        key whose value is None goes, so does a section."""
        conf = self.conf[who]
        for head, keys in (sections or {}).items():
            both = {**conf.get(head, {}), **(keys or {})}
            conf[head] = {k: v for k, v in both.items() if v is not None}
            if keys is None:
                del conf[head]
        path = self.path("conf", f"{who}.conf")
        with open(path, "w", encoding="ascii") as f:
            os.fchmod(f.fileno(), 0o600)
            f.write(ini(conf))

    def sock(self, who):
        return self.path(f"{who}.sock")

    def app_sock(self, who="mn"):
        """Where every user may go, other than to self.tmp."""
        return f"/tmp/{self.name}-{who}.app"

    def app_env(self, who="mn"):
        """The environment of a program that is to use this build's libkedge
        and ask that mobile node's daemon."""
        libs = os.path.join(self.build, ".libs")
        return {**os.environ, "KEDGE_APP_SOCKET": self.app_sock(who),
                "KEDGE_LIB": os.path.join(libs, "libkedge.so.0"),
                "KEDGE_SHIM": os.path.join(libs, "libkedge-shim.so"),
                "LD_LIBRARY_PATH": libs}

    def daemon(self, who):
        """Path and arguments of the daemon of mn or arN."""
        return [os.path.join(self.build, "kedge-mn" if who in MNS else
                             "kedge-ha"), "-c",
                self.path("conf", f"{who}.conf")]

    def start(self, who, limit=20, verbose=True, prefix=()):
        """Starts the daemon of mn or arN, by a command before it, and waits
        until it answers."""
        if not os.path.exists(self.daemon(who)[0]):
            raise LabError(f"no {self.daemon(who)[0]}: KEDGE_BUILD is to name "
                           "the build folder")
        env = dict(os.environ)
        env.setdefault("ASAN_OPTIONS", "exitcode=99:detect_leaks=1")
        env.setdefault("LSAN_OPTIONS", LSAN_OPTIONS)
        env.setdefault("UBSAN_OPTIONS", "print_stacktrace=1")
        p = self.spawn(who, who, *prefix, *self.daemon(who), "--foreground",
                       *(["-v"] if verbose else []), env=env)

        def ready():
            if p.poll() is not None:
                self.procs.pop(who, None)
                raise LabError(f"{who} ended at once with status "
                               f"{p.returncode}: {self.log(who)[-800:]}")
            return self.ctl(who, "status", check=False).get("ok")
        wait_for(f"{who} answers", ready, limit, 0.05)
        return p

    def start_all(self):
        for n in self.anchors:
            self.start(f"ar{n}")
        for who in self.mobiles:
            self.start(who)

    def ctl(self, who, *args, check=True):
        """kedgectl --json of that daemon, parsed; {} where it fails."""
        out = self.cmd(who, os.path.join(self.build, "kedgectl"), "-s",
                       self.sock(who), "--json", *args, check=check)
        try:
            return json.loads(out)
        except ValueError:
            if check:
                raise LabError(f"kedgectl {args} of {who}: no JSON: "
                               f"{out[:200]!r}") from None
            return {}

    def bindings(self, who, *states):
        """The daemon's bindings in these states (none named: any)."""
        return [b for b in self.ctl(who, "bindings")["bindings"]
                if not states or b["state"] in states]

    def bound(self, who="mn"):
        """{HoA: care-of address} at mn, or at arN. At mn, None in place of
        the address of a binding that is not acknowledged."""
        return {b["hoa"]: b["coa"] if b["state"] == "bound" else None
                for b in self.bindings(who) if b["state"] != "deleted"}

    def count(self, who, group, name):
        return self.ctl(who, "counters")[group][name]

    def anchor(self, n):
        """kedge-mn's word on arN as an anchor, {} if it knows none."""
        return next((a for a in self.ctl("mn", "anchors")["anchors"]
                     if a["ha"] == ar(n)), {})

    def wait_anchorable(self, n, limit=10):
        """Until a flow that begins at arN now could be moved away."""
        wait_for(f"ar{n} anchorable: {self.anchor(n)}",
                 lambda: self.anchor(n).get("anchorable"), limit, 0.05)

    def monitor(self, who):
        """Follows the daemon's events into log/monitor-WHO."""
        self.spawn(who, f"monitor-{who}", os.path.join(self.build, "kedgectl"),
                   "-s", self.sock(who), "--json", "monitor")

    def events(self, who, since=0.0):
        """What the monitor has told so far, as dictionaries."""
        out = []
        for line in self.log(f"monitor-{who}").splitlines():
            try:
                event = json.loads(line)
            except ValueError:
                continue        # the line being written
            if event.get("time", -1) >= since and "event" in event:
                out.append(event)
        return out

    # --- captures ---------------------------------------------------------

    def capture(self, space, dev, *expr, name="tcpdump", most=0):
        """Starts tcpdump; returns the file's path. stop_captures() ends it.
        most: that is wanted of a packet, in bytes: the smaller, the more of
        them wait without loss for a tcpdump that others keep from running."""
        name = f"{name}-{space}-{dev}"
        path = self.path(f"{name}-{len(self.captures)}.pcap")
        self.captures.append(path)
        # -Z: it would drop to a user who may not write here. Not immediate,
        # libpcap gets packets in blocks, after a second where they do not
        # fill: the last ones would stay with the kernel.
        self.spawn(space, name, "tcpdump", "-Z", "root", "-i", dev, "-n", "-U",
                   "--immediate-mode", "-s", most, "-B", "8192", "-w", path,
                   *expr)
        wait_for(f"{name} listens",
                 lambda: "listening on" in self.log(name))
        return path

    def watch(self):
        """Captures all signalling to the end, for tshark to judge."""
        for space, dev in [(who, dev) for who in self.mobiles
                           for dev in self.interfaces[who]] + \
                [("core", "any")]:
            self.capture(space, dev, WATCHED, name="watch")

    def stop_captures(self):
        for name in [n for n in self.procs if n.startswith("tcpdump-")]:
            time.sleep(0.1)     # what the kernel still holds for it
            self.stop(name, signal.SIGINT)

    @contextlib.contextmanager
    def forging(self, what):
        """Packets made to be wrong are sent meanwhile: a display filter that
        tells them from kedge's."""
        begun = time.time()
        yield
        time.sleep(0.1)
        self.forged.append(f"(({what}) && frame.time_epoch >= {begun:.3f} && "
                           f"frame.time_epoch <= {time.time():.3f})")

    def malformed(self):
        """What tshark finds wrong in the captures."""
        try:
            return [l for path in self.captures if self.judged
                    for l in judge.malformed(path, self.sas, self.forged)]
        except (OSError, ValueError, subprocess.TimeoutExpired) as e:
            return [f"captures were not judged: {e}"]

    # --- flows ------------------------------------------------------------

    def flow(self, space, name, *args):
        """Starts flow.py; flow_event() and flow_end() read what it says."""
        return self.spawn(space, name, PYTHON, os.path.join(HERE, "flow.py"),
                          *args)

    def flow_said(self, name):
        out = []
        for line in self.log(name).splitlines():
            try:
                out.append(json.loads(line))
            except ValueError:
                pass
        return out

    def flow_event(self, name, event, limit=15):
        """Waits for its line with this "event" and returns it."""
        def said():
            for line in self.flow_said(name):
                if line.get("event") == event:
                    return line
            p = self.procs.get(name)
            if p is not None and p.poll() is not None and \
                    not any(l.get("event") == event
                            for l in self.flow_said(name)):
                raise LabError(f"flow {name} ended with {p.returncode} before "
                               f"{event!r}: {self.log(name)[-400:]}")
            return None
        return wait_for(f"flow {name}: {event}", said, limit)

    def flow_end(self, name, limit=30):
        """Asks it to end in order and returns its report."""
        p = self.procs.get(name)
        if p is not None and p.poll() is None:
            p.send_signal(signal.SIGTERM)
        report = self.flow_event(name, "report", limit)
        self.stop(name)
        return report

    # --- the end ----------------------------------------------------------

    def remains(self):
        """What is still there of it, as text; nothing after down()."""
        out = [f"namespace {self.ns(s)}" for s in self.spaces
               if os.path.exists(f"/run/netns/{self.ns(s)}")]
        with open("/proc/self/mounts", encoding="utf-8") as f:
            out += [f"mount {l.split()[1]}" for l in f if self.tmp in l]
        return out + ([self.tmp] if os.path.exists(self.tmp) else [])

    def sanitizer_reports(self):
        """Lines in the daemons' logs that a sanitizer wrote. What follows the
        first of each is printed: the logs go with the laboratory."""
        out = []
        for who in self.mobiles + [f"ar{n}" for n in self.nets]:
            lines = self.log(who).splitlines()
            bad = [n for n, l in enumerate(lines)
                   if any(s in l for s in SANITIZER)]
            out += [f"{who}: {lines[n]}" for n in bad]
            if bad:
                print("\n".join([f"--- a sanitizer about {who}"] +
                                lines[bad[0]:bad[0] + 60]))
        return out

    def secrets_told(self):
        """Keys and secrets of the laboratory that are in the daemons' logs,
        as text that does not tell them."""
        secret = [("PSK", self.psk), ("PSK", self.psk.encode().hex()),
                  ("key", "PRIVATE KEY")]
        secret += [("manual key", sa["key"]) for sa in self.sas]
        pki = self.path("pki")
        for name in os.listdir(pki) if os.path.isdir(pki) else []:
            if name.endswith(".key"):
                with open(os.path.join(pki, name), encoding="ascii") as f:
                    body = [l.strip() for l in f if not l.startswith("-")]
                raw = base64.b64decode("".join(body))
                # What is secret begins after 7 bytes (EC) or ends the file
                # (Ed25519, RSA).
                secret += [(name, l) for l in body if len(l) > 16]
                secret += [(name, raw[8:24].hex()), (name, raw[-16:].hex())]
        logs = {who: self.log(who).lower() for who in self.conf}
        return [f"{who}: {what}" for who, log in logs.items()
                for what, text in secret if text.lower() in log]

    def _pids(self):
        out = set()
        for space in self.spaces:
            p = subprocess.run(["ip", "netns", "pids", self.ns(space)],
                               stdout=subprocess.PIPE, text=True, check=False,
                               stderr=subprocess.DEVNULL)
            out |= {int(x) for x in p.stdout.split()}
        return out - {os.getpid()}

    def _signal_all(self, sig, limit):
        """Signals what lives in our namespaces until none is left."""
        end = time.monotonic() + limit
        pids = self._pids()
        for pid in pids:
            try:
                os.kill(pid, sig)
            except ProcessLookupError:
                pass
        while time.monotonic() < end:
            for p in self.procs.values():
                p.poll()        # reaps
            if not self._pids():
                return True
            time.sleep(0.05)
        return False

    def down(self):
        """Ends and removes everything; what a sanitizer said, and tshark of
        the captures, goes to self.problems first. May be called twice."""
        if not os.path.isdir(self.tmp):
            return
        old = [(s, signal.signal(s, signal.SIG_IGN))
               for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
        try:
            if not self._signal_all(signal.SIGTERM, 5):
                self._signal_all(signal.SIGKILL, 5)
            for p in self.procs.values():
                try:
                    p.wait(5)
                except subprocess.TimeoutExpired:
                    pass
            self.procs.clear()
            self.problems += self.sanitizer_reports() + [
                f"malformed: {l}" for l in self.malformed()]
            if self.sw_socket:
                self.sw_socket.close()
            for space in self.spaces:
                if os.path.exists(f"/run/netns/{self.ns(space)}"):
                    subprocess.run(["ip", "netns", "del", self.ns(space)],
                                   check=False)
            bpf = self.path("bpf")
            while os.path.ismount(bpf):
                if subprocess.run(["umount", bpf], check=False).returncode:
                    subprocess.run(["umount", "-l", bpf], check=False)
            shutil.rmtree(self.tmp, ignore_errors=True)
            for who in self.mobiles:
                if os.path.exists(self.app_sock(who)):
                    os.unlink(self.app_sock(who))
        finally:
            for s, handler in old:
                signal.signal(s, handler)


def exit_on_signals():
    """Makes SIGTERM and SIGHUP end the program as Ctrl-C does, so that a
    `with Lab()` cleans up."""
    def stop(sig, _frame):
        raise SystemExit(128 + sig)
    for sig in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(sig, stop)


def main(args):
    if not args or args[0] in ("-h", "--help"):
        print(__doc__)
        return 0
    if args[0] == "up":
        told = dict(zip(args[1:], args[2:]))
        lab = Lab(keys=told.get("--keys", "manual"),
                  interfaces=int(told.get("--interfaces", 1)))
        lab.up()
        if "--plain" not in args:
            lab.start_all()
        lab.plug(int(told.get("--at", 1)))
        lab.keep = True
        print(lab.name)
        return 0
    if len(args) < 2 or not os.path.isdir(f"/tmp/{args[0]}/log"):
        print(__doc__, file=sys.stderr)
        return 2
    lab, verb, rest = Lab(name=args[0]), args[1], args[2:]
    if verb == "down":
        lab.down()
    elif verb == "move":
        print(json.dumps(lab.move(int(rest[0]), iface=(
            rest[1:] or ["net0"])[0])))
    elif verb == "cut":
        lab.cut((rest or ["net0"])[0])
    elif verb == "plug":
        lab.ip("sw", f"link set {peer(iface=(rest or ['net0'])[0])} up")
    elif verb == "loss":
        lab.loss(int(rest[0]), "all" in rest)
    elif verb == "start":
        lab.start(rest[0])
    elif verb == "exec":
        return subprocess.call(lab.argv(*rest))
    elif verb == "ctl":
        return subprocess.call(lab.argv(rest[0], os.path.join(
            lab.build, "kedgectl"), "-s", lab.sock(rest[0]), *rest[1:]))
    else:
        print(__doc__, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    exit_on_signals()
    try:
        sys.exit(main(sys.argv[1:]))
    except (LabError, subprocess.SubprocessError) as e:
        sys.exit(f"lab: {e}")
