// The models that clients of KServe's protocol are tested with.
#ifndef PARLEY_TESTS_KSERVE_KSERVE_MODELS_H_
#define PARLEY_TESTS_KSERVE_KSERVE_MODELS_H_

#include <vector>

#include "absl/status/statusor.h"
#include "parley/model/registry.h"

namespace parley::kserve_test {

// "identity_FP32" and so on: "INPUT" of any shape of one dimension to "OUTPUT", with the request's
// parameters.
Model IdentityModel(DataType type);
// "sum": rows of two FP32 "a" and "b" to "sum", up to 8 at a time, after a short wait for more.
Model SumModel();
// "repeat": gives each element of "IN", INT32, as a response of its own, "OUT"; then fails if the
// parameter "fail" says so.
Model RepeatModel();
// "wait": waits until nobody wants the answer any more, and gives one then.
Model WaitModel();
// "fail": FAILED_PRECONDITION.
Model FailModel();

// All of them, and versions 1 and 3 of "versions".
absl::Status LoadModels(ModelRegistry& registry);

// Makes "loaded", an identity of INT32, in the version that the file "<version>/model" is for; 1 if
// there is none. Refuses if config says "refuse".
absl::StatusOr<std::vector<Model>> LoadOnRequest(const LoadRequest& request);

}  // namespace parley::kserve_test

#endif  // PARLEY_TESTS_KSERVE_KSERVE_MODELS_H_
