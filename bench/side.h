// What all measured programs share: their command line, the talk with the driver on standard input
// and output, and the CPU time and allocations they report. Used by every client and server here.
//
//   server: prints {"address": …} when it listens; answers each line with its usage so far; stops
//           at the end of its input.
//   client: connects and warms up, prints {"ready": true}, waits for a line, does the work and
//           prints {"operations": …, "seconds": …, "p50_us": …, "p99_us": …, "cpu_us": …,
//           "allocations": …}.

#ifndef PARLEY_BENCH_SIDE_H_
#define PARLEY_BENCH_SIDE_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace parley_bench {

struct Options {
  std::string address;          // server: where to listen; client: where to connect
  std::string work;             // client: "echo" or "tokens", and what the client offers beyond
  int in_flight = 1;            // client: calls at once
  std::int64_t operations = 0;  // client: calls or tokens that are measured
  std::int64_t warmup = 0;      // client: calls or tokens before that
  int slots = 0;                // queue server: calls it stands ready for
  // Queue programs: handler and caller get a message of their own for each answer, as parley's do,
  // in place of one that is used again.
  bool own_answers = false;
};

// Reads the command line; ends the process with a message if it is wrong.
Options ParseOptions(int argc, char** argv);

// Monotonic time for latencies.
std::int64_t NowNanoseconds();

// Every latency of a run; percentiles come from all of them, sorted.
class Latencies {
 public:
  void Reserve(std::int64_t count) { nanoseconds_.reserve(static_cast<std::size_t>(count)); }
  void AddSince(std::int64_t start) { nanoseconds_.push_back(NowNanoseconds() - start); }
  double PercentileMicroseconds(double fraction);  // 0 if there are none

 private:
  std::vector<std::int64_t> nanoseconds_;
};

// Does `operations` operations, checks every answer and adds what the row wants to know.
using Work = std::function<absl::Status(std::int64_t operations, Latencies& latencies)>;

// Runs the client's half of the talk above; returns main's exit code.
int MeasureClient(const Options& options, const Work& work);

// Runs the server's half: returns when the driver has closed standard input.
void ServeDriver(const std::string& address);

}  // namespace parley_bench

#endif  // PARLEY_BENCH_SIDE_H_
