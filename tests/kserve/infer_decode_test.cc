// Messages of an inference as others may write them: typed contents, fields in any order, or again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <string>

#include "grpc_service.pb.h"
#include "parley/kserve/protocol.h"

namespace parley {
namespace {

using testing::ElementsAre;

template <class T>
T Decoded(const std::string& bytes) {
  Buffer buffer;
  buffer.Append(bytes);
  T message;
  EXPECT_EQ(Codec<T>::Decode(buffer, message), absl::OkStatus());
  return message;
}

// Adds an input with contents of one value after the other.
template <class Add, class... Values>
void AddTyped(inference::ModelInferRequest& request, const char* type, Add add, Values... values) {
  inference::ModelInferRequest::InferInputTensor& input = *request.add_inputs();
  input.set_name(type);
  input.set_datatype(type);
  input.add_shape(sizeof...(values));
  ((input.mutable_contents()->*add)(values), ...);
}

TEST(InferDecode, ReadsTypedContentsOfEveryTypeThatHasThem) {
  using Contents = inference::InferTensorContents;
  inference::ModelInferRequest request;
  AddTyped(request, "BOOL", &Contents::add_bool_contents, true, false);
  AddTyped(request, "INT8", &Contents::add_int_contents, -128, 127);
  AddTyped(request, "INT16", &Contents::add_int_contents, -32768, 32767);
  AddTyped(request, "INT32", &Contents::add_int_contents, -1, 1);
  AddTyped(request, "INT64", &Contents::add_int64_contents, -1, 1);
  AddTyped(request, "UINT8", &Contents::add_uint_contents, 0U, 255U);
  AddTyped(request, "UINT16", &Contents::add_uint_contents, 0U, 65535U);
  AddTyped(request, "UINT32", &Contents::add_uint_contents, 0U, 4294967295U);
  AddTyped(request, "UINT64", &Contents::add_uint64_contents, 0U, 1U);
  AddTyped(request, "FP32", &Contents::add_fp32_contents, 0.5F, -0.5F);
  AddTyped(request, "FP64", &Contents::add_fp64_contents, 0.5, -0.5);
  inference::ModelInferRequest::InferInputTensor& bytes = *request.add_inputs();
  bytes.set_name("BYTES");
  bytes.set_datatype("BYTES");
  bytes.add_shape(2);
  bytes.mutable_contents()->add_bytes_contents("one");
  bytes.mutable_contents()->add_bytes_contents("");

  const InferRequest read = Decoded<InferRequest>(request.SerializeAsString());
  EXPECT_THAT(read.Input<bool>("BOOL").value(), ElementsAre(true, false));
  EXPECT_THAT(read.Input<std::int8_t>("INT8").value(), ElementsAre(-128, 127));
  EXPECT_THAT(read.Input<std::int16_t>("INT16").value(), ElementsAre(-32768, 32767));
  EXPECT_THAT(read.Input<std::int32_t>("INT32").value(), ElementsAre(-1, 1));
  EXPECT_THAT(read.Input<std::int64_t>("INT64").value(), ElementsAre(-1, 1));
  EXPECT_THAT(read.Input<std::uint8_t>("UINT8").value(), ElementsAre(0, 255));
  EXPECT_THAT(read.Input<std::uint16_t>("UINT16").value(), ElementsAre(0, 65535));
  EXPECT_THAT(read.Input<std::uint32_t>("UINT32").value(), ElementsAre(0U, 4294967295U));
  EXPECT_THAT(read.Input<std::uint64_t>("UINT64").value(), ElementsAre(0U, 1U));
  EXPECT_THAT(read.Input<float>("FP32").value(), ElementsAre(0.5F, -0.5F));
  EXPECT_THAT(read.Input<double>("FP64").value(), ElementsAre(0.5, -0.5));
  EXPECT_THAT(read.FindInput("BYTES")->BytesValues().value(), ElementsAre("one", ""));
}

TEST(InferDecode, ReadsNumbersThatAreNotPacked) {
  // inputs {datatype "INT32", shape 2, contents {int_contents 1, int_contents 2}}
  const std::string contents("\x10\x01\x10\x02", 4);
  const std::string tensor = std::string("\x12\x05INT32\x18\x02\x2a\x04", 11) + contents;
  const InferRequest read =
      Decoded<InferRequest>(std::string("\x2a", 1) + static_cast<char>(tensor.size()) + tensor);
  EXPECT_THAT(read.Input<std::int32_t>("").value(), ElementsAre(1, 2));
}

TEST(InferDecode, ReadsFieldsInAnyOrderAndSkipsThoseItDoesNotKnow) {
  const std::string raw("\x3a\x04\0\0\x80\x3f", 6);
  const std::string input(
      "\x2a\x0d\x0a\x01x\x12\x04"
      "FP32\x18\x01\x50\x01",
      15);
  const std::string unknown(
      "\xa2\x06\x03"
      "abc",
      6);
  const InferRequest read = Decoded<InferRequest>(raw + unknown + input);
  EXPECT_THAT(read.Input<float>("x").value(), ElementsAre(1.0F));
}

TEST(InferDecode, TakesTheLastOfWhatIsRepeated) {
  const std::string names("\x0a\x01\x61\x0a\x01\x62", 6);
  // The value of "k" is int64_param 7, then string_param "" and bool_param true; "l" comes twice.
  const std::string k("\x22\x0d\x0a\x01k\x12\x02\x10\x07\x12\x04\x1a\x00\x08\x01", 15);
  const std::string l("\x22\x07\x0a\x01l\x12\x02\x10\x01\x22\x07\x0a\x01l\x12\x02\x10\x02", 18);
  const InferRequest read = Decoded<InferRequest>(names + k + l);
  EXPECT_EQ(read.model_name, "b");
  EXPECT_EQ(read.parameters, (Parameters{{"k", true}, {"l", std::int64_t{2}}}));
}

TEST(InferDecode, TakesParametersWithoutANameOrAValue) {
  const InferRequest read = Decoded<InferRequest>(
      std::string("\x22\x04\x12\x02\x10\x07\x22\x03\x0a\x01k\x22\x05\x0a\x01l\x12\x00", 18));
  EXPECT_EQ(read.parameters, (Parameters{{"", std::int64_t{7}}, {"k", false}, {"l", false}}));
}

TEST(InferDecode, TakesNoContentsForNoElements) {
  inference::ModelInferRequest request;
  for (const char* type : {"FP16", "FP32", "BYTES"}) {
    inference::ModelInferRequest::InferInputTensor& input = *request.add_inputs();
    input.set_name(type);
    input.set_datatype(type);
    input.add_shape(0);
    if (request.inputs_size() < 3) input.mutable_contents();
  }
  const InferRequest read = Decoded<InferRequest>(request.SerializeAsString());
  ASSERT_EQ(read.inputs.size(), 3);
  for (const NamedTensor& input : read.inputs) EXPECT_EQ(input.tensor.element_count(), 0);
}

// Two outputs, FP32 of shape [1]: the second typed, if a value is given.
inference::ModelInferResponse HalfTyped(std::optional<float> second) {
  inference::ModelInferResponse response;
  for (const char* name : {"raw", "typed"}) {
    inference::ModelInferResponse::InferOutputTensor& output = *response.add_outputs();
    output.set_name(name);
    output.set_datatype("FP32");
    output.add_shape(1);
    output.mutable_contents();
  }
  if (second) response.mutable_outputs(1)->mutable_contents()->add_fp32_contents(*second);
  response.add_raw_output_contents(std::string("\0\0\x80\x3f", 4));
  return response;
}

TEST(InferDecode, ReadsResponsesThatMixRawAndTyped) {
  inference::ModelInferResponse response = HalfTyped(2);
  InferResponse read = Decoded<InferResponse>(response.SerializeAsString());
  EXPECT_THAT(read.Output<float>("raw").value(), ElementsAre(1));
  EXPECT_THAT(read.Output<float>("typed").value(), ElementsAre(2));
  response.add_raw_output_contents("");
  read = Decoded<InferResponse>(response.SerializeAsString());
  EXPECT_THAT(read.Output<float>("typed").value(), ElementsAre(2));
}

TEST(InferDecode, RefusesResponsesWhoseRawContentsAreNobodys) {
  const auto fault = [](const inference::ModelInferResponse& response) {
    Buffer buffer;
    buffer.Append(response.SerializeAsString());
    InferResponse read;
    return Codec<InferResponse>::Decode(buffer, read);
  };
  inference::ModelInferResponse response = HalfTyped(2);
  response.add_raw_output_contents("four");
  EXPECT_EQ(fault(response),
            absl::InvalidArgumentError(
                "output \"typed\" has contents, and the message has raw ones beside them"));
  EXPECT_EQ(fault(HalfTyped({})), absl::InvalidArgumentError("1 raw contents for 2 outputs"));
  response.add_raw_output_contents("");
  EXPECT_EQ(fault(response), absl::InvalidArgumentError("3 raw contents for 2 outputs"));
}

TEST(InferDecode, RefusesAStreamedResponseInTooManyParts) {
  std::string bytes;
  for (int i = 0; i < 5000; ++i) bytes += std::string("\x12\x03\x0a\x01m", 5);
  Buffer buffer;
  buffer.Append(bytes);
  kserve::StreamResponse read;
  EXPECT_EQ(Codec<kserve::StreamResponse>::Decode(buffer, read),
            absl::InvalidArgumentError("more than 4096 parts of one response"));
}

}  // namespace
}  // namespace parley
