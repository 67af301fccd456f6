// The unary calls of parley's client: one after the other, on many threads, many in flight by
// callbacks, and in an open loop. Used by client.cc.

#ifndef PARLEY_BENCH_PARLEY_SIDE_ECHO_H_
#define PARLEY_BENCH_PARLEY_SIDE_ECHO_H_

#include <cstdint>
#include <utility>
#include <vector>

#include "arrivals.h"
#include "call_loop.h"
#include "callers.h"
#include "parley/parley.h"
#include "payload.h"
#include "service.h"
#include "side.h"

namespace parley_bench {

// Calls a method that answers with what it was sent.
template <class Message>
class Echo {
 public:
  using Method = parley::Unary<Message, Message>;

  Echo(parley::Client client, const Method& method, parley::CallOptions call_options)
      : client_(std::move(client)), method_(method), call_options_(call_options) {}

  absl::Status Blocking(int threads, std::int64_t calls, Latencies& latencies) {
    return RunCallers(
        threads, calls, [this](const Share& share, Latencies& own) { return OneByOne(share, own); },
        latencies);
  }

  // Every callback makes the next call.
  absl::Status Pipelined(int in_flight, std::int64_t calls, Latencies& latencies) {
    CallLoop loop(calls, latencies);
    std::vector<Message> requests(static_cast<std::size_t>(in_flight));
    for (Message& request : requests) {
      if (auto sequence = loop.Start()) {
        StartNext(loop, request, {*sequence, NowNanoseconds()});
      }
    }
    return loop.Wait();
  }

  absl::Status AtRate(double per_second, int most_in_flight, std::int64_t calls,
                      Latencies& latencies) {
    CallLoop loop(calls, latencies);
    Message request;
    Arrivals arrivals(per_second);
    while (auto sequence = loop.StartOneOf(most_in_flight)) {
      const std::int64_t due = arrivals.WaitForNext();
      SetBody(*sequence, request);
      client_.AsyncCall(method_, request, call_options_)
          .Then([&loop, due, sequence](const absl::StatusOr<Message>& response) {
            loop.Done(due, Check(*sequence, response));
          });
    }
    return loop.Wait();
  }

 private:
  static absl::Status Check(std::uint64_t sequence, const absl::StatusOr<Message>& response) {
    return response.ok() ? CheckEchoBody(sequence, BodyOf(*response)) : response.status();
  }

  absl::Status OneByOne(const Share& share, Latencies& latencies) {
    Message request;
    for (std::uint64_t i = share.first; i < share.end; ++i) {
      SetBody(i, request);
      const std::int64_t start = NowNanoseconds();
      absl::StatusOr<Message> response = client_.Call(method_, request, call_options_);
      latencies.Add(NowNanoseconds() - start);
      if (absl::Status s = Check(i, response); !s.ok()) return s;
    }
    return absl::OkStatus();
  }

  void StartNext(CallLoop& loop, Message& request, const CallLoop::Begun& call) {
    SetBody(call.sequence, request);
    client_.AsyncCall(method_, request, call_options_)
        .Then([this, &loop, &request, call](const absl::StatusOr<Message>& response) {
          auto next = loop.DoneStartNext(call.start, Check(call.sequence, response));
          if (next) StartNext(loop, request, *next);
        });
  }

  const parley::Client client_;
  const Method method_;
  const parley::CallOptions call_options_;
};

}  // namespace parley_bench

#endif  // PARLEY_BENCH_PARLEY_SIDE_ECHO_H_
