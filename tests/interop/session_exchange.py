"""One exchange of the session protocol, for both sides: its messages and their credit.
session_peer.py has the session around it. Written from docs/session.md and session.proto alone,
because it is there to show that they are enough."""

import collections
import re
import threading
import time

import grpc

from parley.v1 import session_pb2  # made by run.sh

Frame, Status = session_pb2.Frame, session_pb2.Status

WINDOW_BYTES = 16384
MESSAGE_COST = 64
PIECE_BYTES = 16384
CREDIT_LIMIT = 1 << 40

CODES = {code.value[0]: code for code in grpc.StatusCode}
DETAILS_KEY = "grpc-status-details-bin"


class ProtocolError(Exception):
    """The other side broke the protocol."""


def status_of(code, text=""):
    return Status(code=code.value[0], message=text.encode())


def to_metadata(pairs):
    """A Metadata of grpcio's pairs."""
    metadata = session_pb2.Metadata()
    for key, value in pairs or ():
        metadata.entries.add(key=key, value=value if isinstance(value, bytes) else value.encode())
    return metadata


def from_metadata(metadata):
    """grpcio's pairs of a Metadata that came from the other side."""
    pairs = []
    for entry in metadata.entries:
        key, value = entry.key, entry.value
        if not re.fullmatch("[a-z0-9_.-]+", key) or key.startswith("grpc-"):
            raise ProtocolError(f"metadata key {key!r}")
        if not key.endswith("-bin"):
            if not re.fullmatch(b"[ -~]*", value):
                raise ProtocolError(f"metadata value {value!r}")
            value = value.decode()
        pairs.append((key, value))
    return tuple(pairs)


class Exchange:
    """One call as one side sees it.

    Blocks:  read, write and the waits, until the deadline if there is one
    Threads: safe; all state is guarded by the session's `news`, which tells of every change
    """

    def __init__(self, session, number, deadline):
        self.session, self.number, self.deadline = session, number, deadline
        self.headers = None  # initial metadata, once known
        self.status = None  # set once the exchange is over
        self._inbox, self._no_more = collections.deque(), False
        self._begun, self._to_come = b"", 0  # the message of which only a part has come
        self._held_bytes = 0  # what has come and was not taken, by its cost
        self._granted_bytes = WINDOW_BYTES  # what the other side may still send
        self._credit_bytes = WINDOW_BYTES  # what this side may still send

    def send(self, **parts):
        with self.session.news:
            if self.status is None:
                self.session.send(Frame(exchange=self.number, **parts))

    def wait(self, happened):
        """Waits for something, the exchange's end or its deadline; whether it did happen."""
        news, session = self.session.news, self.session
        with news:
            left = None if self.deadline is None else max(0, self.deadline - time.monotonic())
            if not news.wait_for(lambda: self.status is not None or happened(), left):
                self.finish(status_of(grpc.StatusCode.DEADLINE_EXCEEDED, "too late"))
                session.news.notify_all()
            return bool(happened())

    def write(self, message):
        """Sends a message as credit allows; False if the exchange was over before that."""
        cost, at = MESSAGE_COST, 0
        with self.session.news:
            while True:
                left = len(message) - at
                enough = cost + min(left, 1)
                self.wait(lambda: self._credit_bytes >= enough and self.session.has_room())
                if self.status is not None:
                    return False
                size = min(left, self._credit_bytes - cost, PIECE_BYTES)
                self._credit_bytes -= cost + size
                self.send(message=message[at : at + size], remaining_bytes=left - size)
                if size == left:
                    return True
                cost, at = 0, at + size

    def read(self):
        """The next message; None if there are no more."""
        with self.session.news:
            self.wait(lambda: self._inbox or self._no_more)
            if not self._inbox:
                return None
            message = self._inbox.popleft()
            self._held_bytes -= MESSAGE_COST + len(message)
            free = WINDOW_BYTES - self._granted_bytes - self._held_bytes
            if free >= WINDOW_BYTES / 2 and self.status is None and not self._no_more:
                self._grant(free)
            return message

    def end_messages(self):
        """A client's: no more messages follow."""
        self.send(end=True)

    def finish(self, status):
        """Ends the exchange: a server with the status, a client by cancelling."""
        with self.session.news:
            if self.status is not None:
                return
            if self.session.serves:
                self.send(status=status)
            else:
                self.send(cancel=True)
                self._inbox.clear()
            self.end(status)

    def end(self, status):
        self.status = status
        self.session.forget(self)

    def _grant(self, size_bytes):
        self._granted_bytes += size_bytes
        self.send(credit_bytes=size_bytes)

    def receive(self, frame):
        """The parts of a frame but `start`, in their order."""
        if frame.HasField("headers") and self.headers is None:
            self.headers = from_metadata(frame.headers)
        if frame.HasField("message"):
            self._receive_message(frame.message, frame.remaining_bytes)
            if self.status is not None:
                return  # it was refused
        elif frame.remaining_bytes:
            raise ProtocolError("remaining_bytes without a message")
        if frame.end:
            if self._to_come or self._no_more:
                raise ProtocolError("end twice, or before the last byte of a message")
            self._no_more = True
        if frame.HasField("status"):
            if self._to_come and frame.status.code == 0:
                raise ProtocolError("OK before the last byte of a message")
            from_metadata(frame.status.metadata)
            self.headers = self.headers or ()
            self.end(frame.status)
        elif frame.cancel:
            self.end(status_of(grpc.StatusCode.CANCELLED))
        self._credit_bytes += frame.credit_bytes
        if self._credit_bytes >= CREDIT_LIMIT:
            raise ProtocolError("more credit than can be")

    def _receive_message(self, piece, to_come):
        if self._no_more:
            raise ProtocolError("a message after end")
        if self._to_come and len(piece) + to_come != self._to_come:
            raise ProtocolError(f"{self._to_come} bytes were to come")
        cost = len(piece) if self._to_come else MESSAGE_COST + len(piece)
        if cost > self._granted_bytes:
            raise ProtocolError(f"{cost} bytes, where {self._granted_bytes} were granted")
        self._granted_bytes -= cost
        self._held_bytes += cost
        self._begun, self._to_come = self._begun + piece, to_come
        self.headers = self.headers or ()
        if len(self._begun) + to_come > self.session.hello.max_message_bytes:
            self.finish(status_of(grpc.StatusCode.RESOURCE_EXHAUSTED, "the message is too long"))
        elif to_come > self._granted_bytes:
            self._grant(to_come - self._granted_bytes)
        elif not to_come:
            self._inbox.append(self._begun)
            self._begun = b""
