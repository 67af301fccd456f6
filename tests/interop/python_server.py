"""grpcio's server of gRPC's interoperability service, for parley's client to be pointed at. Listens
on loopback, prints "listening on 127.0.0.1:<port>" once it does, and stops on SIGTERM."""

import argparse
import signal
import time
from concurrent import futures

import grpc

from python_cases import ECHO_INITIAL, ECHO_TRAILING, empty_pb2, messages_pb2, test_pb2_grpc, zeros

CODES = {code.value[0]: code for code in grpc.StatusCode}


def echo_metadata(context):
    sent = dict(context.invocation_metadata())
    if ECHO_INITIAL in sent:
        context.send_initial_metadata(((ECHO_INITIAL, sent[ECHO_INITIAL]),))
    if ECHO_TRAILING in sent:
        context.set_trailing_metadata(((ECHO_TRAILING, sent[ECHO_TRAILING]),))


def end_as_asked(request, context):
    """Ends the call with the status that the request asks for, if it does."""
    if request.HasField("response_status"):
        context.abort(CODES[request.response_status.code], request.response_status.message)


def answers(request):
    for parameters in request.response_parameters:
        if parameters.interval_us:
            time.sleep(parameters.interval_us / 1e6)
        yield messages_pb2.StreamingOutputCallResponse(payload=zeros(parameters.size))


class TestService(test_pb2_grpc.TestServiceServicer):
    def EmptyCall(self, request, context):
        return empty_pb2.Empty()

    def UnaryCall(self, request, context):
        echo_metadata(context)
        end_as_asked(request, context)
        return messages_pb2.SimpleResponse(payload=zeros(request.response_size))

    def StreamingOutputCall(self, request, context):
        yield from answers(request)

    def StreamingInputCall(self, request_iterator, context):
        total = sum(len(request.payload.body) for request in request_iterator)
        return messages_pb2.StreamingInputCallResponse(aggregated_payload_size=total)

    def FullDuplexCall(self, request_iterator, context):
        echo_metadata(context)
        for request in request_iterator:
            end_as_asked(request, context)
            yield from answers(request)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0: the system's choice")
    options = parser.parse_args()

    stop_signals = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, stop_signals)
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=8))
    test_pb2_grpc.add_TestServiceServicer_to_server(TestService(), server)
    port = server.add_insecure_port(f"127.0.0.1:{options.port}")
    server.start()
    print(f"listening on 127.0.0.1:{port}", flush=True)
    signal.sigwait(stop_signals)
    server.stop(grace=1).wait()


if __name__ == "__main__":
    main()
