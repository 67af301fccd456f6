#include "parley/model/registry.h"

#include <algorithm>
#include <future>
#include <mutex>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "src/model/loaded_model.h"
#include "src/model/reaper.h"
#include "src/model/request_check.h"
#include "src/thrown.h"

namespace parley {
namespace {

using detail::LoadedModel;

// What a model keeps of versions that are gone, for the index.
constexpr std::size_t kMostGone = 16;
// Of a name that somebody else made up.
constexpr std::size_t kMostShown = 128;

absl::Status NotFound(std::string_view name) {
  return absl::NotFoundError(absl::StrCat(
      "there is no model \"", absl::CEscape(std::string(name.substr(0, kMostShown))), "\""));
}

absl::Status NotFound(std::string_view name, std::int64_t version) {
  return absl::NotFoundError(
      absl::StrCat("model ", std::string(name), " has no version ", version));
}

absl::StatusOr<std::int64_t> VersionOf(std::string_view text) {
  std::int64_t version;
  const std::string digits(text.substr(0, kMostShown));
  if (std::all_of(digits.begin(), digits.end(),
                  [](unsigned char c) { return absl::ascii_isdigit(c); }) &&
      absl::SimpleAtoi(digits, &version)) {
    return version;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("version \"", absl::CEscape(digits), "\" is not a number from 0 on"));
}

}  // namespace

class ModelRegistry::State {
 public:
  explicit State(RegistryOptions options)
      : loader_(std::move(options.loader)), log_(std::move(options.log)) {}

  absl::Status Load(Model model);
  absl::Status LoadNamed(const LoadRequest& request);
  absl::Status Unload(std::string_view name, std::optional<std::int64_t> version);
  void UnloadAll();
  absl::StatusOr<std::shared_ptr<ServedModel>> Find(std::string_view name,
                                                    std::string_view version) const;
  std::vector<std::shared_ptr<ServedModel>> Ready(std::string_view name) const;
  std::vector<ModelIndexEntry> Index() const;
  bool all_ready() const;
  std::shared_ptr<void> Watch(std::function<void()> changed);

 private:
  using Lock = std::unique_lock<std::mutex>;

  struct Version {
    bool loading = false;                // and not ready
    std::shared_ptr<LoadedModel> ready;  // null if it is not
    std::weak_ptr<LoadedModel> unloading;
    std::string reason;  // why it is not ready
  };
  struct Name {
    std::map<std::int64_t, Version> versions;
    bool wanted = true;  // until it is unloaded on purpose

    bool is_ready() const {
      return std::any_of(versions.begin(), versions.end(),
                         [](const auto& version) { return version.second.ready != nullptr; });
    }
  };
  struct Watcher {
    std::mutex mutex;
    std::function<void()> changed;
  };

  static ModelState StateOf(const Version& version);
  // What is let go of here is freed once the lock is not held.
  [[nodiscard]] static std::shared_ptr<LoadedModel> TakeAway(Version& version, std::string reason);
  static void ForgetOldest(Name& name);
  absl::StatusOr<std::vector<Model>> AskLoader(const LoadRequest& request);
  absl::Status LoadAll(const LoadRequest& request, std::vector<Model> models);
  void Notify();

  const decltype(RegistryOptions::loader) loader_;
  const Log log_;
  detail::Reaper<LoadedModel> reaper_;  // goes when `names_` holds nothing any more
  mutable std::mutex mutex_;
  std::map<std::string, Name, std::less<>> names_;
  std::set<std::string> being_loaded_;  // by the loader
  std::vector<std::weak_ptr<Watcher>> watchers_;
};

ModelState ModelRegistry::State::StateOf(const Version& version) {
  if (version.ready != nullptr) return ModelState::kReady;
  if (version.loading) return ModelState::kLoading;
  return version.unloading.expired() ? ModelState::kUnavailable : ModelState::kUnloading;
}

std::shared_ptr<LoadedModel> ModelRegistry::State::TakeAway(Version& version, std::string reason) {
  std::shared_ptr<LoadedModel> old = std::move(version.ready);
  if (old != nullptr) version.unloading = old;
  version.reason = std::move(reason);
  return old;
}

void ModelRegistry::State::ForgetOldest(Name& name) {
  std::size_t gone = 0;
  for (const auto& [number, version] : name.versions) {
    gone += StateOf(version) == ModelState::kUnavailable ? 1 : 0;
  }
  for (auto it = name.versions.begin(); gone > kMostGone && it != name.versions.end();) {
    const bool is_gone = StateOf(it->second) == ModelState::kUnavailable;
    it = is_gone ? name.versions.erase(it) : std::next(it);
    gone -= is_gone ? 1 : 0;
  }
}

absl::Status ModelRegistry::State::Load(Model model) {
  absl::StatusOr<std::unique_ptr<LoadedModel>> made = LoadedModel::Make(std::move(model), log_);
  if (!made.ok()) return made.status();
  std::shared_ptr<LoadedModel> loaded = reaper_.Share(*std::move(made));
  const ModelSpec& spec = loaded->spec();
  {
    Lock lock(mutex_);
    Name& name = names_[spec.name];
    name.wanted = true;
    name.versions[spec.version].loading = true;
  }
  Notify();
  const absl::Status status = loaded->WarmUp();
  std::shared_ptr<LoadedModel> old;
  {
    Lock lock(mutex_);
    Name& name = names_[spec.name];
    Version& version = name.versions[spec.version];
    version.loading = false;
    if (status.ok()) {
      old = TakeAway(version, "");
      version.ready = loaded;
    } else if (version.ready == nullptr) {
      version.reason = std::string(status.message());
    }
    ForgetOldest(name);
  }
  Notify();
  return status;
}

absl::StatusOr<std::vector<Model>> ModelRegistry::State::AskLoader(const LoadRequest& request) {
  absl::StatusOr<std::vector<Model>> models =
      absl::InternalError(absl::StrCat("the loader of model ", request.name, " failed"));
  const auto thrown = detail::ThrownBy([&] { models = loader_(request); });
  if (thrown) {
    detail::Logger log(log_);
    log(Severity::kError, absl::StrCat("the loader of model ", request.name, " threw: ", *thrown));
  }
  if (!models.ok()) return models;
  if (models->empty()) return NotFound(request.name);
  for (const Model& model : *models) {
    if (model.spec.name != request.name) {
      return absl::InternalError(absl::StrCat("the loader was asked for model ", request.name,
                                              " and gave ", model.spec.name));
    }
  }
  return models;
}

absl::Status ModelRegistry::State::LoadNamed(const LoadRequest& request) {
  if (loader_ == nullptr) {
    return absl::UnimplementedError("models are loaded by the application alone");
  }
  if (absl::Status status = detail::CheckSpec({.name = request.name}); !status.ok()) return status;
  {
    Lock lock(mutex_);
    if (!being_loaded_.insert(request.name).second) {
      return absl::UnavailableError(
          absl::StrCat("model ", request.name, " is being loaded already"));
    }
  }
  absl::StatusOr<std::vector<Model>> models = AskLoader(request);
  absl::Status status = models.ok() ? LoadAll(request, *std::move(models)) : models.status();
  Lock lock(mutex_);
  being_loaded_.erase(request.name);
  return status;
}

absl::Status ModelRegistry::State::LoadAll(const LoadRequest& request, std::vector<Model> models) {
  std::set<std::int64_t> given;
  for (Model& model : models) {
    given.insert(model.spec.version);
    if (absl::Status status = Load(std::move(model)); !status.ok()) return status;
  }
  std::vector<std::shared_ptr<LoadedModel>> old;
  {
    Lock lock(mutex_);
    for (auto& [number, version] : names_.find(request.name)->second.versions) {
      if (given.count(number) == 0) old.push_back(TakeAway(version, "unloaded"));
    }
  }
  Notify();
  return absl::OkStatus();
}

absl::Status ModelRegistry::State::Unload(std::string_view name,
                                          std::optional<std::int64_t> version) {
  std::vector<std::shared_ptr<LoadedModel>> old;
  {
    Lock lock(mutex_);
    const auto found = names_.find(name);
    if (found == names_.end()) return NotFound(name);
    auto& versions = found->second.versions;
    if (version.has_value() && versions.count(*version) == 0) return NotFound(name, *version);
    for (auto& [number, each] : versions) {
      if (number == version.value_or(number)) old.push_back(TakeAway(each, "unloaded"));
    }
    if (!found->second.is_ready()) found->second.wanted = false;
    ForgetOldest(found->second);
  }
  Notify();
  return absl::OkStatus();
}

void ModelRegistry::State::UnloadAll() {
  std::map<std::string, Name, std::less<>> names;
  Lock lock(mutex_);
  names.swap(names_);
}

absl::StatusOr<std::shared_ptr<ServedModel>> ModelRegistry::State::Find(
    std::string_view name, std::string_view version) const {
  std::optional<std::int64_t> number;
  if (!version.empty()) {
    const absl::StatusOr<std::int64_t> parsed = VersionOf(version);
    if (!parsed.ok()) return parsed.status();
    number = *parsed;
  }
  Lock lock(mutex_);
  const auto found = names_.find(name);
  if (found == names_.end()) return NotFound(name);
  const auto& versions = found->second.versions;
  if (!number.has_value()) {
    for (auto it = versions.rbegin(); it != versions.rend(); ++it) {
      if (it->second.ready != nullptr) return it->second.ready;
    }
    return absl::UnavailableError(
        absl::StrCat("no version of model ", std::string(name), " is ready"));
  }
  const auto it = versions.find(*number);
  if (it == versions.end()) return NotFound(name, *number);
  if (it->second.ready != nullptr) return it->second.ready;
  return absl::UnavailableError(absl::StrCat("version ", *number, " of model ", std::string(name),
                                             " is not ready", it->second.reason.empty() ? "" : ": ",
                                             it->second.reason));
}

std::vector<std::shared_ptr<ServedModel>> ModelRegistry::State::Ready(std::string_view name) const {
  std::vector<std::shared_ptr<ServedModel>> ready;
  Lock lock(mutex_);
  for (const auto& [of, entry] : names_) {
    if (!name.empty() && name != of) continue;
    for (const auto& [number, version] : entry.versions) {
      if (version.ready != nullptr) ready.push_back(version.ready);
    }
  }
  return ready;
}

std::vector<ModelIndexEntry> ModelRegistry::State::Index() const {
  std::vector<ModelIndexEntry> index;
  Lock lock(mutex_);
  for (const auto& [name, entry] : names_) {
    for (const auto& [number, version] : entry.versions) {
      const ModelState state = StateOf(version);
      const bool is_gone = state == ModelState::kUnavailable;
      index.push_back({name, number, state, is_gone ? version.reason : ""});
    }
  }
  return index;
}

bool ModelRegistry::State::all_ready() const {
  Lock lock(mutex_);
  return std::all_of(names_.begin(), names_.end(), [](const auto& name) {
    return !name.second.wanted || name.second.is_ready();
  });
}

std::shared_ptr<void> ModelRegistry::State::Watch(std::function<void()> changed) {
  auto watcher = std::make_shared<Watcher>();
  watcher->changed = std::move(changed);
  {
    Lock lock(mutex_);
    std::erase_if(watchers_, [](const auto& old) { return old.expired(); });
    watchers_.push_back(watcher);
  }
  // A call that runs holds the watcher too, and its mutex.
  return std::shared_ptr<void>(watcher.get(), [watcher](void*) {
    std::unique_lock running(watcher->mutex);
    watcher->changed = nullptr;
  });
}

void ModelRegistry::State::Notify() {
  Lock lock(mutex_);
  const std::vector<std::weak_ptr<Watcher>> watchers = watchers_;
  lock.unlock();
  for (const std::weak_ptr<Watcher>& weak : watchers) {
    const std::shared_ptr<Watcher> watcher = weak.lock();
    if (watcher == nullptr) continue;
    std::unique_lock running(watcher->mutex);
    if (watcher->changed) watcher->changed();
  }
}

ModelRegistry::ModelRegistry(RegistryOptions options)
    : state_(std::make_unique<State>(std::move(options))) {}

ModelRegistry::~ModelRegistry() { state_->UnloadAll(); }

absl::Status ModelRegistry::Load(Model model) { return state_->Load(std::move(model)); }

absl::Status ModelRegistry::LoadNamed(const LoadRequest& request) {
  return state_->LoadNamed(request);
}

absl::Status ModelRegistry::Unload(std::string_view name) {
  return state_->Unload(name, std::nullopt);
}

absl::Status ModelRegistry::Unload(std::string_view name, std::int64_t version) {
  return state_->Unload(name, version);
}

absl::StatusOr<std::shared_ptr<ServedModel>> ModelRegistry::Find(std::string_view name,
                                                                 std::string_view version) const {
  return state_->Find(name, version);
}

std::vector<std::shared_ptr<ServedModel>> ModelRegistry::Ready(std::string_view name) const {
  return state_->Ready(name);
}

std::vector<ModelIndexEntry> ModelRegistry::Index() const { return state_->Index(); }

bool ModelRegistry::all_ready() const { return state_->all_ready(); }

absl::StatusOr<InferResponse> ModelRegistry::Infer(InferRequest request, InferTerms terms) const {
  const absl::StatusOr<std::shared_ptr<ServedModel>> model =
      Find(request.model_name, request.model_version);
  if (!model.ok()) return model.status();
  std::promise<absl::StatusOr<InferResponse>> promise;
  std::future<absl::StatusOr<InferResponse>> answer = promise.get_future();
  (*model)->Infer(std::move(request), std::move(terms), [&](absl::StatusOr<InferResponse> given) {
    promise.set_value(std::move(given));
  });
  return answer.get();
}

std::shared_ptr<void> ModelRegistry::Watch(std::function<void()> changed) {
  return state_->Watch(std::move(changed));
}

}  // namespace parley
