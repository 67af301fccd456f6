// One request's responses on a stream of its own.
#include "parley/kserve/infer_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "parley/kserve/client.h"
#include "tests/call/wire_fixture.h"
#include "tests/model/models.h"

namespace parley::kserve {
namespace {

using call_test::Counter;
using call_test::Gate;
using call_test::HasCode;
using call_test::IsStatus;
using call_test::Slip;
using call_test::StopRequested;
using model_test::DoubleRequest;
using model_test::Floats;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using Requests = Reader<InferRequest>;
using Responses = Writer<StreamResponse>;

StreamResponse Number(float value, Parameters parameters = {}) {
  return {.response = {.id = "seven",
                       .parameters = std::move(parameters),
                       .outputs = {{"y", Floats({value}, {})}}}};
}
StreamResponse Empty(Parameters parameters) {
  return {.response = {.id = "seven", .parameters = std::move(parameters)}};
}
float ValueOf(const InferResponse& response) { return response.Output<float>("y").value()[0]; }

class InferStreamTest : public call_test::EveryWire {
 protected:
  using Handler = std::function<absl::Status(Context&, Requests&, Responses&)>;

  void Serve(Handler handler) {
    server().Register(kModelStreamInfer, std::move(handler));
    Start();
    client_.emplace(Connect());
  }
  InferStream Ask(const CallOptions& options = {}) {
    return client_->StreamInfer(DoubleRequest("count", Floats({1})), options);
  }
  static std::vector<float> ValuesOf(InferStream& stream) {
    std::vector<float> values;
    for (const InferResponse& response : stream) values.push_back(ValueOf(response));
    return values;
  }

  std::optional<Client> client_;
};

TEST_P(InferStreamTest, SendsOneRequestAndGivesItsResponsesInOrder) {
  Serve([](Context& context, Requests& requests, Responses& responses) {
    EXPECT_EQ(context.metadata().Get("triton_grpc_error"), "true");
    EXPECT_EQ(context.metadata().Get("tenant"), "blue");
    const std::optional<InferRequest> request = requests.Next();
    EXPECT_TRUE(request.has_value() && request->model_name == "count");
    EXPECT_FALSE(requests.Next().has_value());
    EXPECT_EQ(requests.status(), absl::OkStatus());
    for (const float value : {1.F, 2.F, 3.F}) {
      EXPECT_EQ(responses.Write(Number(value)), absl::OkStatus());
    }
    return absl::OkStatus();
  });
  const Metadata metadata = {{"tenant", "blue"}};
  InferStream stream = Ask({.metadata = &metadata});
  EXPECT_THAT(ValuesOf(stream), ElementsAre(1, 2, 3));
  EXPECT_EQ(stream.Next(), std::nullopt);
  EXPECT_EQ(stream.Finish(), absl::OkStatus());
}

TEST_P(InferStreamTest, SendsARequestThatIsLargerThanItsQueue) {
  Serve([](Context&, Requests& requests, Responses& responses) {
    const std::optional<InferRequest> request = requests.Next();
    return responses.Write({.response = {.outputs = {{"y", *request->FindInput("x")}}}});
  });
  const std::vector<float> values(1'000'000, 2);
  InferStream stream = client_->StreamInfer(DoubleRequest("count", Floats(values)));
  const std::optional<InferResponse> response = stream.Next();
  ASSERT_TRUE(response.has_value()) << stream.Finish();
  EXPECT_EQ(model_test::ValuesOf(*response->FindOutput("y")), values);
  EXPECT_EQ(stream.Next(), std::nullopt);
  EXPECT_EQ(stream.Finish(), absl::OkStatus());
}

TEST_P(InferStreamTest, EndsWithTheServersStatus) {
  Serve([](Context&, Requests&, Responses& responses) {
    EXPECT_EQ(responses.Write(Number(1)), absl::OkStatus());
    return absl::DataLossError("no weights");
  });
  InferStream stream = Ask();
  EXPECT_THAT(ValuesOf(stream), ElementsAre(1));
  EXPECT_EQ(stream.Finish(), absl::DataLossError("no weights"));
}

TEST_P(InferStreamTest, EndsWithAnErrorThatHasNoCode) {
  Gate stopped;
  Serve([&](Context& context, Requests&, Responses& responses) {
    EXPECT_EQ(responses.Write(Number(1)), absl::OkStatus());
    EXPECT_EQ(responses.Write({.error_message = "no weights", .response = {.id = "seven"}}),
              absl::OkStatus());
    (void)responses.Write(Number(2));  // the client may have left
    EXPECT_TRUE(StopRequested(context.stop_token()));
    stopped.Open();
    return absl::OkStatus();
  });
  InferStream stream = Ask();
  EXPECT_THAT(ValuesOf(stream), ElementsAre(1));
  EXPECT_EQ(stream.Next(), std::nullopt);
  EXPECT_EQ(stream.Finish(), absl::UnknownError("no weights"));
  EXPECT_TRUE(stopped.Opens());
}

// The server has said all and still does not close its side.
TEST_P(InferStreamTest, EndsAtTheFinalResponseIfThatIsEmpty) {
  Serve([](Context& context, Requests&, Responses& responses) {
    EXPECT_EQ(responses.Write(Number(1, {{"triton_final_response", false}})), absl::OkStatus());
    EXPECT_EQ(responses.Write(Empty({{"triton_final_response", true}})), absl::OkStatus());
    EXPECT_TRUE(StopRequested(context.stop_token()));
    return absl::AbortedError("too late");
  });
  InferStream stream = Ask();
  EXPECT_THAT(ValuesOf(stream), ElementsAre(1));
  EXPECT_EQ(stream.Next(), std::nullopt);
  EXPECT_EQ(stream.Finish(), absl::OkStatus());
}

TEST_P(InferStreamTest, GivesEveryOtherResponse) {
  Serve([](Context&, Requests&, Responses& responses) {
    EXPECT_EQ(responses.Write(Empty({})), absl::OkStatus());
    EXPECT_EQ(responses.Write(Empty({{"triton_final_response", false}})), absl::OkStatus());
    EXPECT_EQ(responses.Write(Empty({{"triton_final_response", "true"}})), absl::OkStatus());
    return responses.Write(Number(1, {{"triton_final_response", true}}));
  });
  InferStream stream = Ask();
  int empty = 0;
  std::optional<InferResponse> last;
  for (const InferResponse& response : stream) {
    empty += response.outputs.empty() ? 1 : 0;
    last = response;
  }
  EXPECT_EQ(empty, 3);
  ASSERT_TRUE(last.has_value());
  EXPECT_EQ(ValueOf(*last), 1);
  EXPECT_EQ(stream.Finish(), absl::OkStatus());
}

TEST_P(InferStreamTest, CancelsWhenItIsDropped) {
  Gate stopped;
  Serve([&](Context& context, Requests&, Responses& responses) {
    EXPECT_EQ(responses.Write(Number(1)), absl::OkStatus());
    EXPECT_TRUE(StopRequested(context.stop_token()));
    stopped.Open();
    return absl::OkStatus();
  });
  {
    InferStream stream = Ask();
    ASSERT_TRUE(stream.Next().has_value());
  }
  EXPECT_TRUE(stopped.Opens());
}

TEST_P(InferStreamTest, CancelsWhenItIsFinishedBeforeTheEnd) {
  Serve([&](Context& context, Requests&, Responses& responses) {
    EXPECT_EQ(responses.Write(Number(1)), absl::OkStatus());
    EXPECT_TRUE(StopRequested(context.stop_token()));
    return absl::OkStatus();
  });
  InferStream stream = Ask();
  ASSERT_TRUE(stream.Next().has_value());
  EXPECT_THAT(stream.Finish(), HasCode(absl::StatusCode::kCancelled));
}

TEST_P(InferStreamTest, GoesOnBesideAnother) {
  Counter asked;
  Serve([&](Context&, Requests&, Responses& responses) {
    const auto number = static_cast<float>(asked.Add());
    EXPECT_TRUE(asked.Reaches(2));
    EXPECT_EQ(responses.Write(Number(number)), absl::OkStatus());
    return responses.Write(Number(-number));
  });
  InferStream one = Ask();
  InferStream two = Ask();
  const std::vector<float> of_one = ValuesOf(one);
  const std::vector<float> of_two = ValuesOf(two);
  for (const std::vector<float>& values : {of_one, of_two}) {
    ASSERT_EQ(values.size(), 2);
    EXPECT_EQ(values[0], -values[1]);
  }
  EXPECT_NE(of_one, of_two);
  EXPECT_EQ(one.Finish(), absl::OkStatus());
  EXPECT_EQ(two.Finish(), absl::OkStatus());
  DestroyServer();  // whose threads have waited for the counter
}

TEST_P(InferStreamTest, IsReadWithoutBlocking) {
  Gate go_on;
  Serve([&](Context&, Requests&, Responses& responses) {
    EXPECT_TRUE(go_on.Opens());
    EXPECT_EQ(responses.Write(Number(1)), absl::OkStatus());
    EXPECT_EQ(responses.Write(Number(2)), absl::OkStatus());
    return responses.Write({.error_message = "no weights"});
  });
  InferStream stream = Ask();
  { const auto dropped = stream.AsyncNext(); }
  Slip<std::optional<InferResponse>> first;
  stream.AsyncNext().Then([&](std::optional<InferResponse> response) { first.Put(response); });
  go_on.Open();
  const std::optional<InferResponse> response = first.Take(std::nullopt);
  ASSERT_TRUE(response.has_value());
  EXPECT_EQ(ValueOf(*response), 1);
  EXPECT_TRUE(stream.AsyncNext().Wait().has_value());
  EXPECT_FALSE(stream.AsyncNext().Wait().has_value());
  EXPECT_EQ(stream.AsyncFinish().Wait(), absl::UnknownError("no weights"));
}

TEST_P(InferStreamTest, EndsAReadThatIsPendingWhenItIsDropped) {
  Serve([&](Context& context, Requests&, Responses&) {
    EXPECT_TRUE(StopRequested(context.stop_token()));
    return absl::OkStatus();
  });
  auto stream = std::make_unique<InferStream>(Ask());
  Slip<bool> given;
  stream->AsyncNext().Then([&](const auto& response) { given.Put(response.has_value()); });
  stream.reset();
  EXPECT_FALSE(given.Take(true));
}

TEST_P(InferStreamTest, SaysWhyItsRequestCouldNotBeSent) {
  Serve([](Context&, Requests& requests, Responses&) {
    EXPECT_FALSE(requests.Next().has_value());
    return absl::OkStatus();
  });
  const Client client(Connect({.max_message_bytes = 1000}));
  InferStream stream = client.StreamInfer(DoubleRequest("count", Floats(std::vector<float>(999))));
  EXPECT_EQ(stream.Next(), std::nullopt);
  EXPECT_THAT(stream.Finish(), IsStatus(absl::StatusCode::kResourceExhausted, HasSubstr("1000")));
  InferStream late = Ask({.timeout = absl::ZeroDuration()});
  EXPECT_EQ(late.Next(), std::nullopt);
  EXPECT_THAT(late.Finish(), HasCode(absl::StatusCode::kDeadlineExceeded));
}

INSTANTIATE_TEST_SUITE_P(All, InferStreamTest, testing::ValuesIn(call_test::kWires),
                         call_test::NameOf<call_test::WireRow>);

class InferStreamFromOutside : public call_test::EveryWire {};

TEST_P(InferStreamFromOutside, EndsAtAMessageThatIsNone) {
  server().Register(Bidi<std::string, std::string>{kModelStreamInfer.path},
                    [](Context&, Reader<std::string>&, Writer<std::string>& responses) {
                      return responses.Write("\x0a");
                    });
  Start();
  const Client client(Connect());
  InferStream stream = client.StreamInfer(DoubleRequest("count", Floats({1})));
  EXPECT_EQ(stream.Next(), std::nullopt);
  EXPECT_THAT(stream.Finish(),
              IsStatus(absl::StatusCode::kInternal, HasSubstr("malformed message")));
}

INSTANTIATE_TEST_SUITE_P(All, InferStreamFromOutside, testing::ValuesIn(call_test::kSocketWires),
                         call_test::NameOf<call_test::WireRow>);

}  // namespace
}  // namespace parley::kserve
