// Plaintext stays on the machine unless asked for by name, on both sides. Nothing here sends or
// listens beyond loopback: 192.0.2.0/24, 198.51.100.0/24 and 2001:db8::/32 are reserved for
// documentation and belong to nobody.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "parley/client.h"
#include "parley/server.h"

namespace parley {
namespace {

constexpr Unary<std::string, std::string> kEcho{"test.Plain/Echo"};

void RegisterEcho(Server& server) {
  server.Register(
      kEcho, [](Context&, const std::string& text) -> absl::StatusOr<std::string> { return text; });
}

std::string TestName(const testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  for (char& c : name) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c))) c = '_';
  }
  return absl::StrCat(info.index, "_", name);
}

class PlaintextServerRefuses : public testing::TestWithParam<std::string> {};

TEST_P(PlaintextServerRefuses, ToListenBeyondLoopback) {
  Server server;
  RegisterEcho(server);
  const absl::Status status = server.Start(GetParam());
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
  EXPECT_EQ(server.port(), 0);
}

INSTANTIATE_TEST_SUITE_P(Addresses, PlaintextServerRefuses,
                         testing::Values("0.0.0.0:0", "[::]:0", "192.0.2.1:0", "[2001:db8::1]:0",
                                         "ipv4:0.0.0.0:0", "ipv6:[::]:0", "dns:///0.0.0.0:0", ":0",
                                         "*:0", "server.test:0", "localhost.server.test:0",
                                         "127.0.0.1.server.test:0"),
                         TestName);

TEST(PlaintextServer, GoesBeyondLoopbackWhenAskedTo) {
  ServerOptions options;
  options.allow_plaintext_beyond_loopback = true;
  Server server(std::move(options));
  RegisterEcho(server);
  // No machine has this address, so listening fails; but not for being refused.
  EXPECT_EQ(server.Start("192.0.2.1:0").code(), absl::StatusCode::kUnavailable);
}

class PlaintextClientRefuses : public testing::TestWithParam<std::string> {};

TEST_P(PlaintextClientRefuses, ToConnectBeyondLoopback) {
  const Client client(GetParam());
  const absl::Time before = absl::Now();
  EXPECT_EQ(client.Call(kEcho, "hello").status().code(), absl::StatusCode::kFailedPrecondition);

  constexpr Bidi<std::string, std::string> kBoth{"test.Plain/Both"};
  auto call = client.Call(kBoth, {.wait_for_ready = true});
  EXPECT_FALSE(call.Next());
  EXPECT_EQ(call.Finish().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_LT(absl::Now() - before, absl::Seconds(10));
}

INSTANTIATE_TEST_SUITE_P(
    Targets, PlaintextClientRefuses,
    testing::Values("192.0.2.1:1", "[2001:db8::1]:1", "ipv4:192.0.2.1:1", "ipv6:[2001:db8::1]:1",
                    "dns:///server.test:1", "server.test:1", "localhost.server.test:1",
                    "127.0.0.1.server.test:1", "notlocalhost:1", "0.0.0.0:1",
                    // One address of several is enough to leave the machine.
                    "ipv4:127.0.0.1:1,192.0.2.1:1", "ipv6:[::1]:1,[2001:db8::1]:1",
                    // The name of a name server to ask.
                    "dns://192.0.2.1/localhost:1", "dns://server.test/127.0.0.1:1"),
    TestName);

TEST(PlaintextClient, GoesBeyondLoopbackWhenAskedTo) {
  Server server;
  RegisterEcho(server);
  ASSERT_EQ(server.Start("127.0.0.1:0"), absl::OkStatus());
  // To connect to 0.0.0.0 is to connect to this machine, but it is no loopback literal.
  const std::string target = absl::StrCat("0.0.0.0:", server.port());
  EXPECT_EQ(Client(target).Call(kEcho, "hello").status().code(),
            absl::StatusCode::kFailedPrecondition);
  ClientOptions options;
  options.allow_plaintext_beyond_loopback = true;
  const absl::StatusOr<std::string> answer = Client(target, options).Call(kEcho, "hello");
  EXPECT_TRUE(answer.ok()) << answer.status();
}

TEST(Plaintext, NeedsNoWordOnLoopback) {
  for (const char* host : {"127.0.0.1", "localhost", "127.0.0.2"}) {
    SCOPED_TRACE(host);
    Server server;
    RegisterEcho(server);
    const absl::Status started = server.Start(absl::StrCat(host, ":0"));
    ASSERT_TRUE(started.ok()) << started;
    const absl::StatusOr<std::string> answer =
        Client(absl::StrCat(host, ":", server.port())).Call(kEcho, "hello");
    EXPECT_TRUE(answer.ok()) << answer.status();
  }
  Server server;
  RegisterEcho(server);
  ASSERT_EQ(server.Start("127.0.0.1:0"), absl::OkStatus());
  for (const char* target : {"dns:///localhost:", "dns:///127.0.0.1:", "ipv4:127.0.0.1:"}) {
    SCOPED_TRACE(target);
    const absl::StatusOr<std::string> answer =
        Client(absl::StrCat(target, server.port())).Call(kEcho, "hello");
    EXPECT_TRUE(answer.ok()) << answer.status();
  }
}

// gRPC would send calls to the proxy that the environment names, to localhost too.
TEST(Plaintext, DoesNotFollowTheEnvironmentToAProxy) {
  Server server;
  RegisterEcho(server);
  ASSERT_EQ(server.Start("127.0.0.1:0"), absl::OkStatus());
  // Nothing listens there.
  ASSERT_EQ(setenv("http_proxy", "http://127.0.0.1:1", 1), 0);
  ASSERT_EQ(setenv("grpc_proxy", "http://127.0.0.1:1", 1), 0);
  const absl::StatusOr<std::string> answer =
      Client(absl::StrCat("localhost:", server.port())).Call(kEcho, "hello");
  EXPECT_TRUE(answer.ok()) << answer.status();
  unsetenv("http_proxy");
  unsetenv("grpc_proxy");
}

TEST(Plaintext, NeedsNoWordOnUnixSockets) {
  std::string folder = testing::TempDir() + "/parleyXXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  Server server;
  RegisterEcho(server);
  const std::string path = folder + "/socket";
  const absl::Status started = server.Start("unix:" + path);
  ASSERT_TRUE(started.ok()) << started;
  EXPECT_EQ(server.port(), 0);
  for (const char* scheme : {"unix:", "unix://"}) {
    SCOPED_TRACE(scheme);
    const absl::StatusOr<std::string> answer = Client(scheme + path).Call(kEcho, "hello");
    EXPECT_TRUE(answer.ok()) << answer.status();
  }
  EXPECT_EQ(server.Shutdown(absl::Seconds(5)), absl::OkStatus());
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace parley
