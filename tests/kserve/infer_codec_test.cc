// The messages of an inference as parley writes and reads them by hand, beside protobuf's own code.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "grpc_service.pb.h"
#include "parley/kserve/protocol.h"
#include "tests/model/models.h"

namespace parley {
namespace {

using model_test::Floats;
using testing::ElementsAre;
using testing::IsEmpty;

template <class T>
Buffer Encoded(const T& message) {
  Buffer buffer;
  EXPECT_EQ(Codec<T>::Encode(message, buffer), absl::OkStatus());
  EXPECT_GE(Codec<T>::SizeBytes(message), buffer.size_bytes());
  return buffer;
}
template <class T>
T Decoded(const std::string& bytes) {
  Buffer buffer;
  buffer.Append(bytes);
  T message;
  EXPECT_EQ(Codec<T>::Decode(buffer, message), absl::OkStatus());
  return message;
}
template <class Generated, class T>
Generated AsGenerated(const T& message) {
  Generated generated;
  EXPECT_TRUE(generated.ParseFromString(Encoded(message).ToString()));
  return generated;
}

Tensor RawTensor(DataType type, Shape shape, const std::string& bytes) {
  Buffer buffer;
  buffer.Append(bytes);
  return Tensor::FromBuffer(type, std::move(shape), buffer).value();
}

// Two elements of each type.
std::vector<NamedTensor> TensorsOfEveryType() {
  std::vector<NamedTensor> tensors;
  for (int i = 1; i <= static_cast<int>(DataType::kBf16); ++i) {
    const auto type = static_cast<DataType>(i);
    std::string bytes(2 * ElementBytes(type), '\1');
    if (type == DataType::kBytes) bytes = std::string("\2\0\0\0hi\0\0\0\0", 10);
    tensors.push_back({std::string(DataTypeName(type)), RawTensor(type, {1, 2}, bytes)});
  }
  return tensors;
}

Parameters EveryParameter() {
  return {{"bool", true},
          {"int64", std::int64_t{-7}},
          {"string", std::string("text")},
          {"double", 0.5},
          {"uint64", std::numeric_limits<std::uint64_t>::max()},
          {"", false}};
}

void ExpectEqual(const std::vector<NamedTensor>& one, const std::vector<NamedTensor>& other) {
  ASSERT_EQ(one.size(), other.size());
  for (std::size_t i = 0; i < one.size(); ++i) {
    EXPECT_EQ(one[i].name, other[i].name);
    EXPECT_EQ(one[i].tensor.type(), other[i].tensor.type());
    EXPECT_EQ(one[i].tensor.shape(), other[i].tensor.shape());
    EXPECT_EQ(one[i].tensor.bytes(), other[i].tensor.bytes()) << one[i].name;
    EXPECT_EQ(one[i].parameters, other[i].parameters);
  }
}

InferRequest FullRequest() {
  InferRequest request{.model_name = "model",
                       .model_version = "3",
                       .id = "\xc3\xa4",
                       .parameters = EveryParameter(),
                       .inputs = TensorsOfEveryType(),
                       .outputs = {{"a", {{"k", true}}}, {"b"}}};
  request.inputs[0].parameters = EveryParameter();
  request.inputs.push_back({"none", Floats({}, {0, 3})});
  return request;
}

TEST(InferCodec, RequestGoesThereAndBack) {
  const InferRequest request = FullRequest();
  const InferRequest back = Decoded<InferRequest>(Encoded(request).ToString());
  EXPECT_EQ(back.model_name, request.model_name);
  EXPECT_EQ(back.model_version, request.model_version);
  EXPECT_EQ(back.id, request.id);
  EXPECT_EQ(back.parameters, request.parameters);
  ExpectEqual(back.inputs, request.inputs);
  ASSERT_EQ(back.outputs.size(), 2);
  EXPECT_EQ(back.outputs[0].name, "a");
  EXPECT_EQ(back.outputs[0].parameters, request.outputs[0].parameters);
}

TEST(InferCodec, WritesWhatProtobufReads) {
  const InferRequest request = FullRequest();
  const auto generated = AsGenerated<inference::ModelInferRequest>(request);
  EXPECT_EQ(generated.model_name(), "model");
  EXPECT_EQ(generated.model_version(), "3");
  EXPECT_EQ(generated.id(), "\xc3\xa4");
  EXPECT_EQ(generated.parameters().at("int64").int64_param(), -7);
  EXPECT_TRUE(generated.parameters().at("bool").bool_param());
  EXPECT_TRUE(generated.parameters().at("").has_bool_param());
  EXPECT_EQ(generated.parameters().at("string").string_param(), "text");
  EXPECT_EQ(generated.parameters().at("double").double_param(), 0.5);
  EXPECT_EQ(generated.parameters().at("uint64").uint64_param(),
            std::numeric_limits<std::uint64_t>::max());
  ASSERT_EQ(generated.inputs_size(), static_cast<int>(request.inputs.size()));
  ASSERT_EQ(generated.raw_input_contents_size(), generated.inputs_size());
  for (int i = 0; i < generated.inputs_size(); ++i) {
    const NamedTensor& input = request.inputs[static_cast<std::size_t>(i)];
    EXPECT_EQ(generated.inputs(i).name(), input.name);
    EXPECT_EQ(generated.inputs(i).datatype(), DataTypeName(input.tensor.type()));
    EXPECT_EQ(generated.raw_input_contents(i), input.tensor.bytes());
    EXPECT_EQ(generated.inputs(i).shape_size(), 2);
  }
  EXPECT_EQ(generated.outputs(1).name(), "b");
}

TEST(InferCodec, ReadsWhatProtobufWrites) {
  const auto generated = AsGenerated<inference::ModelInferRequest>(FullRequest());
  const InferRequest back = Decoded<InferRequest>(generated.SerializeAsString());
  EXPECT_EQ(back.parameters, EveryParameter());
  ExpectEqual(back.inputs, FullRequest().inputs);
}

TEST(InferCodec, ResponseHasARawEntryForEachOutput) {
  const InferResponse response{.model_name = "model",
                               .model_version = "1",
                               .id = "i",
                               .parameters = EveryParameter(),
                               .outputs = {{"none", Floats({}, {0})}, {"one", Floats({1})}}};
  const auto generated = AsGenerated<inference::ModelInferResponse>(response);
  ASSERT_EQ(generated.raw_output_contents_size(), 2);
  EXPECT_EQ(generated.raw_output_contents(0), "");
  const InferResponse back = Decoded<InferResponse>(generated.SerializeAsString());
  EXPECT_EQ(back.parameters, response.parameters);
  EXPECT_EQ(back.id, "i");
  ExpectEqual(back.outputs, response.outputs);
}

TEST(InferCodec, StreamResponseHasAnErrorOrAResponse) {
  const kserve::StreamResponse response{.response = {.id = "i", .outputs = {{"y", Floats({1})}}}};
  const auto generated = AsGenerated<inference::ModelStreamInferResponse>(response);
  EXPECT_EQ(generated.infer_response().raw_output_contents(0).size(), sizeof(float));
  const auto back = Decoded<kserve::StreamResponse>(generated.SerializeAsString());
  ExpectEqual(back.response.outputs, response.response.outputs);
  const kserve::StreamResponse error{.error_message = "no", .response = {.id = "i"}};
  const auto error_back = Decoded<kserve::StreamResponse>(Encoded(error).ToString());
  EXPECT_EQ(error_back.error_message, "no");
  EXPECT_EQ(error_back.response.id, "i");
}

TEST(InferCodec, EmptyMessagesAreEmpty) {
  EXPECT_EQ(Encoded(InferRequest()).size_bytes(), 0);
  EXPECT_EQ(Decoded<InferRequest>("").inputs.size(), 0);
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

TEST(InferCodec, ReadsTypedContentsOfEveryTypeThatHasThem) {
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

TEST(InferCodec, ReadsNumbersThatAreNotPacked) {
  // inputs {datatype "INT32", shape 2, contents {int_contents 1, int_contents 2}}
  const std::string contents("\x10\x01\x10\x02", 4);
  const std::string tensor = std::string("\x12\x05INT32\x18\x02\x2a\x04", 11) + contents;
  const InferRequest read =
      Decoded<InferRequest>(std::string("\x2a", 1) + static_cast<char>(tensor.size()) + tensor);
  EXPECT_THAT(read.Input<std::int32_t>("").value(), ElementsAre(1, 2));
}

TEST(InferCodec, ReadsFieldsInAnyOrderAndSkipsThoseItDoesNotKnow) {
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

TEST(InferCodec, CopiesNoElements) {
  const auto memory = std::make_shared<std::vector<float>>(std::size_t{1} << 18, 1.0F);
  const auto* const begin = reinterpret_cast<const char*>(memory->data());
  const std::string_view bytes(begin, memory->size() * sizeof(float));
  const InferResponse response{
      .outputs = {{"y", Tensor::Wrap(DataType::kFp32, {1 << 18}, bytes, [memory] {}).value()}}};
  const Buffer sent = Encoded(response);
  std::size_t by_reference = 0;
  for (const detail::Block& piece : sent.pieces()) {
    if (piece.data() >= begin && piece.data() < begin + bytes.size()) by_reference += piece.size();
  }
  EXPECT_EQ(by_reference, bytes.size());
  EXPECT_LT(sent.size_bytes() - by_reference, 64);
  InferResponse received;
  ASSERT_EQ(Codec<InferResponse>::Decode(sent, received), absl::OkStatus());
  EXPECT_EQ(static_cast<const void*>(received.FindOutput("y")->bytes().data()),
            static_cast<const void*>(begin));
}

TEST(InferCodec, DoesNotSendWhatHasNoType) {
  Buffer out;
  EXPECT_EQ(Codec<InferResponse>::Encode({.outputs = {{"y"}}}, out),
            absl::InvalidArgumentError("output \"y\" has no type"));
}

}  // namespace
}  // namespace parley
