// Cases of more than a minute: what a proxy with a timeout, or a limit on what a client may send,
// would cut short.
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "interop/test_cases.h"
#include "interop/test_service.h"

namespace parley_interop {
namespace {

// Longer than the 60 s that nginx allows by default, and HAProxy's customary 50 s.
constexpr absl::Duration kSilence = absl::Seconds(65);

constexpr absl::Duration kInterval = absl::Seconds(2);
constexpr int kMessages = 33;
// More, in sum, than the megabyte that nginx lets a client send by default.
constexpr int kMessageBytes = 100'000;

absl::Status Failed(const std::string& when, const absl::Status& status) {
  return absl::FailedPreconditionError(absl::StrCat("want OK ", when, ", got ", status.ToString()));
}

// Sends a request that is answered after a while, and waits for the answer.
template <class Stream>
absl::Status AskAndWait(Stream& stream, absl::Duration wait) {
  StreamingOutputCallRequest request;
  request.mutable_payload()->set_body(std::string(kMessageBytes, '\0'));
  auto* parameters = request.add_response_parameters();
  parameters->set_size(kMessageBytes);
  parameters->set_interval_us(static_cast<std::int32_t>(absl::ToInt64Microseconds(wait)));
  if (absl::Status s = stream.Write(request); !s.ok()) return s;
  const std::optional<StreamingOutputCallResponse> response = stream.Next();
  if (!response) return stream.Finish();
  if (response->payload().body().size() == kMessageBytes) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("a payload of ", response->payload().body().size()));
}

template <class Stream>
absl::Status End(Stream& stream) {
  stream.WritesDone();
  while (stream.Next()) {
  }
  const absl::Status status = stream.Finish();
  return status.ok() ? status : Failed("at the end", status);
}

absl::Status MinuteOfMessages(const parley::Client& client) {
  auto call = client.Call(kFullDuplexCall);
  for (int i = 0; i < kMessages; ++i) {
    if (absl::Status s = AskAndWait(call, kInterval); !s.ok()) {
      return Failed(absl::StrCat("for message ", i + 1), s);
    }
  }
  return End(call);
}

// Only the server says anything, and so little that nobody has to grant it more.
absl::Status MinuteOfTokens(const parley::Client& client) {
  StreamingOutputCallRequest request;
  for (int i = 0; i < kMessages; ++i) {
    auto* parameters = request.add_response_parameters();
    parameters->set_size(10);
    parameters->set_interval_us(static_cast<std::int32_t>(absl::ToInt64Microseconds(kInterval)));
  }
  auto call = client.Call(kStreamingOutputCall, request);
  int tokens = 0;
  while (call.Next()) ++tokens;
  const absl::Status status = call.Finish();
  return status.ok() ? status : Failed(absl::StrCat("after ", tokens, " tokens"), status);
}

absl::Status MinuteOfSilence(const parley::Client& client) {
  auto call = client.Call(kFullDuplexCall);
  for (const absl::Duration wait : {absl::ZeroDuration(), kSilence}) {
    if (absl::Status s = AskAndWait(call, wait); !s.ok()) {
      return Failed(absl::StrCat("after ", absl::FormatDuration(wait)), s);
    }
  }
  return End(call);
}

absl::Status MinuteWithoutReading(const parley::Client& client) {
  StreamingOutputCallRequest request;
  for (int i = 0; i < kMessages; ++i) request.add_response_parameters()->set_size(kMessageBytes);
  auto call = client.Call(kStreamingOutputCall, request);
  absl::SleepFor(kSilence);
  int messages = 0;
  while (call.Next()) ++messages;
  if (absl::Status s = call.Finish(); !s.ok()) {
    return Failed(absl::StrCat("after ", messages, " messages"), s);
  }
  return absl::OkStatus();
}

absl::Status MinuteBetweenCalls(const parley::Client& client) {
  const absl::StatusOr<Empty> before = client.Call(kEmptyCall, Empty());
  if (!before.ok()) return Failed("at first", before.status());
  absl::SleepFor(kSilence);
  const absl::StatusOr<Empty> after = client.Call(kEmptyCall, Empty());
  if (!after.ok()) return Failed("after a pause", after.status());
  return absl::OkStatus();
}

constexpr TestCase kLongCases[] = {
    {"minute_of_messages", MinuteOfMessages},     {"minute_of_tokens", MinuteOfTokens},
    {"minute_of_silence", MinuteOfSilence},       {"minute_without_reading", MinuteWithoutReading},
    {"minute_between_calls", MinuteBetweenCalls},
};

}  // namespace

absl::Span<const TestCase> LongCases() { return kLongCases; }

}  // namespace parley_interop
