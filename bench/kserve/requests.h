// What the client of KServe's service asks, and how it knows that the answer is right. Used by its unary
// calls and by its streams.

#ifndef PARLEY_BENCH_KSERVE_REQUESTS_H_
#define PARLEY_BENCH_KSERVE_REQUESTS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "grpc_service.pb.h"
#include "tensor_contents.h"

namespace parley_bench {

// Requests to the identity model, with the number of each for its id. They are made once.
class Requests {
 public:
  explicit Requests(const TensorContents& contents) : contents_(contents) {
    for (std::uint64_t i = 0; i < requests_.size(); ++i) {
      requests_[i].set_model_name("identity");
      auto& input = *requests_[i].add_inputs();
      input.set_name("INPUT");
      input.set_datatype("FP32");
      const std::vector<float> elements = contents_.Make(i);
      input.add_shape(static_cast<std::int64_t>(elements.size()));
      requests_[i].add_raw_input_contents(std::string(BytesOf(elements)));
    }
  }

  // Valid until the next but some is asked for.
  const inference::ModelInferRequest& operator[](std::uint64_t sequence) {
    auto& request = requests_[sequence % requests_.size()];
    request.set_id(absl::StrCat(sequence));
    return request;
  }

  absl::Status Check(std::uint64_t sequence, const inference::ModelInferResponse& response) const {
    if (response.id() != absl::StrCat(sequence) || response.outputs_size() != 1 ||
        response.outputs(0).name() != "OUTPUT" || response.raw_output_contents_size() != 1) {
      return absl::DataLossError(absl::StrCat("answer ", sequence, " is another one"));
    }
    return contents_.Check(sequence, response.raw_output_contents(0));
  }

 private:
  const TensorContents& contents_;
  std::array<inference::ModelInferRequest, TensorContents::kDifferent> requests_;
};

}  // namespace parley_bench

#endif  // PARLEY_BENCH_KSERVE_REQUESTS_H_
