"""What breaks the session protocol, in the order of docs/session.md: for session_cases.py, which
sends each on a session of its own."""

from interop.proto import messages_pb2  # made by run.sh
from parley.v1 import session_pb2
from session_exchange import CREDIT_LIMIT, WINDOW_BYTES, Frame, Status

HELLO = Frame(hello=session_pb2.Hello(revision=1, max_message_bytes=4 << 20))


def start(method, **fields):
    return session_pb2.Start(method=f"grpc.testing.TestService/{method}", **fields)


def _open_with(key, value):
    entries = [session_pb2.MetadataEntry(key=key, value=value)]
    metadata = session_pb2.Metadata(entries=entries)
    return [Frame(exchange=1, start=start("FullDuplexCall", metadata=metadata))]


def _with_unknown_part(**parts):
    return Frame.FromString(Frame(**parts).SerializeToString() + b"\x80\x7d\x01")


def _as_request(*frames):
    """Serialised frames, as the bytes of an OpenRequest."""
    return b"".join(b"\x0a" + bytes([len(frame)]) + frame for frame in frames)


_OPEN = Frame(exchange=1, start=start("FullDuplexCall"))
# Without a pause in its answer, the call might be over before what comes after its end.
_ENDED = Frame(
    exchange=1,
    start=start("FullDuplexCall"),
    message=messages_pb2.StreamingOutputCallRequest(
        response_parameters=[messages_pb2.ResponseParameters(interval_us=60_000_000)]
    ).SerializeToString(),
    end=True,
)
_PIECE = Frame(exchange=1, message=bytes(10), remaining_bytes=20)

# Instead of Hello.
EARLY_VIOLATIONS = {
    "something before Hello": [_OPEN],
    "a Hello of revision 0": [Frame(hello=session_pb2.Hello(max_message_bytes=1))],
}

# After both Hellos.
VIOLATIONS = {
    "a second Hello": [HELLO],
    "Hello in an exchange": [_OPEN, Frame(exchange=1, hello=HELLO.hello)],
    "a start in the session": [Frame(start=start("EmptyCall"))],
    "a message in the session": [Frame(message=b"")],
    "headers from a client": [_OPEN, Frame(exchange=1, headers=session_pb2.Metadata())],
    "a status from a client": [_OPEN, Frame(exchange=1, status=Status())],
    "Drain from a client": [Frame(drain=session_pb2.Drain())],
    "an exchange that was never opened": [Frame(exchange=1, end=True)],
    "one that is opened again": [_OPEN, _OPEN],
    "a number that is too low": [
        Frame(exchange=5, start=start("FullDuplexCall")),
        Frame(exchange=4, start=start("FullDuplexCall")),
    ],
    "a first method that is as before": [
        Frame(exchange=1, start=session_pb2.Start(same_method=True))
    ],
    "a message after end": [_ENDED, Frame(exchange=1, message=b"")],
    "a second end": [_ENDED, Frame(exchange=1, end=True)],
    "end before the last byte": [_OPEN, _PIECE, Frame(exchange=1, end=True)],
    "remaining_bytes that shrinks too little": [_OPEN, _PIECE, _PIECE],
    "remaining_bytes that ends early": [_OPEN, _PIECE, Frame(exchange=1, message=bytes(19))],
    "remaining_bytes without message": [_OPEN, Frame(exchange=1, remaining_bytes=1)],
    "more than was granted": [_OPEN, Frame(exchange=1, message=bytes(WINDOW_BYTES - 63))],
    "more credit than can be": [_OPEN, Frame(exchange=1, credit_bytes=CREDIT_LIMIT)],
    "more credit than can be, in parts": [_OPEN]
    + [Frame(exchange=1, credit_bytes=CREDIT_LIMIT // 2)] * 2,
    "a key with a colon": _open_with("ke:y", b"value"),
    "a key of gRPC's": _open_with("grpc-key", b"value"),
    "a key without a letter": _open_with("", b"value"),
    "a value with control characters": _open_with("key", b"a\nb"),
    "a value that is not ASCII": _open_with("key", "ä".encode()),
    "a part that is not known": [_with_unknown_part()],
    "a part of an exchange that is not known": [_OPEN, _with_unknown_part(exchange=1)],
}

# After both Hellos, as the bytes of one OpenRequest: what protobuf would not write.
RAW_VIOLATIONS = {
    "bytes that are no frames": b"\x0a\x05\x08",
    "a part that occurs twice": _as_request(b"\x08\x01" + b"\x12\x00" * 2),
}
