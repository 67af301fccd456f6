"""Triton's own Python client against a server of KServe's protocol of parley's, tests/kserve's
kserve_server: one case a run, by name.

kserve_client.py --server_port=PORT --test_case=NAME
"""

import argparse
import asyncio
import queue
import threading

import grpc
import ml_dtypes
import numpy as np
import tritonclient.grpc as triton
import tritonclient.grpc.aio as triton_aio
from tritonclient.grpc import service_pb2, service_pb2_grpc
from tritonclient.utils import InferenceServerException

TIMEOUT = 20  # seconds, for whatever only has to happen at all


def want(expected, got, what):
    if got != expected:
        raise AssertionError(f"want {what} {expected!r}, got {got!r}")


def want_error(code, text, call):
    """The call must fail with this code, and this in its message."""
    try:
        call()
    except InferenceServerException as error:
        want(f"StatusCode.{code}", error.status(), "code")
        if text not in error.message():
            raise AssertionError(f"want {text!r} in {error.message()!r}") from error
        return
    raise AssertionError(f"want {code}, got an answer")


def tensor(name, array, datatype, module=triton):
    value = module.InferInput(name, list(array.shape), datatype)
    value.set_data_from_numpy(array)
    return value


def floats(*numbers):
    return np.array(numbers, dtype=np.float32)


def sum_inputs(rows, module=triton):
    a = np.arange(2 * rows, dtype=np.float32).reshape(rows, 2)
    return [tensor("a", a, "FP32", module), tensor("b", a, "FP32", module)], 2 * a


def integers(*numbers, name="IN", module=triton):
    return tensor(name, np.array(numbers, dtype=np.int32), "INT32", module)


ARRAYS = {
    "BOOL": np.array([True, False]),
    "UINT8": np.array([0, 255], dtype=np.uint8),
    "UINT16": np.array([0, 65535], dtype=np.uint16),
    "UINT32": np.array([0, 2**32 - 1], dtype=np.uint32),
    "UINT64": np.array([0, 2**64 - 1], dtype=np.uint64),
    "INT8": np.array([-128, 127], dtype=np.int8),
    "INT16": np.array([-(2**15), 2**15 - 1], dtype=np.int16),
    "INT32": np.array([-(2**31), 2**31 - 1], dtype=np.int32),
    "INT64": np.array([-(2**63), 2**63 - 1], dtype=np.int64),
    "FP16": np.array([0.5, -2], dtype=np.float16),
    "FP32": floats(0.5, -2),
    "FP64": np.array([0.5, -2], dtype=np.float64),
    "BF16": np.array([0.5, -2], dtype=ml_dtypes.bfloat16),
    "BYTES": np.array([b"text", b"", bytes(range(256))], dtype=object),
}


def datatypes(client, _):
    for datatype, array in ARRAYS.items():
        result = client.infer(f"identity_{datatype}", [tensor("INPUT", array, datatype)])
        got = result.as_numpy("OUTPUT")
        if got is None or not np.array_equal(got, array):
            raise AssertionError(f"{datatype}: sent {array}, got {got}")
        empty = array[:0]
        result = client.infer(f"identity_{datatype}", [tensor("INPUT", empty, datatype)])
        want([0], list(result.get_output("OUTPUT").shape), "shape")
        want(1, len(result.get_response().raw_output_contents), "raw outputs")


def typed_contents(_, address):
    fields = {
        "BOOL": "bool_contents", "INT8": "int_contents", "INT16": "int_contents",
        "INT32": "int_contents", "INT64": "int64_contents", "UINT8": "uint_contents",
        "UINT16": "uint_contents", "UINT32": "uint_contents", "UINT64": "uint64_contents",
        "FP32": "fp32_contents", "FP64": "fp64_contents", "BYTES": "bytes_contents",
    }
    stub = service_pb2_grpc.GRPCInferenceServiceStub(grpc.insecure_channel(address))
    for datatype, field in fields.items():
        array = ARRAYS[datatype]
        request = service_pb2.ModelInferRequest(model_name=f"identity_{datatype}")
        value = request.inputs.add(name="INPUT", datatype=datatype, shape=array.shape)
        getattr(value.contents, field).extend(array.tolist())
        response = stub.ModelInfer(request, timeout=TIMEOUT)
        got = triton.InferResult(response).as_numpy("OUTPUT")
        if not np.array_equal(got, array):
            raise AssertionError(f"{datatype}: sent {array}, got {got}")


def batches(client, _):
    results = queue.Queue()
    for rows in (1, 2, 3, 1, 1):
        inputs, expected = sum_inputs(rows)
        client.async_infer(
            "sum", inputs,
            lambda result, error, expected=expected: results.put((expected, result, error)))
    for _ in range(5):
        expected, result, error = results.get(timeout=TIMEOUT)
        want(None, error, "error")
        if not np.array_equal(result.as_numpy("sum"), expected):
            raise AssertionError(f"want {expected}, got {result.as_numpy('sum')}")
    inputs, _ = sum_inputs(9)
    want_error("INVALID_ARGUMENT", "has 9 items", lambda: client.infer("sum", inputs))


def request_fields(client, _):
    inputs, _ = sum_inputs(1)
    result = client.infer(
        "sum", inputs, request_id="seven", priority=2, timeout=10_000_000, model_version="1",
        outputs=[triton.InferRequestedOutput("sum")])
    want("seven", result.get_response().id, "id")
    want("1", result.get_response().model_version, "version")
    array = ARRAYS["INT32"]
    result = client.infer("identity_INT32", [tensor("INPUT", array, "INT32")],
                          parameters={"text": "t", "number": 7, "truth": True})
    parameters = result.get_response().parameters
    want(("t", 7, True), (parameters["text"].string_param, parameters["number"].int64_param,
                          parameters["truth"].bool_param), "parameters")


def errors(client, _):
    inputs, _ = sum_inputs(1)
    want_error("NOT_FOUND", 'no model "none"', lambda: client.infer("none", []))
    want_error("NOT_FOUND", "no version 2", lambda: client.infer("sum", inputs, model_version="2"))
    want_error("INVALID_ARGUMENT", '"-1"', lambda: client.infer("sum", inputs, model_version="-1"))
    want_error("INVALID_ARGUMENT", 'input "b"', lambda: client.infer("sum", inputs[:1]))
    want_error("INVALID_ARGUMENT", "FP64",
               lambda: client.infer("sum", [inputs[0], tensor("b", np.zeros((1, 2)), "FP64")]))
    want_error("INVALID_ARGUMENT", '"none"', lambda: client.infer(
        "sum", inputs, outputs=[triton.InferRequestedOutput("none")]))
    want_error("INVALID_ARGUMENT", "classification", lambda: client.infer(
        "sum", inputs, outputs=[triton.InferRequestedOutput("sum", class_count=2)]))
    want_error("UNIMPLEMENTED", "sequences", lambda: client.infer("sum", inputs, sequence_id=1))
    want_error("INVALID_ARGUMENT", "priority",
               lambda: client.infer("sum", inputs, priority=3))
    want_error("FAILED_PRECONDITION", "as always", lambda: client.infer("fail", []))
    want_error("UNIMPLEMENTED", "stream", lambda: client.infer("repeat", [integers(1)]))
    want_error("UNIMPLEMENTED", "", client.get_system_shared_memory_status)
    want_error("UNIMPLEMENTED", "", client.get_log_settings)


def timeouts(client, _):
    want_error("DEADLINE_EXCEEDED", "", lambda: client.infer("wait", [], client_timeout=0.1))


def cancellation(client, _):
    results = queue.Queue()
    call = client.async_infer("wait", [], lambda result, error: results.put(error))
    call.cancel()
    error = results.get(timeout=TIMEOUT)
    want("StatusCode.CANCELLED", error.status(), "code")
    stream = queue.Queue()
    client.start_stream(lambda result, error: stream.put(error))
    client.async_stream_infer("wait", [])
    client.stop_stream(cancel_requests=True)
    want("StatusCode.CANCELLED", stream.get(timeout=TIMEOUT).status(), "code")


class Stream:
    """A stream of Triton's client, whose answers are read one by one."""

    def __init__(self, client, headers=None):
        self.client = client
        self.answers = queue.Queue()
        client.start_stream(lambda result, error: self.answers.put((result, error)),
                            headers=headers)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.stop_stream()

    def next(self):
        return self.answers.get(timeout=TIMEOUT)

    def want(self, request_id, output, value, final):
        result, error = self.next()
        want(None, error, "error")
        response = result.get_response()
        want(request_id, response.id, "id")
        want(final, response.parameters["triton_final_response"].bool_param, "final")
        got = result.as_numpy(output)
        want(value, None if got is None else got.tolist(), "output")


def stream(client, _):
    inputs, expected = sum_inputs(1)
    with Stream(client) as answers:
        for i in range(10):
            client.async_stream_infer("sum", inputs, request_id=str(i))
        for i in range(10):
            answers.want(str(i), "sum", expected.tolist(), True)
        client.async_stream_infer("none", inputs, request_id="bad")
        _, error = answers.next()
        if 'no model "none"' not in error.message():
            raise AssertionError(error)
        client.async_stream_infer("sum", inputs, request_id="after")
        answers.want("after", "sum", expected.tolist(), True)
    with Stream(client, {"triton_grpc_error": "true"}) as answers:
        client.async_stream_infer("fail", [])
        _, error = answers.next()
        want("StatusCode.FAILED_PRECONDITION", error.status(), "code")


def stream_decoupled(client, _):
    with Stream(client) as answers:
        client.async_stream_infer("repeat", [integers(1, 2)], request_id="a",
                                  enable_empty_final_response=True)
        answers.want("a", "OUT", [1], False)
        answers.want("a", "OUT", [2], False)
        answers.want("a", "OUT", None, True)
        client.async_stream_infer("repeat", [integers()], request_id="b",
                                  enable_empty_final_response=True)
        answers.want("b", "OUT", None, True)


def many_threads(client, _):
    failures = []

    def ask():
        try:
            for _ in range(50):
                inputs, expected = sum_inputs(1)
                got = client.infer("sum", inputs).as_numpy("sum")
                want(expected.tolist(), got.tolist(), "sum")
        except (AssertionError, InferenceServerException) as error:
            failures.append(error)

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    want([], failures, "failures")
    sizes = [batch.batch_size for batch in
             client.get_inference_statistics("sum").model_stats[0].batch_stats]
    if max(sizes) < 2:
        raise AssertionError(f"16 threads made batches of {sizes}")


def description(client, _):
    want(True, client.is_server_live(), "live")
    want(True, client.is_server_ready(), "ready")
    want(True, client.is_model_ready("sum"), "model ready")
    want_error("NOT_FOUND", "none", lambda: client.is_model_ready("none"))
    metadata = client.get_server_metadata()
    want("parley", metadata.name, "name")
    want(True, "statistics" in metadata.extensions, "statistics")
    metadata = client.get_model_metadata("versions")
    want(["1", "3"], list(metadata.versions), "versions")
    config = client.get_model_config("sum").config
    want(8, config.max_batch_size, "max_batch_size")
    want([2], list(config.input[0].dims), "dims")
    want(5000, config.dynamic_batching.max_queue_delay_microseconds, "delay")
    want(True, client.get_model_config("repeat").config.model_transaction_policy.decoupled,
         "decoupled")


def statistics(client, _):
    def read():
        return client.get_inference_statistics("identity_FP64").model_stats[0]

    before = read()
    for _ in range(3):
        client.infer("identity_FP64", [tensor("INPUT", ARRAYS["FP64"], "FP64")])
    after = read()
    want(3, after.inference_count - before.inference_count, "inferences")
    want(3, after.inference_stats.success.count - before.inference_stats.success.count, "successes")
    want(True, after.inference_stats.success.ns > before.inference_stats.success.ns, "time")
    want(True, after.last_inference > 0, "last inference")
    want(2, len(client.get_inference_statistics("versions").model_stats), "versions")


def repository(client, _):
    states = {(model.name, model.version): model.state
              for model in client.get_model_repository_index().models}
    want("READY", states[("versions", "3")], "state")
    client.load_model("loaded", config="{}", files={"file:5/model": b"bytes"})
    want(True, client.is_model_ready("loaded", "5"), "ready")
    client.infer("loaded", [integers(1, name="INPUT")])
    client.unload_model("loaded")
    want(False, client.is_model_ready("loaded"), "ready")
    want_error("UNAVAILABLE", "loaded", lambda: client.infer("loaded", [integers(1, name="INPUT")]))
    want_error("FAILED_PRECONDITION", "refused",
               lambda: client.load_model("loaded", config="refuse"))
    want_error("NOT_FOUND", "none", lambda: client.unload_model("none"))


def asynchronous(_, address):
    async def run():
        async with triton_aio.InferenceServerClient(address) as client:
            inputs, expected = sum_inputs(1, triton_aio)
            results = await asyncio.gather(*(client.infer("sum", inputs) for _ in range(20)))
            for result in results:
                want(expected.tolist(), result.as_numpy("sum").tolist(), "sum")

            async def requests():
                for i in range(3):
                    yield {"model_name": "repeat", "request_id": str(i),
                           "inputs": [integers(i, i, module=triton_aio)]}

            seen = []
            async for result, error in client.stream_infer(requests()):
                want(None, error, "error")
                seen.append((result.get_response().id, result.as_numpy("OUT").tolist()))
            want(sorted((str(i), [i]) for i in range(3) for _ in range(2)), sorted(seen), "stream")

    asyncio.run(asyncio.wait_for(run(), TIMEOUT))


CASES = [datatypes, typed_contents, batches, request_fields, errors, timeouts, cancellation, stream,
         stream_decoupled, many_threads, description, statistics, repository, asynchronous]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server_port", type=int, required=True)
    parser.add_argument("--test_case", choices=[case.__name__ for case in CASES], required=True)
    arguments = parser.parse_args()
    address = f"127.0.0.1:{arguments.server_port}"
    case = next(case for case in CASES if case.__name__ == arguments.test_case)
    with triton.InferenceServerClient(address) as client:
        case(client, address)


if __name__ == "__main__":
    main()
