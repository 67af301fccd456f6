// parley's client of a tensor that goes there and back: its elements are never copied on the way to the
// wire, and read where they were received. Used by client.cc.

#ifndef PARLEY_BENCH_PARLEY_SIDE_TENSORS_H_
#define PARLEY_BENCH_PARLEY_SIDE_TENSORS_H_

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "latencies.h"
#include "parley/model/tensor.h"
#include "parley/parley.h"
#include "service.h"
#include "tensor_contents.h"

namespace parley_bench {

// The requests are made once.
class Tensors {
 public:
  Tensors(parley::Client client, parley::CallOptions call_options, std::size_t elements)
      : client_(std::move(client)), call_options_(call_options), contents_(elements) {
    for (const std::vector<float>& values : contents_.MakeAll()) {
      requests_.push_back(
          parley::Tensor::CopyOf<float>(values, {static_cast<std::int64_t>(elements)}).value());
    }
  }

  absl::Status Run(std::int64_t calls, Latencies& latencies) {
    for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(calls); ++i) {
      const std::int64_t start = NowNanoseconds();
      const auto answer = client_.Call(kTensor, requests_[i % requests_.size()], call_options_);
      if (!answer.ok()) return answer.status();
      if (absl::Status s = contents_.Check(i, answer->bytes()); !s.ok()) return s;
      latencies.Add(NowNanoseconds() - start);
    }
    return absl::OkStatus();
  }

 private:
  const parley::Client client_;
  const parley::CallOptions call_options_;
  const TensorContents contents_;
  std::vector<parley::Tensor> requests_;
};

}  // namespace parley_bench

#endif  // PARLEY_BENCH_PARLEY_SIDE_TENSORS_H_
