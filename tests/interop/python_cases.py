"""What the Python client and server of gRPC's interoperability service share: the generated modules
and the cases' figures."""

from interop.proto import empty_pb2, messages_pb2, test_pb2_grpc  # noqa: F401  made by run.sh

LARGE_REQUEST_BYTES = 271828
LARGE_RESPONSE_BYTES = 314159
REQUEST_BYTES = (27182, 8, 1828, 45904)
RESPONSE_BYTES = (31415, 9, 2653, 58979)

ECHO_INITIAL = "x-grpc-test-echo-initial"
ECHO_TRAILING = "x-grpc-test-echo-trailing-bin"


def zeros(size_bytes):
    """A payload of so many zeros."""
    return messages_pb2.Payload(body=bytes(size_bytes))
