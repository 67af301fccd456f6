// Guarantee 1: a call has exactly one final status, from one place; the end of a stream is not an
// error, and an error is never an element. What nobody asked for is logged.
#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/call/any_call.h"
#include "tests/call/wire_fixture.h"

namespace parley::call_test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class FinalStatus : public EveryWire {};
INSTANTIATE_TEST_SUITE_P(All, FinalStatus, testing::ValuesIn(kWires), NameOf<WireRow>);

// Sends "a" and "b", then `status`.
auto TwoAnd(absl::Status status) {
  return [status](Context&, const std::string&, Writer<std::string>& out) -> absl::Status {
    for (const char* text : {"a", "b"}) {
      if (absl::Status written = out.Write(text); !written.ok()) return written;
    }
    return status;
  };
}

TEST_P(FinalStatus, OfAStreamThatEndsIsOkAsOftenAsOneAsks) {
  server().Register(kDown, TwoAnd(absl::OkStatus()));
  Start();
  ClientReader<std::string> reader = Connect().Call(kDown, "");
  std::vector<std::string> elements;
  for (const std::string& element : reader) elements.push_back(element);
  EXPECT_THAT(elements, ElementsAre("a", "b"));
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(reader.Next(), std::nullopt);
    EXPECT_EQ(reader.status(), absl::OkStatus());
    EXPECT_EQ(reader.Finish(), absl::OkStatus());
  }
}

TEST_P(FinalStatus, OfAStreamThatFailsComesAfterItsElements) {
  server().Register(kDown, TwoAnd(absl::NotFoundError("no c")));
  Start();
  ClientReader<std::string> reader = Connect().Call(kDown, "");
  std::vector<std::string> elements;
  for (const std::string& element : reader) elements.push_back(element);
  EXPECT_THAT(elements, ElementsAre("a", "b"));
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(reader.Next(), std::nullopt);
    EXPECT_EQ(reader.status(), absl::NotFoundError("no c"));
    EXPECT_EQ(reader.Finish(), absl::NotFoundError("no c"));
  }
}

TEST_P(FinalStatus, OfAnUploadIsTheSameAsOftenAsOneAsks) {
  server().Register(kUp, [](Context&, Reader<std::string>&) -> absl::StatusOr<std::string> {
    return absl::NotFoundError("no use for it");
  });
  Start();
  ClientWriter<std::string, std::string> writer = Connect().Call(kUp);
  EXPECT_EQ(writer.Finish().status(), absl::NotFoundError("no use for it"));
  EXPECT_EQ(writer.Finish().status(), absl::NotFoundError("no use for it"));
}

TEST_P(FinalStatus, OfAnUploadWhoseResponseWasTakenIsToldFromAFailure) {
  server().Register(kUp, [](Context&, Reader<std::string>&) -> absl::StatusOr<std::string> {
    return "the only one";
  });
  Start();
  ClientWriter<std::string, std::string> writer = Connect().Call(kUp);
  EXPECT_EQ(writer.Finish().value_or("an error"), "the only one");
  EXPECT_THAT(writer.Finish().status(), HasCode(absl::StatusCode::kFailedPrecondition));
}

TEST_P(FinalStatus, IsUnknownUntilTheStreamHasBeenReadToItsEnd) {
  server().Register(kDown, TwoAnd(absl::OkStatus()));
  Start();
  ClientReader<std::string> reader = Connect().Call(kDown, "");
  EXPECT_THAT(reader.status(), HasCode(absl::StatusCode::kUnknown));
  EXPECT_EQ(reader.Next(), "a");
  // Even when the status has long arrived.
  reader.trailing_metadata();
  EXPECT_THAT(reader.status(), HasCode(absl::StatusCode::kUnknown));
  EXPECT_EQ(reader.Next(), "b");
  EXPECT_EQ(reader.Next(), std::nullopt);
  EXPECT_EQ(reader.status(), absl::OkStatus());
}

TEST_P(FinalStatus, KnownBeforeAnEarlyFinishIsWhatFinishReturns) {
  server().Register(kDown, TwoAnd(absl::OutOfRangeError("there are only two")));
  Start();
  ClientReader<std::string> reader = Connect().Call(kDown, "");
  reader.trailing_metadata();  // until the call has ended
  EXPECT_EQ(reader.Finish(), absl::OutOfRangeError("there are only two"));
}

TEST_P(FinalStatus, OfAHandlersReaderIsOkOnlyAfterTheHalfClose) {
  Slip<absl::Status> before, after;
  server().Register(kUp, [&](Context&, Reader<std::string>& in) -> absl::StatusOr<std::string> {
    in.Next();
    before.Put(in.status());
    while (in.Next()) {
    }
    after.Put(in.status());
    return "all of it";
  });
  Start();
  ClientWriter<std::string, std::string> writer = Connect().Call(kUp);
  ASSERT_EQ(writer.Write("first"), absl::OkStatus());
  EXPECT_THAT(before.Take(absl::OkStatus()), HasCode(absl::StatusCode::kUnknown));
  EXPECT_EQ(writer.Finish().value_or("an error"), "all of it");
  EXPECT_EQ(after.Take(absl::UnknownError("")), absl::OkStatus());
  StopServer();
}

TEST_P(FinalStatus, OfAHandlersReaderIsNotOkIfTheUploadWasCut) {
  Counter read;
  Slip<absl::Status> after;
  server().Register(kUp, [&](Context&, Reader<std::string>& in) -> absl::StatusOr<std::string> {
    while (in.Next()) read.Add();
    after.Put(in.status());
    return "as much as there was";
  });
  Start();
  const Client client = Connect();
  {
    ClientWriter<std::string, std::string> writer = client.Call(kUp);
    for (int i = 0; i < 3; ++i) ASSERT_EQ(writer.Write("piece"), absl::OkStatus());
    ASSERT_TRUE(read.Reaches(3));
  }
  EXPECT_THAT(after.Take(absl::OkStatus()), HasCode(absl::StatusCode::kCancelled));
  StopServer();
}

// The two sides of a contract may disagree on the kind of a method.
TEST_P(FinalStatus, OfAUnaryCallToAStreamingMethodDependsOnItsResponses) {
  const Unary<std::string, std::string> unary{kBoth.path};
  server().Register(
      kBoth, [](Context&, Reader<std::string>& in, Writer<std::string>& out) -> absl::Status {
        for (const std::string& request : in) {
          for (char response : request) {
            if (absl::Status status = out.Write(std::string(1, response)); !status.ok()) {
              return status;
            }
          }
        }
        return in.status();
      });
  Start();
  const Client client = Connect();
  EXPECT_EQ(client.Call(unary, "1").value_or("an error"), "1");
  EXPECT_EQ(client.AsyncCall(unary, "1").Wait().value_or("an error"), "1");
  // For a second response gRPC's unary calls wait without end, some versions at least.
  const CallOptions options = {.timeout = absl::Seconds(1)};
  const auto is_refused = testing::AnyOf(HasCode(absl::StatusCode::kInternal),
                                         HasCode(absl::StatusCode::kUnimplemented),
                                         HasCode(absl::StatusCode::kDeadlineExceeded));
  EXPECT_THAT(client.Call(unary, "", options).status(), is_refused);
  EXPECT_THAT(client.Call(unary, "12", options).status(), is_refused);
  EXPECT_THAT(client.AsyncCall(unary, "123", options).Wait().status(), is_refused);
}

TEST_P(FinalStatus, IsOneWhenEndAndCancelRace) {
  server().Register(kDown, TwoAnd(absl::OkStatus()));
  Start();
  const Client client = Connect();
  int cancelled = 0;
  for (int i = 0; i < 300; ++i) {
    ClientReader<std::string> reader = client.Call(kDown, "");
    std::thread canceller([&] {
      // At any moment of the call, of which a busy machine must not make minutes.
      const auto moment =
          std::chrono::steady_clock::now() + std::chrono::microseconds(20) * (i % 30);
      while (std::chrono::steady_clock::now() < moment) {
      }
      reader.Cancel();
    });
    while (reader.Next()) {
    }
    const absl::Status first = reader.status();
    canceller.join();
    EXPECT_EQ(reader.status(), first);
    EXPECT_EQ(reader.Finish(), first);
    EXPECT_TRUE(first.ok() || first.code() == absl::StatusCode::kCancelled) << first;
    cancelled += first.ok() ? 0 : 1;
  }
  RecordProperty("cancelled", cancelled);
}

// --- What nobody asked for.

TEST_P(FinalStatus, ThatIsAnErrorAndThatNobodySawIsLogged) {
  server().Register(kDown, TwoAnd(absl::NotFoundError("no c")));
  Start();
  const Client client = Connect();
  {
    ClientReader<std::string> reader = client.Call(kDown, "");
    while (reader.Next()) {
    }
  }
  EXPECT_TRUE(client_log.Says("no c"));
  EXPECT_TRUE(client_log.Says("test.Call/Down"));
}

TEST_P(FinalStatus, ThatSomebodySawOrThatIsOkIsNotLogged) {
  server().Register(kDown, TwoAnd(absl::NotFoundError("no c")));
  server().Register(
      kBoth, [](Context&, Reader<std::string>&, Writer<std::string>&) { return absl::OkStatus(); });
  server().Register(kUp, [](Context& ctx, Reader<std::string>&) -> absl::StatusOr<std::string> {
    EXPECT_TRUE(StopRequested(ctx.stop_token()));
    return "";
  });
  Start();
  const Client client = Connect();
  {
    ClientReader<std::string> reader = client.Call(kDown, "");
    while (reader.Next()) {
    }
    EXPECT_FALSE(reader.status().ok());
  }
  {
    ClientReader<std::string> reader = client.Call(kDown, "");
    reader.trailing_metadata();
    EXPECT_FALSE(reader.Finish().ok());
  }
  client.Call(kBoth).trailing_metadata();
  // To leave a call early is no error.
  ASSERT_EQ(client.Call(kUp).Write("and no more"), absl::OkStatus());
  EXPECT_THAT(client_log.lines(), IsEmpty());
}

// --- A handler that forgets to finish.

class Forgotten : public EveryKind {};
INSTANTIATE_TEST_SUITE_P(All, Forgotten,
                         testing::Combine(testing::ValuesIn(kWires), testing::ValuesIn(kKinds)),
                         NameOf<EveryKind::ParamType>);

TEST_P(Forgotten, CallIsInternal) {
  server().Register(kUnary, [](ServerCall<Unary<std::string, std::string>>) {});
  server().Register(kDown, [](ServerCall<ServerStreaming<std::string, std::string>>) {});
  server().Register(kUp, [](ServerCall<ClientStreaming<std::string, std::string>>) {});
  server().Register(kBoth, [](ServerCall<Bidi<std::string, std::string>>) {});
  Start();
  const Client client = Connect();
  EXPECT_EQ(Open(client)->End(),
            absl::InternalError("the handler dropped the call without finishing it"));
}

}  // namespace
}  // namespace parley::call_test
