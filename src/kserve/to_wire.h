// What parley knows of its models, in the protocol's messages.
#ifndef PARLEY_SRC_KSERVE_TO_WIRE_H_
#define PARLEY_SRC_KSERVE_TO_WIRE_H_

#include <optional>

#include "parley/model/registry.h"
#include "parley_wire/grpc_service.pb.h"

namespace parley::kserve {

// All but the versions, which are those of other specs.
wire::ModelMetadataResponse MetadataOf(const ModelSpec& spec);
wire::ModelConfig ConfigOf(const ModelSpec& spec, bool streaming,
                           const std::optional<BatchOptions>& queue);
wire::ModelStatistics StatisticsOf(const ModelSpec& spec, const ModelStatistics& statistics);
wire::RepositoryIndexResponse::ModelIndex IndexEntryOf(const ModelIndexEntry& entry);

}  // namespace parley::kserve

#endif  // PARLEY_SRC_KSERVE_TO_WIRE_H_
