"""check.py ADDRESS: what the server at ADDRESS says of files is what magika says of them.

Magika runs twice on each file: as it is, and with the server in the place of its onnxruntime
session, many files at once. All scores and the labels must be alike, and requests must have shared
batches.
Ends with "N files, N alike, largest batch B"; the exit status is 1 if anything is amiss.
"""

import concurrent.futures
import pathlib
import sys
import tempfile
import threading

import magika
import numpy
import tritonclient.grpc

import sample_files

MODEL = "magika"
TOLERANCE = 1e-4
IN_FLIGHT = 32


class Session:
    """What magika asks for scores; keeps the last ones it gave, for each thread."""

    def __init__(self, infer):
        self._infer = infer
        self._last = threading.local()

    def run(self, outputs, inputs):
        scores = self._infer(outputs, numpy.array(inputs["bytes"], numpy.int32))
        self._last.scores = scores
        return [scores]

    def take(self):
        return self._last.__dict__.pop("scores", None)


def identifier(make_infer):
    """A function of a path: magika's prediction, and the scores it is made of."""
    program = magika.Magika()
    session = Session(make_infer(program._onnx_session))
    program._onnx_session = session
    return lambda path: (program.identify_path(path).prediction, session.take())


def by_onnxruntime(session):
    return lambda outputs, rows: session.run(outputs, {"bytes": rows})[0]


def by_server(client):
    def infer(outputs, rows):
        asked = tritonclient.grpc.InferInput("bytes", rows.shape, "INT32")
        asked.set_data_from_numpy(rows)
        wanted = [tritonclient.grpc.InferRequestedOutput(name) for name in outputs]
        return client.infer(MODEL, [asked], outputs=wanted, client_timeout=120).as_numpy(outputs[0])

    return lambda session: infer


def alike(path, here, there):
    (expected, expected_scores), (got, got_scores) = here, there
    difference = float(numpy.abs(expected_scores - got_scores).max())
    same_label = (got.dl.label, got.output.label) == (expected.dl.label, expected.output.label)
    if same_label and difference <= TOLERANCE:
        return True
    labels = f"{got.output.label} for {expected.output.label}"
    print(f"{path}: {labels}, scores differ by {difference:.1e}")
    return False


def main(address):
    client = tritonclient.grpc.InferenceServerClient(address)
    with tempfile.TemporaryDirectory() as folder:
        paths = sample_files.collect(pathlib.Path(folder))
        # One by one: with more rows onnxruntime's sums come out a little different, and the model,
        # whose first normalization subtracts nearly equal ones, makes up to 0.015 of that.
        here = map(identifier(by_onnxruntime), paths)
        # What is too short for the model says nothing.
        expected = {path: result for path, result in zip(paths, here) if result[1] is not None}
        with concurrent.futures.ThreadPoolExecutor(IN_FLIGHT) as threads:
            results = list(threads.map(identifier(by_server(client)), expected))
    good = sum(alike(path, expected[path], result) for path, result in zip(expected, results))

    statistics = client.get_inference_statistics(MODEL).model_stats[0]
    largest = max(batch.batch_size for batch in statistics.batch_stats)
    labels = {prediction.output.label for prediction, _ in results}
    print(f"{len(labels)} types of file, {statistics.execution_count} batches")
    print(f"{len(results)} files, {good} alike, largest batch {largest}")
    return 0 if good == len(results) >= 100 and largest > 1 else 1


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
