"""Runs parley and its twins in turn and prints how they compare. Started by run.sh.

Samples alternate A B B A, each in fresh processes. A row's figure is the median of the ratios of
neighbouring A and B; its control is the same of neighbouring samples of one side, so it shows what
the machine alone makes of two equal programs.
"""

import argparse
import functools
import json
import pathlib
import statistics
import sys

import rows
import sample


def take_sample(build, side, row, quick, rate=None):
    operations = row.sample_operations(quick)
    suffix = "_counted" if row.counted else ""
    client_flags = [
        f"--work={side.work}", f"--in_flight={row.in_flight}", *side.client_flags,
        f"--operations={operations * side.scale}",
        f"--warmup={row.sample_warmup(operations) * side.scale}"]
    if rate is not None:
        client_flags.append(f"--rate={rate}")
    return sample.run(side.server and build / (side.server + suffix),
                      build / (side.client + suffix),
                      [f"--slots={row.server_slots}", *side.server_flags], client_flags,
                      row.network)


@functools.cache
def capacity(build, quick):
    """Calls a second that the twin answers with 64 in flight."""
    rate = rows.METRICS["rate"]
    return statistics.median(rate(take_sample(build, rows.CAPACITY.left, rows.CAPACITY, quick))
                             for _ in range(3))


def compare(build, row, pairs, quick):
    """A B B A ... until there are `pairs` pairs; returns entries for the table and JSON."""
    rate = None if row.load is None else row.load * capacity(build, quick)
    if row.right is None:
        order = ["L"] * pairs
    else:
        order = [side for i in range(pairs) for side in ("LR" if i % 2 == 0 else "RL")]
    samples = [(side, take_sample(build, row.left if side == "L" else row.right, row, quick, rate))
               for side in order]
    return [entry_of(row, figure, samples, pairs) for figure in row.figures]


def entry_of(row, figure, samples, pairs):
    value = figure.of
    left = [value(result) for side, result in samples if side == "L"]
    right = [value(result) for side, result in samples if side == "R"]
    entry = {"row": figure.name, "goal": figure.goal, "unit": figure.unit, "pairs": pairs,
             "parley": statistics.median(left), "twin": None}
    if row.right is None:
        figures = left
    elif row.difference:
        figures = [a - b for a, b in zip(left, right)]
    else:
        figures = [a / b for a, b in zip(left, right)]
        entry |= control_of(samples, value) | cpu_of(samples)
    if right:
        entry["twin"] = statistics.median(right)
    entry |= {"ratio": statistics.median(figures), "low": min(figures), "high": max(figures)}
    return judged(entry, figure)


def judged(entry, figure):
    if figure.goal is not None:
        entry["met"] = (entry["ratio"] <= figure.goal + figure.tolerance
                        if figure.lower_is_better else entry["ratio"] >= figure.goal)
    return entry


def control_of(samples, value):
    # From the second on, every other sample has a neighbour of its own side behind it.
    controls = [value(samples[i][1]) / value(samples[i + 1][1])
                for i in range(1, len(samples) - 1, 2)]
    return {"control": statistics.median(controls), "control_low": min(controls),
            "control_high": max(controls)}


def cpu_of(samples):
    def cpu(wanted):
        return [statistics.median(result[key] / result["operations"]
                                  for side, result in samples if side == wanted)
                for key in ("cpu_us", "server_cpu_us")]
    return {"parley_cpu_us": cpu("L"), "twin_cpu_us": cpu("R")}


def worst_of(figure, parts, entries):
    """The entry of a figure that is the worst of others; None unless all of them were measured."""
    measured = [entry for entry in entries if entry["row"] in parts]
    if len(measured) < len(parts):
        return None
    worst = max(measured, key=lambda entry: entry["ratio"])
    return judged({**worst, "row": figure.name, "goal": figure.goal}, figure)


def number(value):
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.2f}"


def print_entry(entry, lower_is_better):
    control = cpu = goal = met = ""
    if "control" in entry:
        control = (f"{entry['control']:.3f} "
                   f"[{entry['control_low']:.2f}, {entry['control_high']:.2f}]")
        cpu = "  ".join("/".join(f"{us:.2f}" for us in entry[side])
                        for side in ("parley_cpu_us", "twin_cpu_us"))
    if entry["goal"] is not None:
        goal = f"{'<=' if lower_is_better else '>='} {entry['goal']:g}"
        met = "met" if entry["met"] else "NOT MET"
    print(f"{entry['row']:27} {number(entry['parley']):>10} {number(entry['twin']):>10} "
          f"{entry['unit']:9} {entry['ratio']:7.3f} "
          f"{'[%.3f, %.3f]' % (entry['low'], entry['high']):17} {control:20} {cpu:28} "
          f"{goal:8} {met}".rstrip(), flush=True)


def print_header():
    print(f"{'row':27} {'parley':>10} {'twin':>10} {'unit':9} {'ratio':>7} {'[low, high]':17} "
          f"{'control [low, high]':20} {'CPU us/op parley, twin':28} goal\n"
          f"{'':27} {'':10} {'':10} {'':9} {'':7} {'':17} {'(same side twice)':20} "
          f"(client/server each)")


def selected(names, quick):
    """The rows that bring the figures of these names, or all rows that need not be asked for."""
    parts = {figure.name: parts for figure, parts in rows.WORST.items()}
    known = {figure.name for row in rows.ALL for figure in row.figures} | set(parts)
    if unknown := set(names) - known:
        sys.exit(f"no row {', '.join(sorted(unknown))}; the rows are {', '.join(sorted(known))}")
    if not names:
        return [row for row in rows.ALL
                if not row.asked_only and not (quick and row.full_only)]
    wanted = set(names).union(*(parts.get(name, ()) for name in names))
    return [row for row in rows.ALL if any(figure.name in wanted for figure in row.figures)]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, required=True, help="folder of the programs")
    parser.add_argument("--quick", action="store_true", help="smaller samples, fewer pairs, no TCP")
    parser.add_argument("--json", type=pathlib.Path, help="also write the figures there")
    parser.add_argument("rows", nargs="*", metavar="ROW", help="all but the api_ rows if none")
    options = parser.parse_args()

    wanted = selected(options.rows, options.quick)
    entries = []
    print_header()
    for row in wanted:
        few, many = (3, 7) if row.exact else (7, 12)
        pairs = few if options.quick else many
        for figure, entry in zip(row.figures, compare(options.build, row, pairs, options.quick)):
            entries.append(entry)
            print_entry(entry, figure.lower_is_better)
    for figure, parts in rows.WORST.items():
        if entry := worst_of(figure, parts, entries):
            entries.append(entry)
            print_entry(entry, figure.lower_is_better)
    if options.json:
        options.json.write_text(json.dumps(entries, indent=1) + "\n")


if __name__ == "__main__":
    try:
        main()
    except RuntimeError as error:
        sys.exit(f"Stopped, since a figure would mean nothing: {error}")
