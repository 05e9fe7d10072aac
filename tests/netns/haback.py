# SPDX-License-Identifier: GPL-2.0-or-later
"""tests/netns/scapy_mcoa: what comes back of several care-of addresses and flow
bindings when kedge-ha is killed and started: with its maps, and after a reboot,
by the journal alone. No Binding Update comes in between."""

import signal
import time

from scapy.all import ICMPv6EchoRequest, TCP as TCPHeader

import scapylib
from mcoa import bid, flow, lla, ref, summary, ts

UDP, TCP, ICMPV6 = 17, 6, 58
LEAST = 0.5     # s: a write to the journal is due 0.1 s after the change


class Back:
    def __init__(self, test, base, home):
        self.t, self.base, self.home = test, base, home
        self.check, self.hoa = base.check, base.HOA
        self.a, self.b, self.c = (f"2001:db8:{n}::100" for n in (2, 3, 4))
        self.other = {"src": base.CN, "sport": 5000, "dport": 6001, "nh": UDP}
        self.tuple = {**self.other, "dport": 6000}

    def events(self):
        return self.t.counters()["events"]

    def end(self, wiped=True, wait=0.0):
        """It is killed; wiped: and all that a reboot takes with it is gone."""
        time.sleep(LEAST * scapylib.SLOW)
        self.t.ha.end(signal.SIGKILL)
        time.sleep(wait)
        if wiped:
            self.wipe()

    def unpin(self):
        self.base.run("umount", "-l", f"{self.base.TMP}/bpf")
        for dev in ("acc0", "core0"):
            self.base.inside("ha", "tc", "qdisc", "del", "dev", dev, "clsact")

    def wipe(self):
        self.unpin()
        self.base.inside("ha", "sh", "-c", f"ip -6 neigh del {self.hoa} "
                         "dev acc0; ip link del kedge0; true")

    def start(self):
        self.t.start_anew(self.t.others)

    def bound(self):
        """Of each kind: active, inactive, half so, and behind another."""
        t = self.t
        t.accepted("before it is killed", bid(1, self.a, 1), bid(2, self.b, 2),
                   bid(3, self.c, 3), flow(1, 1, ref(2), ts(**self.tuple)),
                   flow(2, 2, ref(2), ts(nh=TCP)),
                   flow(3, 3, ref(3), ts(**self.other)),
                   flow(4, 4, ref(1), ts(**self.tuple)),
                   flow(5, 5, ref(1, 3), ts(sport=(7000, 7001), tc=8)),
                   flow(6, 6, ref(1, 2), ts(nh=ICMPV6)), flags="AHO")
        t.accepted("one of three is removed", bid(3), summary(*range(1, 7)),
                   life=0)
        self.check(t.flows() == {
            1: (1, [2], True), 2: (2, [2], True), 3: (3, [3], False),
            4: (4, [1], True), 5: (5, [1, 3], True), 6: (6, [1, 2], True)},
            "its flow binding is inactive", t.flows())

    def whole(self, what, was):
        """It is, and works."""
        t = self.t
        self.check(t.shape() == was, f"{what}: all is as it was", t.shape(),
                   was)
        t.goes(f"{what}: a flow", self.b)
        t.goes(f"{what}: a selector's", self.b, upper=TCPHeader(
            sport=1, dport=2))
        t.goes(f"{what}: one that goes both ways", self.a, self.b,
               upper=ICMPv6EchoRequest())
        t.goes(f"{what}: by default", self.a, sport=1)
        t.goes(f"{what}: an inactive one takes the default", self.a, dport=6001)
        for coa in self.a, self.b:
            t.comes(what, coa)
        t.comes(f"{what}: the one that was removed", self.c, False)

    def refreshed(self, what, was):
        """The mobile node need not know that anything happened."""
        t = self.t
        t.accepted(f"{what}: it is refreshed without CoAs", bid(1, pri=1),
                   bid(2, pri=2), summary(*range(1, 7)))
        self.check(t.shape() == was, f"{what}: refreshed", t.shape(), was)
        t.accepted(f"{what}: the third comes again", bid(3, self.c, 3),
                   summary(*range(1, 7)))
        t.goes(f"{what}: the inactive one is active", self.c, dport=6001)

    def restored(self, what, paths, flows, refused=0):
        events = self.events()
        got = tuple(events[name] for name in
                    ("path_restored", "flow_restored", "journal_refused"))
        self.check(got == (paths, flows, refused), f"{what}: counted", got)

    def killed(self, what, wiped):
        self.bound()
        was = self.t.shape()
        self.end(wiped)
        if not wiped:
            self.t.goes(f"{what}: no daemon, a flow", self.b)
            self.t.goes(f"{what}: no daemon, default", self.a, sport=1)
        self.start()
        self.restored(what, 2, 6)
        self.whole(what, was)
        self.refreshed(what, was)

    def twice(self):
        """What the journal told is journalled."""
        self.bound()
        was = self.t.shape()
        for what in ("reboot", "reboot after a reboot"):
            self.end()
            self.start()
            self.whole(what, was)

    def over(self):
        """One is over while the machine is down: the other goes on."""
        t = self.t
        t.accepted("the primary for four seconds", bid(1, self.a, 1), life=1,
                   flags="AHO")
        t.accepted("another for longer", bid(2, self.b, 2),
                   flow(1, 1, ref(2), ts(**self.tuple)), src=self.b)
        self.end(wait=5)
        self.start()
        self.check(t.shape() == (self.b, {2: self.b}, {1: (1, [2], True)}),
                   "reboot: what is over meanwhile is gone", t.shape())
        t.goes("reboot: what took it takes the other", self.b, sport=1)
        t.comes("reboot: the one that is over", self.a, False)

    def at_home(self):
        """The H flag, and the home link by default."""
        t = self.t
        t.accepted("5648 5.6.3 at home and away", bid(1, self.a, 9),
                   bid(7, self.hoa, 5, home=True), lla(self.base.MN_MAC),
                   flow(1, 1, ref(1), ts(**self.tuple)), flags="AHO")
        was = t.shape()
        self.end()
        self.start()
        self.check(t.shape() == was, "reboot: at home by default", t.shape(),
                   was)
        t.goes("reboot: a flow of one at home", self.a)
        # nobody answers for the HoA here but the kernel's own solicitation
        self.base.inside("ha", "ip", "-6", "neigh", "replace", self.hoa,
                         "lladdr", self.base.MN_MAC, "dev", "acc0")
        t.goes("reboot: others go home", self.home, sport=1)
        t.comes("reboot: at home by default", self.a)
        t.register(t.mn, "5648 6.2 all ends", life=0)
        self.end()
        self.start()
        self.check(t.paths() == {} and not any(t.maps().values()),
                   "reboot: what was ended stays ended", t.paths(), t.maps())

    def anew(self, wiped, more="", link=""):
        """With another configuration; the usual one is back after the next
        start."""
        self.end(wiped)
        self.t.more_conf, self.t.more_link = more, link
        self.start()
        self.t.more_conf = self.t.more_link = ""

    def forbidden(self, wiped):
        """What a Binding Update of today would be refused for is not taken."""
        t = self.t
        what = ("reboot" if wiped else "restart") + ", "
        two = bid(1, self.a, 1), bid(2, self.b, 2)
        three = (*two, bid(3, self.c, 3), flow(1, 1, ref(2), ts(**self.tuple)),
                 flow(2, 2, ref(3), ts(**self.other)),
                 flow(3, 3, ref(1), ts(nh=TCP)))
        t.accepted(f"{what}two of them", *three[:2], three[3], flags="AHO")
        self.anew(wiped, "several-care-of-addresses = no\n")
        what += "several-care-of-addresses = no"
        self.check(t.shape() == (self.a, {}, {}) and
                   not any(t.maps().values()),
                   f"{what}: there is but the first", t.shape(), t.maps())
        self.restored(what, 0, 0, 3)
        t.goes(f"{what}: what was the flow's way", self.a)
        t.comes(what, self.a)
        t.comes(what, self.b, False)
        self.anew(wiped)
        self.check(t.shape() == (self.a, {}, {}), f"{what}, then yes",
                   t.shape())
        t.accepted(f"{what}: the first for four seconds", two[0], life=1,
                   flags="AHO")
        t.accepted(f"{what}: the second for longer", two[1], src=self.b)
        self.anew(wiped, "several-care-of-addresses = no\n")
        self.base.wait_for(lambda: t.shape()[0] is None, 5)
        self.check(t.shape()[0] is None, f"{what}: for as long as it was "
                   "granted", t.shape())
        t.configure()
        what = what.split()[0] + " max-paths = 2, max-flows = 2"
        t.accepted(f"{what}: three of both", *three, flags="AHO")
        self.anew(wiped, "max-paths = 2\nmax-flows = 2\n")
        want = (self.a, {1: self.a, 2: self.b},
                {1: (1, [2], True), 2: (2, [3], False)})
        self.base.wait_for(lambda: t.shape() == want, 2)
        self.check(t.shape() == want, f"{what}: two are left", t.shape())
        self.restored(what, 2, 2, 2)
        t.goes(f"{what}: a flow", self.b)
        t.goes(f"{what}: one whose way is gone", self.a, dport=6001)
        t.comes(what, self.c, False)
        what = what.split()[0] + " simultaneous = no"
        t.accepted(f"{what}: at home by default", bid(1, self.a, 9),
                   bid(7, self.hoa, 5, home=True), lla(self.base.MN_MAC),
                   flow(1, 1, ref(7), ts(**self.tuple)), flags="AHO")
        self.anew(wiped, link="simultaneous = no\n")
        want = (self.a, {1: self.a}, {1: (1, [7], False)})
        self.base.wait_for(lambda: t.shape() == want, 2)
        self.check(t.shape() == want, f"{what}: not at home", t.shape())
        self.restored(what, 1, 1, 1)
        t.goes(f"{what}: by the tunnel", self.a)

    def loop(self):
        """Two who were together by others: one of them goes on."""
        t = self.t
        other, d = self.base.HOA2, "2001:db8:5::100"
        t.start_anew(False)
        t.accepted("loop: one for four seconds", bid(1, self.a, 1), life=1,
                   flags="AHO")
        t.accepted("loop: the other's home address for longer",
                   bid(2, other, 2))
        t.mn2.coa = d
        t.accepted("loop: and the other way round, no loop yet",
                   bid(1, self.hoa, 1), bid(2, d, 2), mn=t.mn2, src=d,
                   flags="AHO")
        self.end(wait=5)
        self.start()
        self.base.wait_for(lambda: not t.paths() or 1 not in t.paths(other), 2)
        self.check((t.paths(), t.paths(other)) in (
            ({}, {1: self.hoa, 2: d}), ({2: other}, {2: d})),
            "reboot: what has become a loop is not taken", t.paths(),
            t.paths(other))
        self.check(self.events()["journal_refused"] == 1,
                   "reboot: a loop is counted")
        t.register(t.mn2, "the other ends", life=0)

    def without_ndp(self):
        """5648 6.3: its neighbour entry is made anew; where nobody knows its
        link-layer address there is no way home."""
        t = self.t
        t.start_anew(True)
        at_home = (bid(1, self.a, 9), bid(7, self.hoa, 5, home=True),
                   flow(1, 1, ref(7), ts(**self.tuple)))
        t.accepted("5648 6.3 at home, with other routers", *at_home,
                   lla(self.base.MN_MAC), flags="AHO", status=5, bids={7: 5})
        was = t.shape()
        for what, wiped in (("reboot", True), ("reboot after a reboot", True),
                            ("restart", False),
                            ("reboot after a restart", True)):
            self.end(wiped)
            self.start()
            self.check(t.shape() == was and t.permanent(),
                       f"{what}: at home, with a neighbour entry", t.shape())
            self.restored(what, 2, 1)
            t.goes(f"{what}: home", self.home)
        t.accepted("at home for four seconds", *at_home, lla(self.base.MN_MAC),
                   life=1, flags="AHO", status=5, bids={7: 5})
        self.end(wiped=False, wait=5)
        self.unpin()
        self.check(t.permanent(), "without its maps: the neighbour entry is "
                   "there")
        self.start()
        self.check(t.paths() == {} and not t.permanent(), "without its maps: "
                   "what was over meanwhile has no neighbour entry",
                   t.paths())
        t.start_anew(False)
        t.accepted("at home, without a link-layer address", *at_home,
                   flags="AHO")
        self.end()
        t.start_anew(True)
        self.check(t.shape() == (self.a, {1: self.a}, {1: (1, [7], False)}) and
                   not t.permanent(),
                   "reboot: no way home without its link-layer address",
                   t.shape())
        self.restored("reboot", 1, 1, 1)
        t.goes("reboot: the tunnel", self.a)
        t.start_anew(False)


def run(test, base, home):
    back = Back(test, base, home)
    back.killed("restart", wiped=False)
    back.killed("reboot", wiped=True)
    back.twice()
    back.over()
    back.at_home()
    for wiped in False, True:
        back.forbidden(wiped)
    back.loop()
    back.without_ndp()
