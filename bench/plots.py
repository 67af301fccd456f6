"""Draws how parley, raw gRPC and REST go with the number of calls or streams at once, in plots/.
Started by run.sh --plots. Every point is the median of samples as compare.py takes them; the points
are printed, too."""

import argparse
import dataclasses
import io
import pathlib
import statistics
import sys

import matplotlib
from PIL import Image

matplotlib.use("Agg")  # no display is needed to write files
from matplotlib import pyplot, ticker

import compare
import rows

FOLDER = pathlib.Path(__file__).parent / "plots"


@dataclasses.dataclass(frozen=True)
class Curve:
    label: str
    side: rows.Side
    most: int  # at once
    colour: str


@dataclasses.dataclass(frozen=True)
class Panel:
    value: object  # of a sample
    title: str


@dataclasses.dataclass(frozen=True)
class Picture:
    file: str
    x_label: str
    at_once: tuple
    curves: list
    panels: list
    row: object  # (side, at_once) -> what a sample does


def curves(work, rest_most):
    """httplib has a thread for each connection, and its select() ends at 1,024 open files."""
    return [Curve("parley, session", rows.session(work), 10000, "tab:blue"),
            Curve("parley, plain", rows.parley(work), 10000, "tab:cyan"),
            Curve("raw gRPC", rows.queue(work), 10000, "tab:orange"),
            Curve("REST", rows.rest(work), rest_most, "tab:green")]


def calls_row(side, at_once):
    # One call at a time takes as long as twenty of 64.
    operations = max(4 * at_once, min(3000 * at_once, 48000))
    # A queue server's slots stop helping at 64; a connection of httplib's needs one each.
    slots = at_once if side.server == "bench_rest_server" else min(at_once, 64)
    return rows.Row((), side, None, operations, at_once, slots=slots)


def paced_row(side, at_once):
    return rows.Row((), side, None, 100 * at_once, at_once)


def idle_row(side, at_once):
    # Two more are open from the warm-up.
    slots = at_once + 2 if side.server == "bench_rest_server" else 16
    return rows.Row((), side, None, at_once, quick_share=1, warmup=2, slots=slots)


def mebibytes(sample):
    return (sample["private_bytes"] + sample["server_private_bytes"]) / 2**20


PICTURES = [
    Picture("calls.png", "calls in flight", (1, 4, 16, 64, 256, 1024, 10000), curves("echo", 256),
            [Panel(rows.METRICS["rate"], "calls/s"),
             Panel(lambda sample: sample["p99_us"] / 1000, "p99 latency, ms")], calls_row),
    Picture("paced_tokens.png", "generations, a token each every 20 ms", (1, 16, 64, 256, 1024),
            curves("paced", 256),
            [Panel(rows.METRICS["cpu"], "CPU time a token, both sides, us")], paced_row),
    Picture("open_streams.png", "open streams with nothing to say", (100, 300, 1000, 3000, 10000),
            curves("idle", 300), [Panel(mebibytes, "memory they take, both sides, MiB")], idle_row),
]


def measure(build, picture, curve, samples, quick):
    """Returns the numbers at once, and for each panel the values there."""
    at_once = [n for n in picture.at_once if n <= curve.most]
    values = [[] for _ in picture.panels]
    for n in at_once:
        row = picture.row(curve.side, n)
        results = [compare.take_sample(build, curve.side, row, quick) for _ in range(samples)]
        for panel, line in zip(picture.panels, values):
            line.append(statistics.median(panel.value(result) for result in results))
        points = "  ".join(f"{panel.title}: {line[-1]:,.3f}"
                           for panel, line in zip(picture.panels, values))
        print(f"{picture.file}  {curve.label:16} {n:6}  {points}", flush=True)
    return at_once, values


def draw(build, picture, samples, quick):
    figure, axes = pyplot.subplots(1, len(picture.panels), figsize=(5.5 * len(picture.panels), 4),
                                   squeeze=False, layout="constrained")
    for curve in picture.curves:
        at_once, values = measure(build, picture, curve, samples, quick)
        for axis, line in zip(axes[0], values):
            axis.plot(at_once, line, marker="o", markersize=4, label=curve.label,
                      color=curve.colour)
    for axis, panel in zip(axes[0], picture.panels):
        axis.set_xscale("log")
        axis.set_yscale("log")
        axis.yaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
        axis.yaxis.set_major_formatter(lambda value, _: f"{value:,.10g}")
        axis.set_xticks(picture.at_once, [f"{n:,}" for n in picture.at_once])
        axis.minorticks_off()
        axis.set_xlabel(picture.x_label)
        axis.set_title(panel.title, fontsize="medium")
        axis.grid(alpha=0.3)
    axes[0][0].legend(fontsize="small")
    pixels = io.BytesIO()
    figure.savefig(pixels, dpi=100, format="png")
    pyplot.close(figure)
    FOLDER.mkdir(exist_ok=True)
    # Lines in a few colours: a palette makes it a third as large.
    Image.open(pixels).convert("RGB").quantize(64).save(FOLDER / picture.file, optimize=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, required=True, help="folder of the programs")
    parser.add_argument("--quick", action="store_true", help="one small sample a point")
    options = parser.parse_args()
    for picture in PICTURES:
        draw(options.build, picture, 1 if options.quick else 5, options.quick)
    print(f"Written to {FOLDER}")


if __name__ == "__main__":
    try:
        main()
    except RuntimeError as error:
        sys.exit(f"Stopped, since a figure would mean nothing: {error}")
