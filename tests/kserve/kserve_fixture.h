// A server of KServe's protocol, with the models of kserve_models.h, and its clients on each wire.
#ifndef PARLEY_TESTS_KSERVE_KSERVE_FIXTURE_H_
#define PARLEY_TESTS_KSERVE_KSERVE_FIXTURE_H_

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "parley/kserve/client.h"
#include "parley/kserve/service.h"
#include "parley/version.h"
#include "tests/call/wire_fixture.h"
#include "tests/kserve/kserve_models.h"
#include "tests/model/models.h"

namespace parley::kserve_test {

class EveryWireKServe : public call_test::EveryWire {
 protected:
  void Serve(kserve::ServiceOptions options = {.allow_model_control = true}) {
    ASSERT_EQ(LoadModels(registry_), absl::OkStatus());
    kserve::AddService(server(), registry_, std::move(options));
    Start();
  }
  void TearDown() override {
    StopServer();
    DestroyServer();  // before the registry
  }
  kserve::Client ConnectKServe() { return kserve::Client(Connect()); }

  static Tensor Integers(const std::vector<std::int32_t>& values) {
    return Tensor::CopyOf<std::int32_t>(std::span<const std::int32_t>(values),
                                        {static_cast<std::int64_t>(values.size())})
        .value();
  }
  static InferRequest Identity(const std::vector<std::int32_t>& values) {
    return {.model_name = "identity_INT32", .inputs = {{"INPUT", Integers(values)}}};
  }
  static InferRequest Repeat(const std::vector<std::int32_t>& values) {
    return {.model_name = "repeat", .inputs = {{"IN", Integers(values)}}};
  }

  ModelRegistry registry_{{.loader = LoadOnRequest}};
};

}  // namespace parley::kserve_test

#endif  // PARLEY_TESTS_KSERVE_KSERVE_FIXTURE_H_
