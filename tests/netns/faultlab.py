# SPDX-License-Identifier: GPL-2.0-or-later
"""What the rows of the fault lab share: a trial, which is a laboratory with
flows that are anchored at an access router left behind, what is done to it,
and what is to be seen afterwards."""

import contextlib
import json
import os
import signal
import time

from cases import Failed, check, flowing, start, whole, world
from journey import arrive, away, leftovers
from lab import SLOW, Lab, LabError, hoa, wait_for

ROWS = []
GROUPS = ("events", "refused", "dataplane")


def row(done, limit=60, quick=False):
    """Registers a row: the fault has the function's name; done says what is
    done. It is called with a Trial."""
    def register(function):
        function.done, function.limit, function.quick = done, limit, quick
        ROWS.append(function)
        return function
    return register


def counters(lab, who):
    """All of a daemon's in one dictionary; {} where it does not answer."""
    told = lab.ctl(who, "counters", check=False)
    return {k: v for group in GROUPS for k, v in told.get(group, {}).items()}


class Trial:
    """One row while it runs. What it leaves in `sessions`, `gap` and `told`
    goes into the table."""

    def __init__(self):
        self.lab = None
        self.sessions, self.gap, self.notes = "-", None, []
        self.before, self.begun, self.ended = {}, None, None

    # --- the laboratory ---------------------------------------------------

    @contextlib.contextmanager
    def scene(self, route=(1, 2), link=False, prepare=None, flows=True, **kw):
        """A TCP session and a UDP flow begun at route's first network, and
        the mobile node in its last one. link: by link.py."""
        def before(lab):
            self.lab = lab
            if link:
                self._put_link()
            if prepare:
                prepare(lab)
        with world(before, **kw) as lab:
            lab.flow("cn", "server", "server")
            lab.flow_event("server", "listening")
            lab.monitor("mn")
            arrive(lab, route[0])
            if flows:
                self.flows()
            for n in route[1:]:
                self.move(n)
                away(lab, [route[0]])
            yield lab

    def flows(self):
        start(self.lab, "session")
        start(self.lab, "udp", "udp")
        time.sleep(0.3)

    def _put_link(self):
        """net0 - mnp = link.py = lnk0 - lnk1 in the bridge."""
        self.lab.ip("sw", "link add lnk0 type veth peer name lnk1",
                    "link set lnk0 up", "link set lnk1 up")
        self.lab.ports["mnp"] = "lnk1"
        self.lab.relay("link", ("mn", "net0"), ("sw", "lnk1"), "mnp", "lnk0")

    def _write_link(self, keys):
        with open(self.lab.path("conf", "link.json"), "w",
                  encoding="ascii") as f:
            json.dump(keys, f)

    def link(self, **keys):
        """What the link does from now on (link.py); nothing: it is good."""
        def said():
            return sum(line["event"] == "set"
                       for line in self.lab.flow_said("link"))
        before = said()
        self._write_link(keys)
        self.lab.procs["link"].send_signal(signal.SIGHUP)
        wait_for("link.py has read its file", lambda: said() > before)

    def _link_did(self):
        """It has done what the row asked of it, and says how often."""
        self.lab.procs["link"].send_signal(signal.SIGTERM)
        report = self.lab.flow_event("link", "report")
        ways = report["up"], report["down"]
        done = {k: sum(w[k] for w in ways) for k in ways[0] if k != "passed"}
        check(any(done.values()), "the link was good")
        self.note("link: " + ", ".join(f"{n} {k}" for k, n in done.items()
                                       if n))

    def move(self, n, wait=True):
        """To network n; wait: until there is an address."""
        self.lab.unplug()
        if "link" in self.lab.procs:
            self.lab.procs["link"].send_signal(signal.SIGUSR1)
        self.lab.plug(n)
        if wait:
            self.lab.wait_address(n, 30)

    def pid(self, who):
        return self.lab.procs[who].pid

    # --- the fault --------------------------------------------------------

    @contextlib.contextmanager
    def fault(self):
        """What is done inside is the fault; counters and gaps are about this
        time and what follows."""
        lab = self.lab
        self.before = {who: counters(lab, who) for who in lab.conf}
        self.begun = time.time()
        yield
        self.ended = time.time()

    def grown(self, who, name):
        """How much a counter has grown since the fault began; since its
        start, where the daemon was started since."""
        now = counters(self.lab, who)
        check(name in now, f"{who} has no counter {name}")
        then = self.before.get(who, {}).get(name, 0)
        return now[name] - then if now[name] >= then else now[name]

    def told(self, who, name, least=1, most=None, limit=5):
        """A counter tells of it: it has grown by least to most."""
        try:
            wait_for("", lambda: self.grown(who, name) >= least, limit, 0.1)
        except LabError:
            raise Failed(f"{who} counts {self.grown(who, name)} {name}, "
                         f"expected {least}") from None
        n = self.grown(who, name)
        check(most is None or n <= most,
              f"{who} counts {n} {name}, expected no more than {most}")
        self.notes.append(f"{who} {name} {n}")

    def note(self, text):
        self.notes.append(text)

    def said(self, who, text, limit=5):
        """A line of the daemon's log has it."""
        wait_for(f"{who} says {text!r}", lambda: text in self.lab.log(who),
                 limit, 0.1)

    # --- what is left of it -----------------------------------------------

    def back(self, nets=(1,), limit=40):
        """Waits until both ends agree about the bindings again."""
        away(self.lab, list(nets), limit)

    def alive(self, limit=20, littered=False):
        """Both flows live; they end in order, their content whole, and all
        that was kept for them goes. littered: the link has addresses of others
        than us."""
        flowing(self.lab, "session", limit)
        time.sleep(0.3)
        report = self.lab.flow_end("udp")
        self.gap = widest(report, self.begun)
        # an emulated machine loses some of so many in any case
        check(SLOW > 1 or not report["lost_ranges"] or
              report["lost_ranges"][-1][1] < report["sent"] - 20,
              f"udp: lost up to the end: {report['lost_ranges'][-3:]}")
        whole(self.lab, "session")
        self._clean(littered)
        if "link" in self.lab.procs:
            self._link_did()
        self.sessions = "alive"

    def _clean(self, littered):
        def left():
            return [x for x in leftovers(self.lab, self.lab.at)
                    if not (littered and x.startswith("net0: "))]
        try:
            wait_for("", lambda: not left(), 30, 0.2)
        except LabError:
            raise Failed("left: " + "; ".join(left())) from None

    def bound_at(self, n):
        """The bindings are of our present address, at arN."""
        return self.lab.bound(f"ar{n}") == {hoa(n): hoa(self.lab.at)}


def widest(report, since):
    """The longest time without reception after `since`, in ms. The time until
    the end of the flow counts as well."""
    gaps = [b - a for a, b in report["gaps"] if b >= since]
    return round(1000 * max(gaps, default=0), 1)


def lost_for(report):
    """errno names that a flow ended with."""
    return "; ".join(report["errors"]) or "no error"


def rss(pid):
    """Resident memory in kB."""
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return next(int(l.split()[1]) for l in f if l.startswith("VmRSS"))


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        words = f.read().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


__all__ = ["Failed", "Lab", "LabError", "ROWS", "Trial", "away", "check",
           "counters", "cpu_seconds", "flowing", "hoa", "lost_for", "row",
           "rss", "start", "wait_for", "whole", "widest"]
