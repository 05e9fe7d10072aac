# SPDX-License-Identifier: GPL-2.0-or-later
"""What the end-to-end tests share: cases by name, worlds to run them in, flows
to judge them by."""

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import time
import traceback

import journey
import judge
from journey import arrive
from lab import (CN, SLOW, Lab, LabError, exit_on_signals, hoa, wait_for)

CASES = []
KEEP = QUICK = False    # as the command line says


class Failed(Exception):
    """A case's subject does not do what it should."""


def case(limit=120, quick=False):
    def register(function):
        function.limit, function.quick = limit, quick
        CASES.append(function)
        return function
    return register


def check(good, what):
    if not good:
        raise Failed(what)


@contextlib.contextmanager
def world(prepare=None, daemons=None, made_by=Lab, **kw):
    """A laboratory with its daemons (all, or these), the mobile node not
    plugged yet. prepare(lab) may change configurations before they start."""
    lab = made_by(**kw)
    try:
        lab.up()
        lab.watch()
        if prepare:
            prepare(lab)
        for who in daemons or [f"ar{n}" for n in lab.anchors] + lab.mobiles:
            lab.start(who)
        yield lab
        told = lab.secrets_told()
        check(not told, f"secrets in logs: {told}")
    except Exception:
        for who in lab.mobiles + [f"ar{n}" for n in lab.anchors]:
            text = lab.log(who).splitlines()[-25:]
            print("\n".join([f"--- end of the log of {who}"] + text))
        lab.keep = KEEP
        raise
    finally:
        if lab.keep:
            print(f"kept {lab.name}")
        else:
            lab.down()
            check(not lab.remains(), f"left behind: {lab.remains()}")
    check(not lab.problems, "; ".join(lab.problems[:5]))


@contextlib.contextmanager
def traveller(*flows, route=(1, 2), **kw):
    """A world whose mobile node opened these flows (name, arguments of
    flow.py) at route's first network and then went along route."""
    with world(**kw) as lab:
        lab.flow("cn", "server", "server")
        lab.flow_event("server", "listening")
        lab.monitor("mn")
        arrive(lab, route[0])
        for name, *args in flows:
            start(lab, name, *args)
        time.sleep(0.3)
        for n in route[1:]:
            lab.move(n)
            lab.wait_address(n)
        yield lab


def start(lab, name, proto="tcp", *args):
    """Starts a flow to cn and returns its local address."""
    lab.flow("mn", name, proto, CN, "--rate", 500 if proto == "udp" else 2e5,
             *args)
    return lab.flow_event(name, "connected")["local"]["address"]


def cannot_have(lab, service, error, proto="tcp", limit=3):
    """A flow of that type cannot begin, and is told so promptly."""
    begun = time.monotonic()
    try:
        lab.flow("mn", "refused", proto, CN, "--service", service)
        lab.flow_event("refused", "connected")
    except LabError:
        pass
    said = lab.flow_event("refused", "failed")
    lab.stop("refused")
    check(error in said["error"], f"{service}: {said} instead of {error}")
    check(time.monotonic() - begun < limit * 5, f"{service}: not promptly")


def whole(lab, name):
    """Ends a TCP flow; it must have lost, added or changed nothing."""
    mine = lab.flow_end(name)
    port = mine["local"]["port"]

    def closed():
        return next((s for s in lab.flow_said("server") if s["event"] ==
                     "closed" and s["peer"]["port"] == port), None)
    other = wait_for(f"cn's report on {name}", closed)
    check(not mine["errors"] and not other["errors"],
          f"{name}: {mine['errors']} {other['errors']}")
    check(mine["sent"] and mine["received"], f"{name}: nothing was sent")
    check(mine["sent_sha256"] == other["received_sha256"] and
          mine["received_sha256"] == other["sent_sha256"] and
          mine["in_order"] and other["in_order"], f"{name}: content differs")
    return mine


def gone(lab, net, limit=20):
    left = journey.released(lab, net, limit)
    check(not left, "left: " + "; ".join(left))


def tcp_info(lab, space, match, key):
    """A number that the kernel tells of a TCP session; 0: it does not."""
    out = lab.cmd(space, "ss", "-tinH", match)
    return float(next((w for w in out.split() if w.startswith(f"{key}:")),
                      ":0").split(":")[1].split("/")[0])


def flowing(lab, name, seconds=1.0):
    """The kernel's count of bytes got by a TCP flow grows. cn may send the
    next packet only when its retransmission timer ends: what was lost in
    moves before has doubled it (RFC 6298 5.5), up to many seconds."""
    port = lab.flow_event(name, "connected")["local"]["port"]

    def got():
        return tcp_info(lab, "mn", f"sport = :{port}", "bytes_received")
    before = got()
    timer = tcp_info(lab, "cn", f"dport = :{port}", "rto") / 1000
    try:
        wait_for("", lambda: got() > before + 4096, 5 + timer + seconds, 0.1)
    except LabError:
        raise Failed(f"{name}: nothing received any more, in {timer:g} s "
                     "until cn had to send and some more") from None


def ba_count(lab, since):
    return sum(1 for e in lab.events("mn", since)
               if e["event"] == "ba_received" and e["status"] < 128)


def lost_between(report, begun, ended):
    return [r for r in report["lost_ranges"] if begun <= r[2] < ended]


def tshark(pcap, *args):
    try:
        return [l for l in judge.tshark("-n", "-r", pcap, *args) if l.strip()]
    except ValueError as e:
        raise Failed(str(e)) from None


# --- running them -----------------------------------------------------------

def run(function):
    """None, or why it failed."""
    def late(*_):
        raise Failed(f"not within its {function.limit} s")
    signal.signal(signal.SIGALRM, late)
    signal.alarm(int(function.limit * SLOW))
    try:
        function()
    except (Failed, LabError, subprocess.TimeoutExpired) as e:
        return str(e) or type(e).__name__
    except Exception as e:      # a fault of the test itself, most likely
        traceback.print_exc()
        return f"{type(e).__name__}: {e}"
    finally:
        signal.alarm(0)
    return None


def main(doc, modules=None):
    """Runs the cases that the command line names, or all (modules: those of
    these alone, others are theirs to use); the exit status."""
    global KEEP, QUICK
    p = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawTextHelpFormatter)
    p.add_argument("--quick", action="store_true")
    p.add_argument("--keep", action="store_true")
    p.add_argument("--list", action="store_true")
    p.add_argument("case", nargs="*")
    args = p.parse_args()
    KEEP, QUICK = args.keep, args.quick
    me = os.path.basename(sys.argv[0])
    mine = [c for c in CASES if not modules or c.__module__ in modules]
    known = {c.__name__: c for c in mine}
    if unknown := [n for n in args.case if n not in known]:
        sys.exit(f"{me}: no case {unknown}; --list tells them")
    chosen = [c for c in mine if (c.__name__ in args.case or not args.case)
              and (c.quick or not args.quick)]
    if args.list:
        print("\n".join(c.__name__ for c in chosen))
        return 0
    if "KEDGE_BUILD" not in os.environ:
        sys.exit(f"{me}: KEDGE_BUILD, the build folder, is not set")
    exit_on_signals()
    failed = 0
    try:
        for c in chosen:
            begun = time.monotonic()
            why = run(c)
            failed += why is not None
            print(f"FAIL {c.__name__}: {why}" if why else f"ok {c.__name__}",
                  f"({time.monotonic() - begun:.1f} s)", flush=True)
    except KeyboardInterrupt:
        return 130
    print(f"{len(chosen) - failed} passed, {failed} failed")
    return 1 if failed else 0
