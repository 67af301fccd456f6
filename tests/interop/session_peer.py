"""One session of the session protocol, for both sides: greeting, opening and ending exchanges, and
what breaks it. session_client.py and session_server.py put it on a gRPC stream and make calls of
it. Written from docs/session.md and session.proto alone, as session_exchange.py is."""

import collections
import threading
import time

import grpc
from google.protobuf import unknown_fields

from parley.v1 import session_pb2  # made by run.sh
from session_exchange import PIECE_BYTES, Exchange, Frame, ProtocolError, status_of

BATCH_BYTES = 200 << 10
PATIENCE_SECONDS = 0.5

SESSION_PARTS = {"hello", "drain"}
CLIENT_PARTS = {"start", "end", "cancel"}
SERVER_PARTS = {"headers", "status", "drain"}

# A part that no revision has yet, and that may be skipped. Every session begins with it, so that
# every case shows that it is.
SKIPPABLE = Frame.FromString(Frame(skippable=True).SerializeToString() + b"\x80\x7d\x01")


class Session:
    """One side of a session, without the stream: frames go in by receive, and come out of batches.

    Threads: safe
    """

    def __init__(self, hello, serve=None):
        """A server's `serve` is called with each Exchange, Start and method; it must not block."""
        self.news = threading.Condition()
        self.hello, self.their_hello = hello, None
        self.serves, self._serve = serve is not None, serve
        self.drained = False  # no more exchanges are opened here
        self._exchanges, self._last = {}, 0
        self._method = None  # of the exchange that was opened last
        self._outbox, self.ended = collections.deque(), False
        if not self.serves:
            self._greet()

    def _greet(self):
        self.send(Frame(hello=self.hello))
        if self.serves:
            self.send(SKIPPABLE)

    def send(self, frame):
        """Appends the frame, or adds its parts to the last one if they take effect after that's."""
        with self.news:
            last = self._outbox[-1] if self._outbox else None
            if last is not None and last.exchange == frame.exchange != 0:
                numbers = [field.number for field, _ in frame.ListFields() if field.number > 1]
                if last.ListFields()[-1][0].number < min(numbers):
                    last.MergeFrom(frame)
                    return
            self._outbox.append(frame)
            self.news.notify_all()

    def has_room(self):
        """Whether the stream keeps up; exchanges take turns instead of heaping up frames."""
        return len(self._outbox) * PIECE_BYTES < BATCH_BYTES

    def batches(self):
        """What to write to the stream, a list of frames each time, until the session ends."""
        while True:
            with self.news:
                self.news.wait_for(lambda: self._outbox or self.ended or self._is_done())
                frames, size_bytes = [], 0
                while self._outbox and size_bytes < BATCH_BYTES:
                    frames.append(self._outbox.popleft())
                    size_bytes += frames[-1].ByteSize()
                self.news.notify_all()
            if not frames:
                return
            yield frames

    def _is_done(self):
        """A client whose server drains closes its side after the last exchange."""
        return not self.serves and self.drained and not self._exchanges

    def _await_end(self):
        """A server that drains leaves the end to the client, for a while."""
        if self.serves and self.drained and not self._exchanges:
            end = threading.Timer(PATIENCE_SECONDS, self.close)
            end.daemon = True
            end.start()

    def open(self, start, deadline):
        """A client's new exchange, once the server takes one more; None if the session is over."""
        with self.news:
            self.news.wait_for(
                lambda: self.ended or self.drained
                or self.their_hello and len(self._exchanges) < self.their_hello.max_exchanges,
                None if deadline is None else deadline - time.monotonic(),
            )
            if self.ended or self.drained or not self.their_hello:
                return None
            self._last += 1
            exchange = self._exchanges[self._last] = Exchange(self, self._last, deadline)
            if start.method == self._method:
                start.method, start.same_method = "", True
            else:
                self._method = start.method
            exchange.send(start=start)
            return exchange

    def drain(self):
        """A server's: exchanges that are open go on, others are not run."""
        with self.news:
            if not self.drained and self.their_hello and not self.ended:
                self.drained = True
                self.send(Frame(drain=session_pb2.Drain(last_exchange=self._last)))
                self._await_end()

    def forget(self, exchange):
        if self._exchanges.pop(exchange.number, None):
            self._await_end()
        self.news.notify_all()

    def close(self):
        """The stream has ended, or is to: all exchanges are over."""
        code = grpc.StatusCode.CANCELLED if self.serves else grpc.StatusCode.UNAVAILABLE
        with self.news:
            self.ended = True
            for exchange in list(self._exchanges.values()):
                exchange.end(status_of(code, "the session has ended"))
            self.news.notify_all()

    def receive(self, frames):
        """What has come. A ProtocolError says that the session is to be ended."""
        with self.news:
            for frame in frames:
                self._receive(frame)
            self.news.notify_all()

    def _receive(self, frame):
        parts = {field.name for field, _ in frame.ListFields()} - {"exchange", "skippable"}
        if unknown_fields.UnknownFieldSet(frame):
            if frame.skippable:
                return
            raise ProtocolError("a part that is not known")
        if ("hello" in parts) != (self.their_hello is None):
            raise ProtocolError("hello twice, or something before it")
        if parts & (SERVER_PARTS if self.serves else CLIENT_PARTS):
            raise ProtocolError("a part that only this side sends")
        if (parts - SESSION_PARTS) if frame.exchange == 0 else (parts & SESSION_PARTS):
            raise ProtocolError("a part of the session's in an exchange, or the other way round")
        if frame.exchange != 0:
            self._receive_exchange(frame)
        if frame.HasField("hello"):
            if frame.hello.revision == 0:
                raise ProtocolError("revision 0")
            self.their_hello = frame.hello
            if self.serves:
                self._greet()
        if frame.HasField("drain"):
            self.drained = True
            for exchange in list(self._exchanges.values()):
                if exchange.number > frame.drain.last_exchange:
                    exchange.end(status_of(grpc.StatusCode.UNAVAILABLE, "drained"))

    def _receive_exchange(self, frame):
        if frame.HasField("start"):
            if frame.exchange <= self._last:
                raise ProtocolError(f"exchange {frame.exchange} was opened already")
            if self.drained:
                return
            self._open_for_client(frame)
        elif frame.exchange > self._last and not (self.serves and self.drained):
            raise ProtocolError(f"exchange {frame.exchange} was never opened")
        # What comes for one that is over was on its way.
        if frame.exchange in self._exchanges:
            self._exchanges[frame.exchange].receive(frame)

    def _open_for_client(self, frame):
        self._last = frame.exchange
        if not frame.start.same_method:
            self._method = frame.start.method
        elif self._method is None:
            raise ProtocolError("a first method that is as before")
        timeout_us = frame.start.timeout_us
        deadline = time.monotonic() + timeout_us / 1e6 if timeout_us else None
        exchange = Exchange(self, frame.exchange, deadline)
        if len(self._exchanges) >= self.hello.max_exchanges:
            exchange.finish(status_of(grpc.StatusCode.RESOURCE_EXHAUSTED, "too many exchanges"))
            return
        self._exchanges[frame.exchange] = exchange
        self._serve(exchange, frame.start, self._method)
