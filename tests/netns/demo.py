#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What examples/demo runs: a journey along three access routers (journey.py),
then a laptop with a cable and Wi-Fi (cablewifi.py), each in a laboratory of its
own."""

import argparse
import importlib.util
import json
import os
import shutil
import sys

import cablewifi
import journey
import lab as laboratory
from lab import Lab, LabError


def tell(text):
    print(" ", text, flush=True)


def play(act, args, **kw):
    """Runs an act in its laboratory; returns what happened, and problems."""
    with Lab(keys=args.keys, keep=args.keep, **kw) as lab:
        print("laboratory: network namespaces", lab.name + "-*")
        # The tests need these, who only looks does not.
        lab.judged = bool(shutil.which("tshark") and
                          importlib.util.find_spec("cryptography"))
        lab.start_all()
        result = act(lab, tell=tell)
    return result, lab.problems


def first(args):
    print("A laptop moves along three routers", flush=True)
    result, problems = play(journey.travel, args)
    print("\n" + journey.picture(result) + "\n")
    return result, problems, journey.holds(result)


def second(args):
    print("A laptop with a cable, at ar1, and Wi-Fi, at ar2", flush=True)
    result, problems = play(cablewifi.act, args, interfaces=2)
    print("\n" + cablewifi.picture(result) + "\n")
    if args.json:
        path = os.path.splitext(args.json)[0] + ".svg"
        with open(path, "w", encoding="utf-8") as f:
            f.write(cablewifi.plot(result))
        print(f"{path} shows both flows' packets over time")
    del result["packets"]
    return {"cable_and_wifi": result}, problems, cablewifi.holds(result)


ACTS = {"1": first, "2": second}


def main():
    p = argparse.ArgumentParser(prog="demo", description=__doc__)
    p.add_argument("--json", metavar="FILE")
    p.add_argument("--keep", action="store_true")
    p.add_argument("--keys", choices=journey.KEYS, default="x509")
    p.add_argument("--act", choices=ACTS)
    args = p.parse_args()
    laboratory.exit_on_signals()
    told, good = {}, True
    for name, act in ACTS.items():
        if args.act in (None, name):
            result, problems, holds = act(args)
            told |= result
            good = good and holds and not problems
            if problems:
                print("\n".join(["problems:"] + problems))
    if args.json:
        with open(args.json, "w", encoding="utf-8") as f:
            json.dump(told, f, indent=1)
            f.write("\n")
    return 0 if good else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except LabError as e:
        sys.exit(f"demo: {e}")
    except KeyboardInterrupt:
        sys.exit(130)
