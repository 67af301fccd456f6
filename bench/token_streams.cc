// Checking tokens and counting streams: see token_streams.h.

#include "token_streams.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "payload.h"

namespace parley_bench {
namespace {

// Two of them fill the queues of a session's call. gRPC takes 4 MiB before its own flow control
// holds a writer.
constexpr std::size_t kBulkyTextBytes = std::size_t{64} << 10;

StreamPlan PlanFor(const Options& options, std::int64_t operations, bool first) {
  if (options.work == "idle") {
    return {.paced = true, .text_bytes = kTimedTextBytes, .measured = false};
  }
  StreamPlan plan{.count = static_cast<std::uint32_t>(operations / options.in_flight),
                  .text_bytes = kTokenTextBytes,
                  .measured = false};
  if (options.work == "tokens") return plan;
  const bool bulky = first && options.first_stream != "ordinary";
  plan.paced = true;
  plan.text_bytes = bulky ? kBulkyTextBytes : kTimedTextBytes;
  plan.measured = !bulky;
  plan.read = !(first && options.first_stream == "stalled");
  return plan;
}

}  // namespace

absl::Status TokenStreams::CheckOptions(const Options& options) {
  if (options.work == "idle") return absl::OkStatus();
  if (options.work != "tokens" && options.work != "paced") {
    return absl::InvalidArgumentError(absl::StrCat("no --work=", options.work, " here"));
  }
  if (options.operations % options.in_flight != 0 || options.warmup % options.in_flight != 0) {
    return absl::InvalidArgumentError(
        "--operations and --warmup must be multiples of --in_flight: each stream gets as many");
  }
  return absl::OkStatus();
}

TokenStreams::TokenStreams(const Options& options, std::int64_t operations)
    : streams_(static_cast<std::size_t>(options.work == "idle" ? operations : options.in_flight)) {
  for (Stream& stream : streams_) {
    stream.plan = PlanFor(options, operations, &stream == &streams_.front());
    if (stream.plan.measured) stream.delays.Reserve(stream.plan.count);
    if (stream.plan.read) ++read_;
  }
}

void TokenStreams::Receive(std::size_t stream, std::string_view text) {
  Stream& s = streams_[stream];
  if (s.plan.paced) return Delayed(s, ReadTimedText(s.received, s.plan.text_bytes, text));
  s.error.Update(CheckTokenText(s.received++, text));
}

void TokenStreams::ReceiveIndex(std::size_t stream, std::uint64_t index, std::int64_t sent_ns) {
  Stream& s = streams_[stream];
  if (index == s.received) return Delayed(s, sent_ns);
  Delayed(s, absl::DataLossError(absl::StrCat("token ", index, " in place of ", s.received)));
}

void TokenStreams::Delayed(Stream& stream, absl::StatusOr<std::int64_t> sent_ns) {
  stream.error.Update(sent_ns.status());
  if (sent_ns.ok() && stream.plan.measured) stream.delays.Add(NowNanoseconds() - *sent_ns);
  ++stream.received;
  if (stream.plan.count > 0) return;
  std::lock_guard lock(mutex_);
  SetDone(stream);
}

void TokenStreams::Ended(std::size_t stream, const absl::Status& status) {
  Stream& s = streams_[stream];
  std::lock_guard lock(mutex_);
  // A silent stream ends when its client lets it go.
  if (!s.done) {
    s.error.Update(status);
    s.error.Update(CheckTokenCount(std::max(s.plan.count, 1U), s.received));
    SetDone(s);
  }
  if (++ended_ == read_) changed_.notify_all();
}

void TokenStreams::SetDone(Stream& stream) {
  if (stream.done) return;
  stream.done = true;
  if (++done_ == read_) changed_.notify_all();
}

absl::Status TokenStreams::Wait(Latencies& latencies) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return done(); });
  for (const Stream& stream : streams_) {
    if (!stream.error.ok()) return stream.error;
    latencies.AddAll(stream.delays);
  }
  return absl::OkStatus();
}

void TokenStreams::WaitEnded() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return ended(); });
}

}  // namespace parley_bench
