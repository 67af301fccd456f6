// The identity model by hand: see identity.h.

#include "identity.h"

#include <cstdint>
#include <string>

namespace parley_bench {
namespace {

using inference::ModelInferRequest;
using inference::ModelInferResponse;

grpc::Status Check(const ModelInferRequest& request) {
  if (request.model_name() != "identity") {
    return {grpc::StatusCode::NOT_FOUND, "there is no such model"};
  }
  const auto invalid = [](const char* text) {
    return grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, text);
  };
  if (request.inputs_size() != 1 || request.raw_input_contents_size() != 1) {
    return invalid("the model has one input, which is raw");
  }
  const auto& input = request.inputs(0);
  if (input.name() != "INPUT" || input.datatype() != "FP32") {
    return invalid("the model's input is INPUT, FP32");
  }
  if (input.shape_size() != 1 || input.shape(0) < 0 ||
      static_cast<std::uint64_t>(input.shape(0)) * sizeof(float) !=
          request.raw_input_contents(0).size()) {
    return invalid("the shape is not that of the elements");
  }
  return grpc::Status::OK;
}

}  // namespace

grpc::Status AnswerIdentity(ModelInferRequest& request, ModelInferResponse& response) {
  if (grpc::Status s = Check(request); !s.ok()) return s;
  response.Clear();
  response.set_model_name("identity");
  response.set_model_version("1");
  response.set_id(request.id());
  auto& output = *response.add_outputs();
  output.set_name("OUTPUT");
  output.set_datatype("FP32");
  output.add_shape(request.inputs(0).shape(0));
  response.add_raw_output_contents()->swap(*request.mutable_raw_input_contents(0));
  return grpc::Status::OK;
}

void AnswerIdentity(ModelInferRequest& request, inference::ModelStreamInferResponse& response) {
  response.clear_error_message();
  ModelInferResponse& answer = *response.mutable_infer_response();
  if (grpc::Status s = AnswerIdentity(request, answer); !s.ok()) {
    answer.Clear();
    answer.set_id(request.id());
    response.set_error_message(s.error_message());
  }
  (*answer.mutable_parameters())["triton_final_response"].set_bool_param(true);
}

}  // namespace parley_bench
