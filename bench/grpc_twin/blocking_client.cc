// Raw gRPC client, blocking stub: each caller has a thread of its own.

#include <memory>

#include "bench.grpc.pb.h"
#include "callers.h"
#include "payload.h"
#include "settings.h"
#include "side.h"
#include "token_requests.h"
#include "token_streams.h"

namespace parley_bench {
namespace {

using parley::bench::v1::Bench;
using parley::bench::v1::Payload;
using parley::bench::v1::Token;

absl::Status Echo(Bench::Stub& stub, const Share& share, Latencies& latencies) {
  Payload request;
  Payload response;
  for (std::uint64_t i = share.first; i < share.end; ++i) {
    FillEchoBody(i, *request.mutable_body());
    const std::int64_t start = NowNanoseconds();
    grpc::ClientContext context;
    SetUnaryDeadline(context);
    const grpc::Status status = stub.Echo(&context, request, &response);
    latencies.Add(NowNanoseconds() - start);
    if (!status.ok()) return FromGrpc(status);
    if (absl::Status s = CheckEchoBody(i, response.body()); !s.ok()) return s;
  }
  return absl::OkStatus();
}

absl::Status ReadStream(Bench::Stub& stub, TokenStreams& streams, Latencies& latencies) {
  grpc::ClientContext context;
  SetStreamDeadline(context);
  const auto request = RequestFor(streams.plan(0));
  auto reader =
      streams.plan(0).paced ? stub.Generate(&context, request) : stub.Tokens(&context, request);
  Token token;
  while (reader->Read(&token)) streams.Receive(0, token.text());
  streams.Ended(0, FromGrpc(reader->Finish()));
  return streams.Wait(latencies);
}

absl::Status Run(Bench::Stub& stub, const Options& options, std::int64_t operations,
                 Latencies& latencies) {
  if (options.work == "echo") {
    return RunCallers(
        options.in_flight, operations,
        [&stub](const Share& share, Latencies& own) { return Echo(stub, share, own); }, latencies);
  }
  if (absl::Status s = CheckStreamOptions(options); !s.ok()) return s;
  if (options.work == "idle" || options.in_flight != 1) {
    return absl::UnimplementedError("one stream at a time here");
  }
  TokenStreams streams(options, operations);
  return ReadStream(stub, streams, latencies);
}

}  // namespace
}  // namespace parley_bench

int main(int argc, char** argv) {
  const parley_bench::Options options = parley_bench::ParseOptions(argc, argv);
  auto stub = parley::bench::v1::Bench::NewStub(parley_bench::OpenChannel(options.address));
  return parley_bench::MeasureClient(options, [&](std::int64_t operations, auto& latencies) {
    return parley_bench::Run(*stub, options, operations, latencies);
  });
}
