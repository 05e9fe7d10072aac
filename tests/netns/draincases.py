# SPDX-License-Identifier: GPL-2.0-or-later
"""End-to-end cases of a home agent that is emptied (kedgectl switch --all), over
its restarts."""

import signal
import time

from cases import case, check, flowing, traveller
from journey import away
from lab import ar, hoa
from livecases import SPARE, event, no_binding, second_agent, served_by

KEY = b"switch-all"


def draining(lab, n=1):
    return lab.ctl(f"ar{n}", "status")["draining"]


def damage(lab, n):
    """The value that follows the key, in every page that has it."""
    with open(lab.path("state", f"ar{n}", "state.mdb"), "r+b") as f:
        data = bytearray(f.read())
        at = data.find(KEY)
        check(at >= 0, "nothing is stored")
        while at >= 0:
            data[at + len(KEY) + 10] ^= 1
            at = data.find(KEY, at + 1)
        f.seek(0)
        f.write(data)


@case(150)
def drained_over_a_restart():
    """RFC 5142 5.3: it goes on after a kill, to the same home agents, and
    nobody is registered; taken back, it stays so. A damaged record of it is
    refused and told."""
    with traveller(("session",), route=(1, 3), prepare=second_agent) as lab:
        away(lab, [1])
        # who does not hear of it before the restart hears of it after that
        lab.stop("monitor-mn")
        lab.stop("mn", signal.SIGKILL)
        lab.ctl("ar1", "switch", "--all", SPARE)
        lab.stop("ar1", signal.SIGKILL)
        lab.start("ar1")
        check(draining(lab), "not draining")
        check(hoa(1) in lab.bound("ar1"), "the binding is lost")
        lab.start("mn")
        lab.monitor("mn")
        served_by(lab, SPARE, 2)
        no_binding(lab, 1)
        flowing(lab, "session", 2)
        # whoever comes back is refused with 129
        since = time.time()
        lab.ctl("ar2", "switch", hoa(1), ar(1))
        gone = event(lab, "abandoned", since, 20)
        check("prohibited" in gone["why"], f"{gone}")
        check(lab.ctl("ar1", "counters")["refused"]["bu_leaving"], "count")
        lab.stop("ar1", signal.SIGKILL)
        damage(lab, 1)
        lab.start("ar1")
        check(not draining(lab) and
              lab.ctl("ar1", "counters")["refused"]["switch_stored"] == 1 and
              "refused: switch_stored" in lab.log("ar1"), "not refused")
        lab.ctl("ar1", "switch", "--all")
        lab.stop("ar1", signal.SIGKILL)
        lab.start("ar1")
        check(draining(lab), "not draining anew")
        lab.ctl("ar1", "switch", "--all", "--cancel")
        lab.stop("ar1", signal.SIGKILL)
        lab.start("ar1")
        check(not draining(lab), "draining, though taken back")
