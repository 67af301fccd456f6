// What is told of models in the protocol's messages: it comes back as it went, and from another server
// as well as it can be understood.
#include "src/kserve/from_wire.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "src/kserve/to_wire.h"

namespace parley::kserve {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Key;
using testing::SizeIs;

constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();

ModelSpec BatchedSpec() {
  return {.name = "sum",
          .version = 7,
          .inputs = {{"a", DataType::kFp32, {-1, 3}}, {"b", DataType::kBytes, {}, true}},
          .outputs = {{"c", DataType::kBf16, {2}}},
          .max_batch_size = 8};
}

void ExpectSame(const TensorSpec& a, const TensorSpec& b) {
  EXPECT_EQ(a.name, b.name);
  EXPECT_EQ(a.type, b.type);
  EXPECT_EQ(a.shape, b.shape);
  EXPECT_EQ(a.optional, b.optional);
}

TEST(FromWire, ReadsTheMetadataOfParleysModels) {
  wire::ModelMetadataResponse metadata = MetadataOf(BatchedSpec());
  metadata.add_versions(std::string("7"));
  const ModelDescription description = DescriptionOf(metadata);
  EXPECT_EQ(description.name, "sum");
  EXPECT_EQ(description.platform, "parley");
  EXPECT_THAT(description.versions, ElementsAre("7"));
  ASSERT_THAT(description.inputs, SizeIs(2));
  ExpectSame(description.inputs[0], {"a", DataType::kFp32, {-1, -1, 3}});
  ExpectSame(description.inputs[1], {"b", DataType::kBytes, {-1}});
  ASSERT_THAT(description.outputs, SizeIs(1));
  ExpectSame(description.outputs[0], {"c", DataType::kBf16, {-1, 2}});
}

TEST(FromWire, ReadsTheConfigurationOfParleysModels) {
  const ModelSpec spec = BatchedSpec();
  const BatchOptions options{.max_batch_size = 8,
                             .preferred_batch_sizes = {4, 8},
                             .max_queue_delay = absl::Microseconds(150),
                             .instances = 3,
                             .priority_levels = 5,
                             .default_priority = 2,
                             .max_queued_requests = 99,
                             .queue_timeout = absl::Seconds(2),
                             .preserve_ordering = true};
  const ModelConfiguration configuration = ConfigurationOf(ConfigOf(spec, true, options));
  EXPECT_TRUE(configuration.streaming);
  EXPECT_EQ(configuration.spec.name, "sum");
  EXPECT_EQ(configuration.spec.max_batch_size, 8);
  ASSERT_THAT(configuration.spec.inputs, SizeIs(2));
  ExpectSame(configuration.spec.inputs[0], spec.inputs[0]);
  ExpectSame(configuration.spec.inputs[1], spec.inputs[1]);
  ASSERT_THAT(configuration.spec.outputs, SizeIs(1));
  ExpectSame(configuration.spec.outputs[0], spec.outputs[0]);
  ASSERT_TRUE(configuration.queue.has_value());
  const BatchOptions& queue = *configuration.queue;
  EXPECT_EQ(queue.max_batch_size, 8);
  EXPECT_THAT(queue.preferred_batch_sizes, ElementsAre(4, 8));
  EXPECT_EQ(queue.max_queue_delay, options.max_queue_delay);
  EXPECT_EQ(queue.instances, 3);
  EXPECT_EQ(queue.priority_levels, 5);
  EXPECT_EQ(queue.default_priority, 2);
  EXPECT_EQ(queue.max_queued_requests, 99);
  EXPECT_EQ(queue.queue_timeout, options.queue_timeout);
  EXPECT_TRUE(queue.preserve_ordering);
}

TEST(FromWire, ReadsNoQueueWhereNothingIsPutTogether) {
  EXPECT_FALSE(ConfigurationOf(ConfigOf(BatchedSpec(), false, std::nullopt)).queue.has_value());
  EXPECT_FALSE(ConfigurationOf(ConfigOf(BatchedSpec(), false, BatchOptions{})).queue.has_value());
}

TEST(FromWire, ReadsAQueueThatSaysNothingOfItself) {
  wire::ModelConfig config;
  config.mutable_dynamic_batching();
  const ModelConfiguration configuration = ConfigurationOf(config);
  ASSERT_TRUE(configuration.queue.has_value());
  EXPECT_EQ(configuration.queue->max_batch_size, 1);
  EXPECT_EQ(configuration.queue->instances, 1);
  EXPECT_EQ(configuration.queue->priority_levels, 1);
  EXPECT_EQ(configuration.queue->default_priority, 1);
  EXPECT_EQ(configuration.queue->queue_timeout, absl::InfiniteDuration());
  EXPECT_EQ(configuration.queue->max_queued_requests, std::numeric_limits<std::size_t>::max());
}

TEST(FromWire, CutsWhatIsTooLargeInAConfiguration) {
  wire::ModelConfig config;
  config.set_max_batch_size(-1);
  config.add_input()->set_data_type(static_cast<wire::DataType>(99));
  for (const std::int32_t count : {-5, std::numeric_limits<std::int32_t>::max()}) {
    config.add_instance_group()->set_count(count);
  }
  wire::ModelDynamicBatching& batching = *config.mutable_dynamic_batching();
  batching.add_preferred_batch_size(-4);
  batching.set_max_queue_delay_microseconds(kMost);
  batching.set_priority_levels(2);
  batching.set_default_priority_level(kMost);
  batching.mutable_default_queue_policy()->set_default_timeout_microseconds(kMost);
  const ModelConfiguration configuration = ConfigurationOf(config);
  EXPECT_EQ(configuration.spec.max_batch_size, 0);
  EXPECT_EQ(configuration.spec.inputs.at(0).type, DataType::kInvalid);
  ASSERT_TRUE(configuration.queue.has_value());
  EXPECT_THAT(configuration.queue->preferred_batch_sizes, IsEmpty());
  EXPECT_EQ(configuration.queue->instances, (std::size_t{1} << 31));
  EXPECT_EQ(configuration.queue->default_priority, 2);
  EXPECT_GT(configuration.queue->max_queue_delay, absl::Hours(24 * 365 * 1000));
  EXPECT_GT(configuration.queue->queue_timeout, absl::Hours(24 * 365 * 1000));
}

TEST(FromWire, ReadsTheStatisticsOfParleysModels) {
  std::uint64_t next = 1;
  const auto statistic = [&]() -> DurationStatistic {
    ++next;
    return {.count = next, .total = absl::Nanoseconds(1'000'000'000 * next)};
  };
  const auto expect_same = [](const DurationStatistic& a, const DurationStatistic& b) {
    EXPECT_EQ(a.count, b.count);
    EXPECT_EQ(a.total, b.total);
  };
  const ModelStatistics statistics{
      .last_inference = absl::FromUnixMillis(1'700'000'000'123),
      .inference_count = 40,
      .execution_count = 20,
      .success = statistic(),
      .fail = statistic(),
      .queue = statistic(),
      .compute_input = statistic(),
      .compute_infer = statistic(),
      .compute_output = statistic(),
      .batches = {{2, {statistic(), statistic(), statistic()}}},
      .responses = {
          {3, {statistic(), statistic(), statistic(), statistic(), statistic(), statistic()}}}};
  const StatisticsEntry entry = StatisticsEntryOf(StatisticsOf(BatchedSpec(), statistics));
  EXPECT_EQ(entry.name, "sum");
  EXPECT_EQ(entry.version, "7");
  const ModelStatistics& read = entry.statistics;
  EXPECT_EQ(read.last_inference, statistics.last_inference);
  EXPECT_EQ(read.inference_count, 40);
  EXPECT_EQ(read.execution_count, 20);
  expect_same(read.success, statistics.success);
  expect_same(read.fail, statistics.fail);
  expect_same(read.queue, statistics.queue);
  expect_same(read.compute_input, statistics.compute_input);
  expect_same(read.compute_infer, statistics.compute_infer);
  expect_same(read.compute_output, statistics.compute_output);
  ASSERT_THAT(read.batches, ElementsAre(Key(2)));
  const BatchStatistics& batch = statistics.batches.at(2);
  expect_same(read.batches.at(2).compute_input, batch.compute_input);
  expect_same(read.batches.at(2).compute_infer, batch.compute_infer);
  expect_same(read.batches.at(2).compute_output, batch.compute_output);
  ASSERT_THAT(read.responses, ElementsAre(Key(3)));
  const ResponseStatistics& response = statistics.responses.at(3);
  expect_same(read.responses.at(3).compute_infer, response.compute_infer);
  expect_same(read.responses.at(3).compute_output, response.compute_output);
  expect_same(read.responses.at(3).success, response.success);
  expect_same(read.responses.at(3).fail, response.fail);
  expect_same(read.responses.at(3).empty_response, response.empty_response);
  expect_same(read.responses.at(3).cancel, response.cancel);
}

TEST(FromWire, LeavesOutAndCutsWhatMakesNoSenseInStatistics) {
  wire::ModelStatistics statistics;
  statistics.set_last_inference(kMost);
  statistics.mutable_inference_stats()->mutable_success()->set_ns(kMost);
  auto& responses = *statistics.mutable_response_stats();
  for (const char* key : {"5", "-1", "", "first", "99999999999999999999"}) responses[key];
  const StatisticsEntry entry = StatisticsEntryOf(statistics);
  EXPECT_THAT(entry.statistics.responses, ElementsAre(Key(5)));
  EXPECT_GT(entry.statistics.success.total, absl::Hours(24 * 365 * 200));
  EXPECT_GT(entry.statistics.last_inference, absl::Now());
}

TEST(FromWire, ReadsTheIndexOfParleysModels) {
  for (const ModelState state : {ModelState::kLoading, ModelState::kReady, ModelState::kUnloading,
                                 ModelState::kUnavailable}) {
    const ModelIndexEntry entry = IndexEntryOf(
        IndexEntryOf(ModelIndexEntry{.name = "sum", .version = 7, .state = state, .reason = "so"}));
    EXPECT_EQ(entry.name, "sum");
    EXPECT_EQ(entry.version, 7);
    EXPECT_EQ(entry.state, state);
    EXPECT_EQ(entry.reason, "so");
  }
}

TEST(FromWire, ReadsTheIndexOfModelsThatWereNeverLoaded) {
  for (const char* version : {"", "latest", "-3", "99999999999999999999"}) {
    wire::RepositoryIndexResponse::ModelIndex entry;
    entry.set_version(version);
    EXPECT_EQ(IndexEntryOf(entry).version, 0) << version;
    EXPECT_EQ(IndexEntryOf(entry).state, ModelState::kUnavailable);
  }
}

}  // namespace
}  // namespace parley::kserve
