// Rows of tensors: what is put together comes apart again, and the parts share the memory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <string_view>
#include <vector>

#include "parley/model/tensor.h"
#include "tests/model/models.h"

namespace parley {
namespace {

using model_test::Floats;
using model_test::ValuesOf;
using testing::ElementsAre;
using testing::HasSubstr;

std::string JoinError(const std::vector<const Tensor*>& parts) {
  return std::string(Tensor::JoinRows(parts).status().message());
}

TEST(TensorRows, AreJoinedInOrder) {
  const Tensor one = Floats({1, 2}, {1, 2});
  const Tensor none = Floats({}, {0, 2});
  const Tensor two = Floats({3, 4, 5, 6}, {2, 2});
  const absl::StatusOr<Tensor> joined =
      Tensor::JoinRows(std::vector<const Tensor*>{&one, &none, &two});
  ASSERT_TRUE(joined.ok()) << joined.status();
  EXPECT_THAT(joined->shape(), ElementsAre(3, 2));
  EXPECT_THAT(ValuesOf(*joined), ElementsAre(1, 2, 3, 4, 5, 6));
}

TEST(TensorRows, OfOnePartAreNotCopied) {
  const Tensor one = Floats({1, 2}, {1, 2});
  EXPECT_EQ(Tensor::JoinRows(std::vector<const Tensor*>{&one})->bytes().data(), one.bytes().data());
}

TEST(TensorRows, ThatDifferAreNotJoined) {
  const Tensor two = Floats({1, 2}, {1, 2});
  const Tensor three = Floats({1, 2, 3}, {1, 3});
  const Tensor number = Floats({1}, {});
  const std::array<std::int32_t, 2> integers = {1, 2};
  const Tensor other = Tensor::CopyOf<std::int32_t>(integers, {1, 2}).value();
  EXPECT_THAT(JoinError({&two, &three}),
              HasSubstr("rows of shape [1,3] and of shape [1,2] do not make one tensor"));
  EXPECT_THAT(JoinError({&two, &number}), HasSubstr("rows of shape []"));
  EXPECT_THAT(JoinError({&two, &other}), HasSubstr("of type INT32 and of type FP32"));
  EXPECT_THAT(JoinError({&number}), HasSubstr("no rows"));
  EXPECT_THAT(JoinError({}), HasSubstr("no rows"));
}

TEST(TensorRows, AreSplitIntoViews) {
  const Tensor all = Floats({1, 2, 3, 4, 5, 6}, {3, 2});
  const auto parts = all.SplitRows(std::vector<std::size_t>{1, 0, 2});
  ASSERT_TRUE(parts.ok()) << parts.status();
  ASSERT_EQ(parts->size(), 3);
  EXPECT_THAT((*parts)[0].shape(), ElementsAre(1, 2));
  EXPECT_THAT(ValuesOf((*parts)[0]), ElementsAre(1, 2));
  EXPECT_THAT((*parts)[1].shape(), ElementsAre(0, 2));
  EXPECT_THAT((*parts)[1].bytes(), testing::IsEmpty());
  EXPECT_THAT(ValuesOf((*parts)[2]), ElementsAre(3, 4, 5, 6));
  EXPECT_EQ((*parts)[2].bytes().data(), all.bytes().data() + 2 * sizeof(float));
}

TEST(TensorRows, OfBytesAreSplitBetweenElements) {
  const std::array<std::string_view, 4> texts = {"one", "", "three", "four"};
  const Tensor all = Tensor::OfBytes(texts, {2, 2}).value();
  const auto parts = all.SplitRows(std::vector<std::size_t>{1, 1});
  ASSERT_TRUE(parts.ok()) << parts.status();
  EXPECT_THAT((*parts)[0].BytesValues().value(), ElementsAre("one", ""));
  EXPECT_THAT((*parts)[1].BytesValues().value(), ElementsAre("three", "four"));
  EXPECT_EQ(Tensor::JoinRows(std::vector<const Tensor*>{&(*parts)[0], &(*parts)[1]})->bytes(),
            all.bytes());
}

TEST(TensorRows, OutliveTheTensor) {
  std::vector<Tensor> parts =
      Floats({1, 2}, {2, 1}).SplitRows(std::vector<std::size_t>{1, 1}).value();
  EXPECT_THAT(ValuesOf(parts[1]), ElementsAre(2));
}

TEST(TensorRows, OfAnotherNumberAreNotSplit) {
  const Tensor all = Floats({1, 2}, {2, 1});
  EXPECT_THAT(std::string(all.SplitRows(std::vector<std::size_t>{1, 2}).status().message()),
              HasSubstr("a tensor of shape [2,1] is not 3 rows"));
  EXPECT_FALSE(Floats({1}, {}).SplitRows(std::vector<std::size_t>{1}).ok());
}

}  // namespace
}  // namespace parley
