// Requests that are wrong, and what is said of each.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "grpc_service.pb.h"
#include "parley/kserve/protocol.h"
#include "src/kserve/received_request.h"

namespace parley {
namespace {

using inference::ModelInferRequest;
using Input = ModelInferRequest::InferInputTensor;
using testing::EndsWith;
using testing::HasSubstr;

std::string Fault(const std::string& bytes) {
  Buffer buffer;
  buffer.Append(bytes);
  kserve::ReceivedRequest received;
  EXPECT_EQ(Codec<kserve::ReceivedRequest>::Decode(buffer, received), absl::OkStatus());
  EXPECT_EQ(received.fault.code(), absl::StatusCode::kInvalidArgument);
  return std::string(received.fault.message());
}
std::string Fault(const ModelInferRequest& request) { return Fault(request.SerializeAsString()); }

// A good request with one input, "x", INT32 of shape [2], in contents of its own; and changed.
std::string FaultOf(const std::function<void(ModelInferRequest& request, Input& input)>& change) {
  ModelInferRequest request;
  Input& input = *request.add_inputs();
  input.set_name("x");
  input.set_datatype("INT32");
  input.add_shape(2);
  for (const int number : {1, 2}) input.mutable_contents()->add_int_contents(number);
  change(request, input);
  return Fault(request);
}
// The same with raw contents.
std::string FaultOfRaw(const std::string& type, const std::vector<std::int64_t>& shape,
                       const std::string& raw) {
  ModelInferRequest request;
  Input& input = *request.add_inputs();
  input.set_name("x");
  input.set_datatype(type);
  for (const std::int64_t extent : shape) input.add_shape(extent);
  request.add_raw_input_contents(raw);
  return Fault(request);
}

TEST(BadRequest, OfWrongRawContentsNamesInputAndBothNumbers) {
  EXPECT_EQ(FaultOfRaw("FP32", {2}, "abc"), "input \"x\": 3 bytes where shape [2] needs 8");
  EXPECT_EQ(FaultOfRaw("FP32", {2}, ""), "input \"x\": 0 bytes where shape [2] needs 8");
  EXPECT_EQ(FaultOfRaw("FP16", {2, 1}, "abc"), "input \"x\": 3 bytes where shape [2,1] needs 4");
  EXPECT_EQ(FaultOfRaw("BYTES", {2}, std::string("\1\0\0\0a", 5)),
            "input \"x\": 5 bytes can't be 2 BYTES elements, as shape [2] says");
  EXPECT_EQ(FaultOfRaw("BYTES", {1},
                       std::string("\xff\xff\xff\xff"
                                   "abcd",
                                   8)),
            "input \"x\": BYTES element 0 of 1 is cut off: 8 bytes are left for a length of "
            "4294967295");
  EXPECT_EQ(FaultOfRaw("BYTES", {1}, std::string("\0\0\0\0\0\0\0\0", 8)),
            "input \"x\": 4 of 8 bytes come after the last of 1 BYTES elements");
  EXPECT_EQ(FaultOfRaw("BOOL", {1}, "\2"), "input \"x\": BOOL element 0 is 2, neither 0 nor 1");
}

TEST(BadRequest, OfAWrongShapeIsRefusedBeforeAnythingIsAllocated) {
  EXPECT_EQ(FaultOfRaw("FP32", {-1}, ""), "input \"x\": shape [-1] has a negative dimension");
  EXPECT_EQ(FaultOfRaw("FP32", {std::int64_t{1} << 40, std::int64_t{1} << 40}, ""),
            "input \"x\": shape [1099511627776,1099511627776] has more elements than there can be");
  EXPECT_EQ(FaultOfRaw("FP64", {std::int64_t{1} << 62}, ""),
            "input \"x\": shape [4611686018427387904] has more bytes than there can be");
  EXPECT_EQ(FaultOfRaw("INT8", {std::int64_t{1} << 62}, ""),
            "input \"x\": 0 bytes where shape [4611686018427387904] needs 4611686018427387904");
  EXPECT_EQ(FaultOf([](auto&, Input& input) { input.set_shape(0, std::int64_t{1} << 62); }),
            "input \"x\": 2 elements in its contents where shape [4611686018427387904] needs "
            "4611686018427387904");
  EXPECT_EQ(FaultOfRaw("FP32", std::vector<std::int64_t>(33, 1), ""),
            "an input of more than 32 dimensions");
}

TEST(BadRequest, OfWrongTypedContentsNamesInputAndBothNumbers) {
  EXPECT_EQ(FaultOf([](auto&, Input& input) { input.set_shape(0, 3); }),
            "input \"x\": 2 elements in its contents where shape [3] needs 3");
  EXPECT_EQ(FaultOf([](auto&, Input& input) { input.set_shape(0, 1); }),
            "input \"x\": 2 elements in its contents where shape [1] needs 1");
  EXPECT_EQ(FaultOf([](auto&, Input& input) { input.clear_contents(); }),
            "input \"x\": no contents where shape [2] needs 2 elements");
  EXPECT_EQ(FaultOf([](auto&, Input& input) { input.set_datatype("FP32"); }),
            "input \"x\": it has int_contents in place of fp32_contents");
  EXPECT_EQ(FaultOf([](auto&, Input& input) { input.set_datatype("BYTES"); }),
            "input \"x\": it has int_contents in place of bytes_contents");
  EXPECT_EQ(FaultOf([](auto&, Input& input) { input.set_datatype("FP16"); }),
            "input \"x\": elements of type FP16 can only be raw");
  EXPECT_EQ(FaultOf([](auto&, Input& input) {
              input.set_datatype("INT8");
              input.mutable_contents()->set_int_contents(1, 128);
            }),
            "input \"x\": its element 1 is 128, which is no INT8");
  EXPECT_EQ(FaultOf([](auto&, Input& input) {
              input.set_datatype("UINT8");
              input.mutable_contents()->clear_int_contents();
              input.mutable_contents()->add_uint_contents(1);
              input.mutable_contents()->add_uint_contents(256);
            }),
            "input \"x\": its element 1 is 256, which is no UINT8");
  EXPECT_EQ(FaultOf([](auto&, Input& input) {
              input.set_datatype("BYTES");
              input.mutable_contents()->clear_int_contents();
              input.mutable_contents()->add_bytes_contents("one");
            }),
            "input \"x\": 1 elements in its contents where shape [2] needs 2");
}

TEST(BadRequest, OfRawAndTypedContentsTogetherIsRefused) {
  EXPECT_EQ(FaultOf([](ModelInferRequest& request, Input&) {
              request.add_raw_input_contents("12345678");
            }),
            "input \"x\" has contents, and the message has raw ones beside them");
  EXPECT_EQ(FaultOf([](ModelInferRequest& request, Input& input) {
              input.clear_contents();
              request.add_raw_input_contents("12345678");
              request.add_raw_input_contents("12345678");
            }),
            "2 raw contents for 1 inputs");
}

TEST(BadRequest, OfUnknownOrRepeatedNamesIsRefused) {
  EXPECT_EQ(FaultOf([](auto&, Input& input) { input.set_datatype("FLOAT\n"); }),
            "input \"x\": its datatype is \"FLOAT\\n\"");
  // Cut in the middle of a character.
  EXPECT_EQ(
      FaultOf([](auto&, Input& input) { input.set_datatype(std::string(63, 'F') + "\xc3\xa4"); }),
      "input \"x\": its datatype is \"" + std::string(63, 'F') + "\\303\"");
  EXPECT_EQ(FaultOf([](auto&, Input& input) { input.set_datatype(std::string(1000, 'F')); }),
            "input \"x\": its datatype is \"" + std::string(64, 'F') + "\"");
  EXPECT_EQ(
      FaultOf([](ModelInferRequest& request, Input& input) { *request.add_inputs() = input; }),
      "there are two of input \"x\"");
  EXPECT_EQ(FaultOf([](auto&, Input& input) {
              (*input.mutable_parameters())["shared_memory_region"].set_string_param("r");
            }),
            "input \"x\": shared memory is not served");
}

// An input in shared memory has no raw contents, which therefore are fewer than the inputs.
TEST(BadRequest, OfSharedMemoryIsToldSoWhateverElseIsThere) {
  ModelInferRequest request;
  for (const char* name : {"x", "shared"}) {
    Input& input = *request.add_inputs();
    input.set_name(name);
    input.set_datatype("UINT8");
    input.add_shape(1);
  }
  request.add_raw_input_contents("a");
  EXPECT_EQ(Fault(request), "1 raw contents for 2 inputs");
  (*request.mutable_inputs(1)->mutable_parameters())["shared_memory_region"].set_string_param("r");
  EXPECT_EQ(Fault(request), "input \"shared\": shared memory is not served");
}

TEST(BadRequest, OfTooManyPartsStopsAtTheLimit) {
  ModelInferRequest request;
  for (int i = 0; i < 1'000'000; ++i) request.add_inputs();
  EXPECT_EQ(Fault(request), "more than 4096 inputs");
  request.Clear();
  for (int i = 0; i < 5000; ++i) request.add_outputs();
  EXPECT_EQ(Fault(request), "more than 4096 requested outputs");
  request.Clear();
  for (int i = 0; i < 5000; ++i) request.add_raw_input_contents("");
  EXPECT_EQ(Fault(request), "more than 4096 raw contents");
  request.Clear();
  for (int i = 0; i < 5000; ++i) (*request.mutable_parameters())[std::to_string(i)];
  EXPECT_EQ(Fault(request), "more than 4096 parameters");
  // They would be one message, of as many pieces.
  std::string parts;
  for (int i = 0; i < 5000; ++i) parts += std::string("\x2a\x02\x10\x01", 4);
  EXPECT_EQ(Fault(std::string("\x2a\xa0\x9c\x01", 4) + parts), "more than 4096 contents");
}

TEST(BadRequest, ThatIsNotUtf8IsRefused) {
  const auto with = [](int field, const std::string& text) {
    return std::string(1, static_cast<char>(field << 3 | 2)) + static_cast<char>(text.size()) +
           text;
  };
  for (const char* text :
       {"\xff", "\xc3", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe0\x80\x80", "a\x80"}) {
    EXPECT_EQ(Fault(with(1, text)), "model_name is not valid UTF-8");
  }
  EXPECT_EQ(Fault(with(2, "\xff")), "model_version is not valid UTF-8");
  EXPECT_EQ(Fault(with(3, "\xff")), "id is not valid UTF-8");
  EXPECT_EQ(Fault(with(4, with(1, "\xff"))), "a parameter's name is not valid UTF-8");
  EXPECT_EQ(Fault(with(4, with(2, with(3, "\xff")))), "a parameter is not valid UTF-8");
  EXPECT_EQ(Fault(with(5, with(1, "\xff"))), "a tensor's name is not valid UTF-8");
  EXPECT_EQ(Fault(with(5, with(2, "\xff"))), "a tensor's datatype is not valid UTF-8");
  EXPECT_EQ(Fault(with(5, with(4, with(1, "\xff")))), "a parameter's name is not valid UTF-8");
  EXPECT_EQ(Fault(with(6, with(1, "\xff"))), "a requested output's name is not valid UTF-8");
  EXPECT_EQ(Fault(with(6, with(2, with(2, with(3, "\xff"))))), "a parameter is not valid UTF-8");
}

TEST(BadRequest, ThatIsCutAnywhereIsNoRequest) {
  ModelInferRequest request;
  request.set_model_name("model");
  Input& input = *request.add_inputs();
  input.set_name("x");
  input.set_datatype("INT32");
  input.add_shape(2);
  (*input.mutable_parameters())["k"].set_double_param(1);
  request.add_raw_input_contents("12345678");
  const std::string bytes = request.SerializeAsString();
  // Between two fields it is a shorter request, which is wrong otherwise.
  for (std::size_t size = 8; size < bytes.size(); ++size) {
    const std::string fault = Fault(bytes.substr(0, size));
    EXPECT_TRUE(fault == "bytes that are no ModelInferRequest" ||
                fault == "input \"x\": no contents where shape [2] needs 2 elements")
        << size << ": " << fault;
  }
  // A length beyond that of the message around it.
  EXPECT_EQ(Fault(std::string("\x2a\x03\x0a\x08x", 5)), "bytes that are no ModelInferRequest");
  EXPECT_EQ(Fault(std::string("\x2a\xff\xff\xff\xff\x0f", 6)),
            "bytes that are no ModelInferRequest");
  EXPECT_EQ(Fault(std::string("\x00\x00", 2)), "bytes that are no ModelInferRequest");
}

TEST(BadRequest, KeepsWhatCouldBeReadForTheAnswer) {
  ModelInferRequest request;
  request.set_model_name("model");
  request.set_id("seven");
  request.add_inputs()->set_datatype("none");
  Buffer buffer;
  buffer.Append(request.SerializeAsString());
  kserve::ReceivedRequest received;
  EXPECT_EQ(Codec<kserve::ReceivedRequest>::Decode(buffer, received), absl::OkStatus());
  EXPECT_FALSE(received.fault.ok());
  EXPECT_EQ(received.request.id, "seven");
  EXPECT_EQ(received.request.model_name, "model");
}

TEST(BadRequest, KeepsNamesThatComeAfterWhatIsWrong) {
  const auto received = [](const std::string& bytes) {
    Buffer buffer;
    buffer.Append(bytes);
    kserve::ReceivedRequest request;
    EXPECT_EQ(Codec<kserve::ReceivedRequest>::Decode(buffer, request), absl::OkStatus());
    EXPECT_FALSE(request.fault.ok());
    return request.request;
  };
  const std::string names("\x1a\x05seven\x12\x01\x33\x0a\x05model", 17);
  for (const std::string& wrong :
       {std::string("\x0a\x01\xff", 3), std::string("\x2a\x03\x0a\x01\xff", 5),
        std::string("\x2a\x03\x18\x01\x18", 5)}) {
    const InferRequest request = received(wrong + names);
    EXPECT_EQ(request.id, "seven");
    EXPECT_EQ(request.model_version, "3");
    EXPECT_EQ(request.model_name, "model");
  }
  // Not what is wrong itself, and nothing beyond the end.
  EXPECT_EQ(received(names + std::string("\x1a\x01\xff", 3)).id, "");
  EXPECT_EQ(received(names + std::string("\x1a\x09n", 3)).id, "seven");
}

}  // namespace
}  // namespace parley
