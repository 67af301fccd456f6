"""grpcurl as a client for those of gRPC's interoperability cases that a command line can express,
pointed at parley's server with the proto files: runs one case and exits with 0 if the server did
what the case's description says."""

import argparse
import base64
import json
import pathlib
import re
import subprocess
import sys

TESTS = pathlib.Path(__file__).resolve().parent.parent
SERVICE = "grpc.testing.TestService/"
REQUEST_BYTES = (27182, 8, 1828, 45904)
RESPONSE_BYTES = (31415, 9, 2653, 58979)


def want(expected, got, what):
    if got != expected:
        raise AssertionError(f"want {what} {expected!r}, got {got!r}")


def zeros(size_bytes):
    return {"body": base64.b64encode(bytes(size_bytes)).decode()}


def body_bytes(response):
    """The size of a response's payload, which must be zeros."""
    body = base64.b64decode(response.get("payload", {}).get("body", ""))
    want(bytes(len(body)), body, "payload")
    return len(body)


class Grpcurl:
    def __init__(self, program, address):
        self._start = [program, "-plaintext", "-import-path", str(TESTS)]
        self._start += ["-proto", "interop/proto/test.proto", "-d", "@", "-format-error"]
        self._address = address

    def run(self, method, requests=(), options=(), timeout="20"):
        """Calls `method`; grpcurl's exit code and what it printed."""
        command = [*self._start, "-max-time", timeout, *options, self._address, method]
        text = "\n".join(json.dumps(request) for request in requests)
        done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=30)
        return done.returncode, done.stdout, done.stderr

    def responses(self, method, requests=()):
        """The responses of a call that must end with OK."""
        code, out, err = self.run(method, requests)
        want(0, code, f"exit code of grpcurl ({err.strip()})")
        decoder, responses, at = json.JSONDecoder(), [], 0
        while match := re.compile(r"\S").search(out, at):
            response, at = decoder.raw_decode(out, match.start())
            responses.append(response)
        return responses

    def status(self, method, requests=(), timeout="20"):
        """Code and message of a call that must not end with OK."""
        _, out, err = self.run(method, requests, timeout=timeout)
        match = re.search(r"\{.*\}", err, re.DOTALL)
        if not match:
            raise AssertionError(f"want an error, got {out!r} and {err!r}")
        status = json.loads(match.group())
        return status["code"], status.get("message", "")


def empty_unary(grpcurl):
    want([{}], grpcurl.responses(SERVICE + "EmptyCall", [{}]), "responses")


LARGE_REQUEST = {"responseSize": 314159, "payload": zeros(271828)}


def large_unary(grpcurl):
    responses = grpcurl.responses(SERVICE + "UnaryCall", [LARGE_REQUEST])
    want([314159], [body_bytes(r) for r in responses], "sizes")


def client_streaming(grpcurl):
    requests = [{"payload": zeros(n)} for n in REQUEST_BYTES]
    responses = grpcurl.responses(SERVICE + "StreamingInputCall", requests)
    want([{"aggregatedPayloadSize": 74922}], responses, "responses")


def server_streaming(grpcurl):
    request = {"responseParameters": [{"size": n} for n in RESPONSE_BYTES]}
    responses = grpcurl.responses(SERVICE + "StreamingOutputCall", [request])
    want(list(RESPONSE_BYTES), [body_bytes(r) for r in responses], "sizes")


def ping_pong(grpcurl):
    requests = [
        {"responseParameters": [{"size": up}], "payload": zeros(down)}
        for up, down in zip(RESPONSE_BYTES, REQUEST_BYTES)
    ]
    responses = grpcurl.responses(SERVICE + "FullDuplexCall", requests)
    want(list(RESPONSE_BYTES), [body_bytes(r) for r in responses], "sizes")


def empty_stream(grpcurl):
    want([], grpcurl.responses(SERVICE + "FullDuplexCall"), "responses")


def custom_metadata(grpcurl):
    # grpcurl takes and prints binary values in base64.
    initial, trailing = "test_initial_metadata_value", base64.b64encode(b"\xab\xab\xab").decode()
    options = ["-v", "-H", f"x-grpc-test-echo-initial: {initial}"]
    options += ["-H", f"x-grpc-test-echo-trailing-bin: {trailing}"]
    duplex = {"responseParameters": [{"size": 314159}], "payload": zeros(271828)}
    for method, request in (("UnaryCall", LARGE_REQUEST), ("FullDuplexCall", duplex)):
        code, out, err = grpcurl.run(SERVICE + method, [request], options)
        want(0, code, f"exit code of grpcurl ({err.strip()})")
        headers = out.split("Response headers received:")[1].split("Response contents:")[0]
        trailers = out.split("Response trailers received:")[1]
        want([initial], re.findall(r"^x-grpc-test-echo-initial: (.*)$", headers, re.M), "headers")
        got = re.findall(r"^x-grpc-test-echo-trailing-bin: (.*)$", trailers, re.M)
        want([trailing], got, "trailers")


def status_code_and_message(grpcurl):
    request = {"responseStatus": {"code": 2, "message": "test status message"}}
    for method in ("UnaryCall", "FullDuplexCall"):
        want((2, "test status message"), grpcurl.status(SERVICE + method, [request]), "status")


def special_status_message(grpcurl):
    message = "\t\ntest with whitespace\r\nand Unicode BMP \u263a and non-BMP \U0001f608\t\n"
    request = {"responseStatus": {"code": 2, "message": message}}
    want((2, message), grpcurl.status(SERVICE + "UnaryCall", [request]), "status")


def unimplemented_method(grpcurl):
    want(12, grpcurl.status(SERVICE + "UnimplementedCall", [{}])[0], "code")


def unimplemented_service(grpcurl):
    method = "grpc.testing.UnimplementedService/UnimplementedCall"
    want(12, grpcurl.status(method, [{}])[0], "code")


def timeout_on_sleeping_server(grpcurl):
    # A command line can't leave its stream open, so the server sleeps.
    request = {"responseParameters": [{"size": 1, "intervalUs": 10000000}]}
    status = grpcurl.status(SERVICE + "FullDuplexCall", [request], timeout="0.5")
    want(4, status[0], "code")


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
    timeout_on_sleeping_server,
)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--grpcurl", required=True, help="the program")
    parser.add_argument("--server_host", default="127.0.0.1")
    parser.add_argument("--server_port", type=int, required=True)
    parser.add_argument("--test_case", required=True, choices=[case.__name__ for case in CASES])
    options = parser.parse_args()

    case = next(case for case in CASES if case.__name__ == options.test_case)
    grpcurl = Grpcurl(options.grpcurl, f"{options.server_host}:{options.server_port}")
    try:
        case(grpcurl)
    except (AssertionError, IndexError, subprocess.TimeoutExpired) as error:
        sys.exit(f"{case.__name__}: {error}")


if __name__ == "__main__":
    main()
