"""Calls on the session protocol, made as grpcio makes its own: SessionChannel is a channel as far
as generated stubs use one. python_client.py runs its cases on it."""

import threading
import time

import grpc

from parley.v1 import session_pb2, session_pb2_grpc  # made by run.sh
from session_exchange import (
    CODES,
    DETAILS_KEY,
    ProtocolError,
    from_metadata,
    status_of,
    to_metadata,
)
from session_peer import SKIPPABLE, Session

HELLO = session_pb2.Hello(revision=1, max_message_bytes=4 << 20, max_exchanges=0)
TIMEOUT = 20  # seconds, for the server's Hello


class SessionChannel:
    """Keeps one session on a grpcio channel, and opens the next when its server drains it."""

    def __init__(self, channel):
        self._open = session_pb2_grpc.SessionServiceStub(channel).Open
        self._session = None

    def unary_unary(self, path, request_serializer, response_deserializer, **_):
        return _Method(self, path, request_serializer, response_deserializer)

    def unary_stream(self, path, request_serializer, response_deserializer, **_):
        return _Method(self, path, request_serializer, response_deserializer, many_responses=True)

    def stream_unary(self, path, request_serializer, response_deserializer, **_):
        return _Method(self, path, request_serializer, response_deserializer, many_requests=True)

    def stream_stream(self, path, request_serializer, response_deserializer, **_):
        return _Method(self, path, request_serializer, response_deserializer, True, True)

    def session(self):
        """The current session, or a new one; has greeted."""
        if self._session is None or self._session.drained or self._session.ended:
            self._session = _ClientSession(self._open)
        return self._session


class _ClientSession(Session):
    def __init__(self, open_stream):
        super().__init__(HELLO)
        requests = (session_pb2.OpenRequest(frames=frames) for frames in self.batches())
        self._stream = open_stream(requests)
        threading.Thread(target=self._read, daemon=True).start()
        with self.news:
            if not self.news.wait_for(lambda: self.their_hello or self.ended, TIMEOUT):
                self._stream.cancel()
        if not self.their_hello:
            raise ConnectionError(f"no session: {self._stream.code()}, {self._stream.details()}")
        self.send(SKIPPABLE)

    def _read(self):
        try:
            for response in self._stream:
                self.receive(response.frames)
        except ProtocolError as error:
            print(f"the server broke the protocol: {error}", flush=True)
            self._stream.cancel()
        except grpc.RpcError:
            pass  # close() ends the calls, whatever ended the stream
        self.close()


class _Method:
    """One method of a stub."""

    def __init__(self, channel, path, serialize, parse, many_requests=False, many_responses=False):
        self._channel, self._method = channel, path.lstrip("/")
        self._serialize, self._parse = serialize, parse
        self._many_requests, self._many_responses = many_requests, many_responses

    def __call__(self, requests, timeout=None, metadata=None):
        call = self.future(requests, timeout, metadata)
        return call if self._many_responses else call.result()

    def with_call(self, requests, timeout=None, metadata=None):
        call = self.future(requests, timeout, metadata)
        return call.result(), call

    def future(self, requests, timeout=None, metadata=None):
        session = self._channel.session()
        start = session_pb2.Start(method=self._method, metadata=to_metadata(metadata))
        if timeout is not None:
            start.timeout_us = max(1, int(timeout * 1e6))
        deadline = None if timeout is None else time.monotonic() + timeout
        with session.news:  # so that a small request goes out in one frame with its start
            exchange = session.open(start, deadline)
            if exchange is None:
                raise ConnectionError("the session has ended, or takes no more exchanges")
            if not self._many_requests:
                self._send(exchange, (requests,))
        if self._many_requests:
            threading.Thread(target=self._send, args=(exchange, requests), daemon=True).start()
        return _Call(exchange, self._parse)

    def _send(self, exchange, requests):
        for request in requests:
            if not exchange.write(self._serialize(request)):
                return
        exchange.end_messages()


class _Call(grpc.RpcError):
    """A call as grpcio has it: an iterator of responses, and the error if that is how it ends."""

    def __init__(self, exchange, parse):
        super().__init__()
        self._exchange, self._parse = exchange, parse

    def __str__(self):
        return f"{self.code()}: {self.details()}"

    def __iter__(self):
        return self

    def __next__(self):
        message = self._exchange.read()
        if message is not None:
            return self._parse(message)
        if self.code() is grpc.StatusCode.OK:
            raise StopIteration
        raise self

    def result(self):
        """The only response."""
        responses = list(self)
        if len(responses) != 1:
            raise AssertionError(f"want 1 response, got {len(responses)}")
        return responses[0]

    def cancel(self):
        self._exchange.finish(status_of(grpc.StatusCode.CANCELLED))

    def cancelled(self):
        return self.code() is grpc.StatusCode.CANCELLED

    def code(self):
        return CODES[self._status().code]

    def details(self):
        return self._status().message.decode()

    def initial_metadata(self):
        self._exchange.wait(lambda: self._exchange.headers is not None)
        return self._exchange.headers

    def trailing_metadata(self):
        status = self._status()
        details = ((DETAILS_KEY, status.details),) if status.details else ()
        return from_metadata(status.metadata) + details

    def _status(self):
        self._exchange.wait(lambda: self._exchange.status is not None)
        return self._exchange.status
