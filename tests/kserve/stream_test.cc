// ModelStreamInfer: many requests on one stream, on every wire.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "parley/write_together.h"
#include "tests/kserve/kserve_fixture.h"

namespace parley::kserve_test {
namespace {

using call_test::Counter;
using call_test::Gate;
using call_test::HasCode;
using call_test::kPatience;
using call_test::kWires;
using call_test::NameOf;
using call_test::Slip;
using call_test::WireRow;
using kserve::StreamResponse;
using model_test::Floats;
using testing::ElementsAre;
using testing::IsEmpty;

class KServeStream : public EveryWireKServe {
 protected:
  using Stream = ClientReaderWriter<InferRequest, StreamResponse>;

  Stream Open(const CallOptions& options = {}) {
    return Connect().Call(kserve::kModelStreamInfer, options);
  }
  static InferRequest WithId(InferRequest request, std::string id) {
    request.id = std::move(id);
    return request;
  }
  // "id: number", "id: no, why", "id: last".
  static std::string Line(const StreamResponse& response) {
    std::string line = response.response.id + ": ";
    if (!response.error_message.empty()) return line + "no, " + response.error_message;
    if (response.response.outputs.empty()) {
      EXPECT_EQ(response.response.parameters.at("triton_final_response"), Parameter(true));
      EXPECT_FALSE(response.response.model_name.empty());
      return line + "last";
    }
    EXPECT_EQ(response.response.parameters.count("triton_final_response"), 1);
    const NamedTensor& output = response.response.outputs[0];
    return line + std::to_string(output.tensor.Values<std::int32_t>().value()[0]);
  }
  static std::vector<std::string> ReadAll(Stream& stream) {
    std::vector<std::string> lines;
    while (const std::optional<StreamResponse> response = stream.Next()) {
      lines.push_back(Line(*response));
    }
    return lines;
  }
};
INSTANTIATE_TEST_SUITE_P(All, KServeStream, testing::ValuesIn(kWires), NameOf<WireRow>);

TEST_P(KServeStream, AnswersInTheOrderOfTheRequests) {
  Serve();
  Stream stream = Open();
  std::vector<std::string> expected;
  // More than may be unanswered: nobody reads yet.
  for (int i = 0; i < 200; ++i) {
    const std::string id = std::to_string(i);
    EXPECT_EQ(stream.Write(WithId(Identity({i}), id)), absl::OkStatus());
    expected.push_back(id + ": " + id);
  }
  stream.WritesDone();
  EXPECT_EQ(ReadAll(stream), expected);
  EXPECT_EQ(stream.Finish(), absl::OkStatus());
}

TEST_P(KServeStream, KeepsTheOrderOfModelsOfDifferentSpeed) {
  Serve();
  Gate go_on;
  Model slow = IdentityModel(DataType::kInt32);
  slow.spec.name = "slow";
  slow.queue.emplace();  // on a thread of its own
  slow.handler = [&go_on](const InferRequest& request,
                          const InferTerms&) -> absl::StatusOr<InferResponse> {
    EXPECT_TRUE(go_on.Opens());
    return InferResponse{.outputs = {{"OUTPUT", *request.FindInput("INPUT")}}};
  };
  ASSERT_EQ(registry_.Load(std::move(slow)), absl::OkStatus());
  Stream stream = Open();
  InferRequest first = WithId(Identity({1}), "slow");
  first.model_name = "slow";
  EXPECT_EQ(stream.Write(first), absl::OkStatus());
  EXPECT_EQ(stream.Write(WithId(Identity({2}), "quick")), absl::OkStatus());
  EXPECT_EQ(stream.Write(WithId({.model_name = "none"}, "bad")), absl::OkStatus());
  stream.WritesDone();
  go_on.Open();
  EXPECT_THAT(ReadAll(stream),
              ElementsAre("slow: 1", "quick: 2", "bad: no, there is no model \"none\""));
  EXPECT_EQ(stream.Finish(), absl::OkStatus());
}

TEST_P(KServeStream, GoesOnAfterAnError) {
  Serve();
  Stream stream = Open();
  EXPECT_EQ(stream.Write(WithId({.model_name = "fail"}, "a")), absl::OkStatus());
  EXPECT_EQ(stream.Write(WithId(Identity({1}), "b")), absl::OkStatus());
  stream.WritesDone();
  EXPECT_THAT(ReadAll(stream), ElementsAre("a: no, as always", "b: 1"));
  EXPECT_EQ(stream.Finish(), absl::OkStatus());
}

TEST_P(KServeStream, SendsNoErrorThatIsNotUtf8) {
  Serve();
  Model model = FailModel();
  model.spec.name = "bytes";
  model.handler = [](const InferRequest&, const InferTerms&) -> absl::StatusOr<InferResponse> {
    return absl::DataLossError("a \xff");
  };
  ASSERT_EQ(registry_.Load(std::move(model)), absl::OkStatus());
  Stream stream = Open();
  EXPECT_EQ(stream.Write(WithId({.model_name = "bytes"}, "a")), absl::OkStatus());
  stream.WritesDone();
  EXPECT_THAT(ReadAll(stream), ElementsAre("a: no, a \\377"));
}

TEST_P(KServeStream, EndsAtTheFirstErrorIfThatIsAskedFor) {
  Serve();
  const Metadata metadata = {{"triton_grpc_error", "true"}};
  Stream stream = Open({.metadata = &metadata});
  EXPECT_EQ(stream.Write(WithId(Identity({1}), "a")), absl::OkStatus());
  EXPECT_EQ(stream.Write(WithId({.model_name = "fail"}, "b")), absl::OkStatus());
  EXPECT_THAT(ReadAll(stream), ElementsAre("a: 1"));
  EXPECT_EQ(stream.Finish(), absl::FailedPreconditionError("as always"));
}

TEST_P(KServeStream, GivesManyResponsesToOneRequest) {
  Serve();
  Stream stream = Open();
  InferRequest request = WithId(Repeat({1, 2, 3}), "a");
  EXPECT_EQ(stream.Write(request), absl::OkStatus());
  stream.WritesDone();
  EXPECT_THAT(ReadAll(stream), ElementsAre("a: 1", "a: 2", "a: 3"));
  EXPECT_EQ(stream.Finish(), absl::OkStatus());

  Stream with_last = Open();
  request.parameters = {{"triton_enable_empty_final_response", true}};
  EXPECT_EQ(with_last.Write(request), absl::OkStatus());
  with_last.WritesDone();
  EXPECT_THAT(ReadAll(with_last), ElementsAre("a: 1", "a: 2", "a: 3", "a: last"));
  EXPECT_EQ(with_last.Finish(), absl::OkStatus());

  Stream failing = Open();
  request.parameters = {{"fail", true}};
  EXPECT_EQ(failing.Write(request), absl::OkStatus());
  failing.WritesDone();
  EXPECT_THAT(ReadAll(failing), ElementsAre("a: 1", "a: 2", "a: 3", "a: no, as was asked for"));
  EXPECT_EQ(failing.Finish(), absl::OkStatus());
}

TEST_P(KServeStream, RunsRequestsOfStreamingModelsBesideEachOther) {
  Serve();
  Counter began;
  Gate go_on;
  Model model = RepeatModel();
  model.spec.name = "held";
  model.handler = [&](Inference inference) {
    began.Add();
    EXPECT_TRUE(go_on.Opens());
    std::move(inference).Finish(absl::OkStatus());
  };
  ASSERT_EQ(registry_.Load(std::move(model)), absl::OkStatus());
  Stream stream = Open();
  InferRequest request = Repeat({1});
  request.model_name = "held";
  for (int i = 0; i < 4; ++i) EXPECT_EQ(stream.Write(request), absl::OkStatus());
  EXPECT_TRUE(began.Reaches(4));
  go_on.Open();
  stream.WritesDone();
  EXPECT_THAT(ReadAll(stream), IsEmpty());
  EXPECT_EQ(stream.Finish(), absl::OkStatus());
}

TEST_P(KServeStream, ReadsNoMoreRequestsThanMayBeUnanswered) {
  Serve({.max_stream_requests = 2});
  Counter began;
  Gate go_on;
  Model model = RepeatModel();
  model.spec.name = "held";
  model.handler = [&](Inference inference) {
    EXPECT_LE(began.Add(), go_on.is_open() ? 10 : 2);
    EXPECT_TRUE(go_on.Opens());
    std::move(inference).Finish(absl::OkStatus());
  };
  ASSERT_EQ(registry_.Load(std::move(model)), absl::OkStatus());
  Stream stream = Open();
  InferRequest request = Repeat({1});
  request.model_name = "held";
  for (int i = 0; i < 10; ++i) EXPECT_EQ(stream.Write(request), absl::OkStatus());
  EXPECT_TRUE(began.Reaches(2));
  go_on.Open();
  stream.WritesDone();
  EXPECT_THAT(ReadAll(stream), IsEmpty());
  EXPECT_EQ(stream.Finish(), absl::OkStatus());
  EXPECT_EQ(began.value(), 10);
}

TEST_P(KServeStream, HoldsAModelBackThatNobodyReads) {
  Serve();
  Counter written;
  Gate ended;
  Model model = RepeatModel();
  model.spec.name = "endless";
  model.handler = [&](Inference inference) {
    const InferResponse response{.outputs = {{"OUT", *inference.request().FindInput("IN")},
                                             {"BIG", Floats(std::vector<float>(10'000))}}};
    absl::Status status;
    while ((status = inference.Write(response)).ok()) written.Add();
    std::move(inference).Finish(status);
    ended.Open();
  };
  model.spec.outputs.push_back({"BIG", DataType::kFp32, {-1}});
  ASSERT_EQ(registry_.Load(std::move(model)), absl::OkStatus());
  {
    Stream stream = Open();
    InferRequest request = Repeat({1});
    request.model_name = "endless";
    EXPECT_EQ(stream.Write(request), absl::OkStatus());
    EXPECT_TRUE(stream.Next().has_value());
    EXPECT_TRUE(written.Reaches(64));
  }
  // The client has gone: the model is told, and did not run away meanwhile.
  EXPECT_TRUE(ended.Opens());
  EXPECT_LT(written.value(), 10'000);
  DestroyServer();
}

// Or else it would wait for the client to read what is kept back.
TEST_P(KServeStream, SendsWhatAnEngineHasWrittenTogetherBeforeItWaits) {
  Serve();
  constexpr int kResponses = 500;
  Slip<std::optional<Inference>> came;
  Model model = RepeatModel();
  model.spec.name = "step";
  model.spec.outputs.push_back({"BIG", DataType::kFp32, {-1}});
  model.handler = [&came](Inference inference) { came.Put(std::move(inference)); };
  ASSERT_EQ(registry_.Load(std::move(model)), absl::OkStatus());
  Stream stream = Open({.timeout = absl::FromChrono(kPatience)});
  InferRequest request = WithId(Repeat({1}), "a");
  request.model_name = "step";
  EXPECT_EQ(stream.Write(request), absl::OkStatus());
  stream.WritesDone();
  std::optional<Inference> inference = came.Take(std::nullopt);
  ASSERT_TRUE(inference.has_value());
  std::thread engine([&] {
    const InferResponse response{.outputs = {{"OUT", *inference->request().FindInput("IN")},
                                             {"BIG", Floats(std::vector<float>(1000))}}};
    WriteTogether([&] {
      for (int i = 0; i < kResponses; ++i) {
        EXPECT_EQ(inference->Write(response), absl::OkStatus());
      }
    });
    std::move(*inference).Finish(absl::OkStatus());
  });
  EXPECT_EQ(ReadAll(stream).size(), kResponses);
  EXPECT_EQ(stream.Finish(), absl::OkStatus());
  engine.join();
}

TEST_P(KServeStream, TellsModelsWhenTheClientHasGone) {
  Serve();
  Gate began, stopped;
  Model model = RepeatModel();
  model.spec.name = "held";
  model.handler = [&](Inference inference) {
    const std::stop_callback callback(inference.stop_token(), [&] { stopped.Open(); });
    began.Open();
    EXPECT_TRUE(stopped.Opens());
    std::move(inference).Finish(absl::CancelledError("gone"));
  };
  ASSERT_EQ(registry_.Load(std::move(model)), absl::OkStatus());
  {
    Stream stream = Open();
    InferRequest request = Repeat({1});
    request.model_name = "held";
    EXPECT_EQ(stream.Write(request), absl::OkStatus());
    EXPECT_TRUE(began.Opens());
  }
  EXPECT_TRUE(stopped.Opens());
  DestroyServer();  // whose thread has waited for the same
}

TEST_P(KServeStream, OfNoRequestsIsOk) {
  Serve();
  Stream stream = Open();
  stream.WritesDone();
  EXPECT_THAT(ReadAll(stream), IsEmpty());
  EXPECT_EQ(stream.Finish(), absl::OkStatus());
}

TEST_P(KServeStream, SaysOfAResponseThatIsTooLargeThatItIs) {
  server_options.max_message_bytes = 100'000;
  Serve();
  Stream stream = Open();
  Model model = RepeatModel();
  model.spec.name = "large";
  model.spec.outputs = {{"BIG", DataType::kFp32, {-1}}};
  model.handler = [](const InferRequest&, const InferTerms&) -> absl::StatusOr<InferResponse> {
    return InferResponse{.outputs = {{"BIG", Floats(std::vector<float>(100'000))}}};
  };
  ASSERT_EQ(registry_.Load(std::move(model)), absl::OkStatus());
  InferRequest request = WithId(Repeat({1}), "a");
  request.model_name = "large";
  EXPECT_EQ(stream.Write(request), absl::OkStatus());
  stream.WritesDone();
  const std::optional<StreamResponse> response = stream.Next();
  ASSERT_TRUE(response.has_value());
  if (!local()) {
    EXPECT_THAT(response->error_message, testing::HasSubstr("100000"));
  }
  EXPECT_FALSE(stream.Next().has_value());
  EXPECT_EQ(stream.Finish(), absl::OkStatus());
}

TEST_P(KServeStream, OfTheClientHasAStatusOfItsOwn) {
  Serve();
  const kserve::Client client = ConnectKServe();
  kserve::InferStream numbers = client.StreamInfer(Repeat({1, 2}));
  std::vector<std::int32_t> seen;
  for (const InferResponse& response : numbers) {
    seen.push_back(response.Output<std::int32_t>("OUT").value()[0]);
  }
  EXPECT_EQ(numbers.Finish(), absl::OkStatus());
  EXPECT_THAT(seen, ElementsAre(1, 2));
  kserve::InferStream failing = client.StreamInfer({.model_name = "fail"});
  EXPECT_FALSE(failing.Next().has_value());
  EXPECT_EQ(failing.Finish(), absl::FailedPreconditionError("as always"));
}

}  // namespace
}  // namespace parley::kserve_test
