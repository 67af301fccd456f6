// Tensors as the messages of calls, on every wire.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "parley/model/tensor.h"
#include "parley/parley.h"
#include "tests/call/wire_fixture.h"

namespace parley::call_test {
namespace {

using testing::ElementsAre;

constexpr Unary<Tensor, Tensor> kDouble{"test.Tensors/Double"};
constexpr Unary<std::string, Tensor> kDoubleRaw{"test.Tensors/Double"};
constexpr Unary<Tensor, Tensor> kEcho{"test.Tensors/Echo"};
constexpr ServerStreaming<Tensor, Tensor> kRows{"test.Tensors/Rows"};

// Its elements times two.
absl::StatusOr<Tensor> Double(Context&, const Tensor& in) {
  const auto values = in.Values<float>();
  if (!values.ok()) return values.status();
  return Tensor::Make<float>({in.shape().begin(), in.shape().end()}, [&](std::span<float> out) {
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = 2 * (*values)[i];
  });
}

// One row after the other.
absl::Status Rows(Context&, const Tensor& in, Writer<Tensor>& out) {
  const auto values = in.Values<float>();
  if (!values.ok()) return values.status();
  const auto columns = static_cast<std::size_t>(in.shape()[1]);
  for (std::size_t row = 0; row < static_cast<std::size_t>(in.shape()[0]); ++row) {
    const auto tensor =
        Tensor::CopyOf<float>(values->subspan(row * columns, columns), {in.shape()[1]});
    if (!tensor.ok()) return tensor.status();
    if (absl::Status status = out.Write(*tensor); !status.ok()) return status;
  }
  return absl::OkStatus();
}

Tensor Counting(Shape shape) {
  return *Tensor::Make<float>(std::move(shape), [](std::span<float> values) {
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 1000);
  });
}

class TensorCall : public WireFixture, public testing::TestWithParam<WireRow> {
 protected:
  TensorCall() : WireFixture(GetParam()) {
    server().Register(kDouble, Double);
    server().Register(kEcho,
                      [](Context&, const Tensor& in) -> absl::StatusOr<Tensor> { return in; });
    server().Register(kRows, Rows);
    Start();
  }
};

// From a few bytes to more than what a session takes.
TEST_P(TensorCall, TakesAndGivesTensorsOfAnySize) {
  Client client = Connect();
  for (const std::int64_t columns : {0, 1, 7, 1000, 200'000}) {
    const Tensor in = Counting({3, columns});
    const auto out = client.Call(kDouble, in);
    ASSERT_TRUE(out.ok()) << out.status();
    EXPECT_THAT(out->shape(), ElementsAre(3, columns));
    const auto before = *in.Values<float>();
    const auto after = *out->Values<float>();
    ASSERT_EQ(after.size(), before.size());
    for (std::size_t i = 0; i < before.size(); ++i) ASSERT_EQ(after[i], 2 * before[i]) << i;
  }
}

TEST_P(TensorCall, StreamsTensors) {
  Client client = Connect();
  auto rows = client.Call(kRows, Counting({4, 3}));
  float first = 0;
  for (const Tensor& row : rows) {
    EXPECT_THAT(*row.Values<float>(), ElementsAre(first, first + 1, first + 2));
    first += 3;
  }
  const absl::Status status = rows.Finish();
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(first, 12);
}

TEST_P(TensorCall, OutlivesTheServerThatSentIt) {
  std::optional<Client> client = Connect();
  const auto out = client->Call(kDouble, Counting({2, 10}));
  ASSERT_TRUE(out.ok()) << out.status();
  client.reset();
  StopServer();
  DestroyServer();
  EXPECT_EQ((*out->Values<float>())[19], 38);
}

INSTANTIATE_TEST_SUITE_P(All, TensorCall, testing::ValuesIn(kWires), NameOf<WireRow>);

class LocalTensorCall : public WireFixture, public testing::Test {
 protected:
  LocalTensorCall() : WireFixture(kLocal) {
    server().Register(kEcho,
                      [](Context&, const Tensor& in) -> absl::StatusOr<Tensor> { return in; });
    Start();
  }
};

TEST_F(LocalTensorCall, SharesTheMemory) {
  const Tensor in = Counting({1000});
  const auto out = Connect().Call(kEcho, in);
  ASSERT_TRUE(out.ok()) << out.status();
  EXPECT_EQ(out->bytes().data(), in.bytes().data());
}

class TensorCallFromOutside : public TensorCall {};

TEST_P(TensorCallFromOutside, IsRefusedWhereTheBytesAreNoTensor) {
  const auto out = Connect().Call(kDoubleRaw,
                                  "\x08\x0b\x12\x01\x02\x1a\x03"
                                  "abc");
  EXPECT_EQ(out.status().code(), absl::StatusCode::kInternal) << out.status();
  EXPECT_THAT(out.status().message(), testing::HasSubstr("3 bytes where shape [2] needs 8"));
}

INSTANTIATE_TEST_SUITE_P(All, TensorCallFromOutside, testing::ValuesIn(kSocketWires),
                         NameOf<WireRow>);

}  // namespace
}  // namespace parley::call_test
