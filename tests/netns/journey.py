# SPDX-License-Identifier: GPL-2.0-or-later
"""A journey ar1 -> ar2 -> ar3 -> ar1 with live flows, and what it cost.

travel() does it in a laboratory and returns what happened, told from captures
and from the flows' own reports; only the release at the end, and nothing
else, is taken from the daemons' word. picture() draws it. It is the first act of
demo.py; tests/netns/e2e asserts on the same result.
"""

import datetime
import json
import time

import wire
from lab import CN, IKE_PORTS, NETS, LabError, ar, hoa, wait_for

RST = 4
NATIVE_RULES = 7071     # priority of the rules from an interface's addresses
RS, RA = 133, 134


def ms(seconds):
    return None if seconds is None else round(1000 * seconds, 1)


# --- doing it ---------------------------------------------------------------

def arrive(lab, n, limit=15):
    """Plugs the mobile node in at arN. Its daemon knows that anchor then, and
    flows that begin there can be moved (with IKE: it is done)."""
    lab.plug(n)
    lab.wait_address(n, limit)
    wait_for(f"kedge-mn knows ar{n}", lambda: any(
        a["current"] for a in lab.ctl("mn", "anchors")["anchors"]), limit, 0.1)
    lab.wait_anchorable(n, limit)


def away(lab, nets, limit=15):
    """Waits until the addresses of these networks (but the one we are in),
    and no others, are bound to our present one, by the word of both ends."""
    want = {n: {hoa(n): hoa(lab.at)} if n in nets and n != lab.at else {}
            for n in lab.anchors}
    both = {k: v for w in want.values() for k, v in w.items()}

    def bound():
        return lab.bound("mn") == both and all(
            lab.bound(f"ar{n}") == w for n, w in want.items())
    try:
        wait_for("", bound, limit, 0.1)
    except LabError:
        raise LabError(f"not within {limit} s: bound {both}; they have " +
                       ", ".join(f"{w} {lab.bound(w)}" for w in
                                 ["mn"] + [f"ar{n}" for n in want])) from None


def travel(lab, route=(1, 2, 3, 1), stay=3.0, pps=1000, rate=250e3, limit=15,
           tell=lambda text: None):
    """lab is up, its daemons run, the mobile node is not plugged yet. limit:
    s that each step may take. tell is called with progress."""
    home = route[0]
    pcap = lab.capture("mn", "net0", "ip6")
    lab.spawn("mn", "addresses", "ip", "-ts", "-6", "monitor", "address")
    lab.flow("cn", "server", "server")
    lab.flow_event("server", "listening", limit)
    arrive(lab, home, limit)
    flows = {}      # name: how many moves before it was opened
    moves = []

    def flow_open(name, *args):
        lab.flow("mn", name, *args)
        lab.flow_event(name, "connected", limit)
        flows[name] = len(moves)

    tell(f"at ar{home}: a TCP session of {rate / 1e3:g} kB/s each way and "
         f"{pps} UDP packets/s begin")
    flow_open("session", "tcp", CN, "--rate", rate)
    flow_open("udp", "udp", CN, "--rate", pps)
    stages = [{"net": home, "settled": time.time()}]
    time.sleep(stay)
    for net in route[1:]:
        move = lab.move(net)
        tell(f"moved from ar{move['from']} to ar{net}")
        stages[-1]["end"] = move["down"]
        moves.append(move)
        lab.wait_address(net, limit)
        away(lab, {stages[i]["net"] for i in flows.values()}, limit)
        flow_open(f"new-{len(moves)}", "tcp", CN, "--seed", len(moves),
                  "--rate", rate)
        stages.append({"net": net, "settled": time.time()})
        time.sleep(stay)
        lab.wait_anchorable(net, limit)
    stages[-1]["end"] = time.time()
    tell("ending the flows")
    reports = {name: lab.flow_end(name, limit + 30) for name in flows}
    for name in flows:
        reports[name]["stage"] = flows[name]
    left = released(lab, route[-1], limit)
    lab.stop_captures()
    lab.stop("server")
    closed = {s["peer"]["port"]: s for s in lab.flow_said("server")
              if s["event"] == "closed" and s["peer"]}
    return judge(list(wire.packets(pcap)), moves, stages, reports, closed,
                 address_times(lab), left, lab.keys)


def leftovers(lab, net):
    """What is still there of bindings, addresses and rules, as text."""
    out = [f"kedge-mn: binding of {b['hoa']} ({b['state']})"
           for b in lab.bindings("mn")]
    for n in lab.anchors:
        out += [f"kedge-ha at ar{n}: binding of {b['hoa']}"
                for b in lab.bindings(f"ar{n}", "bound")]
    out += [f"kedge0: {a['local']}" for a in lab.addresses("kedge0")]
    out += [f"net0: {a['local']}" for a in lab.addresses()
            if a["local"] != hoa(net)]
    there = {a["local"] for dev in lab.interfaces["mn"]
             for a in lab.addresses(dev)}
    rules = json.loads(lab.cmd("mn", "ip", "-6", "-j", "rule", "show"))
    out += [f"rule {r['priority']}: from {r['src']}" for r in rules
            if r["priority"] not in (0, 32766) and not (
                r["priority"] == NATIVE_RULES and r["src"] in there)]
    return out


def released(lab, net, limit):
    """Waits until nothing is left; returns what is, then."""
    try:
        wait_for("release", lambda: not leftovers(lab, net), limit, 0.2)
        return []
    except LabError:
        return leftovers(lab, net)


def address_times(lab):
    """[(wall clock, address)] at which net0 got addresses, by the kernel."""
    out = []
    for line in lab.log("addresses").splitlines():
        stamp, _, rest = line.partition("]")
        words = rest.split()
        if stamp[:1] == "[" and "net0" in words and "inet6" in words and \
                "Deleted" not in rest:
            out.append((datetime.datetime.fromisoformat(stamp[1:]).timestamp(),
                        words[words.index("inet6") + 1].split("/")[0]))
    return out


# --- judging it -------------------------------------------------------------

def way(packet, net):
    """How a packet went on the mobile node's link in network net."""
    if not packet.inner:
        return "native"
    ends = {packet.src, packet.dst}
    for n in NETS:
        if ends == {ar(n), hoa(net)}:
            return f"via ar{n}"
    return f"tunnel {packet.src} > {packet.dst}"


def first(times, after):
    return min((t for t in times if t >= after), default=None)


def ike_peer(packet):
    """The access router at the other end of an IKE message, or None. The
    mobile node may use any port."""
    p = packet.inner or packet
    if p.proto == wire.UDP:
        for address, port in ((p.src, p.sport), (p.dst, p.dport)):
            if port in IKE_PORTS and address in map(ar, NETS):
                return address
    return None


def judge_ike(up, net, captured):
    """(IKE messages, with whomever, until every home address that was
    registered in this move is acknowledged; when IKE with this network's
    access router began and ended)."""
    acked = {}
    for p in captured:
        if p.proto == wire.ESP and p.src in map(ar, NETS):
            acked.setdefault(p.rh2 or p.dst, p.time)
    last = max(acked.values(), default=captured[-1].time if captured else up)
    ike = [(p.time, peer) for p in captured if (peer := ike_peer(p))]
    ours = [t for t, peer in ike if peer == ar(net)]
    return (sum(1 for t, _ in ike if t <= last),
            min(ours, default=None), max(ours, default=None))


def judge_move(move, end, packets, report, addresses):
    """The time line of one move, in seconds since link up, for the UDP flow
    (whose address is `home`). Ends at the next move."""
    up, net = move["up"], move["to"]
    captured = [p for p in packets if up <= p.time < end]
    home = report["local"]["address"]
    port = report["local"]["port"]
    # A return home is registered from the home address itself.
    signalling = [p for p in captured if p.proto == wire.ESP]
    flow = [(p.time, p.inner or p) for p in captured
            if (p.inner or p).proto == wire.UDP and
            port in ((p.inner or p).sport, (p.inner or p).dport)]
    nd = [(p.time, p.payload[0]) for p in captured if p.proto == wire.ICMP6]
    seen = {
        "rs": first((t for t, kind in nd if kind == RS), up),
        "ra": first((t for t, kind in nd if kind == RA), up),
        "address": first((t for t, a in addresses if a == hoa(net)), up),
        "bu": first((p.time for p in signalling
                     if (p.hao or p.src) == home), up),
        "ba": first((p.time for p in signalling
                     if (p.rh2 or p.dst) == home), up),
        "out": first((t for t, p in flow if p.src == home), up),
        "in": first((t for t, p in flow if p.dst == home), up),
    }
    ready = max((t for t in (seen["ra"], seen["address"]) if t), default=up)
    # On the wire: between the last packet in before the move and the first
    # after it.
    last = max((p.time for p in packets if p.time < up and
                (p.inner or p).proto == wire.UDP and
                (p.inner or p).dport == port and
                (p.inner or p).dst == home), default=move["down"])
    gap = (seen["in"] or end) - last
    before, ike_begin, ike_end = judge_ike(up, net, captured)
    seen |= {"ike": ike_begin, "ike_end": ike_end}
    lost = sum(last - begin + 1 for begin, last, t, _ in report["lost_ranges"]
               if move["down"] - 0.1 <= t < end)
    return {
        "from": f"ar{move['from']}", "to": f"ar{net}", "lost": lost,
        "gap_ms": ms(gap), "dark_ms": ms(up - move["down"]),
        "ike_before_ba": before,
        "link_up_to_ba_ms": ms(seen["ba"] - up if seen["ba"] else None),
        "daemon_added_ms": ms(max(0, seen["in"] - ready)
                              if seen["in"] else None),
        "after_link_up_ms": {k: ms(t - up if t else None)
                             for k, t in seen.items()},
    }


def judge(captured, moves, stages, reports, closed, addresses, left, keys):
    names = {(r["local"]["address"], r["local"]["port"]): name
             for name, r in reports.items()}

    def name_of(packet):
        p = packet.inner or packet
        return names.get((p.src, p.sport)) or names.get((p.dst, p.dport))

    flows = {}
    for name, r in reports.items():
        net = stages[r["stage"]]["net"]
        flows[name] = {
            "address": r["local"]["address"], "opened_at": f"ar{net}",
            "ways": [sorted({way(p, s["net"]) for p in captured
                             if s["settled"] <= p.time < s["end"] and
                             name_of(p) == name}) for s in stages],
            "expected": [[] if i < r["stage"] else
                         ["native" if s["net"] == net else f"via ar{net}"]
                         for i, s in enumerate(stages)]}
    # A packet that leaves with the address of another network than the one
    # it leaves by: an access router that filters would drop it.
    leaked = sum(1 for move, stage in zip(moves, stages[1:]) for p in captured
                 if not p.inner and p.proto in (wire.TCP, wire.UDP) and
                 move["up"] <= p.time < stage["end"] and p.dst == CN and
                 p.src != hoa(move["to"]))
    for name, r in reports.items():
        if r["protocol"] == "tcp":
            other = closed.get(r["local"]["port"], {})
            flows[name].update(
                bytes=r["sent"] + r["received"],
                whole=bool(r["sent"] and r["received"] and r["in_order"] and
                           other.get("in_order") and
                           r["sent_sha256"] == other["received_sha256"] and
                           r["received_sha256"] == other["sent_sha256"]),
                errors=r["errors"] + other.get("errors", ["no report of cn"]))
    ike = sum(1 for p in captured if ike_peer(p))
    resets = sum(1 for p in captured for q in [p.inner or p]
                 if q.proto == wire.TCP and name_of(p) and q.payload[13] & RST)
    new = [(f, stages[reports[name]["stage"]]["net"], reports[name]["stage"])
           for name, f in flows.items() if reports[name]["stage"]]
    ends = [s["end"] for s in stages[1:]]
    udp = reports["udp"]
    travelled = [judge_move(m, end, captured, udp, addresses)
                 for m, end in zip(moves, ends)]
    return {
        "moves": travelled,
        "session": {
            "survived": resets == 0 and all(
                f["whole"] and not f["errors"] for f in flows.values()
                if "whole" in f),
            "bytes": flows["session"]["bytes"], "resets": resets},
        "flows": flows,
        "udp": {k: udp[k] for k in ("sent", "received", "lost", "twice",
                                    "errors")},
        "stages": [f"ar{s['net']}" for s in stages],
        "new_flows_native": bool(new) and all(
            f["address"] == hoa(net) and f["ways"][stage] == ["native"]
            for f, net, stage in new),
        "ways_as_expected": all(f["ways"] == f["expected"]
                                for f in flows.values()),
        "leaked": leaked,
        "keys": keys, "ike_messages": ike,
        "no_ike_before_ba": (ike > 0) == (keys != "manual") and
        not any(m["ike_before_ba"] for m in travelled),
        "released": not left,
        "left": left,
    }


def holds(result):
    return bool(result["session"]["survived"] and result["new_flows_native"]
                and result["ways_as_expected"] and result["released"]
                and result["no_ike_before_ba"])


# --- drawing it -------------------------------------------------------------

STEPS = (("rs", "router solicitation"), ("ra", "router advertisement"),
         ("address", "address on the link"),
         ("bu", "Binding Update sent"), ("ba", "Binding Acknowledgement"),
         ("out", "first packet out"), ("in", "first packet in"))
KEYS = {"x509": "with certificates", "psk": "with a pre-shared key",
        "manual": "manual keys"}


def number(value):
    return "-" if value is None else f"{value:.1f}"


def picture_move(number_of, m):
    at = m["after_link_up_ms"]
    span = max([m["dark_ms"]] + [at[key] for key, _ in STEPS if at[key]]
               + [1.0])
    lines = [f"Move {number_of}: {m['from']} -> {m['to']}      "
             "ms relative to link up",
             f"  {-m['dark_ms']:8.1f}  link down",
             f"  {0:8.1f}  link up                  |"]
    for key, text in sorted(STEPS, key=lambda s: (at[s[0]] is None,
                                                  at[s[0]] or 0)):
        bar = "=" * round(40 * (at[key] or 0) / span)
        lines.append(f"  {number(at[key]):>8}  {text:<24} |{bar}")
    lines.append(f"  gap {m['gap_ms']:g} ms, packets lost: {m['lost']}. Of "
                 f"the gap: link down {number(m['dark_ms'])}, waiting for the "
                 f"advertisement {number(at['ra'])}, kedge "
                 f"{number(m['daemon_added_ms'])} (from there, and the "
                 "address, to the first packet in)")
    if at["ike"]:
        lines.append(f"  IKE with {m['to']} in the background: from "
                     f"{at['ike']:g} to {at['ike_end']:g} ms")
    return lines


def picture(result):
    lines = []
    for i, m in enumerate(result["moves"]):
        lines += [*picture_move(i + 1, m), ""]
    lines.append("How each flow went (seen on the mobile node's link)")
    lines.append(f"  {'flow':<9}{'its address':<26}" + "".join(
        f"{'at ' + s:<11}" for s in result["stages"]))
    for name, f in result["flows"].items():
        lines.append(f"  {name:<9}{f['address']:<26}" + "".join(
            f"{' + '.join(w) or '.':<11}" for w in f["ways"]))
    s, u = result["session"], result["udp"]
    checks = [
        (s["survived"], f"the session survived: {s['bytes']} bytes, every one "
         f"hashed at the far ends, in order; {s['resets']} resets"),
        (result["new_flows_native"],
         "flows opened after a move use the new network's address and are "
         "never tunnelled there"),
        (result["ways_as_expected"],
         "flows opened before a move go by the access router that they began "
         "at, natively again when back there"),
        (result["no_ike_before_ba"],
         "IKE messages between link up and the last acknowledgement: "
         + ", ".join(str(m["ike_before_ba"]) for m in result["moves"])
         + f"; of {result['ike_messages']} ({KEYS[result['keys']]})"),
        (result["released"], "nothing is left: no binding at the mobile node "
         "or an access router, no address on kedge0, no rule"
         + "".join(f"\n        left: {x}" for x in result["left"]))]
    lines.append("")
    lines += [f"  {'yes ' if good else 'NO  '}  {text}"
              for good, text in checks]
    gaps = ", ".join(f"{m['gap_ms']:g}" for m in result["moves"])
    lines += ["", f"UDP: {u['sent']} packets sent to be echoed, {u['lost']} "
              f"lost; gaps of {gaps} ms.",
              "For comparison, UMIP in this topology: 70-120 ms a move without "
              "duplicate address", "detection, 2-3 s with it."]
    return "\n".join(lines)
