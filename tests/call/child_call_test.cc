// Calls that a handler makes on behalf of its own call, with Context::Child: they end when that one
// is cancelled, and no later than its deadline.
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/time/clock.h"
#include "tests/call/any_call.h"
#include "tests/call/wire_fixture.h"

namespace parley::call_test {
namespace {

using testing::AnyOf;

constexpr absl::StatusCode kCancelled = absl::StatusCode::kCancelled;
constexpr absl::StatusCode kDeadlineExceeded = absl::StatusCode::kDeadlineExceeded;

constexpr ServerStreaming<std::string, std::string> kParent{"test.Call/Parent"};

// What may lie between a deadline and the same one behind a socket.
constexpr absl::Duration kSlack = absl::Minutes(1);

// The server that serves the children.
class InnerServer : public WireFixture {
 public:
  using WireFixture::Connect;
  using WireFixture::server;
  using WireFixture::Start;
  using WireFixture::StopServer;
  explicit InnerServer(const WireRow& wire) : WireFixture(wire) {}
};

// Two servers on the same kind of wire: one for the parents, one for their children, whose kind is
// the parameter.
class ChildCall : public EveryKind {
 protected:
  ChildCall() : inner_(std::get<0>(GetParam())) {}
  void TearDown() override {
    StopServer();
    inner_.StopServer();
  }

  void ServeChildren(Script script) {
    RegisterScript(inner_.server(), engine_, kind(), Form::kPlain, std::move(script));
    inner_.Start();
    inner_client_.emplace(inner_.Connect());
  }
  // Children say that they have started, wait to be told to stop, and say that they were.
  void ServeHeldChildren() {
    ServeChildren([this](Part& part) -> Task<absl::Status> {
      started.Add();
      const bool told = co_await part.Stopped();
      if (told) stopped.Add();
      co_return absl::AbortedError("told to nobody");
    });
  }
  void ServeParents(std::function<absl::Status(const Context&)> handler) {
    server().Register(kParent, [=](Context& ctx, const std::string&, Writer<std::string>&) {
      return handler(ctx);
    });
    Start();
  }
  // Parents whose handler makes one child and waits for its end.
  void ServeWaitingParents() {
    ServeParents([this](const Context& ctx) {
      child_status_.Put(Child(ctx)->End());
      return absl::OkStatus();
    });
  }
  std::unique_ptr<AnyCall> Child(const Context& ctx, const CallOptions& options = {}) {
    return AnyCall::Open(*inner_client_, kind(), ctx.Child(options));
  }
  // What the child's handler has of the deadline that its parent, or itself, was given.
  absl::Duration SeenByChild(CallOptions parent, CallOptions child, absl::Duration* of_parent);

  void ExpectCancelledChild() {
    EXPECT_EQ(child_status_.Take(absl::OkStatus()),
              absl::CancelledError("the call on whose behalf this one was made has ended"));
    EXPECT_TRUE(stopped.Reaches(1));
  }

  InnerServer inner_;
  std::optional<Client> inner_client_;
  Slip<absl::Status> child_status_;
  Counter parents_ended_;
};
INSTANTIATE_TEST_SUITE_P(All, ChildCall,
                         testing::Combine(testing::ValuesIn(kWires), testing::ValuesIn(kKinds)),
                         NameOf<EveryKind::ParamType>);

absl::Duration ChildCall::SeenByChild(CallOptions parent, CallOptions child,
                                      absl::Duration* of_parent) {
  const absl::Time start = absl::Now();
  Slip<absl::Time> parents, childs;
  ServeChildren([&](Part& part) -> Task<absl::Status> {
    childs.Put(part.context.deadline());
    co_return absl::OkStatus();
  });
  // `child` is a copy: that the handler is done with it this thread knows by way of a socket only, which a
  // thread sanitizer does not see.
  ServeParents([this, &parents, child](const Context& ctx) {
    parents.Put(ctx.deadline());
    return Child(ctx, child)->End();
  });
  auto call = Connect().Call(kParent, "", parent);
  EXPECT_EQ(call.Next(), std::nullopt);
  EXPECT_EQ(call.Finish(), absl::OkStatus());
  *of_parent = parents.Take(start) - start;
  return childs.Take(start) - start;
}

TEST_P(ChildCall, HasItsParentsDeadline) {
  absl::Duration parent;
  const absl::Duration child =
      SeenByChild({.timeout = absl::Minutes(7)}, {.timeout = absl::InfiniteDuration()}, &parent);
  EXPECT_GT(child, parent - kSlack);
  EXPECT_LE(child, local() ? parent : parent + kSlack);
}

TEST_P(ChildCall, HasNoLaterDeadlineThanItsParent) {
  absl::Duration parent;
  const absl::Duration child =
      SeenByChild({.timeout = absl::Minutes(7)}, {.timeout = absl::Minutes(30)}, &parent);
  EXPECT_GT(child, parent - kSlack);
  EXPECT_LE(child, local() ? parent : parent + kSlack);
}

TEST_P(ChildCall, HasItsOwnEarlierDeadline) {
  absl::Duration parent;
  const absl::Duration child =
      SeenByChild({.timeout = absl::Minutes(30)}, {.timeout = absl::Minutes(7)}, &parent);
  EXPECT_GT(child, absl::Minutes(7) - kSlack);
  EXPECT_LT(child, absl::Minutes(7) + kSlack);
  EXPECT_GT(parent, absl::Minutes(30) - kSlack);
}

TEST_P(ChildCall, OfAParentThatIsCancelledIsCancelled) {
  ServeHeldChildren();
  ServeWaitingParents();
  auto parent = Connect().Call(kParent, "");
  ASSERT_TRUE(started.Reaches(1));
  parent.Cancel();
  ExpectCancelledChild();
}

TEST_P(ChildCall, OfAParentThatIsDroppedIsCancelled) {
  ServeHeldChildren();
  ServeWaitingParents();
  {
    const auto parent = Connect().Call(kParent, "");
    ASSERT_TRUE(started.Reaches(1));
    EXPECT_FALSE(child_status_.is_there());
  }
  ExpectCancelledChild();
}

TEST_P(ChildCall, OfAParentThatAShutdownStopsIsCancelled) {
  ServeHeldChildren();
  ServeWaitingParents();
  auto parent = Connect().Call(kParent, "");
  ASSERT_TRUE(started.Reaches(1));
  EXPECT_EQ(server().Shutdown(absl::ZeroDuration()), absl::OkStatus());
  ExpectCancelledChild();
  EXPECT_EQ(parent.Next(), std::nullopt);
  EXPECT_THAT(parent.Finish(), HasCode(absl::StatusCode::kUnavailable));
}

TEST_P(ChildCall, OfAParentWhoseDeadlinePassesEndsToo) {
  ServeHeldChildren();
  ServeParents([&](const Context& ctx) {
    // The parent's end and the same deadline of its own: one of them comes first.
    EXPECT_THAT(Child(ctx)->End(), AnyOf(HasCode(kCancelled), HasCode(kDeadlineExceeded)));
    EXPECT_TRUE(StopRequested(ctx.stop_token()));
    parents_ended_.Add();
    return absl::OkStatus();
  });
  const Client client = Connect();
  // On a busy machine the first deadlines may pass before the child runs.
  for (absl::Duration timeout = absl::Milliseconds(100);; timeout *= 4) {
    auto parent = client.Call(kParent, "", {.timeout = timeout});
    EXPECT_EQ(parent.Next(), std::nullopt);
    EXPECT_THAT(parent.Finish(), HasCode(kDeadlineExceeded));
    if (started.value() > 0 || timeout > absl::Seconds(10)) break;
  }
  EXPECT_TRUE(parents_ended_.Reaches(1));
  EXPECT_TRUE(stopped.Reaches(1));
}

TEST_P(ChildCall, GoesOnWhenItsParentHasReturned) {
  Gate parent_ended;
  ServeChildren([&](Part& part) -> Task<absl::Status> {
    started.Add();
    EXPECT_TRUE(parent_ended.Opens());
    absl::Status status = co_await Echo(part);
    if (part.context.cancelled()) stopped.Add();
    co_return status;
  });
  std::unique_ptr<AnyCall> child;
  ServeParents([&](const Context& ctx) {
    child = Child(ctx);
    EXPECT_TRUE(started.Reaches(1));
    return absl::OkStatus();
  });
  {
    auto parent = Connect().Call(kParent, "");
    EXPECT_EQ(parent.Next(), std::nullopt);
    EXPECT_EQ(parent.Finish(), absl::OkStatus());
  }
  StopServer();
  parent_ended.Open();
  EXPECT_EQ(child->Write("still here"), absl::OkStatus());
  EXPECT_EQ(child->End(), absl::OkStatus());
  EXPECT_FALSE(child->responses.empty());
  EXPECT_EQ(stopped.value(), 0);
}

TEST_P(ChildCall, OfAParentThatWasCancelledBeforeNeverRuns) {
  ServeHeldChildren();
  Gate parent_started;
  ServeParents([&](const Context& ctx) {
    parent_started.Open();
    EXPECT_TRUE(StopRequested(ctx.stop_token()));
    const auto child = Child(ctx);
    EXPECT_THAT(child->Write("into nothing"),
                StreamsRequests(kind()) ? HasCode(kCancelled) : HasCode(absl::StatusCode::kOk));
    child_status_.Put(child->End());
    return absl::OkStatus();
  });
  auto parent = Connect().Call(kParent, "");
  ASSERT_TRUE(parent_started.Opens());
  parent.Cancel();
  EXPECT_THAT(child_status_.Take(absl::OkStatus()), HasCode(kCancelled));
  inner_.StopServer();
  EXPECT_EQ(started.value(), 0);
}

TEST_P(ChildCall, KeepsItsOwnOptions) {
  Slip<std::string> seen;
  ServeChildren([&](Part& part) -> Task<absl::Status> {
    seen.Put(std::string(part.context.metadata().Get("x-id").value_or("none")));
    co_return absl::OkStatus();
  });
  ServeParents([&](const Context& ctx) {
    const Metadata metadata = {{"x-id", "the child's"}};
    return Child(ctx, {.metadata = &metadata})->End();
  });
  const Metadata metadata = {{"x-id", "the parent's"}};
  auto parent = Connect().Call(kParent, "", {.metadata = &metadata});
  EXPECT_EQ(parent.Next(), std::nullopt);
  EXPECT_EQ(parent.Finish(), absl::OkStatus());
  EXPECT_EQ(seen.Take(""), "the child's");
}

// Unary calls that block: a local handler runs on the thread of its caller's.
class BlockingChildCall : public EveryWire {};
INSTANTIATE_TEST_SUITE_P(All, BlockingChildCall, testing::ValuesIn(kWires), NameOf<WireRow>);

TEST_P(BlockingChildCall, IsCancelledWithItsParentsParent) {
  constexpr Unary<std::string, std::string> kMiddle{"test.Call/Middle"};
  constexpr Unary<std::string, std::string> kLeaf{"test.Call/Leaf"};
  std::optional<Client> client;
  Gate connected, started, stopped;
  Slip<absl::Status> middle_saw, parent_saw;
  server().Register(kLeaf, [&](Context& ctx, const std::string&) -> absl::StatusOr<std::string> {
    started.Open();
    if (StopRequested(ctx.stop_token())) stopped.Open();
    return "";
  });
  server().Register(kMiddle, [&](Context& ctx, const std::string&) -> absl::StatusOr<std::string> {
    EXPECT_TRUE(connected.Opens());
    middle_saw.Put(client->Call(kLeaf, "", ctx.Child()).status());
    return "";
  });
  server().Register(kParent,
                    [&](Context& ctx, const std::string&, Writer<std::string>&) -> absl::Status {
                      EXPECT_TRUE(connected.Opens());
                      parent_saw.Put(client->Call(kMiddle, "", ctx.Child()).status());
                      return absl::OkStatus();
                    });
  Start();
  client.emplace(Connect());
  connected.Open();
  {
    auto parent = client->Call(kParent, "");
    ASSERT_TRUE(started.Opens());
    parent.Cancel();
  }
  EXPECT_TRUE(stopped.Opens());
  EXPECT_THAT(middle_saw.Take(absl::OkStatus()), HasCode(kCancelled));
  EXPECT_THAT(parent_saw.Take(absl::OkStatus()), HasCode(kCancelled));
  StopServer();
}

}  // namespace
}  // namespace parley::call_test
