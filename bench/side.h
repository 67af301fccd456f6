// What all measured programs share: their command line, the talk with the driver on standard input
// and output, and the CPU time, memory and allocations they report. Used by every client and server
// here.
//
//   server: prints {"address": …} when it listens; answers each line with its usage so far; stops
//           at the end of its input.
//   client: connects and warms up, prints {"ready": true}, waits for a line, does the work, prints
//           {"operations": …, "seconds": …, "p50_us": …, "p99_us": …} with what it has used for it,
//           keeps what it has open, and stops at the end of its input.

#ifndef PARLEY_BENCH_SIDE_H_
#define PARLEY_BENCH_SIDE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "latencies.h"

namespace parley_bench {

struct Options {
  std::string address;  // server: where to listen; client: where to connect

  // Clients.
  std::string work;             // "echo", "tokens" and so on; each client says what it offers
  std::string wire;             // parley: "auto", "plain" or "session"
  bool fixed_messages = false;  // parley: echo and tokens of messages that need no heap
  int in_flight = 1;            // calls or streams at once; in an open loop, at most
  std::int64_t operations = 0;  // calls or tokens that are measured
  std::int64_t warmup = 0;      // calls or tokens before that
  double rate = 0;              // calls a second, for work in an open loop
  std::size_t elements = 0;     // of a tensor, floats; servers too
  // What the first stream of paced work is: "ordinary"; "bulky", one whose tokens are large; or
  // "stalled", a bulky one that is never read. The latter two are not measured, only the others.
  std::string first_stream;

  // Servers.
  int slots = 0;               // queue server: calls it stands ready for
  absl::Duration step;         // between two tokens of a generation
  std::string tokens_handler;  // parley: what answers Tokens, "plain" or "coroutine"
  bool apart = false;          // parley: the engine's tokens are not written together

  int max_batch_size = 0;  // parley: of the sleeping model

  int executor_threads = 0;  // parley: of the application's own executor; 0: none
  // Queue programs: handler and caller get a message of their own for each answer, as parley's do,
  // in place of one that is used again.
  bool own_answers = false;
};

// Reads the command line; ends the process with a message if it is wrong.
Options ParseOptions(int argc, char** argv);

// Does `operations` operations, checks every answer and adds what the row wants to know.
using Work = std::function<absl::Status(std::int64_t operations, Latencies& latencies)>;

// Runs the client's half of the talk above; returns main's exit code.
int MeasureClient(const Options& options, const Work& work);

// Runs the server's half: returns when the driver has closed standard input.
void ServeDriver(const std::string& address);

}  // namespace parley_bench

#endif  // PARLEY_BENCH_SIDE_H_
