// Which models there are: loaded, replaced, unloaded while they run, made by a loader.
#include "parley/model/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/call/gate.h"
#include "tests/call/log_lines.h"
#include "tests/model/models.h"

namespace parley {
namespace {

using call_test::Counter;
using call_test::Gate;
using model_test::DoubleModel;
using model_test::DoubleRequest;
using model_test::DoubleSpec;
using model_test::Floats;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr absl::StatusCode kNotFound = absl::StatusCode::kNotFound;
constexpr absl::StatusCode kUnavailable = absl::StatusCode::kUnavailable;
constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

// "name/version STATE reason" of each.
std::vector<std::string> Lines(const ModelRegistry& registry) {
  const auto name_of = [](ModelState state) {
    switch (state) {
      case ModelState::kLoading:
        return "LOADING";
      case ModelState::kReady:
        return "READY";
      case ModelState::kUnloading:
        return "UNLOADING";
      case ModelState::kUnavailable:
        return "UNAVAILABLE";
    }
    return "?";
  };
  std::vector<std::string> lines;
  for (const ModelIndexEntry& entry : registry.Index()) {
    lines.push_back(absl::StrCat(entry.name, "/", entry.version, " ", name_of(entry.state),
                                 entry.reason.empty() ? "" : " ", entry.reason));
  }
  return lines;
}

// Which version answers.
std::string AnsweredBy(const ModelRegistry& registry, std::string version = "") {
  InferRequest request = DoubleRequest("double", Floats({1}));
  request.model_version = std::move(version);
  const absl::StatusOr<InferResponse> response = registry.Infer(std::move(request));
  return response.ok() ? response->model_version : std::string(response.status().message());
}

// Says when its handler is destroyed, and runs until it may end.
struct HeldModel {
  Model Make(std::int64_t version, std::optional<BatchOptions> queue = std::nullopt) {
    auto freed = std::shared_ptr<void>(nullptr, [this](void*) { freed_.Add(); });
    return {.spec = DoubleSpec("double", version),
            .handler = [this, freed](const InferRequest&,
                                     const InferTerms&) -> absl::StatusOr<InferResponse> {
              began_.Add();
              EXPECT_TRUE(may_end_.Opens());
              return InferResponse{.outputs = {{"y", Floats({2})}}};
            },
            .queue = std::move(queue)};
  }
  Gate may_end_;
  Counter began_;
  Counter freed_;
};

TEST(ModelRegistry, AnswersWithTheHighestVersionUnlessOneIsNamed) {
  ModelRegistry registry;
  for (const std::int64_t version : {2, 10, 9}) {
    ASSERT_EQ(registry.Load(DoubleModel("double", version)), absl::OkStatus());
  }
  EXPECT_EQ(AnsweredBy(registry), "10");
  EXPECT_EQ(AnsweredBy(registry, "2"), "2");
  EXPECT_EQ(AnsweredBy(registry, "02"), "2");
  ASSERT_EQ(registry.Unload("double", 10), absl::OkStatus());
  EXPECT_EQ(AnsweredBy(registry), "9");
}

TEST(ModelRegistry, SaysWhatThereIsNot) {
  ModelRegistry registry;
  ASSERT_EQ(registry.Load(DoubleModel("double")), absl::OkStatus());
  EXPECT_EQ(registry.Find("triple").status(), absl::NotFoundError("there is no model \"triple\""));
  EXPECT_EQ(registry.Find("double", "2").status(),
            absl::NotFoundError("model double has no version 2"));
  for (const char* version : {"-1", "1.5", " 1", "latest", "99999999999999999999"}) {
    EXPECT_EQ(registry.Find("double", version).status(),
              absl::InvalidArgumentError(
                  absl::StrCat("version \"", version, "\" is not a number from 0 on")));
  }
  EXPECT_EQ(registry.Unload("triple").code(), kNotFound);
  EXPECT_EQ(registry.Unload("double", 2).code(), kNotFound);
}

TEST(ModelRegistry, RefusesSpecsThatMakeNoSense) {
  ModelRegistry registry;
  const auto error = [&](auto change) {
    Model model = DoubleModel("double");
    change(model);
    const absl::Status status = registry.Load(std::move(model));
    EXPECT_EQ(status.code(), kInvalid);
    return std::string(status.message());
  };
  for (const std::string& name : {std::string(), std::string("a/b"), std::string("a b"),
                                  std::string(129, 'a'), std::string("\xc3\xa4")}) {
    EXPECT_THAT(error([&](Model& model) { model.spec.name = name; }),
                HasSubstr("a name is 1 to 128 of"));
  }
  EXPECT_THAT(error([](Model& model) { model.spec.version = -1; }), HasSubstr("version -1"));
  EXPECT_THAT(error([](Model& model) { model.spec.inputs.push_back(model.spec.inputs[0]); }),
              HasSubstr("model double: there are two of input \"x\""));
  EXPECT_THAT(error([](Model& model) { model.spec.outputs[0].type = DataType::kInvalid; }),
              HasSubstr("output \"y\" has no type"));
  EXPECT_THAT(error([](Model& model) { model.spec.outputs[0].shape = {-2}; }),
              HasSubstr("output \"y\" has the shape [-2]"));
  EXPECT_THAT(error([](Model& model) { model.spec.inputs[0].name = ""; }),
              HasSubstr("an input has no name"));
  EXPECT_THAT(error([](Model& model) { model.spec.inputs[0].name = "\xff"; }),
              HasSubstr("input \"\\377\" is called what is not UTF-8"));
  EXPECT_THAT(error([](Model& model) { model.spec.inputs[0].shape = Shape(32, 1); }),
              HasSubstr("has 32 dimensions; there are at most 31"));
  EXPECT_THAT(error([](Model& model) { model.handler = SingleHandler(); }),
              HasSubstr("model double has no handler"));
  EXPECT_THAT(error([](Model& model) { model.queue = {.max_batch_size = 7}; }),
              HasSubstr("its queue's max_batch_size is 7"));
  EXPECT_THAT(error([](Model& model) { model.queue = {.instances = 0}; }),
              HasSubstr("model double: "));
  EXPECT_THAT(registry.Index(), IsEmpty());
}

TEST(ModelRegistry, LoadsAVersionInThePlaceOfAnother) {
  HeldModel old;
  ModelRegistry registry;
  ASSERT_EQ(registry.Load(old.Make(1)), absl::OkStatus());
  std::thread asking([&] { EXPECT_EQ(AnsweredBy(registry), "1"); });
  EXPECT_TRUE(old.began_.Reaches(1));
  ASSERT_EQ(registry.Load(DoubleModel("double", 1)), absl::OkStatus());
  EXPECT_EQ(AnsweredBy(registry), "1");  // does not wait for the old one
  EXPECT_EQ(old.freed_.value(), 0);
  old.may_end_.Open();
  asking.join();
  EXPECT_TRUE(old.freed_.Reaches(1));
}

TEST(ModelRegistry, FreesAModelWhenItsLastRequestIsAnswered) {
  for (const bool queued : {false, true}) {
    HeldModel model;
    ModelRegistry registry;
    ASSERT_EQ(registry.Load(model.Make(1, queued ? std::optional(BatchOptions{}) : std::nullopt)),
              absl::OkStatus());
    std::thread asking([&] { EXPECT_EQ(AnsweredBy(registry), "1"); });
    EXPECT_TRUE(model.began_.Reaches(1));
    EXPECT_EQ(registry.Unload("double"), absl::OkStatus());
    EXPECT_THAT(Lines(registry), ElementsAre("double/1 UNLOADING"));
    EXPECT_EQ(registry.Find("double").status().code(), kUnavailable);
    EXPECT_EQ(registry.Find("double", "1").status(),
              absl::UnavailableError("version 1 of model double is not ready: unloaded"));
    EXPECT_EQ(model.freed_.value(), 0);
    model.may_end_.Open();
    asking.join();
    EXPECT_TRUE(model.freed_.Reaches(1));
    EXPECT_THAT(Lines(registry), ElementsAre("double/1 UNAVAILABLE unloaded"));
  }
}

TEST(ModelRegistry, WaitsForItsModelsWhenItIsDestroyed) {
  HeldModel model;
  auto registry = std::make_unique<ModelRegistry>();
  ASSERT_EQ(registry->Load(model.Make(1, BatchOptions{})), absl::OkStatus());
  Gate answered;
  registry->Find("double").value()->Infer(DoubleRequest("double", Floats({1})), {},
                                          [&](const absl::StatusOr<InferResponse>& response) {
                                            EXPECT_TRUE(response.ok()) << response.status();
                                            answered.Open();
                                          });
  EXPECT_TRUE(model.began_.Reaches(1));
  std::thread ending([&] { model.may_end_.Open(); });
  registry.reset();
  EXPECT_TRUE(answered.is_open());
  EXPECT_EQ(model.freed_.value(), 1);
  ending.join();
}

TEST(ModelRegistry, WarmsUpBeforeTheFirstRequest) {
  ModelRegistry registry;
  Model model = DoubleModel("double");
  model.warm_up = [&] {
    EXPECT_THAT(Lines(registry), ElementsAre("double/1 LOADING"));
    EXPECT_EQ(registry.Find("double").status().code(), kUnavailable);
    EXPECT_FALSE(registry.all_ready());
    return absl::OkStatus();
  };
  ASSERT_EQ(registry.Load(std::move(model)), absl::OkStatus());
  EXPECT_THAT(Lines(registry), ElementsAre("double/1 READY"));
  EXPECT_TRUE(registry.all_ready());
}

TEST(ModelRegistry, KeepsWhatThereWasIfAModelDoesNotWarmUp) {
  ModelRegistry registry;
  Model model = DoubleModel("double");
  model.warm_up = [] { return absl::DataLossError("no weights"); };
  EXPECT_EQ(registry.Load(model), absl::DataLossError("model double did not warm up: no weights"));
  EXPECT_THAT(Lines(registry),
              ElementsAre("double/1 UNAVAILABLE model double did not warm up: no weights"));
  EXPECT_FALSE(registry.all_ready());
  ASSERT_EQ(registry.Load(DoubleModel("double")), absl::OkStatus());
  model.warm_up = []() -> absl::Status { throw std::runtime_error("no memory"); };
  EXPECT_EQ(registry.Load(model), absl::InternalError("model double did not warm up: no memory"));
  EXPECT_EQ(AnsweredBy(registry), "1");
  EXPECT_TRUE(registry.all_ready());
}

TEST(ModelRegistry, IsReadyWithoutWhatWasUnloadedOnPurpose) {
  ModelRegistry registry;
  EXPECT_TRUE(registry.all_ready());
  ASSERT_EQ(registry.Load(DoubleModel("double")), absl::OkStatus());
  ASSERT_EQ(registry.Unload("double"), absl::OkStatus());
  EXPECT_TRUE(registry.all_ready());
  ASSERT_EQ(registry.Unload("double"), absl::OkStatus());  // as often as one likes
}

TEST(ModelRegistry, ForgetsAllButTheLastOfTheVersionsThatAreGone) {
  ModelRegistry registry;
  for (std::int64_t version = 0; version < 100; ++version) {
    ASSERT_EQ(registry.Load(DoubleModel("double", version)), absl::OkStatus());
    ASSERT_EQ(registry.Unload("double", version), absl::OkStatus());
  }
  // Some may be unloading still.
  EXPECT_LE(registry.Index().size(), 100);
  ASSERT_EQ(registry.Load(DoubleModel("double", 100)), absl::OkStatus());
  EXPECT_LE(registry.Index().size(), 20);
}

TEST(ModelRegistry, TellsWatchersUntilTheyAreDropped) {
  ModelRegistry registry;
  std::vector<bool> seen;
  std::shared_ptr<void> watch = registry.Watch([&] { seen.push_back(registry.all_ready()); });
  ASSERT_EQ(registry.Load(DoubleModel("double")), absl::OkStatus());
  EXPECT_THAT(seen, ElementsAre(false, true));
  watch.reset();
  ASSERT_EQ(registry.Unload("double"), absl::OkStatus());
  EXPECT_EQ(seen.size(), 2);
}

TEST(ModelRegistry, LoadsWhatItsLoaderMakes) {
  std::vector<Model> given;
  LoadRequest asked;
  ModelRegistry registry({.loader = [&](const LoadRequest& request) {
    asked = request;
    return absl::StatusOr<std::vector<Model>>(given);
  }});
  given = {DoubleModel("double", 1), DoubleModel("double", 2)};
  ASSERT_EQ(registry.LoadNamed({.name = "double", .config = "{}", .files = {{"1/model", "bytes"}}}),
            absl::OkStatus());
  EXPECT_EQ(asked.config, "{}");
  EXPECT_EQ(asked.files.at("1/model"), "bytes");
  EXPECT_THAT(Lines(registry), ElementsAre("double/1 READY", "double/2 READY"));
  given = {DoubleModel("double", 2), DoubleModel("double", 3)};
  ASSERT_EQ(registry.LoadNamed({.name = "double"}), absl::OkStatus());
  EXPECT_EQ(registry.Find("double", "1").status().code(), kUnavailable);
  EXPECT_EQ(AnsweredBy(registry), "3");
}

TEST(ModelRegistry, SaysWhyItsLoaderRefuses) {
  std::function<absl::StatusOr<std::vector<Model>>()> load;
  call_test::LogLines lines;
  ModelRegistry registry(
      {.loader = [&](const LoadRequest&) { return load(); }, .log = lines.log()});
  const auto load_double = [&] { return registry.LoadNamed({.name = "double"}); };
  load = [] { return absl::PermissionDeniedError("not today"); };
  EXPECT_EQ(load_double(), absl::PermissionDeniedError("not today"));
  load = [] { return std::vector<Model>(); };
  EXPECT_EQ(load_double().code(), kNotFound);
  load = [] { return std::vector<Model>{DoubleModel("triple")}; };
  EXPECT_EQ(load_double(),
            absl::InternalError("the loader was asked for model double and gave triple"));
  load = []() -> absl::StatusOr<std::vector<Model>> { throw std::runtime_error("a secret"); };
  EXPECT_EQ(load_double(), absl::InternalError("the loader of model double failed"));
  EXPECT_THAT(lines.lines(), ElementsAre(HasSubstr("a secret")));
  EXPECT_EQ(registry.LoadNamed({.name = "a/b"}).code(), kInvalid);
  EXPECT_THAT(registry.Index(), IsEmpty());
  EXPECT_EQ(ModelRegistry().LoadNamed({.name = "double"}).code(), absl::StatusCode::kUnimplemented);
}

TEST(ModelRegistry, LoadsAModelOnceAtATime) {
  Gate asked, go_on;
  ModelRegistry registry({.loader = [&](const LoadRequest& request) {
    asked.Open();
    EXPECT_TRUE(go_on.Opens());
    return absl::StatusOr<std::vector<Model>>(std::vector<Model>{DoubleModel(request.name)});
  }});
  std::thread loading([&] { EXPECT_EQ(registry.LoadNamed({.name = "double"}), absl::OkStatus()); });
  EXPECT_TRUE(asked.Opens());
  EXPECT_EQ(registry.LoadNamed({.name = "double"}),
            absl::UnavailableError("model double is being loaded already"));
  go_on.Open();
  loading.join();
  EXPECT_EQ(registry.LoadNamed({.name = "double"}), absl::OkStatus());
}

TEST(ModelRegistry, LosesNoRequestWhileVersionsComeAndGo) {
  ModelRegistry registry;
  ASSERT_EQ(registry.Load(DoubleModel("double", 0)), absl::OkStatus());
  Gate stop;
  std::vector<std::thread> askers;
  for (int i = 0; i < 3; ++i) {
    askers.emplace_back([&] {
      while (!stop.is_open()) {
        const absl::StatusOr<InferResponse> response =
            registry.Infer(DoubleRequest("double", Floats({1})));
        EXPECT_TRUE(response.ok()) << response.status();
      }
    });
  }
  for (std::int64_t version = 1; version < 200; ++version) {
    Model model = DoubleModel("double", version);
    if (version % 2 == 0) model.queue.emplace();
    EXPECT_EQ(registry.Load(std::move(model)), absl::OkStatus());
    EXPECT_EQ(registry.Unload("double", version - 1), absl::OkStatus());
  }
  stop.Open();
  for (std::thread& asker : askers) asker.join();
}

}  // namespace
}  // namespace parley
