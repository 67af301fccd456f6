// The talk with the driver and the figures in it: see side.h.

#include "side.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <initializer_list>
#include <string_view>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "allocations.h"
#include "memory.h"

ABSL_FLAG(std::string, address, "", "unix:/path or 127.0.0.1:0 to listen, or what to connect to");
ABSL_FLAG(std::string, work, "echo", "what a client does");
ABSL_FLAG(std::string, wire, "plain", "parley's client: auto, plain or session");
ABSL_FLAG(bool, fixed_messages, false, "parley's client: messages that need no heap");
ABSL_FLAG(int, in_flight, 1, "calls or streams that a client keeps in flight");
ABSL_FLAG(std::int64_t, operations, 1000, "calls or tokens that a client measures");
ABSL_FLAG(std::int64_t, warmup, 1000, "calls or tokens that a client does before");
ABSL_FLAG(double, rate, 1000, "calls a second in an open loop");
ABSL_FLAG(std::size_t, elements, 150000, "floats in a tensor");
ABSL_FLAG(std::string, first_stream, "ordinary", "of paced work: ordinary, bulky or stalled");
ABSL_FLAG(int, slots, 64, "calls that a completion-queue server stands ready for");
ABSL_FLAG(absl::Duration, step, absl::Milliseconds(20), "between two tokens of a generation");
ABSL_FLAG(std::string, tokens_handler, "plain", "parley's server: plain or coroutine");
ABSL_FLAG(int, max_batch_size, 1,
          "parley's server: requests that the sleeping model takes at once");
ABSL_FLAG(int, executor_threads, 0, "parley: threads of the application's executor; 0: none");
ABSL_FLAG(bool, apart, false, "parley's server: no WriteTogether around an engine's step");
ABSL_FLAG(bool, own_answers, false, "completion-queue programs: a new message for each answer");

namespace parley_bench {
namespace {

struct Usage {
  std::int64_t cpu_microseconds;
  std::int64_t allocations;
  std::int64_t heap_bytes;
  std::int64_t private_bytes;
};

std::int64_t Microseconds(const timeval& t) { return t.tv_sec * 1'000'000LL + t.tv_usec; }

Usage UsageNow() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return {Microseconds(usage.ru_utime) + Microseconds(usage.ru_stime), AllocationCount(),
          HeapBytes(), PrivateDirtyBytes()};
}

void PrintUsage(const Usage& since, const Usage& now) {
  std::printf(
      "\"cpu_us\": %lld, \"allocations\": %lld, \"heap_bytes\": %lld, \"private_bytes\": %lld}\n",
      static_cast<long long>(now.cpu_microseconds - since.cpu_microseconds),
      static_cast<long long>(now.allocations - since.allocations),
      static_cast<long long>(now.heap_bytes - since.heap_bytes),
      static_cast<long long>(now.private_bytes - since.private_bytes));
}

// Reads through the next newline without allocating; false at the end of input.
bool ReadLine() {
  char byte = 0;
  while (byte != '\n') {
    if (read(STDIN_FILENO, &byte, 1) != 1) return false;
  }
  return true;
}

// Ends the process with a message unless the options make sense together.
void Check(const Options& options) {
  if (options.in_flight < 1 || options.operations < 1 || options.warmup < 1 || options.slots < 1 ||
      options.elements < 1 || options.max_batch_size < 1 || options.executor_threads < 0 ||
      options.rate <= 0 || options.step <= absl::ZeroDuration()) {
    std::fprintf(stderr,
                 "--in_flight, --operations, --warmup, --elements, --slots and --max_batch_size "
                 "must be 1 or more, --rate and --step more than 0, --executor_threads not less\n");
    std::exit(2);
  }
  const auto one_of = [](const char* flag, std::string_view value,
                         std::initializer_list<std::string_view> allowed) {
    if (std::find(allowed.begin(), allowed.end(), value) != allowed.end()) return;
    std::fprintf(stderr, "--%s: see --help for what it may be\n", flag);
    std::exit(2);
  };
  one_of("wire", options.wire, {"auto", "plain", "session"});
  one_of("first_stream", options.first_stream, {"ordinary", "bulky", "stalled"});
  one_of("tokens_handler", options.tokens_handler, {"plain", "coroutine"});
}

}  // namespace

Options ParseOptions(int argc, char** argv) {
  absl::ParseCommandLine(argc, argv);
  Options options{.address = absl::GetFlag(FLAGS_address),
                  .work = absl::GetFlag(FLAGS_work),
                  .wire = absl::GetFlag(FLAGS_wire),
                  .fixed_messages = absl::GetFlag(FLAGS_fixed_messages),
                  .in_flight = absl::GetFlag(FLAGS_in_flight),
                  .operations = absl::GetFlag(FLAGS_operations),
                  .warmup = absl::GetFlag(FLAGS_warmup),
                  .rate = absl::GetFlag(FLAGS_rate),
                  .elements = absl::GetFlag(FLAGS_elements),
                  .first_stream = absl::GetFlag(FLAGS_first_stream),
                  .slots = absl::GetFlag(FLAGS_slots),
                  .step = absl::GetFlag(FLAGS_step),
                  .tokens_handler = absl::GetFlag(FLAGS_tokens_handler),
                  .apart = absl::GetFlag(FLAGS_apart),
                  .max_batch_size = absl::GetFlag(FLAGS_max_batch_size),
                  .executor_threads = absl::GetFlag(FLAGS_executor_threads),
                  .own_answers = absl::GetFlag(FLAGS_own_answers)};
  Check(options);
  // A full line buffer would keep the driver waiting for a line that was printed.
  setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
  return options;
}

int MeasureClient(const Options& options, const Work& work) {
  auto failed = [](const char* phase, const absl::Status& status) {
    std::fprintf(stderr, "%s: %s\n", phase, status.ToString().c_str());
    return 1;
  };
  Latencies warmup_latencies;
  if (absl::Status s = work(options.warmup, warmup_latencies); !s.ok()) return failed("warm-up", s);

  Latencies latencies;
  latencies.Reserve(options.operations);
  std::printf("{\"ready\": true}\n");
  if (!ReadLine()) return 1;

  const Usage before = UsageNow();
  const std::int64_t start = NowNanoseconds();
  const absl::Status status = work(options.operations, latencies);
  const std::int64_t elapsed = NowNanoseconds() - start;
  const Usage after = UsageNow();
  if (!status.ok()) return failed("measured run", status);

  std::printf("{\"operations\": %lld, \"seconds\": %.9f, \"p50_us\": %.3f, \"p99_us\": %.3f, ",
              static_cast<long long>(options.operations), static_cast<double>(elapsed) / 1e9,
              latencies.PercentileMicroseconds(0.5), latencies.PercentileMicroseconds(0.99));
  PrintUsage(before, after);
  while (ReadLine()) {
  }
  return 0;
}

void ServeDriver(const std::string& address) {
  std::printf("{\"address\": \"%s\"}\n", address.c_str());
  while (ReadLine()) {
    std::printf("{");
    PrintUsage(Usage{}, UsageNow());
  }
}

}  // namespace parley_bench
