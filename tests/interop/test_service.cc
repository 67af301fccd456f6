// The handlers of grpc.testing.TestService, as gRPC's interoperability test description has them.
#include "interop/test_service.h"

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <mutex>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "parley/context.h"
#include "parley/reader.h"
#include "parley/writer.h"

namespace parley_interop {
namespace {

using grpc::testing::EchoStatus;
using grpc::testing::Payload;
using grpc::testing::ResponseParameters;

// Larger than any case asks for, and small enough for a server to hold.
constexpr std::int32_t kMaxPayloadBytes = 32 << 20;

absl::StatusOr<Payload> MakePayload(grpc::testing::PayloadType type, std::int32_t size_bytes) {
  if (type != grpc::testing::COMPRESSABLE) {
    return absl::InvalidArgumentError(absl::StrCat("payload type ", type, " is not known; use 0"));
  }
  if (size_bytes < 0 || size_bytes > kMaxPayloadBytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a payload of ", size_bytes, " bytes was asked for; use 0 to ", kMaxPayloadBytes));
  }
  Payload payload;
  payload.set_type(type);
  payload.set_body(std::string(static_cast<std::size_t>(size_bytes), '\0'));
  return payload;
}

absl::Status EchoMetadata(parley::Context& ctx) {
  if (const auto value = ctx.metadata().Get(kEchoInitial)) {
    if (absl::Status s = ctx.AddInitialMetadata(kEchoInitial, *value); !s.ok()) return s;
  }
  if (const auto value = ctx.metadata().Get(kEchoTrailing)) {
    if (absl::Status s = ctx.AddTrailingMetadata(kEchoTrailing, *value); !s.ok()) return s;
  }
  return absl::OkStatus();
}

absl::Status ToStatus(const EchoStatus& status) {
  return absl::Status(static_cast<absl::StatusCode>(status.code()), status.message());
}

// Waits, and ends early with the call.
void WaitFor(const parley::Context& ctx, absl::Duration duration) {
  std::mutex mutex;
  std::condition_variable_any cancelled;
  std::unique_lock lock(mutex);
  cancelled.wait_for(lock, ctx.stop_token(), absl::ToChronoNanoseconds(duration),
                     [] { return false; });
}

absl::Status Answer(const parley::Context& ctx, const StreamingOutputCallRequest& request,
                    parley::Writer<StreamingOutputCallResponse>& out) {
  for (const ResponseParameters& parameters : request.response_parameters()) {
    if (parameters.interval_us() > 0) WaitFor(ctx, absl::Microseconds(parameters.interval_us()));
    absl::StatusOr<Payload> payload = MakePayload(request.response_type(), parameters.size());
    if (!payload.ok()) return payload.status();
    StreamingOutputCallResponse response;
    *response.mutable_payload() = *std::move(payload);
    if (absl::Status s = out.Write(response); !s.ok()) return s;
  }
  return absl::OkStatus();
}

absl::StatusOr<SimpleResponse> UnaryCall(parley::Context& ctx, const SimpleRequest& request) {
  if (absl::Status s = EchoMetadata(ctx); !s.ok()) return s;
  if (request.response_status().code() != 0) return ToStatus(request.response_status());
  absl::StatusOr<Payload> payload = MakePayload(request.response_type(), request.response_size());
  if (!payload.ok()) return payload.status();
  SimpleResponse response;
  *response.mutable_payload() = *std::move(payload);
  return response;
}

absl::StatusOr<StreamingInputCallResponse> StreamingInputCall(
    parley::Context&, parley::Reader<StreamingInputCallRequest>& in) {
  std::size_t sum = 0;
  for (const StreamingInputCallRequest& request : in) sum += request.payload().body().size();
  if (absl::Status s = in.status(); !s.ok()) return s;  // the upload was cut
  if (sum > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max())) {
    return absl::OutOfRangeError(absl::StrCat(sum, " bytes do not fit the response"));
  }
  StreamingInputCallResponse response;
  response.set_aggregated_payload_size(static_cast<std::int32_t>(sum));
  return response;
}

absl::Status FullDuplexCall(parley::Context& ctx, parley::Reader<StreamingOutputCallRequest>& in,
                            parley::Writer<StreamingOutputCallResponse>& out) {
  if (absl::Status s = EchoMetadata(ctx); !s.ok()) return s;
  for (const StreamingOutputCallRequest& request : in) {
    if (request.response_status().code() != 0) return ToStatus(request.response_status());
    if (absl::Status s = Answer(ctx, request, out); !s.ok()) return s;
  }
  return in.status();
}

}  // namespace

void RegisterTestService(parley::Server& server) {
  server.Register(kEmptyCall,
                  [](parley::Context&, const Empty&) -> absl::StatusOr<Empty> { return Empty(); });
  server.Register(kUnaryCall, UnaryCall);
  server.Register(kStreamingOutputCall, Answer);
  server.Register(kStreamingInputCall, StreamingInputCall);
  server.Register(kFullDuplexCall, FullDuplexCall);
}

}  // namespace parley_interop
