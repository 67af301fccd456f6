// Each case does what gRPC's interoperability test description tells its client to do, and checks
// what it tells it to assert.
#include "interop/test_cases.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "interop/test_service.h"
#include "parley/metadata.h"
#include "parley/options.h"

namespace parley_interop {
namespace {

using grpc::testing::Payload;

constexpr int kLargeRequestBytes = 271828;
constexpr int kLargeResponseBytes = 314159;
constexpr std::array<int, 4> kRequestBytes = {27182, 8, 1828, 45904};
constexpr std::array<int, 4> kResponseBytes = {31415, 9, 2653, 58979};
constexpr int kRequestBytesTotal = 74922;

absl::Status Failed(const std::string& what, const std::string& got) {
  return absl::FailedPreconditionError(absl::StrCat(what, ", got ", got));
}

absl::Status WantOk(const absl::Status& status) {
  return status.ok() ? status : Failed("want OK", status.ToString());
}

absl::Status WantCode(absl::StatusCode code, const absl::Status& status) {
  if (status.code() == code) return absl::OkStatus();
  return Failed(absl::StrCat("want ", absl::StatusCodeToString(code)), status.ToString());
}

absl::Status WantStatus(const absl::Status& want, const absl::Status& status) {
  if (status.code() == want.code() && status.message() == want.message()) return absl::OkStatus();
  return Failed(absl::StrCat("want ", want.ToString()), status.ToString());
}

absl::Status WantZeros(int size_bytes, const Payload& payload) {
  const std::string& body = payload.body();
  if (payload.type() != grpc::testing::COMPRESSABLE) {
    return Failed("want a payload of type 0", absl::StrCat(payload.type()));
  }
  if (body.size() != static_cast<std::size_t>(size_bytes)) {
    return Failed(absl::StrCat("want ", size_bytes, " bytes"), absl::StrCat(body.size()));
  }
  const auto other = std::find_if(body.begin(), body.end(), [](char c) { return c != '\0'; });
  if (other == body.end()) return absl::OkStatus();
  return Failed("want zeros", absl::StrCat("another byte at ", other - body.begin()));
}

void SetZeros(int size_bytes, Payload& payload) {
  payload.set_body(std::string(static_cast<std::size_t>(size_bytes), '\0'));
}

SimpleRequest LargeRequest() {
  SimpleRequest request;
  request.set_response_size(kLargeResponseBytes);
  SetZeros(kLargeRequestBytes, *request.mutable_payload());
  return request;
}

StreamingOutputCallRequest DuplexRequest(int request_bytes, int response_bytes) {
  StreamingOutputCallRequest request;
  request.add_response_parameters()->set_size(response_bytes);
  SetZeros(request_bytes, *request.mutable_payload());
  return request;
}

// The next response must be there and have so many bytes.
template <class Stream>
absl::Status WantResponse(Stream& stream, int size_bytes) {
  const std::optional<StreamingOutputCallResponse> response = stream.Next();
  if (!response) {
    return Failed(absl::StrCat("want a response of ", size_bytes, " bytes"),
                  absl::StrCat("the end: ", stream.Finish().ToString()));
  }
  return WantZeros(size_bytes, response->payload());
}

// There must be no more responses, and the status must be OK.
template <class Stream>
absl::Status WantEnd(Stream& stream) {
  if (stream.Next()) return Failed("want no more responses", "one");
  return WantOk(stream.Finish());
}

absl::Status EmptyUnary(const parley::Client& client) {
  const absl::StatusOr<Empty> response = client.Call(kEmptyCall, Empty());
  if (!response.ok()) return WantOk(response.status());
  if (const std::size_t size = response->ByteSizeLong(); size != 0) {
    return Failed("want 0 bytes", absl::StrCat(size));
  }
  return absl::OkStatus();
}

absl::Status LargeUnary(const parley::Client& client) {
  const absl::StatusOr<SimpleResponse> response = client.Call(kUnaryCall, LargeRequest());
  if (!response.ok()) return WantOk(response.status());
  return WantZeros(kLargeResponseBytes, response->payload());
}

absl::Status ClientStreaming(const parley::Client& client) {
  auto call = client.Call(kStreamingInputCall);
  for (const int size_bytes : kRequestBytes) {
    StreamingInputCallRequest request;
    SetZeros(size_bytes, *request.mutable_payload());
    if (absl::Status s = call.Write(request); !s.ok()) return WantOk(s);
  }
  const absl::StatusOr<StreamingInputCallResponse> response = call.Finish();
  if (!response.ok()) return WantOk(response.status());
  if (response->aggregated_payload_size() != kRequestBytesTotal) {
    return Failed(absl::StrCat("want a sum of ", kRequestBytesTotal),
                  absl::StrCat(response->aggregated_payload_size()));
  }
  return absl::OkStatus();
}

absl::Status ServerStreaming(const parley::Client& client) {
  StreamingOutputCallRequest request;
  for (const int size_bytes : kResponseBytes) {
    request.add_response_parameters()->set_size(size_bytes);
  }
  auto call = client.Call(kStreamingOutputCall, request);
  for (const int size_bytes : kResponseBytes) {
    if (absl::Status s = WantResponse(call, size_bytes); !s.ok()) return s;
  }
  return WantEnd(call);
}

absl::Status PingPong(const parley::Client& client) {
  auto call = client.Call(kFullDuplexCall);
  for (std::size_t i = 0; i < kRequestBytes.size(); ++i) {
    const StreamingOutputCallRequest request = DuplexRequest(kRequestBytes[i], kResponseBytes[i]);
    if (absl::Status s = call.Write(request); !s.ok()) return WantOk(s);
    if (absl::Status s = WantResponse(call, kResponseBytes[i]); !s.ok()) return s;
  }
  call.WritesDone();
  return WantEnd(call);
}

absl::Status EmptyStream(const parley::Client& client) {
  auto call = client.Call(kFullDuplexCall);
  call.WritesDone();
  return WantEnd(call);
}

constexpr std::string_view kInitialValue = "test_initial_metadata_value";
constexpr std::string_view kTrailingValue = "\xab\xab\xab";

absl::Status WantMetadata(std::string_view wanted_key, std::string_view value,
                          const parley::Metadata& metadata) {
  const std::string key(wanted_key);
  const auto values = metadata.GetAll(key);
  if (values.size() != 1) {
    return Failed(absl::StrCat("want ", key, " once"), absl::StrCat(values.size(), " of it"));
  }
  if (values[0] == value) return absl::OkStatus();
  return Failed(absl::StrCat("want ", key, " as it was sent"), std::string(values[0]));
}

absl::Status CustomMetadata(const parley::Client& client) {
  parley::Metadata metadata;
  metadata.Add(kEchoInitial, kInitialValue);
  metadata.Add(kEchoTrailing, kTrailingValue);

  parley::ResponseMetadata got;
  const absl::StatusOr<SimpleResponse> response =
      client.Call(kUnaryCall, LargeRequest(), {.metadata = &metadata, .response = &got});
  if (!response.ok()) return WantOk(response.status());
  if (absl::Status s = WantMetadata(kEchoInitial, kInitialValue, got.initial); !s.ok()) return s;
  if (absl::Status s = WantMetadata(kEchoTrailing, kTrailingValue, got.trailing); !s.ok()) return s;

  auto call = client.Call(kFullDuplexCall, {.metadata = &metadata});
  const StreamingOutputCallRequest request = DuplexRequest(kLargeRequestBytes, kLargeResponseBytes);
  if (absl::Status s = call.Write(request); !s.ok()) return WantOk(s);
  call.WritesDone();
  if (absl::Status s = WantMetadata(kEchoInitial, kInitialValue, call.initial_metadata()); !s.ok())
    return s;
  if (absl::Status s = WantResponse(call, kLargeResponseBytes); !s.ok()) return s;
  if (absl::Status s = WantEnd(call); !s.ok()) return s;
  return WantMetadata(kEchoTrailing, kTrailingValue, call.trailing_metadata());
}

absl::Status StatusCodeAndMessage(const parley::Client& client) {
  const absl::Status want(absl::StatusCode::kUnknown, "test status message");
  grpc::testing::EchoStatus echo;
  echo.set_code(static_cast<int>(want.code()));
  echo.set_message(std::string(want.message()));

  SimpleRequest unary;
  *unary.mutable_response_status() = echo;
  if (absl::Status s = WantStatus(want, client.Call(kUnaryCall, unary).status()); !s.ok()) return s;

  StreamingOutputCallRequest duplex;
  *duplex.mutable_response_status() = echo;
  auto call = client.Call(kFullDuplexCall);
  call.Write(duplex).IgnoreError();  // the answer may come before Write returns
  call.WritesDone();
  if (call.Next()) return Failed("want no response", "one");
  return WantStatus(want, call.Finish());
}

absl::Status SpecialStatusMessage(const parley::Client& client) {
  const absl::Status want(
      absl::StatusCode::kUnknown,
      "\t\ntest with whitespace\r\nand Unicode BMP \u263A and non-BMP \U0001F608\t\n");
  SimpleRequest request;
  request.mutable_response_status()->set_code(static_cast<int>(want.code()));
  request.mutable_response_status()->set_message(std::string(want.message()));
  return WantStatus(want, client.Call(kUnaryCall, request).status());
}

absl::Status UnimplementedMethod(const parley::Client& client) {
  return WantCode(absl::StatusCode::kUnimplemented,
                  client.Call(kUnimplementedMethod, Empty()).status());
}

absl::Status UnimplementedService(const parley::Client& client) {
  return WantCode(absl::StatusCode::kUnimplemented,
                  client.Call(kUnimplementedService, Empty()).status());
}

absl::Status CancelAfterBegin(const parley::Client& client) {
  auto call = client.Call(kStreamingInputCall);
  call.Cancel();
  return WantCode(absl::StatusCode::kCancelled, call.Finish().status());
}

absl::Status CancelAfterFirstResponse(const parley::Client& client) {
  auto call = client.Call(kFullDuplexCall);
  const StreamingOutputCallRequest request = DuplexRequest(kRequestBytes[0], kResponseBytes[0]);
  if (absl::Status s = call.Write(request); !s.ok()) return WantOk(s);
  if (absl::Status s = WantResponse(call, kResponseBytes[0]); !s.ok()) return s;
  call.Cancel();
  if (call.Next()) return Failed("want no response after Cancel", "one");
  return WantCode(absl::StatusCode::kCancelled, call.Finish());
}

absl::Status TimeoutOnSleepingServer(const parley::Client& client) {
  auto call = client.Call(kFullDuplexCall, {.timeout = absl::Milliseconds(1)});
  StreamingOutputCallRequest request;
  SetZeros(kRequestBytes[0], *request.mutable_payload());
  // Time may run out before it is sent; that it has is for the call's end to say.
  const absl::Status written = call.Write(request);
  if (!written.ok() && written.code() != absl::StatusCode::kCancelled) {
    if (absl::Status s = WantCode(absl::StatusCode::kDeadlineExceeded, written); !s.ok()) return s;
  }
  if (call.Next()) return Failed("want no response", "one");
  return WantCode(absl::StatusCode::kDeadlineExceeded, call.Finish());
}

constexpr TestCase kTestCases[] = {
    {"empty_unary", EmptyUnary},
    {"large_unary", LargeUnary},
    {"client_streaming", ClientStreaming},
    {"server_streaming", ServerStreaming},
    {"ping_pong", PingPong},
    {"empty_stream", EmptyStream},
    {"custom_metadata", CustomMetadata},
    {"status_code_and_message", StatusCodeAndMessage},
    {"special_status_message", SpecialStatusMessage},
    {"unimplemented_method", UnimplementedMethod},
    {"unimplemented_service", UnimplementedService},
    {"cancel_after_begin", CancelAfterBegin},
    {"cancel_after_first_response", CancelAfterFirstResponse},
    {"timeout_on_sleeping_server", TimeoutOnSleepingServer},
};

}  // namespace

absl::Span<const TestCase> TestCases() { return kTestCases; }

}  // namespace parley_interop
