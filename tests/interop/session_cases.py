"""The session protocol frame by frame, against parley's server: what docs/session.md allows and
well-behaved clients seldom do, and what breaks it. Runs one case and exits with 0 if the server did
what the page says."""

import argparse
import os
import signal
import sys

import grpc

from parley.v1 import session_pb2, session_pb2_grpc  # made by run.sh
from python_cases import TIMEOUT, Requests, duplex_request, messages_pb2, want, zeros
from session_exchange import MESSAGE_COST, WINDOW_BYTES, Frame
from session_peer import SKIPPABLE
from session_violations import EARLY_VIOLATIONS, HELLO, RAW_VIOLATIONS, VIOLATIONS, start

UNARY, UPLOAD = start("UnaryCall"), start("StreamingInputCall")
DOWNLOAD, DUPLEX = start("StreamingOutputCall"), start("FullDuplexCall")


class RawSession:
    """A session that sends what it is given and knows no rules."""

    def __init__(self, channel, greeting=(HELLO,)):
        self._requests = Requests()
        # Serialised by hand, so that it need not be an OpenRequest.
        self.stream = channel.stream_stream(
            "/parley.v1.SessionService/Open",
            response_deserializer=session_pb2.OpenResponse.FromString,
        )(iter(self._requests), timeout=TIMEOUT)
        self._frames = (f for r in self.stream for f in r.frames if not f.skippable)
        self.send(*greeting)

    def greeted(self):
        self.hello = self.receive().hello
        return self

    def send(self, *frames):
        self.send_bytes(session_pb2.OpenRequest(frames=frames).SerializeToString())

    def send_bytes(self, request):
        self._requests.write(request)

    def receive(self):
        return next(self._frames)

    def end(self):
        """The stream must end with OK once this side has ended it."""
        self._requests.writes_done()
        want([], list(self._frames), "more frames")
        want(grpc.StatusCode.OK, self.stream.code(), "code of the stream")


def whole(number, method, message=b"", **parts):
    return Frame(exchange=number, start=method, message=message, end=True, **parts)


def simple_request(request_bytes, response_bytes):
    request = messages_pb2.SimpleRequest(
        response_size=response_bytes, payload=zeros(request_bytes)
    )
    return request.SerializeToString()


def want_unary(session, number):
    """The session must still serve a small unary call."""
    session.send(whole(number, UNARY, simple_request(10, 20)))
    message, got = b"", Frame()
    while not got.HasField("status"):
        got = session.receive()
        want(number, got.exchange, "exchange")
        message += got.message
    want(0, got.status.code, "code")
    want(20, len(messages_pb2.SimpleResponse.FromString(message).payload.body), "bytes")


def greeting(channel):
    session = RawSession(channel).greeted()
    want(True, session.hello.revision >= 1, "revision of at least 1")
    want(True, session.hello.max_exchanges >= 1, "exchanges")
    session.end()


def frames_to_skip(channel):
    session = RawSession(channel).greeted()
    in_exchange = Frame.FromString(SKIPPABLE.SerializeToString() + b"\x08\x01")
    never_opened = Frame.FromString(SKIPPABLE.SerializeToString() + b"\x08\x63")
    session.send(SKIPPABLE, in_exchange, never_opened, Frame(exchange=1, start=DUPLEX))
    session.send(in_exchange, Frame(exchange=1, cancel=True))
    want_unary(session, 2)
    session.end()


def single_bytes(channel):
    """Two requests, in pieces of one byte that alternate."""
    session = RawSession(channel).greeted()
    requests = {number: simple_request(200, 0) for number in (1, 2)}
    session.send(*(Frame(exchange=number, start=UNARY) for number in requests))
    for at in range(len(requests[1])):
        for number, request in requests.items():
            piece, left = request[at : at + 1], len(request) - at - 1
            session.send(Frame(exchange=number, message=piece, remaining_bytes=left))
    session.send(*(Frame(exchange=number, end=True) for number in requests))
    statuses = {}
    while len(statuses) < 2:
        frame = session.receive()
        if frame.HasField("status"):
            statuses[frame.exchange] = frame.status.code
    want({1: 0, 2: 0}, statuses, "statuses")
    session.end()


def credit_is_kept(channel):
    """The server sends what it was granted, message by message, and then waits for more."""
    session = RawSession(channel).greeted()
    request = messages_pb2.StreamingOutputCallRequest(
        response_parameters=[messages_pb2.ResponseParameters(size=1000)] * 50
    )
    session.send(whole(1, DOWNLOAD, request.SerializeToString()))
    frame, granted, used = Frame(), WINDOW_BYTES, 0
    while not frame.HasField("status"):
        # With less it can't begin another message.
        while granted - used > MESSAGE_COST and not frame.HasField("status"):
            cost = 0 if frame.remaining_bytes else MESSAGE_COST
            frame = session.receive()
            if frame.HasField("message"):
                used += cost + len(frame.message)
                want(True, used <= granted, f"no more than {granted} bytes; {used}")
        # If it sent more, that would come before the answer to this.
        want_unary(session, granted)
        granted += 5000
        session.send(Frame(exchange=1, credit_bytes=5000))
    want(0, frame.status.code, "code")
    session.end()


def credit_is_granted(channel):
    """A megabyte goes up in small messages, of which the first window alone is not enough."""
    session = RawSession(channel).greeted()
    session.send(Frame(exchange=1, start=UPLOAD))
    request = messages_pb2.StreamingInputCallRequest(payload=zeros(1000)).SerializeToString()
    credit = WINDOW_BYTES
    for _ in range(1000):
        while credit < MESSAGE_COST + len(request):
            credit += session.receive().credit_bytes
        credit -= MESSAGE_COST + len(request)
        session.send(Frame(exchange=1, message=request))
    session.send(Frame(exchange=1, end=True))
    frame = Frame()
    while not frame.HasField("message"):
        frame = session.receive()
    response = messages_pb2.StreamingInputCallResponse.FromString(frame.message)
    want(1_000_000, response.aggregated_payload_size, "sum")
    session.end()


def message_over_the_limit(channel):
    session = RawSession(channel).greeted()
    too_much = session.hello.max_message_bytes
    session.send(Frame(exchange=1, start=UPLOAD, message=b"x", remaining_bytes=too_much))
    want(grpc.StatusCode.RESOURCE_EXHAUSTED.value[0], session.receive().status.code, "code")
    session.send(Frame(exchange=1, message=bytes(1000), remaining_bytes=too_much - 1000))
    want_unary(session, 2)
    session.end()


def frames_that_come_late(channel):
    session = RawSession(channel).greeted()
    late = (Frame(exchange=3, message=b""), Frame(exchange=3, end=True, credit_bytes=10))
    session.send(Frame(exchange=3, start=DUPLEX), Frame(exchange=3, cancel=True), *late, *late)
    want_unary(session, 4)
    session.end()


def violations(channel):
    for name, frames in EARLY_VIOLATIONS.items():
        want_broken(name, RawSession(channel, frames))
    for name, frames in VIOLATIONS.items():
        session = RawSession(channel).greeted()
        session.send(*frames)
        want_broken(name, session)
    for name, request in RAW_VIOLATIONS.items():
        session = RawSession(channel).greeted()
        session.send_bytes(request)
        want_broken(name, session)


def want_broken(name, session):
    try:
        while True:
            session.receive()
    except (grpc.RpcError, StopIteration):
        want(grpc.StatusCode.INTERNAL, session.stream.code(), f"code after {name}")
        want(True, bool(session.stream.details()), f"text after {name}")


def drain(channel, server_pid):
    """What is open goes on, what is opened late is not run, and then the stream ends with OK."""
    session = RawSession(channel).greeted()
    request = duplex_request(10, 20).SerializeToString()
    session.send(Frame(exchange=1, start=DUPLEX, message=request))
    while not session.receive().HasField("message"):
        pass
    os.kill(server_pid, signal.SIGTERM)
    frame = Frame()
    while not frame.HasField("drain"):
        frame = session.receive()
    want(1, frame.drain.last_exchange, "last exchange")
    session.send(whole(2, UNARY, simple_request(10, 20)))
    session.send(Frame(exchange=1, message=request), Frame(exchange=1, end=True))
    messages = 0
    while not frame.HasField("status"):
        frame = session.receive()
        want(1, frame.exchange, "exchange")
        messages += frame.HasField("message")
    want(1, messages, "messages after Drain")
    want(0, frame.status.code, "code")
    want([], [f for r in session.stream for f in r.frames], "more frames")
    want(grpc.StatusCode.OK, session.stream.code(), "code of the stream")


CASES = (
    greeting,
    frames_to_skip,
    single_bytes,
    credit_is_kept,
    credit_is_granted,
    message_over_the_limit,
    frames_that_come_late,
    violations,
    drain,
)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server_host", default="127.0.0.1")
    parser.add_argument("--server_port", type=int, required=True)
    parser.add_argument("--server_pid", type=int, help="for drain, which stops the server")
    parser.add_argument("--test_case", required=True, choices=[case.__name__ for case in CASES])
    options = parser.parse_args()

    case = next(case for case in CASES if case.__name__ == options.test_case)
    arguments = (options.server_pid,) if case is drain else ()
    with grpc.insecure_channel(f"{options.server_host}:{options.server_port}") as channel:
        try:
            case(channel, *arguments)
        except (AssertionError, grpc.RpcError, StopIteration) as error:
            sys.exit(f"{case.__name__}: {error!r}")


if __name__ == "__main__":
    main()
