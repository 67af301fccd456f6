// The talk with the driver and the figures in it: see side.h.

#include "side.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "allocations.h"

ABSL_FLAG(std::string, address, "", "unix:/path or 127.0.0.1:0 to listen, or what to connect to");
ABSL_FLAG(std::string, work, "echo", "what a client does: echo or tokens");
ABSL_FLAG(int, in_flight, 1, "calls that a client keeps in flight");
ABSL_FLAG(std::int64_t, operations, 1000, "calls or tokens that a client measures");
ABSL_FLAG(std::int64_t, warmup, 1000, "calls or tokens that a client does before");
ABSL_FLAG(int, slots, 64, "calls that a completion-queue server stands ready for");
ABSL_FLAG(bool, own_answers, false, "completion-queue programs: a new message for each answer");

namespace parley_bench {
namespace {

struct Usage {
  std::int64_t cpu_microseconds;
  std::int64_t allocations;
};

std::int64_t Microseconds(const timeval& t) { return t.tv_sec * 1'000'000LL + t.tv_usec; }

Usage UsageNow() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return {Microseconds(usage.ru_utime) + Microseconds(usage.ru_stime), AllocationCount()};
}

// Reads through the next newline without allocating; false at the end of input.
bool ReadLine() {
  char byte = 0;
  while (byte != '\n') {
    if (read(STDIN_FILENO, &byte, 1) != 1) return false;
  }
  return true;
}

}  // namespace

Options ParseOptions(int argc, char** argv) {
  absl::ParseCommandLine(argc, argv);
  Options options{.address = absl::GetFlag(FLAGS_address),
                  .work = absl::GetFlag(FLAGS_work),
                  .in_flight = absl::GetFlag(FLAGS_in_flight),
                  .operations = absl::GetFlag(FLAGS_operations),
                  .warmup = absl::GetFlag(FLAGS_warmup),
                  .slots = absl::GetFlag(FLAGS_slots),
                  .own_answers = absl::GetFlag(FLAGS_own_answers)};
  if (options.in_flight < 1 || options.operations < 1 || options.warmup < 1 || options.slots < 1) {
    std::fprintf(stderr, "--in_flight, --operations, --warmup and --slots must be 1 or more\n");
    std::exit(2);
  }
  // A full line buffer would keep the driver waiting for a line that was printed.
  setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
  return options;
}

std::int64_t NowNanoseconds() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

double Latencies::PercentileMicroseconds(double fraction) {
  if (nanoseconds_.empty()) return 0;
  std::sort(nanoseconds_.begin(), nanoseconds_.end());
  const auto last = static_cast<double>(nanoseconds_.size() - 1);
  return static_cast<double>(nanoseconds_[static_cast<std::size_t>(fraction * last)]) / 1e3;
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

  std::printf(
      "{\"operations\": %lld, \"seconds\": %.9f, \"p50_us\": %.3f, \"p99_us\": %.3f, "
      "\"cpu_us\": %lld, \"allocations\": %lld}\n",
      static_cast<long long>(options.operations), static_cast<double>(elapsed) / 1e9,
      latencies.PercentileMicroseconds(0.5), latencies.PercentileMicroseconds(0.99),
      static_cast<long long>(after.cpu_microseconds - before.cpu_microseconds),
      static_cast<long long>(after.allocations - before.allocations));
  return 0;
}

void ServeDriver(const std::string& address) {
  std::printf("{\"address\": \"%s\"}\n", address.c_str());
  while (ReadLine()) {
    const Usage usage = UsageNow();
    std::printf("{\"cpu_us\": %lld, \"allocations\": %lld}\n",
                static_cast<long long>(usage.cpu_microseconds),
                static_cast<long long>(usage.allocations));
  }
}

}  // namespace parley_bench
