// The parameters that the protocol defines, and those that are the application's.
#include "src/kserve/request_parameters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <utility>

namespace parley::kserve {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

absl::StatusOr<ProtocolParameters> Take(std::string key, Parameter value) {
  InferRequest request{.parameters = {{std::move(key), std::move(value)}}};
  absl::StatusOr<ProtocolParameters> taken = TakeProtocolParameters(request);
  if (taken.ok()) {
    EXPECT_THAT(request.parameters, IsEmpty());
  }
  return taken;
}
absl::Status Error(std::string key, Parameter value) {
  return Take(std::move(key), std::move(value)).status();
}

TEST(RequestParameters, PriorityIsANumberFromZeroOn) {
  EXPECT_EQ(Take("priority", std::int64_t{2})->priority, 2);
  EXPECT_EQ(Take("priority", std::uint64_t{2})->priority, 2);
  EXPECT_EQ(Error("priority", std::int64_t{-1}),
            absl::InvalidArgumentError("parameter \"priority\" is -1, less than 0"));
  EXPECT_EQ(
      Error("priority", true),
      absl::InvalidArgumentError("parameter \"priority\" is a uint64_param, not a bool_param"));
}

TEST(RequestParameters, TimeoutIsInMicroseconds) {
  EXPECT_EQ(Take("timeout", std::int64_t{1500})->queue_timeout, absl::Microseconds(1500));
  EXPECT_EQ(Take("timeout", std::uint64_t{1500})->queue_timeout, absl::Microseconds(1500));
  EXPECT_EQ(Take("timeout", std::int64_t{0})->queue_timeout, absl::InfiniteDuration());
  EXPECT_EQ(Take("timeout", std::numeric_limits<std::uint64_t>::max())->queue_timeout,
            absl::InfiniteDuration());
  EXPECT_EQ(
      Error("timeout", std::string("1")),
      absl::InvalidArgumentError("parameter \"timeout\" is a int64_param, not a string_param"));
  EXPECT_FALSE(Take("timeout", std::int64_t{-1}).ok());
}

TEST(RequestParameters, SequencesAreUnimplemented) {
  const absl::Status unimplemented = absl::UnimplementedError("sequences are not served");
  EXPECT_EQ(Error("sequence_id", std::int64_t{7}), unimplemented);
  EXPECT_EQ(Error("sequence_id", std::uint64_t{7}), unimplemented);
  EXPECT_EQ(Error("sequence_id", std::string("a")), unimplemented);
  EXPECT_EQ(Error("sequence_start", true), unimplemented);
  EXPECT_EQ(Error("sequence_end", true), unimplemented);
  EXPECT_EQ(Error("sequence_id", std::int64_t{0}), absl::OkStatus());
  EXPECT_EQ(Error("sequence_id", std::string()), absl::OkStatus());
  EXPECT_EQ(Error("sequence_start", false), absl::OkStatus());
  EXPECT_EQ(Error("sequence_id", 0.5).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Error("sequence_end", 0.5).code(), absl::StatusCode::kInvalidArgument);
}

TEST(RequestParameters, OfTritonsAreKnownOrRefused) {
  EXPECT_TRUE(Take("triton_enable_empty_final_response", true)->empty_final_response);
  EXPECT_FALSE(Take("triton_enable_empty_final_response", false)->empty_final_response);
  EXPECT_EQ(Error("triton_enable_empty_final_response", std::int64_t{1}),
            absl::InvalidArgumentError("parameter \"triton_enable_empty_final_response\" is a "
                                       "bool_param, not a int64_param"));
  EXPECT_EQ(Error("triton_x", true),
            absl::InvalidArgumentError("parameter \"triton_x\" is unknown, and \"triton_\" is not "
                                       "for the application's"));
  EXPECT_EQ(Error("binary_data_output", true), absl::OkStatus());
  EXPECT_FALSE(Take("binary_data_output", std::int64_t{1}).ok());
  EXPECT_EQ(Error("headers", std::string("{}")), absl::OkStatus());
}

TEST(RequestParameters, OfTheApplicationStay) {
  InferRequest request{.parameters = {{"mine", std::int64_t{1}}, {"priority", std::int64_t{1}}}};
  EXPECT_EQ(TakeProtocolParameters(request).status(), absl::OkStatus());
  EXPECT_THAT(request.parameters, ElementsAre(Pair("mine", Parameter(std::int64_t{1}))));
}

TEST(RequestParameters, OfOutputsAskForNothingThatIsNotServed) {
  const auto error = [](std::string key, Parameter value) {
    InferRequest request{.outputs = {{"y", {{std::move(key), std::move(value)}}}}};
    return TakeProtocolParameters(request).status();
  };
  EXPECT_EQ(error("classification", std::int64_t{3}),
            absl::InvalidArgumentError("output \"y\": classification is not served"));
  EXPECT_EQ(error("classification", std::int64_t{0}), absl::OkStatus());
  EXPECT_FALSE(error("classification", true).ok());
  EXPECT_EQ(error("shared_memory_region", std::string("r")),
            absl::InvalidArgumentError("output \"y\": shared memory is not served"));
  EXPECT_EQ(error("binary_data", true), absl::OkStatus());
}

}  // namespace
}  // namespace parley::kserve
