// The models that an application serves: loaded, asked and unloaded while calls run.
#ifndef PARLEY_MODEL_REGISTRY_H_
#define PARLEY_MODEL_REGISTRY_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "parley/detail/export.h"
#include "parley/model/model.h"
#include "parley/model/statistics.h"
#include "parley/options.h"

namespace parley {

// One loaded version of a model. It goes with the last who holds it, after it was unloaded.
//
// Threads:  safe.
class ServedModel {
 public:
  virtual ~ServedModel() = default;

  virtual const ModelSpec& spec() const = 0;
  // Whether a request gets any number of responses.
  virtual bool streaming() const = 0;
  // As it was loaded, with the defaults filled in; none if requests run on the thread of their call.
  virtual const std::optional<BatchOptions>& queue() const = 0;
  virtual ModelStatistics Statistics() const = 0;

  // Calls `answer` once: before it returns if the model has no queue, else on one of the batcher's
  // threads. It must not block, nor throw.
  // Errors:   INVALID_ARGUMENT for a request that the spec does not allow, naming the input;
  //           UNIMPLEMENTED if the model is a streaming one; as Batcher::Submit; the handler's.
  virtual void Infer(InferRequest request, InferTerms terms,
                     absl::AnyInvocable<void(absl::StatusOr<InferResponse>) &&> answer) = 0;

  // Runs a request of a streaming model.
  // Errors:   the same; UNIMPLEMENTED if the model gives one response.
  virtual void Stream(InferRequest request, InferTerms terms,
                      std::unique_ptr<detail::ResponseSink> sink) = 0;
};

enum class ModelState { kLoading, kReady, kUnloading, kUnavailable };

struct ModelIndexEntry {
  std::string name;
  std::int64_t version = 0;
  ModelState state = ModelState::kUnavailable;
  std::string reason = "";  // of what is unavailable
};

// What an application is asked to load.
struct LoadRequest {
  std::string name;
  // Triton's: what the caller would have the configuration be, and files by "<version>/<name>".
  std::optional<std::string> config = {};
  std::map<std::string, std::string, std::less<>> files = {};
};

struct RegistryOptions {
  // Makes a model's versions, all of that name, on the thread that asks for it. None: models are loaded
  // by the application alone.
  std::function<absl::StatusOr<std::vector<Model>>(const LoadRequest& request)> loader = nullptr;
  Log log = nullptr;  // none: warnings and errors go to stderr
};

// Example:  parley::ModelRegistry registry;
//           if (absl::Status s = registry.Load(std::move(model)); !s.ok()) return s;
//           absl::StatusOr<InferResponse> answer = registry.Infer(request);
// Threads:  safe.
// Lifetime: the destructor unloads all, and blocks until nobody holds or runs any of it. REQUIRES: not
//           in a handler, nor while the same thread holds a ServedModel.
class PARLEY_EXPORT ModelRegistry {
 public:
  explicit ModelRegistry(RegistryOptions options = {});
  ModelRegistry(const ModelRegistry&) = delete;
  ModelRegistry& operator=(const ModelRegistry&) = delete;
  ~ModelRegistry();

  // Makes a version ready, in the place of one that had the same name and version; that one's requests
  // go on.
  // Blocks:   while it warms up, and while others that were unloaded are freed.
  // Errors:   INVALID_ARGUMENT for a spec or options that make no sense; the warm-up's. What was there
  //           before stays.
  absl::Status Load(Model model);
  // Asks the loader for a model and loads what it gives; other versions that the model had are unloaded.
  // Errors:   UNIMPLEMENTED without a loader; UNAVAILABLE while the same model is being loaded; the
  //           loader's; as Load.
  absl::Status LoadNamed(const LoadRequest& request);

  // From now on requests get UNAVAILABLE; those that run go on, and the last one frees the model.
  // Blocks:   never.
  // Errors:   NOT_FOUND.
  absl::Status Unload(std::string_view name);  // all versions
  absl::Status Unload(std::string_view name, std::int64_t version);

  // A version that is ready; "": the highest.
  // Errors:   NOT_FOUND; UNAVAILABLE for one that is known and not ready; INVALID_ARGUMENT for a
  //           version that is no number.
  absl::StatusOr<std::shared_ptr<ServedModel>> Find(std::string_view name,
                                                    std::string_view version = "") const;
  // All that are ready, by name and version; with a name, those of that name.
  std::vector<std::shared_ptr<ServedModel>> Ready(std::string_view name = "") const;
  // All that are known, by name and version.
  std::vector<ModelIndexEntry> Index() const;
  // Whether every model that was ever loaded, and not unloaded on purpose, has a version that is ready.
  bool all_ready() const;

  // Finds the model and runs the request.
  // Blocks:   until it is answered. Errors: Find's and ServedModel::Infer's.
  absl::StatusOr<InferResponse> Infer(InferRequest request, InferTerms terms = {}) const;

  // Calls `changed` when all_ready() may have become another; without locks, one at a time, until what
  // is returned is dropped, which waits for a call that runs. `changed` must not drop it, nor call
  // Load or Unload.
  std::shared_ptr<void> Watch(std::function<void()> changed);

 private:
  class State;
  const std::unique_ptr<State> state_;
};

}  // namespace parley

#endif  // PARLEY_MODEL_REGISTRY_H_
