"""A server of the session protocol and nothing else, for parley's client to be pointed at: serves
python_server.py's TestService. Listens on loopback, prints "listening on 127.0.0.1:<port>" once it
does, and on SIGTERM drains its sessions and stops."""

import argparse
import signal
import threading
from concurrent import futures

import grpc

from parley.v1 import session_pb2, session_pb2_grpc  # made by run.sh
from python_cases import test_pb2_grpc
from python_server import TestService
from session_exchange import DETAILS_KEY, ProtocolError, from_metadata, status_of, to_metadata
from session_peer import Session

HELLO = session_pb2.Hello(revision=1, max_message_bytes=4 << 20, max_exchanges=100)


class _Context:
    """A servicer's context, as far as TestService uses one."""

    def __init__(self, exchange, start):
        self._exchange, self._trailing = exchange, ()
        self._code, self._text = grpc.StatusCode.OK, ""
        self._invocation = from_metadata(start.metadata)

    def invocation_metadata(self):
        return self._invocation

    def send_initial_metadata(self, metadata):
        self._exchange.send(headers=to_metadata(metadata))

    def set_trailing_metadata(self, metadata):
        self._trailing = metadata

    def set_code(self, code):
        self._code = code

    def set_details(self, text):
        self._text = text

    def abort(self, code, text):
        self._code, self._text = code, text
        raise RuntimeError(text)

    def finish(self, failed=False):
        """Sends the call's status; one that failed has an error, of its own if it was set."""
        if failed and self._code is grpc.StatusCode.OK:
            self._code, self._text = grpc.StatusCode.UNKNOWN, "the handler failed"
        status = status_of(self._code, self._text)
        status.metadata.CopyFrom(to_metadata(p for p in self._trailing if p[0] != DETAILS_KEY))
        status.details = dict(self._trailing).get(DETAILS_KEY, b"")
        self._exchange.finish(status)


class SessionService(session_pb2_grpc.SessionServiceServicer):
    def __init__(self, drain_after):
        self._handlers, self._drain_after = {}, drain_after
        self._sessions, self._lock = set(), threading.Lock()

    def add_generic_rpc_handlers(self, handlers):
        """With the next one: what generated code calls to register a servicer."""

    def add_registered_method_handlers(self, service, handlers):
        for name, handler in handlers.items():
            self._handlers[f"{service}/{name}"] = handler

    def drain(self):
        with self._lock:
            for session in self._sessions:
                session.drain()

    def Open(self, request_iterator, context):
        opened, broken = [], []

        def serve(exchange, start, method):
            context_of_call = _Context(exchange, start)
            threading.Thread(
                target=self._run, args=(exchange, method, context_of_call), daemon=True
            ).start()
            opened.append(exchange)
            if len(opened) == self._drain_after:
                session.drain()

        def read():
            try:
                for request in request_iterator:
                    session.receive(request.frames)
            except ProtocolError as error:
                broken.append(str(error))
            except Exception as error:  # grpcio has no type of its own for a cancelled stream
                print(f"a session ended: {error!r}", flush=True)
            session.close()

        session = Session(HELLO, serve)
        with self._lock:
            self._sessions.add(session)
        threading.Thread(target=read, daemon=True).start()
        for frames in session.batches():
            yield session_pb2.OpenResponse(frames=frames)
        with self._lock:
            self._sessions.remove(session)
        if broken:
            context.abort(grpc.StatusCode.INTERNAL, broken[0])

    def _run(self, exchange, method, context):
        handler = self._handlers.get(method)
        if handler is None:
            context.set_code(grpc.StatusCode.UNIMPLEMENTED)
            context.finish()
            return
        requests = (handler.request_deserializer(bytes) for bytes in iter(exchange.read, None))
        try:
            for response in self._responses(handler, requests, context):
                if not exchange.write(handler.response_serializer(response)):
                    return
        except Exception:  # of a handler, as grpcio takes it
            context.finish(failed=True)
        else:
            context.finish()

    @staticmethod
    def _responses(handler, requests, context):
        argument = requests if handler.request_streaming else next(requests)
        if handler.response_streaming:
            return (handler.stream_stream or handler.unary_stream)(argument, context)
        return ((handler.stream_unary or handler.unary_unary)(argument, context),)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0: the system's choice")
    parser.add_argument("--drain_after", type=int, help="exchanges that each session serves")
    options = parser.parse_args()

    stop_signals = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, stop_signals)
    service = SessionService(options.drain_after)
    test_pb2_grpc.add_TestServiceServicer_to_server(TestService(), service)
    any_size = (("grpc.max_receive_message_length", -1),)
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=8), options=any_size)
    session_pb2_grpc.add_SessionServiceServicer_to_server(service, server)
    port = server.add_insecure_port(f"127.0.0.1:{options.port}")
    server.start()
    print(f"listening on 127.0.0.1:{port}", flush=True)
    signal.sigwait(stop_signals)
    service.drain()
    server.stop(grace=1).wait()


if __name__ == "__main__":
    main()
