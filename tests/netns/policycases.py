# SPDX-License-Identifier: GPL-2.0-or-later
"""End-to-end cases of the policy in the kernel: rules about cgroups, groups,
and who may ask. Part of tests/netns/e2e."""

import atexit
import contextlib
import json
import os
import signal
import socket
import sys
import time

from cases import case, check, world
from journey import arrive
from lab import CN, HERE, PYTHON, SLOW, wait_for

ME = os.path.join(HERE, "policycases.py")
NONPERSISTENT, GRACEFUL = 3, 4
UNITS = 50 if SLOW == 1 else 5
# The first has other numbers than the second, on purpose.
BEFORE = """[rule other]
destination = 2001:db8:dead::/48
service = session-lasting
[rule unit]
cgroup = {0}/x*.service
service = nonpersistent
"""
AFTER = """[rule unit]
cgroup = {0}/y?.service
service = graceful-replacement
[rule group]
group = 4242
service = nonpersistent
[allow]
fixed = none
nonpersistent = none
nonpersistent = 1000
nonpersistent = @4242
"""


# --- in the mobile node -----------------------------------------------------

def type_of_new_socket():
    """By its first connect."""
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
        s.connect((CN, 5000))
        return s.getsockopt(socket.IPPROTO_IPV6, 72) >> 16 & 7


def in_child(fn):
    """fn() in a process of its own: what it returns, a small number."""
    pid = os.fork()
    if not pid:
        os._exit(fn())
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def enter(folder):
    """This process, into the cgroup."""
    with open(folder + "/cgroup.procs", "w", encoding="ascii") as f:
        f.write("0")


def first_connect(folder):
    """Of a process in a cgroup that has just been made: its type."""
    def unit():
        enter(folder)
        return type_of_new_socket()
    os.mkdir(folder)
    try:
        return in_child(unit)
    finally:
        remove(folder)


def remove(folder):
    """It is busy as long as a process that has ended is being taken apart."""
    for _ in range(1000):
        try:
            return os.rmdir(folder)
        except FileNotFoundError:
            return None
        except OSError:
            time.sleep(0.002)
    return os.rmdir(folder)


def asked(uid, gid, groups):
    """May this user have nonpersistent? 0, or errno."""
    def ask():
        os.setgroups(groups)
        os.setgid(gid)
        os.setuid(uid)
        try:
            with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
                s.setsockopt(socket.IPPROTO_IPV6, 72, NONPERSISTENT << 16)
        except OSError as e:
            return e.errno
        return 0
    return in_child(ask)


def grouped(gid, groups):
    """The type of a process with these groups."""
    def connect():
        os.setgroups(groups)
        os.setgid(gid)
        return type_of_new_socket()
    return in_child(connect)


# --- from outside -----------------------------------------------------------

@contextlib.contextmanager
def cgroup_folder():
    """A folder of cgroup2, and its path from the root."""
    with open("/proc/self/mounts", encoding="ascii") as f:
        root = next((l.split()[1] for l in f if l.split()[2] == "cgroup2"),
                    None)
    check(root, "no cgroup2 is mounted")
    name = f"/kedge-test-{os.getpid()}"
    os.mkdir(root + name)
    atexit.register(remove, root + name)
    yield root + name, name
    remove(root + name)


def inside(lab, what, *args):
    """What of the above, in the mobile node."""
    return eval(lab.cmd("mn", PYTHON, ME, what, *args, timeout=120))


def write_policy(lab, text):
    with open(lab.path("conf", "policy.conf"), "w", encoding="ascii") as f:
        f.write(text)


def reload(lab, rules):
    """SIGHUP, and wait for these."""
    lab.procs["mn"].send_signal(signal.SIGHUP)
    wait_for("new rules", lambda: [
        r["name"] for r in lab.ctl("mn", "policy")["rules"]] == rules)


def entries(lab):
    """How many cgroups the socket programs know of."""
    out = lab.cmd("mn", "bpftool", "-j", "map", "dump", "pinned",
                  lab.path("bpf", "mn", "sock-cgroups"))
    return len(json.loads(out))


def with_daemon_asleep(lab, folder):
    """The kernel gives a cgroup its rules by itself, and takes them back."""
    before = entries(lab)
    lab.procs["mn"].send_signal(signal.SIGSTOP)
    try:
        got = inside(lab, "units", folder, "x-asleep.service", 3)
        left = entries(lab)
    finally:
        lab.procs["mn"].send_signal(signal.SIGCONT)
    check(got == [NONPERSISTENT] * 3, f"without kedge-mn: {got}")
    check(left == before, f"{left} entries are left of {before}")


@case(quick=True)
def rules_about_cgroups():
    """Hold from the first connect() of a unit that was just (re)started, and
    for those that were there; new numbers of rules never meet old ones."""
    with cgroup_folder() as (folder, name):
        def prepare(lab):
            write_policy(lab, BEFORE.format(name))
            lab.configure("mn", {"mn": {
                "policy": lab.path("conf", "policy.conf")}})
        os.mkdir(folder + "/x-there.service")
        atexit.register(remove, folder + "/x-there.service")
        with world(prepare=prepare) as lab:
            arrive(lab, 1)
            got = inside(lab, "units", folder, "x.service", UNITS)
            check(got == [NONPERSISTENT] * UNITS,
                  f"{UNITS - got.count(NONPERSISTENT)} without the rule")
            with_daemon_asleep(lab, folder)
            check(inside(lab, "there", folder + "/x-there.service") ==
                  NONPERSISTENT, "one that was there")
            check(inside(lab, "units", folder, "y1.service", 3) == [0] * 3,
                  "one that no rule names")
            write_policy(lab, AFTER.format(name))
            reload(lab, ["unit", "group"])
            check(inside(lab, "there", folder + "/x-there.service") == 0,
                  "an old rule holds")
            check(inside(lab, "units", folder, "y1.service", 20) ==
                  [GRACEFUL] * 20, "new rules do not hold")
            check(inside(lab, "units", folder, "y22.service", 3) == [0] * 3,
                  "? stands for one character")
            check(inside(lab, "who") == WHO, "groups, or who may ask")
            write_policy(lab, "[rule group]\ngroup = 1\nservice = fixed\n")
            reload(lab, ["group"])
            check(inside(lab, "units", folder, "y1.service", 3) == [0] * 3,
                  "a rule that is gone holds")
            check(not entries(lab), "entries are left")
            remove(folder + "/x-there.service")


# by main(): types, then errors
WHO = [0, NONPERSISTENT, NONPERSISTENT, 0, 1, 0, 0, 0, 1]


def main(what, *args):
    """In the mobile node's network namespace."""
    if what == "units":
        folder, name, n = args
        print([first_connect(f"{folder}/{name}") for _ in range(int(n))])
    elif what == "there":
        def unit():
            enter(args[0])
            return type_of_new_socket()
        print(in_child(unit))
    elif what == "who":
        print([grouped(0, []), grouped(4242, []),
               grouped(0, [1, 4242, 5000]), grouped(0, [1, 5000]),
               asked(0, 0, []), asked(1000, 1000, []),
               asked(1001, 4242, []), asked(1001, 1001, [7, 4242]),
               asked(1001, 1001, [7])])


if __name__ == "__main__":
    main(*sys.argv[1:])
