// A client of several servers: calls go to one of them or to all in turn, sessions are spread over
// them, and what is lost or comes back changes nothing for those that are left.
#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/call/any_call.h"
#include "tests/call/relay.h"
#include "tests/call/wire_fixture.h"

namespace parley::call_test {
namespace {

constexpr std::size_t kServers = 3;

// One of them, behind a network of its own. It says its name to whoever asks.
class NamedServer {
 public:
  explicit NamedServer(std::string name) {
    RegisterScript(server, engine_, MethodKind::kUnary, Form::kPlain,
                   [name](Part& part) { return part.Write(name); });
    RegisterScript(server, engine_, MethodKind::kBidi, Form::kCoroutine,
                   [name](Part& part) -> Task<absl::Status> {
                     while (co_await part.Next()) {
                       absl::Status written = co_await part.Write(name);
                       if (!written.ok()) co_return written;
                     }
                     co_return part.read_status();
                   });
    EXPECT_EQ(server.Start("127.0.0.1:0"), absl::OkStatus());
    network.emplace(server.port());
  }

 private:
  Engine engine_;

 public:
  Server server;
  std::optional<Relay> network;
};

using Stream = ClientReaderWriter<std::string, std::string>;

class SeveralServers : public testing::Test {
 protected:
  SeveralServers() {
    std::vector<std::string> targets;
    for (const char* name : {"A", "B", "C"}) {
      servers_.push_back(std::make_unique<NamedServer>(name));
      targets.push_back(servers_.back()->network->target());
    }
    target_ = absl::StrCat("ipv4:", absl::StrJoin(targets, ","));
  }

  Client Connect(LoadBalancing load_balancing, std::size_t sessions = 1) const {
    ClientOptions options;
    options.load_balancing = load_balancing;
    options.sessions = sessions;
    options.max_reconnect_backoff = absl::Milliseconds(200);
    options.log = log_.log();
    return Client(target_, options);
  }

  // Who serves the next call; "" if nobody does.
  static std::string Ask(const Client& client, Wire wire) {
    return client.Call(kUnary, "", {.wire = wire}).value_or("");
  }
  // Who serves a stream at the moment; "" if it has ended.
  static std::string Ask(Stream& stream) {
    stream.Write("").IgnoreError();
    return stream.Next().value_or("");
  }

  // A stream on each of so many sessions, as each goes to the session that has the fewest.
  static std::vector<Stream> StreamOnEach(const Client& client, std::size_t sessions) {
    std::vector<Stream> streams;
    for (std::size_t i = 0; i < sessions; ++i) {
      streams.push_back(client.Call(kBoth, {.wire = Wire::kSession}));
    }
    return streams;
  }
  static std::map<std::string, std::size_t> StreamsOf(std::vector<Stream> streams) {
    std::map<std::string, std::size_t> streams_of;
    for (Stream& stream : streams) ++streams_of[Ask(stream)];
    return streams_of;
  }
  // Whether in the end each of these servers has as many of the sessions as the others.
  static testing::AssertionResult AreSpread(const Client& client, std::size_t sessions,
                                            const std::vector<std::string>& servers) {
    std::map<std::string, std::size_t> even, last;
    for (const std::string& server : servers) even[server] = sessions / servers.size();
    if (Eventually([&] { return (last = StreamsOf(StreamOnEach(client, sessions))) == even; })) {
      return testing::AssertionSuccess();
    }
    return testing::AssertionFailure() << testing::PrintToString(last);
  }

  mutable LogLines log_;
  std::vector<std::unique_ptr<NamedServer>> servers_;
  std::string target_;
};

TEST_F(SeveralServers, OnlyTheFirstGetsCallsByDefault) {
  const Client client = Connect(LoadBalancing::kPickFirst, /*sessions=*/2);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(Ask(client, Wire::kPlain), "A");
    EXPECT_EQ(Ask(client, Wire::kSession), "A");
  }
}

TEST_F(SeveralServers, GetPlainCallsInTurn) {
  const Client client = Connect(LoadBalancing::kRoundRobin);
  EXPECT_TRUE(Eventually([&] {
    std::set<std::string> asked;
    for (std::size_t i = 0; i < kServers; ++i) asked.insert(Ask(client, Wire::kPlain));
    return asked == std::set<std::string>{"A", "B", "C"};
  }));
}

class SpreadSessions : public SeveralServers, public testing::WithParamInterface<std::size_t> {};
INSTANTIATE_TEST_SUITE_P(All, SpreadSessions, testing::Values(kServers, 2 * kServers));

TEST_P(SpreadSessions, GiveEachServerAsManyAndCallsGoToEach) {
  const Client client = Connect(LoadBalancing::kRoundRobin, GetParam());
  ASSERT_TRUE(AreSpread(client, GetParam(), {"A", "B", "C"}));
  std::map<std::string, std::size_t> served;
  for (std::size_t i = 0; i < 10 * GetParam(); ++i) ++served[Ask(client, Wire::kAuto)];
  for (const char* name : {"A", "B", "C"}) EXPECT_GT(served[name], 0u) << name;
}

TEST_P(SpreadSessions, LeaveAServerThatIsLostAndFindItAgain) {
  const Client client = Connect(LoadBalancing::kRoundRobin, GetParam());
  ASSERT_TRUE(AreSpread(client, GetParam(), {"A", "B", "C"}));
  std::vector<Stream> streams = StreamOnEach(client, GetParam());
  std::vector<std::string> served_by;
  for (Stream& stream : streams) served_by.push_back(Ask(stream));

  servers_[1]->network->Down();
  for (std::size_t i = 0; i < streams.size(); ++i) {
    if (served_by[i] == "B") {
      EXPECT_EQ(Ask(streams[i]), "");
      EXPECT_THAT(streams[i].Finish(), HasCode(absl::StatusCode::kUnavailable));
    }
  }
  for (int i = 0; i < 100; ++i) {
    EXPECT_THAT(Ask(client, Wire::kSession), testing::AnyOf("A", "C"));
  }
  EXPECT_TRUE(Eventually([&] {
    for (int i = 0; i < 20; ++i) {
      if (Ask(client, Wire::kPlain).empty()) return false;
    }
    return true;
  }));
  for (std::size_t i = 0; i < streams.size(); ++i) {
    EXPECT_EQ(Ask(streams[i]), served_by[i] == "B" ? "" : served_by[i]) << "others go on";
  }
  streams.clear();

  servers_[1]->network->Up();
  EXPECT_TRUE(AreSpread(client, GetParam(), {"A", "B", "C"}));
}

// Calls that it has not run move on.
TEST_P(SpreadSessions, LoseNoCallWhenAServerShutsDown) {
  const Client client = Connect(LoadBalancing::kRoundRobin, GetParam());
  ASSERT_TRUE(AreSpread(client, GetParam(), {"A", "B", "C"}));
  Counter made;
  std::jthread stopping([&] {
    EXPECT_TRUE(made.Reaches(50));
    EXPECT_EQ(servers_[0]->server.Shutdown(absl::Seconds(10)), absl::OkStatus());
  });
  for (int i = 0; i < 200; ++i) {
    const absl::StatusOr<std::string> name = client.Call(kUnary, "", {.wire = Wire::kSession});
    ASSERT_TRUE(name.ok()) << name.status();
    made.Add();
  }
  stopping.join();
  for (int i = 0; i < 20; ++i) {
    EXPECT_THAT(Ask(client, Wire::kSession), testing::AnyOf("B", "C"));
  }
}

// With one session there is none for a moment; calls of several threads come at any time of it.
TEST_F(SeveralServers, LoseNoCallWhenTheOnlySessionMovesOn) {
  const Client client = Connect(LoadBalancing::kRoundRobin);
  const std::string first = Ask(client, Wire::kSession);
  ASSERT_NE(first, "");
  std::atomic<bool> moved = false;
  Counter made;
  std::vector<std::jthread> callers;
  for (int i = 0; i < 4; ++i) {
    callers.emplace_back([&] {
      for (int calls = 0; calls < 100'000 && !moved; ++calls) {
        const absl::StatusOr<std::string> name = client.Call(kUnary, "", {.wire = Wire::kSession});
        ASSERT_TRUE(name.ok()) << name.status();
        if (*name != first) moved = true;
        made.Add();
      }
    });
  }
  EXPECT_TRUE(made.Reaches(100));
  EXPECT_EQ(servers_[static_cast<std::size_t>(first[0] - 'A')]->server.Shutdown(absl::Seconds(10)),
            absl::OkStatus());
  callers.clear();
  EXPECT_TRUE(moved);
}

}  // namespace
}  // namespace parley::call_test
