# SPDX-License-Identifier: GPL-2.0-or-later
"""What the sections of tests/bench/run share: rows, their table, statistics.

A section is a program of its own: tests/bench/NAME [--quick] [--json [FILE]].
With --json it prints one object,

    {"section": NAME, "sanitized": bool, "rows": [ROW...]}
    {"section": NAME, "error": text}            where it failed
    ROW: {"what": text, "value": number, "unit": text,
          "ratio": number or null, "of": text, "want": number or null,
          "note": text}

`of` names what was measured beside it, `ratio` is of that. `want` is what
issue 4 asks for: at least that ratio or, of a row without ratio, at most that
value. A row whose value is null could not be measured; its note says why.
"""

import argparse
import contextlib
import json
import os
import platform
import statistics
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "netns"))
# pylint: disable=wrong-import-position
from lab import Lab, LabError, exit_on_signals

FIELDS = ("what", "value", "unit", "ratio", "of", "want", "note")
MEANINGLESS = "built with sanitizers: the figures mean nothing"


def row(what, value, unit, ratio=None, of="", want=None, note=""):
    """One row; numbers are rounded to four digits."""
    return dict(zip(FIELDS, (what, short(value), unit, short(ratio), of, want,
                             note)))


def short(number):
    if number is None or isinstance(number, int):
        return number
    return float(f"{number:.4g}") if abs(number) < 1e4 else round(number)


def median(values):
    return statistics.median(values)


def spread(values, form="{:.3g}"):
    """Text: the least and the greatest."""
    return f"{form.format(min(values))}..{form.format(max(values))}"


def quantile(values, part):
    """The value that this part of all does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def met(r):
    """Whether a row has what was wanted; None where nothing was."""
    if r["want"] is None:
        return None
    if r["value"] is None:
        return False
    if r["ratio"] is not None:
        return r["ratio"] >= r["want"]
    return r["value"] <= r["want"]


# --- the programs under test ------------------------------------------------

def build():
    folder = os.environ.get("KEDGE_BUILD")
    if not folder:
        raise LabError("KEDGE_BUILD, the build folder, is not set")
    return os.path.abspath(folder)


def sanitized():
    with open(os.path.join(build(), "kedge-ha"), "rb") as f:
        return b"__asan_init" in f.read()


@contextlib.contextmanager
def laboratory(**kw):
    """A Lab that no sanitizer, nor tshark, may have complained about."""
    with Lab(**kw) as lab:
        yield lab
    if lab.problems:
        raise LabError("; ".join(lab.problems[:5]))


def make(*programs):
    """Builds programs that `make` alone does not."""
    subprocess.run(["make", "-s", "-C", build(), *programs], check=True,
                   stdout=subprocess.DEVNULL)


def machine():
    """{"cpu", "cores", "memory_gb", "kernel", "system"}"""
    cpu, memory, system = platform.machine(), 0, ""
    with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as f:
        cpu = next((l.split(":", 1)[1].strip() for l in f
                    if l.startswith("model name")), cpu)
    with open("/proc/meminfo", encoding="ascii") as f:
        memory = int(f.readline().split()[1])
    try:
        system = platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        pass
    return {"cpu": cpu, "cores": os.cpu_count(),
            "memory_gb": round(memory / 2**20, 1),
            "kernel": platform.release(), "system": system}


# --- showing them -----------------------------------------------------------

def number(value, unit):
    if value is None:
        return "not measured"
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f} {unit}".strip()
    return f"{value:.4g} {unit}".strip()


def verdict(r, judged):
    """What the last column says."""
    if r["want"] is None:
        return ""
    sign = "" if r["value"] is None else "<= " if r["ratio"] is None else ">= "
    text = f"{sign}{r['want']:g}"
    if not judged:
        return text
    return text + (" yes" if met(r) else " NO")


def table(rows, judged=True):
    """Lines of text, Markdown's as well."""
    head = ("", "value", "ratio", "of", "wanted", "remarks")
    cells = [head] + [
        (r["what"], number(r["value"], r["unit"]),
         "" if r["ratio"] is None else f"{r['ratio']:.2f}", r["of"],
         verdict(r, judged), r["note"]) for r in rows]
    widths = [max(len(c[i]) for c in cells) for i in range(len(head) - 1)]
    right = (1, 2)

    def line(c):
        return "| " + " | ".join(
            [t.rjust(w) if i in right else t.ljust(w)
             for i, (t, w) in enumerate(zip(c, widths))] + [c[-1]]) + " |"
    rule = "|" + "|".join("-" * (w + 1) + (":" if i in right else "-")
                          for i, w in enumerate(widths)) + "|---|"
    return [line(cells[0]), rule] + [line(c) for c in cells[1:]]


def arguments(doc):
    p = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawTextHelpFormatter)
    p.add_argument("--quick", action="store_true",
                   help="a smoke test: its figures say little")
    p.add_argument("--json", metavar="FILE", nargs="?", const="-",
                   help="writes JSON there, or to standard output")
    return p


def write_json(path, what):
    text = json.dumps(what, indent=1) + "\n"
    if path == "-":
        sys.stdout.write(text)
        return
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def tell(text):
    """Progress, beside what is printed as a result."""
    print(text, file=sys.stderr, flush=True)


def section(name, doc, measure, parser=None):
    """main() of a section: measure(args) returns its rows."""
    args = (parser or arguments(doc)).parse_args()
    exit_on_signals()
    try:
        if os.geteuid():
            raise LabError("the laboratory needs root: network namespaces")
        bad = sanitized()
        if bad and args.json != "-":
            tell(f"{name}: {MEANINGLESS}")
        rows = measure(args)
    except (LabError, OSError, subprocess.SubprocessError) as e:
        if args.json:
            write_json(args.json, {"section": name, "error": str(e)})
        sys.exit(f"{name}: {e}")
    except KeyboardInterrupt:
        sys.exit(130)
    if args.json:
        write_json(args.json, {"section": name, "sanitized": bad,
                               "rows": rows})
    if args.json != "-":
        print("\n".join(table(rows, not bad)))
