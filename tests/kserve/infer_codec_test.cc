// The messages of an inference as parley writes and reads them by hand, beside protobuf's own code.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "grpc_service.pb.h"
#include "parley/kserve/protocol.h"
#include "tests/model/models.h"

namespace parley {
namespace {

using model_test::Floats;
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

// As protobuf writes it if it sorts maps.
std::string Sorted(const google::protobuf::Message& message) {
  std::string bytes;
  google::protobuf::io::StringOutputStream stream(&bytes);
  google::protobuf::io::CodedOutputStream out(&stream);
  out.SetSerializationDeterministic(true);
  EXPECT_TRUE(message.SerializeToCodedStream(&out));
  out.Trim();
  return bytes;
}

TEST(InferCodec, WritesTheBytesThatProtobufWrites) {
  const InferRequest request = FullRequest();
  EXPECT_EQ(Sorted(AsGenerated<inference::ModelInferRequest>(request)),
            Encoded(request).ToString());
  const InferResponse response{.model_name = "model",
                               .model_version = "3",
                               .id = "i",
                               .parameters = EveryParameter(),
                               .outputs = FullRequest().inputs};
  EXPECT_EQ(Sorted(AsGenerated<inference::ModelInferResponse>(response)),
            Encoded(response).ToString());
  const kserve::StreamResponse streamed{.error_message = "no", .response = response};
  EXPECT_EQ(Sorted(AsGenerated<inference::ModelStreamInferResponse>(streamed)),
            Encoded(streamed).ToString());
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

TEST(InferCodec, DoesNotSendMoreThanAMessageCanHave) {
  // Memory that is never touched, three times.
  constexpr std::size_t kBytes = std::size_t{1} << 30;
  void* const memory =
      mmap(nullptr, kBytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  const std::string_view bytes(static_cast<const char*>(memory), kBytes);
  {
    const Tensor tensor =
        Tensor::Wrap(DataType::kUint8, {std::int64_t{1} << 30}, bytes, nullptr).value();
    const InferRequest request{.inputs = {{"a", tensor}, {"b", tensor}}};
    Buffer out;
    const absl::Status status = Codec<InferRequest>::Encode(request, out);
    // Two headers of 19 bytes, two lengths of 6.
    EXPECT_EQ(status, absl::ResourceExhaustedError(
                          "a message of 2147483698 bytes; it has at most 2147483647"));
    EXPECT_EQ(out.size_bytes(), 0);
  }
  munmap(memory, kBytes);
}

}  // namespace
}  // namespace parley
