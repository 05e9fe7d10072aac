# SPDX-License-Identifier: GPL-2.0-or-later
"""End-to-end cases of the figures of RFC 7333 REQ6: they say what happened."""

import os
import time

from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families)

from cases import case, check, gone, traveller, whole
from journey import away
from lab import ar, wait_for

MOVES = 3


def figures(lab, who):
    return lab.ctl(who, "counters")


def metrics(lab, who):
    """{(name, label values but the daemon's): value}, as others read it."""
    text = lab.cmd(who, os.path.join(lab.build, "kedgectl"), "-s",
                   lab.sock(who), "metrics")
    out = {}
    for family in text_string_to_metric_families(text):
        for s in family.samples:
            key = tuple(sorted(v for k, v in s.labels.items()
                               if k != "daemon"))
            check((s.name, key) not in out, f"{s.name} {key} twice")
            out[s.name, key] = s.value
    return out


def agree(lab, who):
    """The text says what the JSON does (of what stands still meanwhile)."""
    j, m = figures(lab, who), metrics(lab, who)
    for name, d in j["durations"].items():
        check(m[f"kedge_{name}_seconds_count", ()] == d["count"],
              f"{who}: {name} differs")
        for b in d["buckets"]:
            le = str(float(b["le_s"]))
            check(m[f"kedge_{name}_seconds_bucket", (le,)] == b["count"],
                  f"{who}: {name} {le} differs")
    for name, n in j["refused"].items():
        check(m["kedge_refused_total", (name,)] == n, f"{who}: {name}")
    check(m["kedge_sessions", ()] == j["sessions"]["now"], f"{who}: sessions")
    return m


@case(quick=True)
def figures_of_a_session():
    """RFC 7333 REQ6 (a) to (d), in counters and as OpenMetrics."""
    with traveller(("session",), route=(1,)) as lab:
        for n in (2, 3, 2)[:MOVES]:
            lab.move(n)
            lab.wait_address(n)
            away(lab, [1])
            time.sleep(0.5)
        j, ha = figures(lab, "mn"), figures(lab, "ar1")
        took = j["durations"]
        check(took["handover"]["count"] == MOVES, f"handovers: {took}")
        check(took["reactivity"]["count"] == MOVES, f"reactivity: {took}")
        check(took["registration"]["count"] == MOVES, f"answers: {took}")
        check(took["session"]["count"] == 0, "a session is over already")
        check(0 < took["registration"]["sum_s"] <=
              took["reactivity"]["sum_s"] <= took["handover"]["sum_s"],
              f"times do not contain each other: {took}")
        # (a): one session, at ar1, of the MN's identity
        check(j["sessions"]["now"] == 1 and
              j["sessions"]["per_peer"][0]["peer"] == ar(1),
              f"{j['sessions']}")
        check(ha["sessions"]["now"] == 1 and ha["sessions"]["peers"] == 1 and
              ha["sessions"]["per_peer"][0]["now"] == 1,
              f"{ha['sessions']}")
        # (c): each BU and each BA is a packet of 40 bytes of header and more
        sent, got = (j["signalling"][k] for k in ("sent", "received"))
        check(sent >= MOVES and got >= MOVES and
              j["signalling"]["sent_bytes"] > 80 * sent,
              f"{j['signalling']}")
        # (d): what goes in at one end comes out at the other
        t = j["tunnels"]
        check(t["now"] == 1 and t["overhead"] == 40 and
              t["overhead_bytes"] == 40 * (t["tx_packets"] +
                                           t["rx_packets"]), f"{t}")
        check(t["tx_packets"] > 0 and t["tx_bytes"] > 40 * t["tx_packets"],
              f"{t}")
        check(j["security"]["manual"] >= 2 and j["security"]["ike"] == 0,
              f"{j['security']}")
        whole(lab, "session")
        gone(lab, 2)
        wait_for("the session's end at the MN", lambda: figures(
            lab, "mn")["durations"]["session"]["count"] == 1)
        wait_for("the session's end at ar1", lambda: figures(
            lab, "ar1")["durations"]["session"]["count"] == 1)
        m = agree(lab, "mn")
        check(m["kedge_handover_seconds_count", ()] == MOVES, "handovers")
        # the same bytes, counted at the two ends of one tunnel; what ar1
        # sends to where the mobile node was a moment ago is lost
        other = agree(lab, "ar1")
        up, down = ([who[f"kedge_tunnel_{way}_bytes_total", ()]
                     for who, way in ends] for ends in
                    (((m, "sent"), (other, "received")),
                     ((m, "received"), (other, "sent"))))
        check(abs(up[0] - up[1]) <= 0.02 * up[0], f"sent, got there: {up}")
        check(0.7 * down[1] <= down[0] <= down[1], f"got, sent there: {down}")
