// Options are values with finite defaults; a coroutine may hold them in any expression.
#include "parley/options.h"

#include <gtest/gtest.h>

#include <type_traits>
#include <utility>

namespace parley {
namespace {

// gcc 12 destroys non-trivial aggregate temporaries twice in a co_await expression.
static_assert(std::is_trivially_destructible_v<CallOptions>);
static_assert(std::is_aggregate_v<CallOptions>);
static_assert(std::is_aggregate_v<ClientOptions>);
static_assert(std::is_aggregate_v<ServerOptions>);
static_assert(std::is_copy_constructible_v<ClientOptions>);
static_assert(std::is_copy_constructible_v<ServerOptions>);

TEST(CallOptions, AskForNothingByDefault) {
  const CallOptions options;
  EXPECT_EQ(options.timeout, std::nullopt) << "the method's kind decides";
  EXPECT_EQ(options.metadata, nullptr);
  EXPECT_EQ(options.response, nullptr);
  EXPECT_EQ(options.parent, nullptr);
  EXPECT_FALSE(options.wait_for_ready);
  EXPECT_EQ(options.wire, Wire::kAuto);
}

TEST(CallOptions, AreWrittenWhereTheyAreUsed) {
  const Metadata metadata = {{"key", "value"}};
  const auto timeout_of = [](const CallOptions& options) { return options.timeout; };
  EXPECT_EQ(timeout_of({.timeout = absl::Seconds(2), .metadata = &metadata}), absl::Seconds(2));
  EXPECT_EQ(timeout_of({.wait_for_ready = true, .wire = Wire::kPlain}), std::nullopt);
}

template <class Options>
void ExpectFiniteAndSafe(const Options& options) {
  EXPECT_EQ(options.credentials, nullptr);
  EXPECT_FALSE(options.allow_plaintext_beyond_loopback) << "plaintext stays on the machine";
  EXPECT_EQ(options.executor, nullptr);
  EXPECT_EQ(options.log, nullptr);
  // A message fits into memory, and queues hold less than one of the largest.
  EXPECT_EQ(options.max_message_bytes, std::size_t{64} << 20);
  EXPECT_EQ(options.send_queue_bytes, std::size_t{64} << 10);
  EXPECT_EQ(options.receive_queue_bytes, std::size_t{64} << 10);
  EXPECT_GE(options.keepalive_interval, absl::Minutes(5)) << "servers punish less";
  EXPECT_LT(options.keepalive_interval, absl::Hours(1));
  EXPECT_GT(options.keepalive_timeout, absl::ZeroDuration());
  EXPECT_LT(options.keepalive_timeout, absl::Minutes(1));
  EXPECT_EQ(options.max_threads, 64u);
}

TEST(ClientOptions, AreFiniteAndSafeByDefault) {
  const ClientOptions options;
  ExpectFiniteAndSafe(options);
  EXPECT_EQ(options.per_call_metadata, nullptr);
  EXPECT_EQ(options.max_reconnect_backoff, absl::Seconds(5));
}

TEST(ServerOptions, AreFiniteAndSafeByDefault) {
  const ServerOptions options;
  ExpectFiniteAndSafe(options);
  EXPECT_EQ(options.authorize, nullptr);
  EXPECT_EQ(options.max_live_calls, 16384u);
  EXPECT_EQ(options.max_memory_bytes, std::size_t{1} << 30);
  EXPECT_EQ(options.max_call_duration, absl::Hours(1));
  EXPECT_GE(options.max_blocked_threads, options.max_threads);
  EXPECT_EQ(options.max_blocked_threads, 256u);
}

// Without a warning about members that were left out; the test is compiled as strict users do.
TEST(Options, MayBeGivenInPart) {
  const ClientOptions client = {.send_queue_bytes = 1};
  const ServerOptions server = {.max_live_calls = 3, .max_threads = 2};
  EXPECT_EQ(client.send_queue_bytes, 1u);
  EXPECT_EQ(client.receive_queue_bytes, ClientOptions().receive_queue_bytes);
  EXPECT_EQ(server.max_live_calls, 3u);
  EXPECT_EQ(server.max_threads, 2u);
}

TEST(Options, AreValues) {
  ClientOptions options;
  int lines = 0;
  options.log = [&](Severity, std::string_view) { ++lines; };
  const ClientOptions copy = options;
  options.log = nullptr;
  copy.log(Severity::kInfo, "text");
  EXPECT_EQ(lines, 1);
}

}  // namespace
}  // namespace parley
