// A server and its clients on each wire, so that a test of how calls behave runs over all of them.
// A further wire is one more row of kWires.
#ifndef PARLEY_TESTS_CALL_WIRE_FIXTURE_H_
#define PARLEY_TESTS_CALL_WIRE_FIXTURE_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <tuple>

#include "absl/strings/str_join.h"
#include "parley/client.h"
#include "parley/server.h"
#include "tests/call/gate.h"
#include "tests/call/log_lines.h"

namespace parley::call_test {

struct WireRow {
  const char* name;
  // Where the server listens; "%" becomes a folder of the test's own. Nothing: in process alone.
  const char* address;
  // What its clients use, unless a test says otherwise.
  Wire wire = Wire::kPlain;
};

inline constexpr WireRow kTcp = {"Tcp", "127.0.0.1:0"};
inline constexpr WireRow kUnixSocket = {"Unix", "unix:%/socket"};
inline constexpr WireRow kSession = {"Session", "127.0.0.1:0", Wire::kSession};
inline constexpr WireRow kLocal = {"Local", ""};
inline constexpr WireRow kWires[] = {kTcp, kUnixSocket, kSession, kLocal};
// Those that need a socket: bytes come from outside, and a peer can be lost.
inline constexpr WireRow kSocketWires[] = {kTcp, kUnixSocket, kSession};

void PrintTo(const WireRow& wire, std::ostream* out);

// For INSTANTIATE_TEST_SUITE_P.
inline std::string NamePart(const auto& part) { return testing::PrintToString(part); }
template <class... Parts>
std::string NamePart(const std::tuple<Parts...>& parts) {
  const auto join = [](const auto&... part) { return absl::StrJoin({NamePart(part)...}, "_"); };
  return std::apply(join, parts);
}
template <class Param>
std::string NameOf(const testing::TestParamInfo<Param>& info) {
  return NamePart(info.param);
}

// A server on one wire. The end of a test shuts it down, and nothing may run then any more.
class WireFixture {
 protected:
  explicit WireFixture(const WireRow& wire);
  WireFixture(const WireFixture&) = delete;
  WireFixture& operator=(const WireFixture&) = delete;
  ~WireFixture();

  bool local() const { return *wire_.address == '\0'; }

  // What the server is made with; before the first use of server().
  ServerOptions server_options;
  // Unless a test gave logs of its own.
  LogLines server_log;
  LogLines client_log;

  Server& server();
  // Starts the server, once the methods are registered.
  void Start();
  // What a client of any kind connects to; not of the local wire.
  std::string target() const;
  Client Connect(ClientOptions options = {});

  // Shuts the server down, expecting that every call ends at once, and destroys it.
  void StopServer();
  void DestroyServer() { server_.reset(); }

 private:
  const WireRow wire_;
  std::string folder_;
  std::string address_;
  std::unique_ptr<Server> server_;
};

// A test that runs over every wire.
class EveryWire : public WireFixture, public testing::TestWithParam<WireRow> {
 protected:
  EveryWire() : WireFixture(GetParam()) {}
  void TearDown() override { StopServer(); }
};

// Blocks until `done()` is true; for what reports no event to wait for.
testing::AssertionResult Eventually(const std::function<bool()>& done);

MATCHER_P(HasCode, code, "") { return arg.code() == code; }
MATCHER_P2(IsStatus, code, message, "") {
  return arg.code() == code &&
         testing::ExplainMatchResult(message, std::string(arg.message()), result_listener);
}

}  // namespace parley::call_test

#endif  // PARLEY_TESTS_CALL_WIRE_FIXTURE_H_
