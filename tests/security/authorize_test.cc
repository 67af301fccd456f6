// ServerOptions::authorize and ClientOptions::per_call_metadata, the two places where an
// application puts its tokens: each is asked for every call of every kind, on every wire, before
// anything else happens.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "parley/client.h"
#include "parley/server.h"

namespace parley {
namespace {

using testing::ElementsAreArray;
using testing::IsEmpty;

constexpr Unary<std::string, std::string> kUnary{"test.Guarded/Unary"};
constexpr ServerStreaming<std::string, std::string> kDown{"test.Guarded/Down"};
constexpr ClientStreaming<std::string, std::string> kUp{"test.Guarded/Up"};
constexpr Bidi<std::string, std::string> kBoth{"test.Guarded/Both"};
constexpr Unary<std::string, std::string> kHealthCheck{"grpc.health.v1.Health/Check"};
constexpr ServerStreaming<std::string, std::string> kHealthWatch{"grpc.health.v1.Health/Watch"};

// One call of each kind and of each of parley's own methods, to its end.
struct CallKind {
  std::string_view method;
  absl::Status (*call)(const Client& client, const CallOptions& options);
};

template <class Stream>
absl::Status ReadOne(Stream stream) {
  if (stream.Next()) return absl::OkStatus();
  return stream.Finish();
}

constexpr CallKind kKinds[] = {
    {kUnary.path,
     [](const Client& client, const CallOptions& options) {
       return client.Call(kUnary, "", options).status();
     }},
    {kDown.path,
     [](const Client& client, const CallOptions& options) {
       return ReadOne(client.Call(kDown, "", options));
     }},
    {kUp.path,
     [](const Client& client, const CallOptions& options) {
       return client.Call(kUp, options).Finish().status();
     }},
    {kBoth.path,
     [](const Client& client, const CallOptions& options) {
       auto stream = client.Call(kBoth, options);
       stream.WritesDone();
       return ReadOne(std::move(stream));
     }},
    {kHealthCheck.path,
     [](const Client& client, const CallOptions& options) {
       return client.Call(kHealthCheck, "", options).status();
     }},
    {kHealthWatch.path,
     [](const Client& client, const CallOptions& options) {
       return ReadOne(client.Call(kHealthWatch, "", options));
     }},
};

void PrintTo(const CallKind& kind, std::ostream* out) { *out << kind.method; }

// What carries the call; nothing: client and server are in one process.
using Carrier = std::optional<Wire>;

std::string NameOf(const Carrier& carrier) {
  if (!carrier) return "Local";
  return *carrier == Wire::kSession ? "Session" : "Plain";
}

class GuardedCall : public testing::TestWithParam<std::tuple<Carrier, CallKind>> {
 protected:
  Carrier carrier() const { return std::get<0>(GetParam()); }
  const CallKind& kind() const { return std::get<1>(GetParam()); }
  std::string method() const { return std::string(kind().method); }

  void Start(ServerOptions options) {
    server_ = std::make_unique<Server>(std::move(options));
    server_->Register(kUnary, [this](Context&, const std::string&) -> absl::StatusOr<std::string> {
      ++handlers_run_;
      return "";
    });
    server_->Register(kDown, [this](Context&, const std::string&, Writer<std::string>& out) {
      ++handlers_run_;
      return out.Write("");
    });
    server_->Register(kUp, [this](Context&, Reader<std::string>&) -> absl::StatusOr<std::string> {
      ++handlers_run_;
      return "";
    });
    server_->Register(kBoth, [this](Context&, Reader<std::string>&, Writer<std::string>& out) {
      ++handlers_run_;
      return out.Write("");
    });
    const absl::Status started = server_->Start("127.0.0.1:0");
    ASSERT_TRUE(started.ok()) << started;
  }

  Client MakeClient(ClientOptions options = {}) {
    if (!carrier()) return Client::Local(*server_, std::move(options));
    options.wire = *carrier();
    return Client(absl::StrCat("127.0.0.1:", server_->port()), std::move(options));
  }

  std::atomic<int> handlers_run_ = 0;
  std::unique_ptr<Server> server_;
};

INSTANTIATE_TEST_SUITE_P(EveryKind, GuardedCall,
                         testing::Combine(testing::Values(Carrier(), Carrier(Wire::kPlain),
                                                          Carrier(Wire::kSession)),
                                          testing::ValuesIn(kKinds)),
                         [](const auto& info) {
                           std::string name(std::get<1>(info.param).method);
                           std::replace_if(
                               name.begin(), name.end(),
                               [](char c) { return c == '.' || c == '/'; }, '_');
                           return absl::StrCat(NameOf(std::get<0>(info.param)), "_", name);
                         });

ServerOptions AskForToken() {
  ServerOptions options;
  options.authorize = [](const CallInfo& info) {
    if (info.metadata.Get("authorization") == "Bearer good") return absl::OkStatus();
    return absl::UnauthenticatedError(absl::StrCat("no token for ", std::string(info.method)));
  };
  return options;
}

TEST_P(GuardedCall, WithoutATokenIsDenied) {
  Start(AskForToken());
  EXPECT_EQ(kind().call(MakeClient(), {}),
            absl::UnauthenticatedError(absl::StrCat("no token for ", method())));
  EXPECT_EQ(handlers_run_, 0);
}

TEST_P(GuardedCall, WithAWrongTokenIsDenied) {
  Start(AskForToken());
  const Metadata metadata = {{"authorization", "Bearer bad"}};
  EXPECT_EQ(kind().call(MakeClient(), {.metadata = &metadata}).code(),
            absl::StatusCode::kUnauthenticated);
  EXPECT_EQ(handlers_run_, 0);
}

TEST_P(GuardedCall, WithATokenIsPermitted) {
  Start(AskForToken());
  const Metadata metadata = {{"authorization", "Bearer good"}};
  EXPECT_EQ(kind().call(MakeClient(), {.metadata = &metadata}), absl::OkStatus());
}

TEST_P(GuardedCall, GetsItsTokenFromPerCallMetadata) {
  Start(AskForToken());
  ClientOptions options;
  std::vector<std::string> asked_for;
  options.per_call_metadata = [&](std::string_view method, Metadata& metadata) {
    asked_for.emplace_back(method);
    metadata.Add("authorization", "Bearer good");
    return absl::OkStatus();
  };
  EXPECT_EQ(kind().call(MakeClient(std::move(options)), {}), absl::OkStatus());
  // A session's stream passes whoever is on the way, too.
  std::vector<std::string> expected = {method()};
  if (carrier() == Wire::kSession) expected.push_back("parley.v1.SessionService/Open");
  EXPECT_THAT(asked_for, ElementsAreArray(expected));
}

TEST_P(GuardedCall, FailsWithPerCallMetadatasError) {
  std::atomic<int> asked = 0;
  ServerOptions server_options;
  server_options.authorize = [&](const CallInfo&) {
    ++asked;
    return absl::OkStatus();
  };
  Start(std::move(server_options));
  ClientOptions options;
  options.per_call_metadata = [](std::string_view, Metadata&) {
    return absl::ResourceExhaustedError("no more tokens today");
  };
  EXPECT_EQ(kind().call(MakeClient(std::move(options)), {}),
            absl::ResourceExhaustedError("no more tokens today"));
  EXPECT_EQ(asked, 0);
  EXPECT_EQ(handlers_run_, 0);
}

TEST_P(GuardedCall, FailsWithPerCallMetadataThatIsNotValid) {
  Start({});
  ClientOptions options;
  options.per_call_metadata = [](std::string_view, Metadata& metadata) {
    metadata.Add("authorization", "two\nlines");
    return absl::OkStatus();
  };
  EXPECT_EQ(kind().call(MakeClient(std::move(options)), {}).code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(handlers_run_, 0);
}

TEST_P(GuardedCall, IsKnownToAuthorizeBeforeItRuns) {
  struct Seen {
    std::string method, peer;
    absl::Time deadline;
    std::vector<std::string> values, peer_identities;
    int handlers_run;
  };
  std::mutex mutex;
  std::optional<Seen> seen;
  ServerOptions options;
  options.authorize = [&](const CallInfo& info) {
    const std::lock_guard lock(mutex);
    seen.emplace();
    seen->method = info.method;
    seen->peer = info.peer;
    seen->deadline = info.deadline;
    for (const std::string_view value : info.metadata.GetAll("x-key")) {
      seen->values.emplace_back(value);
    }
    seen->peer_identities = info.peer_identities;
    seen->handlers_run = handlers_run_;
    return absl::OkStatus();
  };
  Start(std::move(options));
  // The call's own metadata and the client's come together.
  ClientOptions client_options;
  client_options.per_call_metadata = [](std::string_view, Metadata& metadata) {
    metadata.Add("x-key", "of the client");
    return absl::OkStatus();
  };
  const Metadata metadata = {{"x-key", "of the call"}};
  EXPECT_EQ(kind().call(MakeClient(std::move(client_options)),
                        {.timeout = absl::Seconds(40), .metadata = &metadata}),
            absl::OkStatus());
  const std::lock_guard lock(mutex);
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->method, method());
  EXPECT_THAT(seen->peer, testing::StartsWith(!carrier() ? "local" : "ipv4:127.0.0.1:"));
  EXPECT_LT(absl::AbsDuration(seen->deadline - absl::Now() - absl::Seconds(40)), absl::Seconds(10));
  EXPECT_THAT(seen->values, testing::UnorderedElementsAre("of the call", "of the client"));
  EXPECT_THAT(seen->peer_identities, IsEmpty());
  EXPECT_EQ(seen->handlers_run, 0);
}

}  // namespace
}  // namespace parley
