// parley's client of the protocol, with its options as they are, and a server that has nothing of
// parley's: one that grpc_cpp_plugin generated, and that answers as Triton does.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "grpc_service.grpc.pb.h"
#include "parley/kserve/client.h"
#include "tests/model/models.h"

namespace parley::kserve {
namespace {

using model_test::DoubleRequest;
using model_test::Floats;
using testing::ElementsAre;
using testing::IsEmpty;

// Adds "y", with its values in the message's own fields.
void AddTyped(float value, inference::ModelInferResponse& response) {
  auto& output = *response.add_outputs();
  output.set_name(std::string("y"));
  output.set_datatype(std::string("FP32"));
  output.add_shape(1);
  output.mutable_contents()->add_fp32_contents(value);
}

class TritonsManners final : public inference::GRPCInferenceService::Service {
  grpc::Status ServerReady(grpc::ServerContext*, const inference::ServerReadyRequest*,
                           inference::ServerReadyResponse* response) override {
    response->set_ready(true);
    return grpc::Status::OK;
  }
  grpc::Status ModelInfer(grpc::ServerContext*, const inference::ModelInferRequest* request,
                          inference::ModelInferResponse* response) override {
    if (request->raw_input_contents_size() != 1) {
      return {grpc::StatusCode::INVALID_ARGUMENT, "not one raw input"};
    }
    response->set_model_name(request->model_name());
    AddTyped(2, *response);
    return grpc::Status::OK;
  }
  // Two responses; then an error if the model is called "fail", else the end, in a message of its own.
  grpc::Status ModelStreamInfer(
      grpc::ServerContext* context,
      grpc::ServerReaderWriter<inference::ModelStreamInferResponse, inference::ModelInferRequest>*
          stream) override {
    if (context->client_metadata().count("triton_grpc_error") != 1) {
      return {grpc::StatusCode::FAILED_PRECONDITION, "triton_grpc_error is missing"};
    }
    inference::ModelInferRequest request;
    while (stream->Read(&request)) {
      for (const float value : {1.F, 2.F}) {
        inference::ModelStreamInferResponse message;
        AddTyped(value, *message.mutable_infer_response());
        (*message.mutable_infer_response()->mutable_parameters())["triton_final_response"]
            .set_bool_param(false);
        stream->Write(message);
      }
      inference::ModelStreamInferResponse last;
      if (request.model_name() == "fail") {
        last.set_error_message(std::string("no weights"));
      } else {
        (*last.mutable_infer_response()->mutable_parameters())["triton_final_response"]
            .set_bool_param(true);
      }
      stream->Write(last);
    }
    return grpc::Status::OK;
  }
};

class ForeignServerTest : public testing::Test {
 protected:
  ForeignServerTest() {
    int port = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    client_.emplace(absl::StrCat("127.0.0.1:", port));
  }

  TritonsManners service_;
  std::unique_ptr<grpc::Server> server_;
  std::optional<Client> client_;
};

TEST_F(ForeignServerTest, AnswersPlainCalls) {
  const absl::StatusOr<bool> ready = client_->ServerReady();
  ASSERT_TRUE(ready.ok()) << ready.status();
  EXPECT_TRUE(*ready);
  const absl::StatusOr<InferResponse> response = client_->Infer(DoubleRequest("one", Floats({1})));
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->model_name, "one");
  EXPECT_THAT(response->Output<float>("y").value(), ElementsAre(2));
  EXPECT_EQ(client_->Infer({.model_name = "none"}).status(),
            absl::InvalidArgumentError("not one raw input"));
  EXPECT_EQ(client_->ModelStatistics().status().code(), absl::StatusCode::kUnimplemented);
}

TEST_F(ForeignServerTest, StreamsResponsesAndTheirEnd) {
  for (const bool fails : {false, true}) {
    InferStream stream = client_->StreamInfer(DoubleRequest(fails ? "fail" : "one", Floats({1})));
    std::vector<float> values;
    for (const InferResponse& response : stream) {
      values.push_back(response.Output<float>("y").value()[0]);
    }
    EXPECT_THAT(values, ElementsAre(1, 2));
    EXPECT_EQ(stream.Finish(), fails ? absl::UnknownError("no weights") : absl::OkStatus());
  }
}

}  // namespace
}  // namespace parley::kserve
