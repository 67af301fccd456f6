// parley's own grpc.health.v1.Health, on every server: what Check and Watch say of the server and of
// each of its services, while it serves and while it stops. Messages are the bytes that
// grpc/health/v1/health.proto makes of them.
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/call/any_call.h"
#include "tests/call/wire_fixture.h"

namespace parley::call_test {
namespace {

using testing::HasSubstr;

constexpr Unary<std::string, std::string> kCheck{"grpc.health.v1.Health/Check"};
constexpr ServerStreaming<std::string, std::string> kWatch{"grpc.health.v1.Health/Watch"};

// HealthCheckRequest{service}.
std::string Request(const std::string& service) {
  if (service.empty()) return "";
  return absl::StrCat("\x0a", std::string(1, static_cast<char>(service.size())), service);
}

// HealthCheckResponse{status}.
constexpr char kServing[] = "\x08\x01";
constexpr char kNotServing[] = "\x08\x02";
constexpr char kServiceUnknown[] = "\x08\x03";

constexpr absl::StatusCode kUnavailable = absl::StatusCode::kUnavailable;

class Health : public EveryWire {
 protected:
  // A server of the services test.Call, whose handlers echo, and test.Other.
  void Serve() {
    for (const MethodKind kind : kKinds) {
      RegisterScript(server(), engine_, kind, Form::kPlain, Echo);
    }
    server().Register(
        Unary<std::string, std::string>{"test.Other/Do"},
        [](Context&, const std::string&) -> absl::StatusOr<std::string> { return ""; });
    Start();
  }
  absl::StatusOr<std::string> Check(const Client& client, const std::string& service) {
    return client.Call(kCheck, Request(service));
  }
  ClientReader<std::string> Watch(const Client& client, const std::string& service) {
    return client.Call(kWatch, Request(service));
  }

  Engine engine_;
};
INSTANTIATE_TEST_SUITE_P(All, Health, testing::ValuesIn(kWires), NameOf<WireRow>);

TEST_P(Health, OfTheServerAndOfEachServiceIsServing) {
  Serve();
  const Client client = Connect();
  for (const char* service : {"", "test.Call", "test.Other"}) {
    EXPECT_EQ(Check(client, service).value_or("an error"), kServing) << service;
    auto watch = Watch(client, service);
    EXPECT_EQ(watch.Next(), kServing) << service;
  }
}

TEST_P(Health, OfAServiceThatIsNotThereIsNotFoundOrUnknown) {
  Serve();
  const Client client = Connect();
  for (const char* service : {"test.Cal", "test.Call/Unary", "test.call", "x"}) {
    EXPECT_THAT(Check(client, service).status(),
                IsStatus(absl::StatusCode::kNotFound, HasSubstr(service)));
    auto watch = Watch(client, service);
    EXPECT_EQ(watch.Next(), kServiceUnknown) << service;
  }
}

// A watcher that has just left is still being told so when its server goes.
TEST_P(Health, OfAServerThatGoesRightAfterItsWatchersHarmsNobody) {
  Serve();
  for (int i = 0; i < 100; ++i) {
    {
      const Client client = Connect();
      auto watch = Watch(client, "");
      EXPECT_EQ(watch.Next(), kServing);
    }
    DestroyServer();
    Serve();
  }
}

TEST_P(Health, OfAServerWithoutMethodsIsServing) {
  Start();
  const Client client = Connect();
  EXPECT_EQ(Check(client, "").value_or("an error"), kServing);
}

TEST_P(Health, TakesRequestsWithMoreFieldsAndRefusesWhatIsNone) {
  Serve();
  const Client client = Connect();
  const std::string more = absl::StrCat("\x10\x01", Request("test.Call"), "\x1a\x02hi");
  EXPECT_EQ(client.Call(kCheck, more).value_or("an error"), kServing);
  for (const std::string bytes : {"\xff", "\x0a\x7f", "\x0a", "\x0c"}) {
    EXPECT_THAT(client.Call(kCheck, bytes).status(), HasCode(absl::StatusCode::kInternal));
    auto watch = client.Call(kWatch, bytes);
    EXPECT_EQ(watch.Next(), std::nullopt);
    EXPECT_THAT(watch.Finish(), HasCode(absl::StatusCode::kInternal));
  }
}

// With a grace that never ends, and a live call that makes use of it.
TEST_P(Health, IsNotServingFromTheStartOfTheShutdown) {
  Serve();
  const Client client = Connect();
  auto live = client.Call(kBoth);
  EXPECT_EQ(live.Write("before"), absl::OkStatus());
  EXPECT_EQ(live.Next(), "before");
  auto server_watch = Watch(client, "");
  auto service_watch = Watch(client, "test.Call");
  auto unknown_watch = Watch(client, "unknown");
  EXPECT_EQ(server_watch.Next(), kServing);
  EXPECT_EQ(service_watch.Next(), kServing);
  EXPECT_EQ(unknown_watch.Next(), kServiceUnknown);

  Slip<absl::Status> answer;
  std::thread shutdown([&] { answer.Put(server().Shutdown(absl::InfiniteDuration())); });
  EXPECT_EQ(server_watch.Next(), kNotServing);
  EXPECT_EQ(service_watch.Next(), kNotServing);
  for (auto* watch : {&server_watch, &service_watch, &unknown_watch}) {
    EXPECT_EQ(watch->Next(), std::nullopt);
    EXPECT_THAT(watch->Finish(), HasCode(kUnavailable));
  }
  // gRPC leaves a call that arrives at the wrong moment of a server's shutdown without an answer
  // until the call's deadline.
  EXPECT_TRUE(Eventually([&] {
    const auto check = client.Call(kCheck, Request(""), {.timeout = absl::Seconds(1)});
    EXPECT_FALSE(check.ok());
    return check.status().code() == kUnavailable;
  }));
  EXPECT_FALSE(answer.is_there());
  EXPECT_EQ(live.Write("during"), absl::OkStatus());
  EXPECT_EQ(live.Next(), "during");
  live.WritesDone();
  EXPECT_EQ(live.Next(), std::nullopt);
  EXPECT_EQ(live.Finish(), absl::OkStatus());
  EXPECT_EQ(answer.Take(absl::UnknownError("none")), absl::OkStatus());
  shutdown.join();
}

TEST_P(Health, IsToldToManyWatchersWhomNoShutdownWaitsFor) {
  Serve();
  const Client clients[] = {Connect(), Connect()};
  std::vector<ClientReader<std::string>> watches;
  for (int i = 0; i < 200; ++i) watches.push_back(Watch(clients[i % 2], i % 3 ? "" : "test.Other"));
  for (auto& watch : watches) ASSERT_EQ(watch.Next(), kServing);
  EXPECT_EQ(server().Shutdown(absl::InfiniteDuration()), absl::OkStatus());
  for (auto& watch : watches) {
    EXPECT_EQ(watch.Next(), kNotServing);
    EXPECT_EQ(watch.Next(), std::nullopt);
    EXPECT_THAT(watch.Finish(), HasCode(kUnavailable));
  }
}

// The server has room for three calls: watches that it did not forget would fill it up.
TEST_P(Health, IsNoLongerToldToAWatcherWhoLeft) {
  server_options.max_live_calls = 3;
  Serve();
  const Client client = Connect();
  auto kept = Watch(client, "");
  EXPECT_EQ(kept.Next(), kServing);
  for (int i = 0; i < 30; ++i) {
    EXPECT_TRUE(Eventually([&] {
      auto watch = Watch(client, "test.Call");
      const std::optional<std::string> first = watch.Next();
      if (first == kServing) return true;
      EXPECT_THAT(watch.Finish(), HasCode(absl::StatusCode::kResourceExhausted));
      return false;
    }));
  }
  EXPECT_EQ(server().Shutdown(absl::InfiniteDuration()), absl::OkStatus());
  EXPECT_EQ(kept.Next(), kNotServing);
}

TEST_P(Health, IsToldToWatchersWhoComeAndLeaveDuringTheShutdown) {
  Serve();
  const Client client = Connect();
  Counter watched;
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 10'000; ++i) {
        auto watch = Watch(client, "");
        const std::optional<std::string> first = watch.Next();
        if (first) watched.Add();
        if (first && t == 0) continue;  // leaves at once
        while (watch.Next()) {
        }
        EXPECT_THAT(watch.Finish(), HasCode(kUnavailable));
        return;
      }
    });
  }
  EXPECT_TRUE(watched.Reaches(20));
  // Not for ever: gRPC may leave one of them without an answer until the end of the grace.
  EXPECT_EQ(server().Shutdown(absl::Milliseconds(100)), absl::OkStatus());
  for (std::thread& thread : threads) thread.join();
}

TEST_P(Health, FollowsWhatTheApplicationSays) {
  server().health().Set("test.Other", false);
  Serve();
  const Client client = Connect();
  EXPECT_EQ(Check(client, "test.Other").value_or("an error"), kNotServing);
  EXPECT_EQ(Check(client, "test.Call").value_or("an error"), kServing);
  auto watch = Watch(client, "test.Other");
  auto made_up = Watch(client, "made.Up");
  EXPECT_EQ(watch.Next(), kNotServing);
  EXPECT_EQ(made_up.Next(), kServiceUnknown);
  server().health().Set("test.Other", true);
  server().health().Set("made.Up", true);
  EXPECT_EQ(watch.Next(), kServing);
  EXPECT_EQ(made_up.Next(), kServing);
  EXPECT_EQ(Check(client, "made.Up").value_or("an error"), kServing);
  server().health().Set("test.Other", true);  // no news
  server().health().Set("test.Other", false);
  EXPECT_EQ(watch.Next(), kNotServing);
}

TEST_P(Health, IsSetFromManyThreadsAndAfterTheServerHasGone) {
  Serve();
  const HealthStatus health = server().health();
  const Client client = Connect();
  auto watch = Watch(client, "");
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&health, i] {
      for (int j = 0; j < 100; ++j) health.Set("", (i + j) % 2 == 0);
    });
  }
  EXPECT_EQ(watch.Next().has_value(), true);
  for (std::thread& thread : threads) thread.join();
  health.Set("", false);
  EXPECT_EQ(Check(client, "").value_or("an error"), kNotServing);
  DestroyServer();
  health.Set("", true);
  while (watch.Next().has_value()) continue;
  EXPECT_THAT(watch.Finish(), HasCode(kUnavailable));
}

}  // namespace
}  // namespace parley::call_test
