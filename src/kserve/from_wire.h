// What a server tells in the protocol's messages, as parley's own types. The server may be anybody's, so
// all is taken as well as it can be: what is too large is cut, what can't be understood is left out.
#ifndef PARLEY_SRC_KSERVE_FROM_WIRE_H_
#define PARLEY_SRC_KSERVE_FROM_WIRE_H_

#include <cstdint>
#include <string>

#include "parley/kserve/description.h"
#include "parley/model/registry.h"
#include "parley_wire/grpc_service.pb.h"

namespace parley::kserve {

ModelDescription DescriptionOf(const wire::ModelMetadataResponse& metadata);
// The spec's version is 0: a configuration does not tell it.
ModelConfiguration ConfigurationOf(const wire::ModelConfig& config);
StatisticsEntry StatisticsEntryOf(const wire::ModelStatistics& statistics);
// A state that parley does not know is kUnavailable.
ModelIndexEntry IndexEntryOf(const wire::RepositoryIndexResponse::ModelIndex& entry);

// 0 if it is no number from 0 on.
std::int64_t VersionNumber(const std::string& version);

}  // namespace parley::kserve

#endif  // PARLEY_SRC_KSERVE_FROM_WIRE_H_
