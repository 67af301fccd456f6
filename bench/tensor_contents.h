// The elements of the tensors that travel in the benchmarks, and how their receiver, which reads every
// byte, knows that they are right. Used by every client and server of the rows of tensors.

#ifndef PARLEY_BENCH_TENSOR_CONTENTS_H_
#define PARLEY_BENCH_TENSOR_CONTENTS_H_

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace parley_bench {

// Floats from 0 to 1 that JSON can carry as well. A client sends tensors of kDifferent numbers in turn,
// made before it is measured, so that a stale answer is a wrong one.
//
// Threads:  safe.
class TensorContents {
 public:
  static constexpr std::uint64_t kDifferent = 4;

  explicit TensorContents(std::size_t elements);

  // Those of tensor number `sequence` modulo kDifferent.
  std::vector<float> Make(std::uint64_t sequence) const;
  std::vector<std::vector<float>> MakeAll() const;

  // OK if `bytes` are these elements.
  absl::Status Check(std::uint64_t sequence, std::string_view bytes) const;
  // The same for a server, which does not know the number.
  absl::Status CheckAny(std::string_view bytes) const;

 private:
  // The first element, which tells the number.
  static float FirstOf(std::uint64_t sequence);

  std::vector<float> elements_;
  std::uint64_t sum_without_first_;
};

inline std::string_view BytesOf(const std::vector<float>& elements) {
  return {reinterpret_cast<const char*>(elements.data()), elements.size() * sizeof(float)};
}

}  // namespace parley_bench

#endif  // PARLEY_BENCH_TENSOR_CONTENTS_H_
