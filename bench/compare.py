"""Runs parley and its twins in turn and prints how they compare. Started by run.sh.

Samples alternate A B B A, each in fresh processes. A row's figure is the median of the ratios of
neighbouring A and B; its control is the same of neighbouring samples of one side, so it shows what
the machine alone makes of two equal programs.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import threading

import rows

SAMPLE_LIMIT_SECONDS = 120


class Program:
    """One measured process: it answers lines with JSON lines and is ended at the latest on exit."""

    def __init__(self, path, *flags):
        self.name = path.name
        self._process = subprocess.Popen(
            [str(path), *flags], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._limit = threading.Timer(SAMPLE_LIMIT_SECONDS, self._process.kill)
        self._limit.start()

    def read(self):
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended without an answer; its error output is above")
        return json.loads(line)

    def ask(self):
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self.read()

    def __enter__(self):
        return self

    def __exit__(self, error_type, error, traceback):
        if error_type is not None:
            self._process.kill()
        self._process.stdin.close()
        code = self._process.wait()
        self._limit.cancel()
        self._process.stdout.close()
        if error_type is None and code != 0:
            raise RuntimeError(f"{self.name} ended with {code}; its error output is above")


def run_sample(build, side, row, operations, counted=False):
    """Runs one process pair and returns the client's figures with the server's cost added."""
    suffix = "_counted" if counted else ""
    flags = [f"--work={side.work}", f"--in_flight={row.in_flight}",
             f"--operations={operations * side.scale}", f"--warmup={row.warmup * side.scale}"]
    if side.own_answers:
        flags.append("--own_answers")
    if side.server is None:
        with Program(build / (side.client + suffix), "--address=local", *flags) as client:
            client.read()
            result = client.ask()
        result["server_cpu_us"] = result["server_allocations"] = 0
        return result
    with tempfile.TemporaryDirectory(prefix="parley-bench-") as folder:
        listen = f"unix:{folder}/socket" if row.network == "unix" else "127.0.0.1:0"
        server_flags = [f"--address={listen}", f"--slots={row.server_slots}"]
        if side.own_answers:
            server_flags.append("--own_answers")
        with Program(build / (side.server + suffix), *server_flags) as server:
            address = server.read()["address"]
            with Program(build / (side.client + suffix), f"--address={address}", *flags) as client:
                client.read()
                before = server.ask()
                result = client.ask()
                after = server.ask()
    result["server_cpu_us"] = after["cpu_us"] - before["cpu_us"]
    result["server_allocations"] = after["allocations"] - before["allocations"]
    return result


def figure(row, result):
    if row.metric == "p50_us":
        return result["p50_us"]
    return result["operations"] / result["seconds"]


def cpu_per_operation(results, key):
    return statistics.median(r[key] / r["operations"] for r in results)


def compare(build, row, pairs, operations):
    """A B B A ... until there are `pairs` pairs; returns the row's entry for the table and JSON."""
    order = [side for i in range(pairs) for side in ("LR" if i % 2 == 0 else "RL")]
    samples = []
    for side in order:
        result = run_sample(build, row.left if side == "L" else row.right, row, operations)
        samples.append((side, result, figure(row, result)))
    ratios, controls = [], []
    for i in range(0, len(samples), 2):
        left, right = sorted(samples[i:i + 2], key=lambda sample: sample[0])
        ratios.append(left[2] / right[2])
    for i in range(1, len(samples) - 1, 2):
        controls.append(samples[i][2] / samples[i + 1][2])
    left = [s for s in samples if s[0] == "L"]
    right = [s for s in samples if s[0] == "R"]
    ratio = statistics.median(ratios)
    entry = {
        "row": row.name, "ratio": ratio, "low": min(ratios), "high": max(ratios),
        "goal": row.goal, "unit": row.unit,
        "parley": statistics.median(s[2] for s in left),
        "twin": statistics.median(s[2] for s in right),
        "control": statistics.median(controls),
        "control_low": min(controls), "control_high": max(controls),
        "parley_cpu_us": [cpu_per_operation([s[1] for s in left], k)
                          for k in ("cpu_us", "server_cpu_us")],
        "twin_cpu_us": [cpu_per_operation([s[1] for s in right], k)
                        for k in ("cpu_us", "server_cpu_us")],
        "pairs": pairs,
    }
    if row.goal is not None:
        entry["met"] = ratio <= row.goal if row.lower_is_better else ratio >= row.goal
    return entry


def count_allocations(build, row, pairs, operations):
    """Heap allocations an operation, both processes summed; `ratio` holds left minus right."""
    def allocations(side):
        result = run_sample(build, side, row, operations, counted=True)
        return (result["allocations"] + result["server_allocations"]) / result["operations"]

    counted = [(allocations(row.left), allocations(row.right)) for _ in range(pairs)]
    differences = [left - right for left, right in counted]
    return {
        "row": row.name, "ratio": statistics.median(differences),
        "low": min(differences), "high": max(differences), "goal": None, "unit": row.unit,
        "parley": statistics.median(left for left, _ in counted),
        "twin": statistics.median(right for _, right in counted), "pairs": pairs,
    }


def allocations_row(entries):
    """The row of the goals: the worse of the call's and the token's difference."""
    worst = max(entries, key=lambda entry: entry["ratio"])
    return {**worst, "row": "allocations", "goal": rows.ALLOCATION_GOAL,
            # A thousandth: work that does not recur with each operation is not steady state.
            "met": worst["ratio"] <= rows.ALLOCATION_GOAL + 0.001}


def number(value):
    return f"{value:,.0f}" if value >= 1000 else f"{value:.2f}"


def print_entry(row, entry):
    control = cpu = ""
    if "control" in entry:
        control = (f"{entry['control']:.3f} "
                   f"[{entry['control_low']:.2f}, {entry['control_high']:.2f}]")
        cpu = "  ".join("/".join(f"{us:.2f}" for us in entry[side])
                        for side in ("parley_cpu_us", "twin_cpu_us"))
    goal = met = ""
    if entry["goal"] is not None:
        sign = "<=" if row is None or row.lower_is_better else ">="
        goal, met = f"{sign} {entry['goal']:g}", "met" if entry["met"] else "NOT MET"
    print(f"{entry['row']:24} {number(entry['parley']):>10} {number(entry['twin']):>10} "
          f"{entry['unit']:9} {entry['ratio']:7.3f} "
          f"{'[%.3f, %.3f]' % (entry['low'], entry['high']):17} {control:20} {cpu:28} "
          f"{goal:8} {met}", flush=True)


def print_header():
    print(f"{'row':24} {'parley':>10} {'twin':>10} {'unit':9} {'ratio':>7} {'[low, high]':17} "
          f"{'control [low, high]':20} {'CPU us/op parley, twin':28} {'goal':8}\n"
          f"{'':24} {'':10} {'':10} {'':9} {'':7} {'':17} {'(same side twice)':20} "
          f"{'(client/server each)':28}")


def selected(names):
    known = {row.name for row in rows.TIMED_ROWS} | {"allocations"}
    unknown = set(names) - known
    if unknown:
        sys.exit(f"no row {', '.join(sorted(unknown))}; the rows are {', '.join(sorted(known))}")
    if names:
        return [row for row in rows.TIMED_ROWS if row.name in names], "allocations" in names
    return [row for row in rows.TIMED_ROWS if not row.asked_only], True


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, required=True, help="folder of the programs")
    parser.add_argument("--quick", action="store_true", help="smaller samples, fewer pairs")
    parser.add_argument("--json", type=pathlib.Path, help="also write the figures there")
    parser.add_argument("rows", nargs="*", metavar="ROW", help="all but the api_ rows if none")
    options = parser.parse_args()

    pairs = 8 if options.quick else 12
    timed, allocations = selected(options.rows)
    entries = []
    print_header()
    for row in timed:
        operations = row.operations // 3 if options.quick else row.operations
        entries.append(compare(options.build, row, pairs, operations))
        print_entry(row, entries[-1])
    if allocations:
        judged, reused = ([count_allocations(options.build, row, 7, row.operations) for row in group]
                          for group in (rows.ALLOCATION_ROWS, rows.REUSED_ANSWER_ROWS))
        for entry in [allocations_row(judged), *judged, *reused]:
            entries.append(entry)
            print_entry(None, entry)
    if options.json:
        options.json.write_text(json.dumps(entries, indent=1) + "\n")


if __name__ == "__main__":
    try:
        main()
    except RuntimeError as error:
        sys.exit(f"Stopped, since a figure would mean nothing: {error}")
