# SPDX-License-Identifier: GPL-2.0-or-later
"""The demo's second act: a laptop with a cable (net0, at ar1) and Wi-Fi (net1,
at ar2). A download comes over the cable and a call goes over the Wi-Fi; the
cable is pulled in the middle of the download, and put back.

act() does it in a laboratory and returns what happened, told from captures of
both links and the flows' own reports; what is left at the end is the daemons'
word. picture() tells it, plot() draws it.
"""

import json
import time

import svg
import wire
from duplex import Call
from journey import NATIVE_RULES, RST, first, ms
from lab import CN, LabError, ar, hoa, wait_for

LINKS = {"net0": "cable", "net1": "Wi-Fi"}
PLACES = {"net0": 1, "net1": 2}
HOME = hoa(1)                   # the download's address
CALL = hoa(2, iface="net1")     # the call's; the download's care-of address
PHASES = ("before", "cable pulled", "cable back")
NATIVE = {dev: f"{name}, natively" for dev, name in LINKS.items()}
TUNNEL = f"Wi-Fi, by tunnel from ar{PLACES['net0']}"
EXPECTED = {"download": [[NATIVE["net0"]], [TUNNEL], [NATIVE["net0"]]],
            "call": [[NATIVE["net1"]]] * 3}


# --- doing it ---------------------------------------------------------------

def bound(lab, want, limit):
    """Waits until the mobile node and ar1 both say that these are bound, or
    in vain: the captures tell."""
    try:
        wait_for("", lambda: lab.bound("mn") == want ==
                 lab.bound(f"ar{PLACES['net0']}"), limit)
    except LabError:
        pass


def act(lab, stay=3.0, rate=1e6, pps=50, limit=20, tell=lambda text: None):
    """lab has two interfaces and is up, its daemons run, no cable is in."""
    pcaps = {dev: lab.capture("mn", dev, "ip6") for dev in LINKS}
    lab.flow("cn", "server", "server")
    lab.flow_event("server", "listening", limit)
    for dev, n in PLACES.items():
        lab.plug(n, iface=dev)
        lab.wait_address(n, limit, iface=dev)
    for n in PLACES.values():
        lab.wait_anchorable(n, limit)
    tell("a call begins, with the Wi-Fi's address, and a download, with "
         "whatever address the laptop prefers")
    begun = time.time()
    call = Call(lab, "call", CALL, CN, 7200, pps)
    lab.flow("mn", "download", "tcp", CN, "--download", "--rate", rate)
    lab.flow_event("download", "connected", limit)
    times = {"begun": begun}
    time.sleep(stay)
    tell("the cable is pulled")
    times["cut"] = lab.cut("net0")[0]
    bound(lab, {HOME: CALL}, limit)
    times["over"] = time.time()
    time.sleep(stay)
    tell("the cable is put back")
    times["back"] = time.time()
    lab.plug(iface="net0")
    bound(lab, {}, limit)
    times["returned"] = time.time()
    time.sleep(stay)
    times["end"] = time.time()
    tell("ending the flows")
    download = lab.flow_end("download", limit + 30)
    call.end()
    left = released(lab, limit)
    lab.stop_captures()
    lab.stop("server")
    sender = next((s for s in lab.flow_said("server")
                   if s["event"] == "closed" and
                   s["peer"]["port"] == download["local"]["port"]), {})
    return judge({dev: list(wire.packets(p)) for dev, p in pcaps.items()},
                 times, call, download, sender, left)


def leftovers(lab):
    """What is still there of the download's mobility, as text."""
    out = [f"kedge-mn: binding of {b['hoa']} ({b['state']})"
           for b in lab.bindings("mn")]
    for n in lab.anchors:
        out += [f"kedge-ha at ar{n}: binding of {b['hoa']}"
                for b in lab.bindings(f"ar{n}", "bound")]
    out += [f"kedge0: {a['local']}" for a in lab.addresses("kedge0")]
    there = {a["local"] for dev in LINKS for a in lab.addresses(dev)}
    out += [f"rule {r['priority']}: from {r['src']}" for r in json.loads(
        lab.cmd("mn", "ip", "-6", "-j", "rule", "show"))
        if r["priority"] not in (0, 32766) and not (
            r["priority"] == NATIVE_RULES and r["src"] in there)]
    return out


def released(lab, limit):
    try:
        wait_for("release", lambda: not leftovers(lab), limit, 0.2)
        return []
    except LabError:
        return leftovers(lab)


# --- judging it -------------------------------------------------------------

def flow_of(packet, call_port, download_port):
    p = packet.inner or packet
    if p.proto == wire.UDP and call_port in (p.sport, p.dport):
        return "call"
    if p.proto == wire.TCP and download_port in (p.sport, p.dport):
        return "download"
    return None


def way(dev, packet):
    if not packet.inner:
        return NATIVE[dev]
    if dev == "net1" and {packet.src, packet.dst} == {CALL, ar(1)}:
        return TUNNEL
    return f"{LINKS[dev]}, {packet.src} > {packet.dst}"


def silence(arrivals, begun, ended):
    """The longest time between two arrivals of which one is in it, in ms."""
    pairs = zip(arrivals, arrivals[1:])
    return ms(max((b - a for a, b in pairs if b > begun and a < ended),
                  default=ended - begun))


def judge(captured, times, call, download, sender, left):
    packets = [(p, dev, flow_of(p, call.port, download["local"]["port"]))
               for dev, got in captured.items() for p in got]
    packets.sort(key=lambda x: x[0].time)
    spans = list(zip(("begun", "over", "returned"), ("cut", "back", "end")))
    # whatever happens: the call is on the Wi-Fi
    whole_time = [("begun", "cut"), ("cut", "back"), ("back", "end")]
    ways = {flow: [sorted({way(dev, p) for p, dev, f in packets if f == flow
                           and times[a] <= p.time < times[b]})
                   for a, b in (spans if flow == "download" else whole_time)]
            for flow in EXPECTED}
    data = [p.time for p, _, f in packets if f == "download" and
            (p.inner or p).dst == HOME]
    signalling = [p for p in captured["net1"] if times["cut"] <= p.time <
                  times["back"]]
    after = {
        "bu": first((p.time for p in signalling if p.hao == HOME), 0),
        "ba": first((p.time for p in signalling if p.rh2 == HOME), 0),
        "data": first((p.time for p in signalling if p.inner and
                       p.inner.proto == wire.TCP and p.inner.dst == HOME), 0)}
    resets = sum(1 for p, _, f in packets if f == "download" and
                 (p.inner or p).payload[13] & RST)
    calm = {name: {"before": ms(w.silence(times["begun"] + 0.5, times["cut"])),
                   "after": ms(w.silence(times["cut"], times["end"]))}
            for name, w in call.ways}
    return {
        "times": {k: round(t - times["begun"], 4) for k, t in times.items()},
        "download": {
            "address": download["local"]["address"],
            "bytes": download["received"], "ways": ways["download"],
            "resets": resets,
            "errors": download["errors"] + sender.get("errors",
                                                      ["no report of cn"]),
            "whole": bool(download["received"] and download["in_order"] and
                          download["received_sha256"] ==
                          sender.get("sent_sha256")),
            "silence_pulled_ms": silence(data, times["cut"], times["over"]),
            "silence_back_ms": silence(data, times["back"],
                                       times["returned"])},
        "after_pull_ms": {k: ms(t - times["cut"] if t else None)
                          for k, t in after.items()},
        "call": {
            "address": call.source, "ways": ways["call"],
            "errors": call.errors, "longest_silence_ms": calm,
            **{name: {"sent": len(w.sent), "lost": len(w.lost),
                      "twice": w.twice, "late": w.late}
               for name, w in call.ways}},
        "released": not left, "left": left,
        "packets": [(round(p.time - times["begun"], 4), dev, f,
                     "tunnel" if p.inner else "native")
                    for p, dev, f in packets if f],
    }


def verdicts(result):
    """[(is it so, what)]"""
    d, c = result["download"], result["call"]
    lost = c["up"]["lost"] + c["down"]["lost"]
    return [
        (d["address"] == HOME and d["ways"][0] == EXPECTED["download"][0],
         "the download began over the cable, natively"),
        (d["ways"][1] == EXPECTED["download"][1], "with the cable pulled it "
         "went on over the Wi-Fi, in a tunnel from the router where it began"),
        (d["ways"][2] == EXPECTED["download"][2], "with the cable back it "
         "returned there, natively"),
        (d["whole"] and not d["resets"] and not d["errors"],
         f"it is one TCP connection, and whole: {d['bytes']} bytes, hashed at "
         f"both ends, in order; {d['resets']} resets"),
        (not lost and not c["up"]["twice"] and not c["down"]["twice"],
         f"the call lost {lost} packets of {c['up']['sent']} out and "
         f"{c['down']['sent']} in"),
        (c["ways"] == EXPECTED["call"] and not c["errors"],
         "the call kept to the Wi-Fi, natively, all the time"),
        (result["released"], "nothing is left: no binding, no address on "
         "kedge0, no rule" + "".join(f"\n        left: {x}"
                                     for x in result["left"]))]


def holds(result):
    return all(good for good, _ in verdicts(result))


# --- telling it -------------------------------------------------------------

STEPS = (("bu", "Binding Update sent, over the Wi-Fi"),
         ("ba", "Binding Acknowledgement"),
         ("data", "first data of the download over the Wi-Fi"))


def picture(result):
    t, d, c = result["times"], result["download"], result["call"]
    lines = [f"  {t['cut']:8.3f} s  the cable is pulled; ms after that:"]
    after = {k: "-" if at is None else at
             for k, at in result["after_pull_ms"].items()}
    lines += [f"  {after[key]:>10}  {what}" for key, what in STEPS]
    lines += [f"  {t['back']:8.3f} s  the cable is back",
              "", "How each flow went (seen on both links)"]
    for name, flow in (("download", d), ("call", c)):
        lines.append(f"  {name}, {flow['address']}")
        lines += [f"    {phase + ':':<14}{' + '.join(w) or 'not at all'}"
                  for phase, w in zip(PHASES, flow["ways"])]
    lines.append("")
    lines += [f"  {'yes ' if good else 'NO  '}  {text}"
              for good, text in verdicts(result)]
    calm = c["longest_silence_ms"]
    lines += ["", "The longest silence: of the download "
              f"{d['silence_pulled_ms']:g} ms at the pull and "
              f"{d['silence_back_ms']:g} ms at the return; of the call "
              f"{calm['down']['after']:g} ms in and {calm['up']['after']:g} "
              f"ms out ({calm['down']['before']:g} and "
              f"{calm['up']['before']:g} ms before the pull)."]
    return "\n".join(lines)


def plot(result):
    """SVG of both flows' packets."""
    rows = [(f"{flow}, {name}", {how: [
        t for t, *which in result["packets"] if which == [dev, flow, how]]
        for how in ("native", "tunnel")})
        for dev, name in LINKS.items() for flow in EXPECTED]
    t = result["times"]
    return svg.timeline(
        "A download and a call; the cable is pulled and put back", rows,
        [(t["cut"], "cable pulled"), (t["back"], "cable back")], t["end"])
