# SPDX-License-Identifier: GPL-2.0-or-later
"""Draws packets over time as SVG: a row for each flow on each link, and marks
for what happened."""

from xml.sax.saxutils import escape

WIDTH, ROW, LEFT, RIGHT, TOP, BOTTOM = 1000, 96, 190, 24, 84, 46
AREA = 66       # of a row's height
COLOURS = ("#2b6cb0", "#dd6b20", "#2f855a", "#805ad5")
BIN = 0.1       # s


def text(x, y, content, anchor="start", size=13, colour="#1a202c"):
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" ' \
           f'text-anchor="{anchor}" fill="{colour}">{escape(content)}</text>'


def counts(times, span):
    out = [0] * max(1, round(span / BIN + 0.5))
    for t in times:
        if 0 <= t < span:
            out[int(t / BIN)] += 1
    return out


def steps(values, base, x, y):
    """A filled area below a line of steps."""
    out = [f"M{x(0):.1f} {base:.1f}"]
    for i, value in enumerate(values):
        out.append(f"V{y(value):.1f}H{x((i + 1) * BIN):.1f}")
    return "".join(out) + f"V{base:.1f}Z"


def timeline(title, rows, marks, span):
    """The file's text. rows: [(label, {series: [time]})], the series' names
    are the legend; marks: [(time, label)]; times in seconds, up to span."""
    names = list(dict.fromkeys(n for _, series in rows for n in series))
    colour = dict(zip(names, COLOURS))
    inner = WIDTH - LEFT - RIGHT
    bottom = TOP + ROW * len(rows)

    def x(t):
        return LEFT + inner * min(t, span) / span
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" '
           f'height="{bottom + BOTTOM}" font-family="sans-serif">',
           f"<title>{escape(title)}</title>",
           f'<rect width="{WIDTH}" height="{bottom + BOTTOM}" fill="#fff"/>',
           text(LEFT, 26, title, size=16)]
    for i, name in enumerate(names):
        at = LEFT + 160 * i
        out += [f'<rect x="{at}" y="40" width="12" height="12" '
                f'fill="{colour[name]}"/>', text(at + 18, 51, name)]
    for i, (label, series) in enumerate(rows):
        base = TOP + ROW * i + AREA + 16
        binned = {n: counts(times, span) for n, times in series.items()}
        most = max([0] + [v for values in binned.values() for v in values])
        out += [text(LEFT - 60, base - AREA / 2, label, "end"),
                text(LEFT - 6, base - AREA + 8, f"{most / BIN:.0f}/s", "end",
                     11, "#4a5568") if most else
                text(LEFT + inner / 2, base - 8, "not one packet", "middle",
                     11, "#4a5568"),
                text(LEFT - 6, base, "0", "end", 11, "#4a5568"),
                f'<path d="M{LEFT} {base}H{LEFT + inner}" '
                'stroke="#4a5568" fill="none"/>']
        for name, values in binned.items():
            if any(values):
                area = steps(values, base, x,
                             lambda v, b=base, m=most: b - AREA * v / m)
                out.append(f'<path d="{area}" fill="{colour[name]}" '
                           'fill-opacity="0.75"/>')
    for t, label in marks:
        out += [f'<path d="M{x(t):.1f} {TOP - 8}V{bottom}" stroke="#c53030" '
                'stroke-dasharray="5 3" fill="none"/>',
                text(x(t) + 4, TOP - 2, label, colour="#c53030")]
    for second in range(int(span) + 1):
        out.append(text(x(second), bottom + 18, str(second), "middle", 11,
                        "#4a5568"))
    out += [text(LEFT + inner / 2, bottom + 36, "seconds; packets on each "
                 "link, both ways, from the capture", "middle", 12, "#4a5568"),
            "</svg>"]
    return "\n".join(out) + "\n"
