// The books of many token streams at once, whatever reads them: what each is asked for, whether it
// brought that, and how long its tokens took. Used by every client.

#ifndef PARLEY_BENCH_TOKEN_STREAMS_H_
#define PARLEY_BENCH_TOKEN_STREAMS_H_

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "latencies.h"
#include "side.h"

namespace parley_bench {

// What a client asks of one stream.
struct StreamPlan {
  bool paced = false;          // Generate rather than Tokens
  std::uint32_t count = 0;     // tokens; 0, if paced: one, and then none
  std::size_t text_bytes = 0;  // of each
  bool read = true;            // false: never
  bool measured = true;        // its tokens' delays count
};

// The streams of one run of a work: "tokens" (as fast as it goes), "paced" (by the engine) or
// "idle" (`operations` streams that have nothing to say after their first token).
//
// Threads:  one reader for each stream; safe otherwise.
class TokenStreams {
 public:
  // INVALID_ARGUMENT if `work` is none of these, or the tokens can't be shared evenly.
  static absl::Status CheckOptions(const Options& options);

  TokenStreams(const Options& options, std::int64_t operations);

  std::size_t size() const { return streams_.size(); }
  const StreamPlan& plan(std::size_t stream) const { return streams_[stream].plan; }

  // The stream's next token has come. ReceiveIndex is for tokens whose text is not bytes; a token
  // without a time has 0.
  void Receive(std::size_t stream, std::string_view text);
  void ReceiveIndex(std::size_t stream, std::uint64_t index, std::int64_t sent_ns);

  // The stream has no more tokens, and `status` at its end. Once for each stream that is read.
  void Ended(std::size_t stream, const absl::Status& status);

  // Blocks until every stream that is read has brought all it was asked for; returns the first
  // error, and adds the measured delays.
  absl::Status Wait(Latencies& latencies);
  // The same without blocking, for a client whose one thread reads them all.
  bool done() const { return done_ == read_; }

  // Blocks until every stream that is read has ended.
  void WaitEnded();
  bool ended() const { return ended_ == read_; }

 private:
  struct Stream {
    StreamPlan plan;
    std::uint32_t received = 0;
    bool done = false;
    absl::Status error;
    Latencies delays;
  };

  void Delayed(Stream& stream, absl::StatusOr<std::int64_t> sent_ns);
  void SetDone(Stream& stream);

  std::vector<Stream> streams_;
  std::size_t read_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::atomic<std::size_t> done_{0};
  std::atomic<std::size_t> ended_{0};
};

}  // namespace parley_bench

#endif  // PARLEY_BENCH_TOKEN_STREAMS_H_
