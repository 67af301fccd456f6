// What a server of the Open Inference Protocol v2 tells of itself and of its models.
#ifndef PARLEY_KSERVE_DESCRIPTION_H_
#define PARLEY_KSERVE_DESCRIPTION_H_

#include <optional>
#include <string>
#include <vector>

#include "parley/model/batch_options.h"
#include "parley/model/model.h"
#include "parley/model/statistics.h"

namespace parley::kserve {

// What the protocol calls a server's metadata.
struct ServerDescription {
  std::string name = "";
  std::string version = "";
  std::vector<std::string> extensions = {};  // of the protocol, such as "statistics"
};

// What the protocol calls a model's metadata.
struct ModelDescription {
  std::string name = "";
  std::vector<std::string> versions = {};
  std::string platform = "";
  // With the batch's dimension in front, -1, where the model has one; unlike a ModelSpec's. The type is
  // kInvalid if it is none that parley has.
  std::vector<TensorSpec> inputs = {};
  std::vector<TensorSpec> outputs = {};
};

// What parley has a use for of a model's configuration.
struct ModelConfiguration {
  // The version is the one that was asked for; 0 if none was.
  ModelSpec spec = {.name = ""};
  bool streaming = false;  // a request gets any number of responses
  // How requests are put together into batches, if they are. The protocol does not tell
  // max_queued_bytes; where it says that there is no limit, it is the largest number.
  std::optional<BatchOptions> queue = {};
};

// Of one version of a model.
struct StatisticsEntry {
  std::string name = "";
  std::string version = "";
  ModelStatistics statistics = {};
};

}  // namespace parley::kserve

#endif  // PARLEY_KSERVE_DESCRIPTION_H_
