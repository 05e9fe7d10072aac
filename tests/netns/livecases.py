# SPDX-License-Identifier: GPL-2.0-or-later
"""End-to-end cases about home agents that die, are restarted, revoke bindings
or send their mobile nodes away, and about the test of a path. Part of
tests/netns/e2e."""

import glob
import json
import os
import shutil
import signal
import socket
import subprocess
import time

from cases import (case, check, flowing, start, traveller, tshark, whole)
from flowcases import hold, settled, told
from journey import arrive, away
from lab import SLOW, ar, has_aes, hoa, wait_for
import wire

# As short as it may be: heartbeat * (missing-heartbeats + 1) is the bound, and
# one more where packets came until then.
FAST = {"heartbeat": 1, "missing-heartbeats": 2}
BOUND = 1 * (2 + 2)
HEARTBEAT, SWITCH, REVOCATION = 13, 12, 16


def event(lab, name, since=0.0, limit=10, who="mn"):
    return wait_for(f"event {name} of {who}", lambda: next(
        (e for e in lab.events(who, since) if e["event"] == name), None),
        limit)


def answering(lab, n, limit=10):
    """Until arN has answered a heartbeat."""
    wait_for(f"ar{n} is alive", lambda: lab.anchor(n).get("alive"), limit,
             0.05)


def alive(lab, net):
    return next(b["alive"] for b in lab.bindings("mn")
                if b["hoa"] == hoa(net))


def two_anchors(lab):
    """Flows "session" at ar1 and "other" at ar2, both away at ar3."""
    away(lab, [1])
    start(lab, "other")
    lab.move(3)
    lab.wait_address(3)
    away(lab, [1, 2])
    for n in (1, 2):
        answering(lab, n)


def forward(lab, *matches):
    """Drops what matches of what the core router forwards."""
    rules = "table ip6 path\ndelete table ip6 path\n"
    if matches:
        rules += ("table ip6 path {\nchain forward { type filter hook "
                  "forward priority 0; " + "".join(
                      f"{m} counter drop; " for m in matches) + "}\n}\n")
    lab.cmd("core", "nft", "-f", "-", stdin=rules)


def cut_off(lab, n):
    """arN is gone, with its prefix."""
    forward(lab, f"ip6 daddr 2001:db8:{n}::/64", f"ip6 saddr 2001:db8:{n}::/64")


def messages(pcap, sas):
    """[(MH type, the message)] of all ESP packets, opened apart from the
    daemons' code, with their checksums seen to."""
    out = []
    for p in wire.packets(pcap):
        # RFC 6275 6.1: but BU, BA and BRI they go by the tunnel
        p = p.inner or p
        if p.proto == wire.ESP:
            proto, mh = wire.esp_open(p, sas)
            check(proto == wire.MH and wire.mh_checksum_ok(p, mh), f"{p}")
            out.append((mh[2], mh))
    return out


def uat(lab):
    """tshark's options that let it open the laboratory's AES-GCM SAs."""
    out = ["-o", "esp.enable_encryption_decode:TRUE"]
    for sa in lab.sas:
        out += ["-o", 'uat:esp_sa:"IPv6","*","*","%#010x",'
                '"AES-GCM with 16 octet ICV [RFC4106]","0x%s","NULL",""'
                % (sa["spi"], sa["key"])]
    return out


def seen_by_tshark(lab, pcap, *want):
    """tshark objects to nothing, and sees these MH types."""
    if not has_aes():
        return
    bad = tshark(pcap, *uat(lab), "-Y",
                 "esp && (_ws.malformed || _ws.expert.severity == error)")
    check(not bad, f"tshark objects to: {bad[:3]}")
    for kind in want:
        check(tshark(pcap, *uat(lab), "-Y", f"mip6.mhtype == {kind}"),
              f"tshark sees no MH type {kind}")


def forget_bindings(lab, who):
    """What a home agent that lost its state has: nothing of its bindings."""
    shutil.rmtree(lab.path("bpf", who), ignore_errors=True)
    for path in glob.glob(lab.path("state", who, "bindings-*")):
        os.unlink(path)


def nothing_wrong(lab, who, *but):
    """Nothing was refused, other than for these reasons. An ICMPv6 error about
    a tunnel packet to the care-of address of before may come at any time."""
    but += ("tunnel_quote_unbound",)
    bad = {k: v for k, v in lab.ctl(who, "counters")["refused"].items()
           if v and k not in but}
    check(not bad, f"{who} refused {bad}")


# --- heartbeats -------------------------------------------------------------

@case(quick=True)
def dead_anchor_is_noticed():
    """RFC 5847 3.1: within the time that is configured; the other anchor's flow
    does not notice, nor does the dead one's, which goes on when it is back."""
    with traveller(("session",), mn=FAST) as lab:
        two_anchors(lab)
        cut_off(lab, 1)
        down = time.time()
        dead = event(lab, "anchor_dead", down, BOUND + 5)
        took = dead["time"] - down
        check(took < BOUND * SLOW + 0.3, f"noticed after {took:.2f} s")
        print(f"  noticed after {took:.2f} s of {BOUND}")
        check(dead["ha"] == ar(1) and dead["n_flows"] == 1 and
              dead["flows"][0]["local"] == hoa(1) and not dead["reset"],
              f"{dead}")
        check(alive(lab, 1) is False and alive(lab, 2) is True and
              lab.anchor(1)["alive"] is False, "not told by kedgectl")
        flowing(lab, "other", 2)
        forward(lab)
        event(lab, "anchor_alive", down, 10)
        check(alive(lab, 1) is True, "still called dead")
        for name in ("session", "other"):
            whole(lab, name)


@case()
def dead_anchor_by_policy():
    """dead-anchor = reset: its flows, and no others, are told."""
    with settled(mn={**FAST, "dead-anchor": "reset"}) as lab:
        hold(lab, "first", "tcp")
        lab.move(2)
        lab.wait_address(2)
        away(lab, [1])
        hold(lab, "second", "tcp")
        lab.move(3)
        lab.wait_address(3)
        away(lab, [1, 2])
        for n in (1, 2):
            answering(lab, n)
        cut_off(lab, 1)
        down = time.time()
        said = told(lab, "first", BOUND + 5)
        check(said["error"] == "ECONNABORTED" and
              said["time"] - down < BOUND * SLOW + 1, f"{said}")
        event(lab, "released", down, 40)
        check(not any(e["event"] == "told" for e in lab.flow_said("second")),
              "another anchor's flow was reset")
        check(lab.bound() == {hoa(2): hoa(3)}, f"{lab.bound()}")
        forward(lab)


@case()
def restarted_anchor():
    """RFC 5847 3.2: a home agent that lost its bindings has another Restart
    Counter, and gets them anew; one that kept them has the same."""
    with traveller(("session",), mn={**FAST, "lifetime": 3000}) as lab:
        away(lab, [1])
        answering(lab, 1)
        before = lab.ctl("ar1", "status")["restarts"]
        lab.stop("ar1")
        lab.start("ar1")
        time.sleep(3 * SLOW)
        check(lab.ctl("ar1", "status")["restarts"] == before,
              "counted, though nothing was lost")
        check(not lab.count("mn", "events", "anchor_restarted"), "noticed")
        lab.stop("ar1", signal.SIGKILL)
        forget_bindings(lab, "ar1")
        since = time.time()
        lab.start("ar1")
        check(lab.ctl("ar1", "status")["restarts"] == before + 1,
              "not counted, though all was lost")
        event(lab, "anchor_restarted", since, 15)
        away(lab, [1])
        flowing(lab, "session")
        whole(lab, "session")


@case()
def heartbeats_cost_little():
    """RFC 5847 3: nothing where nothing is bound; under traffic the traffic
    tells. One for many home addresses is tests/check_live's."""
    with traveller(("session",), mn=FAST, route=(1,)) as lab:
        time.sleep(3)
        check(not lab.count("mn", "events", "heartbeat_sent"),
              "a heartbeat without a binding")
        lab.move(2)
        lab.wait_address(2)
        away(lab, [1])
        answering(lab, 1)
        before = lab.count("mn", "events", "heartbeat_sent")
        time.sleep(6)
        sent = lab.count("mn", "events", "heartbeat_sent") - before
        check(sent <= 1, f"{sent} heartbeats beside traffic")
        lab.procs["session"].send_signal(signal.SIGSTOP)
        lab.procs["server"].send_signal(signal.SIGSTOP)
        time.sleep(2)
        before = lab.count("mn", "events", "heartbeat_sent")
        time.sleep(5)
        sent = lab.count("mn", "events", "heartbeat_sent") - before
        check(4 <= sent <= 6, f"{sent} heartbeats in 5 s of silence")
        for name in ("server", "session"):
            lab.procs[name].send_signal(signal.SIGCONT)
        whole(lab, "session")


# --- revocation -------------------------------------------------------------

def no_binding(lab, n):
    wait_for(f"ar{n} has no binding", lambda: not lab.bindings(f"ar{n}",
                                                               "bound"), 10)


@case(quick=True)
def revoked():
    """RFC 5846 7 and 10: indication, acknowledgement, the binding is gone at
    both ends, and its flow is told; the other one's is not."""
    aes = has_aes()
    with traveller(("session",),
                   algorithm="aes-256-gcm" if aes else None) as lab:
        away(lab, [1])
        start(lab, "other")
        lab.move(3)
        lab.wait_address(3)
        away(lab, [1, 2])
        pcap = lab.capture("mn", "net0", "ip6 and not tcp and not udp")
        since = time.time()
        check(lab.ctl("ar1", "revoke", hoa(1))["bindings"] == 1, "not one")
        event(lab, "revoked", since)
        gone = event(lab, "abandoned", since)
        check(gone["hoa"] == hoa(1) and "administrative" in gone["why"],
              f"{gone}")
        no_binding(lab, 1)
        check(list(lab.bound()) == [hoa(2)], f"{lab.bound()}")
        wait_for("the flow is told", lambda: any(
            s["event"] in ("error", "report", "reset", "failed") or
            s.get("errors") for s in lab.flow_said("session")) or
            lab.procs["session"].poll() is not None or
            lab.count("mn", "events", "sockets_reset") == 1, 5)
        time.sleep(2)       # it does not come back by itself
        check(list(lab.bound()) == [hoa(2)], f"back: {lab.bound()}")
        flowing(lab, "other")
        lab.stop_captures()
        got = [mh for kind, mh in messages(pcap, lab.sas)
               if kind == REVOCATION]
        # type, trigger or status, sequence number: RFC 5846 5.1, 5.2
        check([m[6] for m in got] == [1, 2] and got[0][7] == 1 and
              got[1][7] == 0 and got[0][8:10] == got[1][8:10],
              f"on the wire: {[m.hex() for m in got]}")
        seen_by_tshark(lab, pcap, REVOCATION)
        nothing_wrong(lab, "ar1")
        check(lab.count("ar1", "events", "binding_revoked") == 1, "count")
        whole(lab, "other")


@case()
def revoked_in_silence():
    """RFC 5846 6.3: one more after a second, and after two more it is over;
    out of sync: the mobile node registers again."""
    with traveller(("session",), mn={"heartbeat": 0}) as lab:
        away(lab, [1])
        since = time.time()
        lab.ctl("ar1", "revoke", hoa(1), "--reason=out-of-sync")
        wait_for("binding made anew", lambda: lab.bindings("ar1", "bound") and
                 lab.count("ar1", "events", "binding_revoked"), 10)
        away(lab, [1])
        flowing(lab, "session")
        lab.monitor("ar1")
        time.sleep(0.3)
        # the mobile node gets nothing
        forward(lab, f"ip6 saddr {ar(1)} ip6 nexthdr 43")
        since = time.time()
        lab.ctl("ar1", "revoke", hoa(1))
        check(lab.bindings("ar1")[0]["leaving"] == "revoking", "not shown")
        over = event(lab, "revoked", since, 10, "ar1")
        check(over["how"] == "not answered" and
              2.5 < over["time"] - since < 4 * SLOW, f"{over}")
        check(lab.count("ar1", "events", "bri_retransmitted") == 1, "again")
        no_binding(lab, 1)


# --- switch -----------------------------------------------------------------

@case()
def switched_to_nobody():
    """RFC 5142 5 and 6: deregistered at once; no other home agent has that
    prefix, which is why the flow is lost."""
    with traveller(("session",)) as lab:
        away(lab, [1])
        since = time.time()
        lab.ctl("ar1", "switch", hoa(1), ar(2))
        gone = event(lab, "abandoned", since)
        check("other prefixes" in gone["why"], f"{gone}")
        no_binding(lab, 1)
        check(lab.count("ar1", "events", "switch_sent") == 1, "sent again")
        check(lab.count("mn", "events", "switch_received") == 1, "count")


@case()
def switched_without_a_name():
    """RFC 5142 4: where the message names no home agent the mobile node looks
    for one (RFC 6275 11.4.1), in vain here."""
    def prepare(lab):
        lab.configure("mn", {"anchor home": {"prefix": "2001:db8:1::/64"}})

    # RFC 5142 4: then its Header Len is 0, which tshark 4.0 takes for a fault
    with traveller(("session",), prepare=prepare) as lab, \
            lab.forging("mip6.mhtype == 12"):
        away(lab, [1])
        since = time.time()
        lab.ctl("ar1", "switch", hoa(1))
        wait_for("discovery", lambda: lab.count("mn", "events", "haad_asked"))
        check(lab.bound("mn"), "given up before anything can be found")
        event(lab, "abandoned", since, 60)
        check(lab.count("mn", "events", "switch_received") > 1, "not repeated")


SPARE, OTHER = "2001:db8:1::2", "2001:db8:1::3"


SPARE_WAYS = [way for spare in (SPARE, OTHER)
              for way in ((hoa(1), spare), (spare, hoa(1)))]


def second_agent(lab):
    """ar2 is another home agent of ar1's link, by two addresses of its prefix,
    and has SAs with the mobile node."""
    sas = {}
    for way, (src, dst) in enumerate(SPARE_WAYS):
        sas[f"sa spare-{way}"] = {
            "spi": hex(0x7001 + way), "src": src, "dst": dst,
            "algorithm": "chacha20-poly1305", "key": f"{way}a" * 36,
            "identity": "mn1@example.org"}
    lab.configure("mn", sas)
    lab.configure("ar2", {**sas, "ha": {"address": [ar(2), SPARE, OTHER]},
                          "link acc0": {"prefix": ["2001:db8:2::/64",
                                                   "2001:db8:1::/64"]}})
    lab.ip("core", f"route add {ar(1)}/128 via 2001:db8:f01::2")
    for spare in (SPARE, OTHER):
        lab.ip("ar2", f"address add {spare}/128 dev lo nodad")
        lab.ip("core", f"route add {spare}/128 via 2001:db8:f02::2")


def served_by(lab, ha, n):
    """The binding of ar1's address is with that home agent, at arN, and so is
    the prefix, as routing has it."""
    wait_for(f"{hoa(1)} with {ha}", lambda: any(
        b["ha"] == ha and b["state"] == "bound" for b in lab.bindings("mn"))
        and hoa(1) in lab.bound(f"ar{n}"), 15)
    lab.ip("core", f"route replace 2001:db8:1::/64 via 2001:db8:f0{n}::2")
    flowing(lab, "session", 2)


@case()
def switched_to_another():
    """RFC 5142 6.2: another home agent of the home link takes over, named or
    found, and the session goes on. A drain: no registration is accepted."""
    with traveller(("session",), route=(1, 3), prepare=second_agent) as lab:
        away(lab, [1])
        pcap = lab.capture("mn", "net0", "ip6 and not tcp and not udp")
        lab.ctl("ar1", "switch", hoa(1), SPARE)
        served_by(lab, SPARE, 2)
        no_binding(lab, 1)
        check(lab.count("mn", "events", "ha_changed") == 1, "not counted")
        # 6.1: without a list: what we know. The drain ends registrations.
        lab.ctl("ar2", "switch", "--all")
        served_by(lab, ar(1), 1)
        no_binding(lab, 2)
        check(lab.ctl("ar2", "status")["draining"], "not draining")
        lab.stop_captures()
        spare = [{"spi": 0x7001 + way, "src": src, "dst": dst, "key":
                  f"{way}a" * 36, "algorithm": "chacha20-poly1305"}
                 for way, (src, dst) in enumerate(SPARE_WAYS)]
        got = [mh for kind, mh in messages(pcap, lab.sas + spare)
               if kind == SWITCH]
        # RFC 5142 4: so many addresses; RFC 6275 6.2.4: refresh advice
        check([m[6] for m in got] == [1, 0] and got[0][8:24] ==
              socket.inet_pton(socket.AF_INET6, SPARE) and
              bytes([2, 2]) in got[1], f"{[m.hex() for m in got]}")
        nothing_wrong(lab, "ar1", "tunnel_quote_unbound")
        # 6.2: in the order of the list; 5.3: refused with 129
        since = time.time()
        lab.ctl("ar1", "switch", hoa(1), OTHER, SPARE)
        to = event(lab, "switch", since, 15)["to"]
        check(to == OTHER, f"not the first of the list, but {to}")
        gone = event(lab, "abandoned", since, 15)
        check("prohibited" in gone["why"], f"{gone}")
        check(lab.ctl("ar2", "counters")["refused"]["bu_leaving"], "count")
        lab.ctl("ar2", "switch", "--all", "--cancel")
        check(not lab.ctl("ar2", "status")["draining"], "still draining")


# --- test-path --------------------------------------------------------------

def test_path(lab, *args):
    """What kedgectl test-path says, and its exit status."""
    p = subprocess.run(lab.argv("mn", os.path.join(lab.build, "kedgectl"),
                                "-s", lab.sock("mn"), "--json", "test-path",
                                *args), stdout=subprocess.PIPE, text=True,
                       stderr=subprocess.PIPE, timeout=20 * SLOW, check=False)
    return p.returncode, json.loads(p.stdout) if p.stdout else p.stderr


def got(answer):
    return {t["test"]: (t["received"], t["sent"]) for t in answer["tests"]}


@case(quick=True)
def path_tested():
    """Works; then broken one way, and the other: it says so, and the flow
    that is beside it goes on."""
    with traveller(("session",), mn=FAST) as lab:
        away(lab, [1])
        answering(lab, 1)
        begun = time.monotonic()
        status, said = test_path(lab, hoa(1))
        check(status == 0 and said["works"] and said["mtu"] == 1460 and
              said["heartbeat"]["answered"], f"{said}")
        check(set(got(said).values()) == {(3, 3)}, f"{said}")
        check(time.monotonic() - begun < 1.5 * SLOW, "slow")
        for match, who, want in (
                (f"ip6 saddr {ar(1)} ip6 nexthdr 41", "those from it", "out"),
                (f"ip6 daddr {ar(1)} ip6 nexthdr 41", "those to it", "back")):
            forward(lab, match)
            status, said = test_path(lab, hoa(1))
            check(status == 1 and not said["works"] and
                  who in said["verdict"], f"{match}: {status} {said}")
            check([k for k, v in got(said).items() if v[0]] == [want],
                  f"{match}: {got(said)}")
            check(said["registration"], f"signalling: {said}")
        forward(lab, "ip6 nexthdr 41")
        status, said = test_path(lab, hoa(1))
        check(status == 1 and "signalling works" in said["verdict"] and
              not any(v[0] for v in got(said).values()), f"{said}")
        cut_off(lab, 1)
        status, said = test_path(lab, hoa(1))
        check(status == 1 and "Binding Updates neither" in said["verdict"],
              f"{said}")
        forward(lab, "ip6 nexthdr 41 ip6 length > 1000")
        wait_for("the binding", lambda: lab.bound() == {hoa(1): hoa(2)}, 15)
        status, said = test_path(lab, hoa(1), "--count=2")
        check(status == 1 and "MTU" in said["verdict"] and
              got(said)["round"] == (2, 2), f"{said}")
        forward(lab)
        status, said = test_path(lab, hoa(3))
        check(status == 1 and "no binding" in said, f"{said}")
        check(test_path(lab, hoa(1))[0] == 0, "not whole again")
        nothing_wrong(lab, "ar1")
        whole(lab, "session")


# --- with IKE ---------------------------------------------------------------

@case()
def forgotten_and_denied():
    """RFC 5846 7: by owners forget, and by a deny at SIGHUP, the binding is
    revoked under its SAs, and the IKE SA ends after that."""
    with traveller(("session",), keys="psk") as lab:
        away(lab, [1])
        lab.monitor("ar1")
        time.sleep(0.3)
        since = time.time()
        lab.ctl("ar1", "owners", "forget", hoa(1))
        over = event(lab, "revoked", since, 10, "ar1")
        check(over["how"] == "acknowledged", f"{over}")
        event(lab, "ike_down", since, 10, "ar1")
        check(event(lab, "abandoned", since)["hoa"] == hoa(1), "mn")
        no_binding(lab, 1)
        # ar2's is denied while it is bound
        start(lab, "other")
        lab.move(3)
        lab.wait_address(3)
        away(lab, [2])
        lab.monitor("ar2")
        time.sleep(0.3)
        since = time.time()
        lab.configure("ar2", {"ike": {"deny": "mn1@example.org"}})
        lab.procs["ar2"].send_signal(signal.SIGHUP)
        over = event(lab, "revoked", since, 10, "ar2")
        check(over["how"] == "acknowledged", f"{over}")
        event(lab, "ike_down", since, 10, "ar2")
        no_binding(lab, 2)


@case()
def restarted_without_sas():
    """A home agent that was killed has no SAs of IKE's any more: what is not
    answered makes them anew, and the binding."""
    with traveller(("session",), keys="psk",
                   mn={**FAST, "missing-heartbeats": 4,
                       "lifetime": 3000}) as lab:
        away(lab, [1])
        answering(lab, 1)
        lab.stop("ar1", signal.SIGKILL)
        forget_bindings(lab, "ar1")
        lab.start("ar1")
        wait_for("the binding", lambda: lab.bound("ar1") ==
                 {hoa(1): hoa(2)}, 40)
        flowing(lab, "session", 2)
        whole(lab, "session")
