"""grpcio's client for gRPC's interoperability cases, pointed at parley's server: runs one case and
exits with 0 if the server did what the case's description says. Also health_check, which is no case
of gRPC's."""

import argparse
import sys

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from python_cases import (
    ECHO_INITIAL,
    ECHO_TRAILING,
    LARGE_REQUEST_BYTES,
    LARGE_RESPONSE_BYTES,
    REQUEST_BYTES,
    RESPONSE_BYTES,
    TIMEOUT,
    Requests,
    duplex_request,
    empty_pb2,
    messages_pb2,
    test_pb2_grpc,
    want,
    want_error,
    want_zeros,
    zeros,
)
from session_client import SessionChannel


def empty_unary(stub):
    response = stub.EmptyCall(empty_pb2.Empty(), timeout=TIMEOUT)
    want(empty_pb2.Empty(), response, "response")
    want(0, response.ByteSize(), "bytes")


def large_request():
    return messages_pb2.SimpleRequest(
        response_size=LARGE_RESPONSE_BYTES, payload=zeros(LARGE_REQUEST_BYTES)
    )


def large_unary(stub):
    want_zeros(LARGE_RESPONSE_BYTES, stub.UnaryCall(large_request(), timeout=TIMEOUT).payload)


def client_streaming(stub):
    requests = [messages_pb2.StreamingInputCallRequest(payload=zeros(n)) for n in REQUEST_BYTES]
    response = stub.StreamingInputCall(iter(requests), timeout=TIMEOUT)
    want(74922, response.aggregated_payload_size, "sum")


def server_streaming(stub):
    request = messages_pb2.StreamingOutputCallRequest(
        response_parameters=[messages_pb2.ResponseParameters(size=n) for n in RESPONSE_BYTES]
    )
    responses = list(stub.StreamingOutputCall(request, timeout=TIMEOUT))
    want(len(RESPONSE_BYTES), len(responses), "responses")
    for size_bytes, response in zip(RESPONSE_BYTES, responses):
        want_zeros(size_bytes, response.payload)


def ping_pong(stub):
    requests = Requests()
    call = stub.FullDuplexCall(iter(requests), timeout=TIMEOUT)
    for request_bytes, response_bytes in zip(REQUEST_BYTES, RESPONSE_BYTES):
        requests.write(duplex_request(request_bytes, response_bytes))
        want_zeros(response_bytes, next(call).payload)
    requests.writes_done()
    want([], list(call), "more responses")
    want(grpc.StatusCode.OK, call.code(), "code")


def empty_stream(stub):
    call = stub.FullDuplexCall(iter(()), timeout=TIMEOUT)
    want([], list(call), "responses")
    want(grpc.StatusCode.OK, call.code(), "code")


def custom_metadata(stub):
    initial, trailing = "test_initial_metadata_value", b"\xab\xab\xab"
    metadata = ((ECHO_INITIAL, initial), (ECHO_TRAILING, trailing))

    def want_echo(call):
        got = [value for key, value in call.initial_metadata() if key == ECHO_INITIAL]
        want([initial], got, ECHO_INITIAL)
        got = [value for key, value in call.trailing_metadata() if key == ECHO_TRAILING]
        want([trailing], got, ECHO_TRAILING)

    response, call = stub.UnaryCall.with_call(large_request(), metadata=metadata, timeout=TIMEOUT)
    want_zeros(LARGE_RESPONSE_BYTES, response.payload)
    want_echo(call)

    requests = [duplex_request(LARGE_REQUEST_BYTES, LARGE_RESPONSE_BYTES)]
    call = stub.FullDuplexCall(iter(requests), metadata=metadata, timeout=TIMEOUT)
    responses = list(call)
    want(1, len(responses), "responses")
    want_zeros(LARGE_RESPONSE_BYTES, responses[0].payload)
    want_echo(call)


def status_code_and_message(stub):
    message = "test status message"
    status = messages_pb2.EchoStatus(code=grpc.StatusCode.UNKNOWN.value[0], message=message)
    request = messages_pb2.SimpleRequest(response_status=status)
    want_error(
        grpc.StatusCode.UNKNOWN, message, lambda: stub.UnaryCall(request, timeout=TIMEOUT)
    )
    requests = [messages_pb2.StreamingOutputCallRequest(response_status=status)]
    want_error(
        grpc.StatusCode.UNKNOWN,
        message,
        lambda: list(stub.FullDuplexCall(iter(requests), timeout=TIMEOUT)),
    )


def special_status_message(stub):
    message = "\t\ntest with whitespace\r\nand Unicode BMP \u263a and non-BMP \U0001f608\t\n"
    status = messages_pb2.EchoStatus(code=grpc.StatusCode.UNKNOWN.value[0], message=message)
    request = messages_pb2.SimpleRequest(response_status=status)
    want_error(
        grpc.StatusCode.UNKNOWN, message, lambda: stub.UnaryCall(request, timeout=TIMEOUT)
    )


def unimplemented_method(stub):
    want_error(
        grpc.StatusCode.UNIMPLEMENTED,
        None,
        lambda: stub.UnimplementedCall(empty_pb2.Empty(), timeout=TIMEOUT),
    )


def unimplemented_service(stub):
    want_error(
        grpc.StatusCode.UNIMPLEMENTED,
        None,
        lambda: stub.unimplemented.UnimplementedCall(empty_pb2.Empty(), timeout=TIMEOUT),
    )


def cancel_after_begin(stub):
    requests = Requests()
    call = stub.StreamingInputCall.future(iter(requests), timeout=TIMEOUT)
    call.cancel()
    requests.writes_done()
    want(True, call.cancelled(), "cancelled")
    want(grpc.StatusCode.CANCELLED, call.code(), "code")


def cancel_after_first_response(stub):
    requests = Requests()
    call = stub.FullDuplexCall(iter(requests), timeout=TIMEOUT)
    requests.write(duplex_request(REQUEST_BYTES[0], RESPONSE_BYTES[0]))
    want_zeros(RESPONSE_BYTES[0], next(call).payload)
    call.cancel()
    requests.writes_done()
    want_error(grpc.StatusCode.CANCELLED, None, lambda: list(call))


def timeout_on_sleeping_server(stub):
    requests = Requests()
    requests.write(messages_pb2.StreamingOutputCallRequest(payload=zeros(REQUEST_BYTES[0])))
    call = stub.FullDuplexCall(iter(requests), timeout=0.001)
    want_error(grpc.StatusCode.DEADLINE_EXCEEDED, None, lambda: list(call))
    requests.writes_done()


def health_check(stub):
    for service in ("", "grpc.testing.TestService"):
        request = health_pb2.HealthCheckRequest(service=service)
        serving = health_pb2.HealthCheckResponse.SERVING
        want(serving, stub.health.Check(request, timeout=TIMEOUT).status, service)
        watch = stub.health.Watch(request, timeout=TIMEOUT)
        want(serving, next(watch).status, service)
        watch.cancel()
    unknown = health_pb2.HealthCheckRequest(service="grpc.testing.Unknown")
    want_error(
        grpc.StatusCode.NOT_FOUND, None, lambda: stub.health.Check(unknown, timeout=TIMEOUT)
    )
    watch = stub.health.Watch(unknown, timeout=TIMEOUT)
    want(health_pb2.HealthCheckResponse.SERVICE_UNKNOWN, next(watch).status, "unknown service")
    watch.cancel()


CASES = (
    empty_unary,
    large_unary,
    client_streaming,
    server_streaming,
    ping_pong,
    empty_stream,
    custom_metadata,
    status_code_and_message,
    special_status_message,
    unimplemented_method,
    unimplemented_service,
    cancel_after_begin,
    cancel_after_first_response,
    timeout_on_sleeping_server,
    health_check,
)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server_host", default="127.0.0.1")
    parser.add_argument("--server_port", type=int, required=True)
    parser.add_argument("--test_case", required=True, choices=[case.__name__ for case in CASES])
    parser.add_argument("--wire", default="plain", choices=["plain", "session"])
    options = parser.parse_args()

    case = next(case for case in CASES if case.__name__ == options.test_case)
    address = f"{options.server_host}:{options.server_port}"
    any_size = (("grpc.max_receive_message_length", -1),)
    with grpc.insecure_channel(address, options=any_size) as channel:
        if options.wire == "session":
            channel = SessionChannel(channel)
        stub = test_pb2_grpc.TestServiceStub(channel)
        stub.unimplemented = test_pb2_grpc.UnimplementedServiceStub(channel)
        stub.health = health_pb2_grpc.HealthStub(channel)
        try:
            case(stub)
        except (AssertionError, grpc.RpcError) as error:
            sys.exit(f"{case.__name__}: {error}")


if __name__ == "__main__":
    main()
