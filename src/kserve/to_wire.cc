#include "src/kserve/to_wire.h"

#include <algorithm>
#include <cstdint>
#include <limits>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "src/utf8.h"

namespace parley::kserve {
namespace {

constexpr char kPlatform[] = "parley";

// Numbers that the protocol has fewer bits for.
template <class To>
To Clamp(std::size_t number) {
  return static_cast<To>(
      std::min<std::uint64_t>(number, static_cast<std::uint64_t>(std::numeric_limits<To>::max())));
}

// Rounded up: 0 often stands for none.
std::uint64_t MicrosecondsOf(absl::Duration duration) {
  const absl::Duration whole = absl::Ceil(duration, absl::Microseconds(1));
  return static_cast<std::uint64_t>(std::max<std::int64_t>(absl::ToInt64Microseconds(whole), 0));
}

wire::ModelMetadataResponse::TensorMetadata TensorMetadataOf(const ModelSpec& model,
                                                             const TensorSpec& spec) {
  wire::ModelMetadataResponse::TensorMetadata metadata;
  metadata.set_name(spec.name);
  metadata.set_datatype(std::string(DataTypeName(spec.type)));
  if (model.max_batch_size > 0) metadata.add_shape(-1);
  for (const std::int64_t extent : spec.shape) metadata.add_shape(extent);
  return metadata;
}

wire::StatisticDuration DurationOf(const DurationStatistic& statistic) {
  wire::StatisticDuration duration;
  duration.set_count(statistic.count);
  duration.set_ns(static_cast<std::uint64_t>(
      std::max<std::int64_t>(absl::ToInt64Nanoseconds(statistic.total), 0)));
  return duration;
}

wire::ModelDynamicBatching DynamicBatchingOf(const BatchOptions& options) {
  wire::ModelDynamicBatching batching;
  for (const std::size_t size : options.preferred_batch_sizes) {
    batching.add_preferred_batch_size(Clamp<std::int32_t>(size));
  }
  batching.set_max_queue_delay_microseconds(MicrosecondsOf(options.max_queue_delay));
  batching.set_preserve_ordering(options.preserve_ordering);
  batching.set_priority_levels(options.priority_levels);
  batching.set_default_priority_level(options.default_priority);
  wire::ModelQueuePolicy& policy = *batching.mutable_default_queue_policy();
  policy.set_allow_timeout_override(true);
  policy.set_max_queue_size(Clamp<std::uint32_t>(options.max_queued_requests));
  // 0: none.
  if (options.queue_timeout != absl::InfiniteDuration()) {
    policy.set_default_timeout_microseconds(MicrosecondsOf(options.queue_timeout));
  }
  return batching;
}

}  // namespace

wire::ModelMetadataResponse MetadataOf(const ModelSpec& spec) {
  wire::ModelMetadataResponse metadata;
  metadata.set_name(spec.name);
  metadata.set_platform(kPlatform);
  for (const TensorSpec& input : spec.inputs) {
    *metadata.add_inputs() = TensorMetadataOf(spec, input);
  }
  for (const TensorSpec& output : spec.outputs) {
    *metadata.add_outputs() = TensorMetadataOf(spec, output);
  }
  return metadata;
}

wire::ModelConfig ConfigOf(const ModelSpec& spec, bool streaming,
                           const std::optional<BatchOptions>& queue) {
  wire::ModelConfig config;
  config.set_name(spec.name);
  config.set_platform(kPlatform);
  config.set_backend(kPlatform);
  config.set_max_batch_size(Clamp<std::int32_t>(spec.max_batch_size));
  // The numbers of the types are the same.
  const auto type_of = [](DataType type) { return static_cast<wire::DataType>(type); };
  for (const TensorSpec& spec_input : spec.inputs) {
    wire::ModelInput& input = *config.add_input();
    input.set_name(spec_input.name);
    input.set_data_type(type_of(spec_input.type));
    for (const std::int64_t extent : spec_input.shape) input.add_dims(extent);
    input.set_optional(spec_input.optional);
  }
  for (const TensorSpec& spec_output : spec.outputs) {
    wire::ModelOutput& output = *config.add_output();
    output.set_name(spec_output.name);
    output.set_data_type(type_of(spec_output.type));
    for (const std::int64_t extent : spec_output.shape) output.add_dims(extent);
  }
  wire::ModelInstanceGroup& group = *config.add_instance_group();
  group.set_name(spec.name);
  group.set_kind(wire::ModelInstanceGroup::KIND_CPU);
  group.set_count(queue.has_value() ? Clamp<std::int32_t>(queue->instances) : 1);
  if (queue.has_value() && queue->max_batch_size > 1) {
    *config.mutable_dynamic_batching() = DynamicBatchingOf(*queue);
  }
  config.mutable_model_transaction_policy()->set_decoupled(streaming);
  return config;
}

wire::ModelStatistics StatisticsOf(const ModelSpec& spec, const ModelStatistics& statistics) {
  wire::ModelStatistics message;
  message.set_name(spec.name);
  message.set_version(absl::StrCat(spec.version));
  message.set_last_inference(static_cast<std::uint64_t>(
      std::max<std::int64_t>(absl::ToUnixMillis(statistics.last_inference), 0)));
  message.set_inference_count(statistics.inference_count);
  message.set_execution_count(statistics.execution_count);
  wire::InferStatistics& of_requests = *message.mutable_inference_stats();
  *of_requests.mutable_success() = DurationOf(statistics.success);
  *of_requests.mutable_fail() = DurationOf(statistics.fail);
  *of_requests.mutable_queue() = DurationOf(statistics.queue);
  *of_requests.mutable_compute_input() = DurationOf(statistics.compute_input);
  *of_requests.mutable_compute_infer() = DurationOf(statistics.compute_infer);
  *of_requests.mutable_compute_output() = DurationOf(statistics.compute_output);
  for (const auto& [size, of_size] : statistics.batches) {
    wire::InferBatchStatistics& batch = *message.add_batch_stats();
    batch.set_batch_size(size);
    *batch.mutable_compute_input() = DurationOf(of_size.compute_input);
    *batch.mutable_compute_infer() = DurationOf(of_size.compute_infer);
    *batch.mutable_compute_output() = DurationOf(of_size.compute_output);
  }
  for (const auto& [index, of_index] : statistics.responses) {
    wire::InferResponseStatistics& response =
        (*message.mutable_response_stats())[absl::StrCat(index)];
    *response.mutable_compute_infer() = DurationOf(of_index.compute_infer);
    *response.mutable_compute_output() = DurationOf(of_index.compute_output);
    *response.mutable_success() = DurationOf(of_index.success);
    *response.mutable_fail() = DurationOf(of_index.fail);
    *response.mutable_empty_response() = DurationOf(of_index.empty_response);
    *response.mutable_cancel() = DurationOf(of_index.cancel);
  }
  return message;
}

wire::RepositoryIndexResponse::ModelIndex IndexEntryOf(const ModelIndexEntry& entry) {
  wire::RepositoryIndexResponse::ModelIndex message;
  message.set_name(entry.name);
  message.set_version(absl::StrCat(entry.version));
  // What is no UTF-8 would make the whole answer unreadable to its client.
  message.set_reason(detail::IsUtf8(entry.reason) ? entry.reason : absl::CEscape(entry.reason));
  switch (entry.state) {
    case ModelState::kLoading:
      message.set_state("LOADING");
      break;
    case ModelState::kReady:
      message.set_state("READY");
      break;
    case ModelState::kUnloading:
      message.set_state("UNLOADING");
      break;
    case ModelState::kUnavailable:
      message.set_state("UNAVAILABLE");
      break;
  }
  return message;
}

}  // namespace parley::kserve
