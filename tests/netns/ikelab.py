# SPDX-License-Identifier: GPL-2.0-or-later
"""What the IKE cases share: counters, tables of the daemons, strangers."""

import contextlib

from cases import Failed, check
from lab import LabError, wait_for
from stock import Stock


def refusals(lab, who):
    """Counters of refused IKE, ESP and Binding Updates."""
    return {k: v for k, v in lab.ctl(who, "counters")["refused"].items()
            if k.startswith(("ike_", "esp_", "bu_"))}


@contextlib.contextmanager
def refused(lab, who, reason, limit=15, also=()):
    """What is done inside makes `who` count this reason, and no other (but
    `also`)."""
    before = refusals(lab, who)
    yield

    def grown():
        return {k: v - before[k] for k, v in refusals(lab, who).items()
                if v != before[k]}
    try:
        wait_for("", lambda: reason in grown(), limit, 0.05)
    except LabError:
        raise Failed(f"{who} did not count {reason}, but {grown()}") from None
    others = set(grown()) - {reason, *also}
    check(not others, f"{who}: beside {reason} it counted {others}")


def nothing_refused(lab, *whose, but=()):
    for who in whose:
        bad = {k: v for k, v in refusals(lab, who).items()
               if v and k not in but}
        check(not bad, f"{who} refused {bad}")


def event_count(lab, who, name):
    return lab.count(who, "events", name)


def sas(lab, who, hoa_=None):
    """IKE SAs that are up, by kedgectl."""
    return [s for s in lab.ctl(who, "sas")["ike"] if s["state"] == "up" and
            hoa_ in (None, s["hoa"])]


def owners(lab, n):
    """{HoA: identity} of arN's owner table."""
    return {o["hoa"]: o["identity"]
            for o in lab.ctl(f"ar{n}", "owners")["owners"]}


def not_anchorable(lab, n, limit=15):
    """kedge-mn says that arN is no anchor, and why."""
    def why():
        text = lab.anchor(n).get("why")
        return text if text != "IKE is under way" else None
    text = wait_for(f"a reason against ar{n}", why, limit, 0.1)
    check(not lab.anchor(n)["anchorable"], f"anchorable: {lab.anchor(n)}")
    return text


def stranger(lab, space, name, who):
    """Stock strongSwan with a good certificate for who."""
    cert, key = lab.ca.issue(name, f"O=kedge lab, CN={name}", [who])
    stock = Stock(lab, space, f"stock-{name}").start()
    stock.key, stock.ours = key, {"auth": "pubkey", "certs": cert, "id": who}
    return stock


def crosswise(lab, who, stock, home, but=None):
    """Waits until kedge and stock have the same SPIs for home, the newest of
    each, and none of them is `but`; returns (in, out) of kedge's."""
    def same():
        mine = {(s["spi_in"], s["spi_out"]) for s in sas(lab, who, home)}
        theirs = {(out, in_) for in_, out in stock.spis()}
        return next((p for p in mine & theirs if p != but), None)
    return wait_for(f"the same SPIs at {who} ({sas(lab, who, home)}) and "
                    f"{stock.name} ({stock.spis()})", same, 15, 0.1)
