"""What the Python client and server of gRPC's interoperability service share: the generated modules
and the cases' figures and checks."""

import queue

import grpc

from interop.proto import empty_pb2, messages_pb2, test_pb2_grpc  # noqa: F401  made by run.sh

LARGE_REQUEST_BYTES = 271828
LARGE_RESPONSE_BYTES = 314159
REQUEST_BYTES = (27182, 8, 1828, 45904)
RESPONSE_BYTES = (31415, 9, 2653, 58979)

TIMEOUT = 20  # seconds, for whatever only has to happen at all

ECHO_INITIAL = "x-grpc-test-echo-initial"
ECHO_TRAILING = "x-grpc-test-echo-trailing-bin"


def zeros(size_bytes):
    """A payload of so many zeros."""
    return messages_pb2.Payload(body=bytes(size_bytes))


def want(expected, got, what):
    if got != expected:
        raise AssertionError(f"want {what} {expected!r}, got {got!r}")


def want_zeros(size_bytes, payload):
    want(messages_pb2.COMPRESSABLE, payload.type, "payload type")
    want(size_bytes, len(payload.body), "payload bytes")
    want(bytes(size_bytes), payload.body, "payload")


def want_error(code, message, call):
    """The call must end with this status; any message if None."""
    try:
        call()
    except grpc.RpcError as error:
        want(code, error.code(), "code")
        if message is not None:
            want(message, error.details(), "message")
        return
    raise AssertionError(f"want {code}, got OK")


def duplex_request(request_bytes, response_bytes):
    return messages_pb2.StreamingOutputCallRequest(
        response_parameters=[messages_pb2.ResponseParameters(size=response_bytes)],
        payload=zeros(request_bytes),
    )


class Requests:
    """The sending side of a bidirectional call, fed by hand."""

    def __init__(self):
        self._queue = queue.Queue()

    def write(self, request):
        self._queue.put(request)

    def writes_done(self):
        self._queue.put(None)

    def __iter__(self):
        return iter(self._queue.get, None)
