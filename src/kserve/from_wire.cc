#include "src/kserve/from_wire.h"

#include <algorithm>
#include <concepts>
#include <limits>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/time/time.h"

namespace parley::kserve {
namespace {

// The nearest number that there is.
template <std::integral To, std::integral From>
To Clamp(From value) {
  if (std::in_range<To>(value)) return static_cast<To>(value);
  return std::cmp_less(value, 0) ? std::numeric_limits<To>::min() : std::numeric_limits<To>::max();
}

absl::Duration Microseconds(std::uint64_t count) {
  return absl::Microseconds(Clamp<std::int64_t>(count));
}

TensorSpec TensorSpecOf(const wire::ModelMetadataResponse::TensorMetadata& metadata) {
  return {.name = metadata.name(),
          .type = DataTypeNamed(metadata.datatype()),
          .shape = {metadata.shape().begin(), metadata.shape().end()}};
}

// Of ModelInput and ModelOutput. The numbers of the types are the same.
TensorSpec TensorSpecOf(const auto& tensor) {
  const bool is_known = wire::DataType_IsValid(tensor.data_type());
  return {.name = tensor.name(),
          .type = is_known ? static_cast<DataType>(tensor.data_type()) : DataType::kInvalid,
          .shape = {tensor.dims().begin(), tensor.dims().end()}};
}

BatchOptions BatchOptionsOf(const wire::ModelDynamicBatching& batching) {
  BatchOptions options;
  for (const std::int32_t size : batching.preferred_batch_size()) {
    if (size > 0) options.preferred_batch_sizes.push_back(static_cast<std::size_t>(size));
  }
  options.max_queue_delay = Microseconds(batching.max_queue_delay_microseconds());
  options.preserve_ordering = batching.preserve_ordering();
  // 0: there are no levels.
  options.priority_levels =
      std::max<std::size_t>(Clamp<std::size_t>(batching.priority_levels()), 1);
  options.default_priority = std::clamp<std::size_t>(
      Clamp<std::size_t>(batching.default_priority_level()), 1, options.priority_levels);
  // In a policy 0 is no limit.
  const wire::ModelQueuePolicy& policy = batching.default_queue_policy();
  const std::uint64_t timeout = policy.default_timeout_microseconds();
  options.queue_timeout = timeout > 0 ? Microseconds(timeout) : absl::InfiniteDuration();
  const std::size_t requests = policy.max_queue_size();
  options.max_queued_requests = requests > 0 ? requests : std::numeric_limits<std::size_t>::max();
  return options;
}

std::size_t InstancesOf(const wire::ModelConfig& config) {
  std::int64_t instances = 0;
  // A group that gives no number has one.
  for (const auto& group : config.instance_group()) instances += std::max(group.count(), 1);
  return Clamp<std::size_t>(std::max<std::int64_t>(instances, 1));
}

DurationStatistic StatisticOf(const wire::StatisticDuration& duration) {
  return {.count = duration.count(),
          .total = absl::Nanoseconds(Clamp<std::int64_t>(duration.ns()))};
}

BatchStatistics BatchStatisticsOf(const wire::InferBatchStatistics& batch) {
  return {.compute_input = StatisticOf(batch.compute_input()),
          .compute_infer = StatisticOf(batch.compute_infer()),
          .compute_output = StatisticOf(batch.compute_output())};
}

ResponseStatistics ResponseStatisticsOf(const wire::InferResponseStatistics& response) {
  return {.compute_infer = StatisticOf(response.compute_infer()),
          .compute_output = StatisticOf(response.compute_output()),
          .success = StatisticOf(response.success()),
          .fail = StatisticOf(response.fail()),
          .empty_response = StatisticOf(response.empty_response()),
          .cancel = StatisticOf(response.cancel())};
}

ModelState StateNamed(const std::string& name) {
  if (name == "READY") return ModelState::kReady;
  if (name == "LOADING") return ModelState::kLoading;
  if (name == "UNLOADING") return ModelState::kUnloading;
  return ModelState::kUnavailable;
}

}  // namespace

ModelDescription DescriptionOf(const wire::ModelMetadataResponse& metadata) {
  ModelDescription description{.name = metadata.name(),
                               .versions = {metadata.versions().begin(), metadata.versions().end()},
                               .platform = metadata.platform()};
  for (const auto& input : metadata.inputs()) description.inputs.push_back(TensorSpecOf(input));
  for (const auto& output : metadata.outputs()) description.outputs.push_back(TensorSpecOf(output));
  return description;
}

ModelConfiguration ConfigurationOf(const wire::ModelConfig& config) {
  ModelConfiguration configuration{
      .spec = {.name = config.name(),
               .version = 0,
               .max_batch_size = Clamp<std::size_t>(config.max_batch_size())},
      .streaming = config.model_transaction_policy().decoupled()};
  ModelSpec& spec = configuration.spec;
  for (const wire::ModelInput& input : config.input()) {
    spec.inputs.push_back(TensorSpecOf(input));
    spec.inputs.back().optional = input.optional();
  }
  for (const wire::ModelOutput& output : config.output()) {
    spec.outputs.push_back(TensorSpecOf(output));
  }
  if (config.has_dynamic_batching()) {
    BatchOptions& queue = configuration.queue.emplace(BatchOptionsOf(config.dynamic_batching()));
    queue.max_batch_size = std::max<std::size_t>(spec.max_batch_size, 1);
    queue.instances = InstancesOf(config);
  }
  return configuration;
}

StatisticsEntry StatisticsEntryOf(const wire::ModelStatistics& statistics) {
  const wire::InferStatistics& requests = statistics.inference_stats();
  StatisticsEntry entry{.name = statistics.name(),
                        .version = statistics.version(),
                        .statistics = {.last_inference = absl::FromUnixMillis(
                                           Clamp<std::int64_t>(statistics.last_inference())),
                                       .inference_count = statistics.inference_count(),
                                       .execution_count = statistics.execution_count(),
                                       .success = StatisticOf(requests.success()),
                                       .fail = StatisticOf(requests.fail()),
                                       .queue = StatisticOf(requests.queue()),
                                       .compute_input = StatisticOf(requests.compute_input()),
                                       .compute_infer = StatisticOf(requests.compute_infer()),
                                       .compute_output = StatisticOf(requests.compute_output())}};
  for (const auto& batch : statistics.batch_stats()) {
    entry.statistics.batches[batch.batch_size()] = BatchStatisticsOf(batch);
  }
  for (const auto& [key, response] : statistics.response_stats()) {
    std::uint64_t index;
    if (!absl::SimpleAtoi(key, &index)) continue;
    entry.statistics.responses[index] = ResponseStatisticsOf(response);
  }
  return entry;
}

ModelIndexEntry IndexEntryOf(const wire::RepositoryIndexResponse::ModelIndex& entry) {
  return {.name = entry.name(),
          .version = VersionNumber(entry.version()),
          .state = StateNamed(entry.state()),
          .reason = entry.reason()};
}

std::int64_t VersionNumber(const std::string& version) {
  std::int64_t number;
  return absl::SimpleAtoi(version, &number) ? std::max<std::int64_t>(number, 0) : 0;
}

}  // namespace parley::kserve
