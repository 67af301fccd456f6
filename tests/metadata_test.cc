// The multimap of keys and values, and which of them gRPC would refuse.
#include "parley/metadata.h"

#include <gmock/gmock.h>
#include <grpc/grpc.h>
#include <grpc/slice.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace parley {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

std::vector<Metadata::Entry> Entries(const Metadata& metadata) {
  return {metadata.begin(), metadata.end()};
}

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

TEST(Metadata, IsEmptyAtFirst) {
  const Metadata metadata;
  EXPECT_TRUE(metadata.empty());
  EXPECT_EQ(metadata.size(), 0u);
  EXPECT_EQ(metadata.Get("key"), std::nullopt);
  EXPECT_THAT(metadata.GetAll("key"), IsEmpty());
  EXPECT_TRUE(metadata.Validate().ok());
}

TEST(Metadata, KeepsEntriesInOrder) {
  Metadata metadata = {{"b", "1"}, {"a", "2"}};
  metadata.Add("b", "3");
  EXPECT_THAT(Entries(metadata), ElementsAre(Pair("b", "1"), Pair("a", "2"), Pair("b", "3")));
  EXPECT_EQ(metadata.size(), 3u);
}

TEST(Metadata, GivesTheFirstOrAllValuesOfAKey) {
  const Metadata metadata = {{"key", "first"}, {"other", "x"}, {"key", "second"}, {"key", ""}};
  EXPECT_EQ(metadata.Get("key"), "first");
  EXPECT_THAT(metadata.GetAll("key"), ElementsAre("first", "second", ""));
  EXPECT_EQ(metadata.Get("other"), "x");
  EXPECT_EQ(metadata.Get("ke"), std::nullopt);
}

TEST(Metadata, MakesKeysLowerCase) {
  Metadata metadata = {{"X-Trace-Id", "A"}};
  metadata.Add("X-TRACE-ID", "B");
  EXPECT_THAT(metadata.GetAll("x-trace-id"), ElementsAre("A", "B"));
  EXPECT_TRUE(metadata.Validate().ok());
}

TEST(Metadata, CopiesWhatItIsGiven) {
  Metadata metadata;
  {
    std::string key = "key";
    std::string value = "value";
    metadata.Add(key, value);
    key = value = "changed";
  }
  const Metadata copy = metadata;
  metadata.Add("more", "x");
  EXPECT_THAT(Entries(copy), ElementsAre(Pair("key", "value")));
}

TEST(Metadata, ValidEntriesAreValid) {
  EXPECT_TRUE((Metadata{{"a-z_0.9", "printable ~!@#$%^&*()"},
                        {"empty", ""},
                        {"grpc", "x"},
                        {"bytes-bin", std::string("\0\xff\n", 3)}})
                  .Validate()
                  .ok());
}

TEST(Metadata, InvalidKeysAreRefusedByName) {
  for (const std::string key :
       {"", "a key", "key:", ":path", "key\n", "kéy", "a/b", "grpc-timeout", "GRPC-x", "grpc-"}) {
    const absl::Status status = Metadata{{"fine", "x"}, {key, "value"}}.Validate();
    EXPECT_EQ(status.code(), kInvalid) << key;
  }
  EXPECT_THAT(std::string(Metadata{{"a key", "x"}}.Validate().message()), HasSubstr("\"a key\""));
  EXPECT_EQ(Metadata({{std::string("nul\0", 4), "x"}}).Validate().code(), kInvalid);
}

TEST(Metadata, InvalidValuesAreRefusedByTheirKeyAndNotRepeated) {
  for (const std::string value : {"line\nfeed", "tab\t", "\x7f", "é", "\x1f"}) {
    const absl::Status status = Metadata{{"some-key", "fine"}, {"bad-key", value}}.Validate();
    EXPECT_EQ(status.code(), kInvalid) << value;
    EXPECT_THAT(std::string(status.message()), HasSubstr("bad-key"));
    EXPECT_EQ(status.message().find(value), absl::string_view::npos);
    EXPECT_TRUE((Metadata{{"bad-key-bin", value}}).Validate().ok());
  }
  EXPECT_EQ(Metadata({{"key", std::string("\0", 1)}}).Validate().code(), kInvalid);
}

// gRPC's own word on one key or value.
bool IsLegal(int (*is_legal)(grpc_slice), const std::string& text) {
  const grpc_slice slice = grpc_slice_from_copied_buffer(text.data(), text.size());
  const bool legal = is_legal(slice) != 0;
  grpc_slice_unref(slice);
  return legal;
}

TEST(Metadata, AcceptsNothingThatGrpcRefuses) {
  for (int c = 0; c < 256; ++c) {
    const std::string text = {'x', static_cast<char>(c), 'y'};
    Metadata key;
    key.Add(text, "value");
    if (key.Validate().ok()) {
      EXPECT_TRUE(IsLegal(grpc_header_key_is_legal, key.begin()->first)) << c;
    }
    const bool value_is_valid = Metadata({{"key", text}}).Validate().ok();
    EXPECT_EQ(value_is_valid, IsLegal(grpc_header_nonbin_value_is_legal, text)) << c;
  }
}

}  // namespace
}  // namespace parley
