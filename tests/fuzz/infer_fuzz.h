// What holds of every tensor that came in a message of KServe's protocol.
#ifndef PARLEY_TESTS_FUZZ_INFER_FUZZ_H_
#define PARLEY_TESTS_FUZZ_INFER_FUZZ_H_

#include <cstddef>
#include <vector>

#include "parley/model/inference.h"
#include "tests/fuzz/fuzz_input.h"

namespace parley::fuzz {

// Every element can be looked at.
inline void ExpectSound(const std::vector<NamedTensor>& tensors) {
  for (const auto& [name, tensor, parameters] : tensors) {
    if (tensor.type() != DataType::kBytes) {
      Expect(tensor.bytes().size() == tensor.element_count() * ElementBytes(tensor.type()),
             "as many bytes as the elements take");
      continue;
    }
    const auto elements = tensor.BytesValues();
    std::size_t length = 0;
    for (const std::string_view element : *elements) length += 4 + element.size();
    Expect(length == tensor.bytes().size(), "the elements are all of the bytes");
  }
}

inline void ExpectEqual(const std::vector<NamedTensor>& one,
                        const std::vector<NamedTensor>& other) {
  Expect(one.size() == other.size(), "as many tensors");
  for (std::size_t i = 0; i < one.size(); ++i) {
    Expect(one[i].name == other[i].name, "of the same name");
    Expect(one[i].tensor.type() == other[i].tensor.type(), "of the same type");
    Expect(one[i].tensor.shape() == other[i].tensor.shape(), "of the same shape");
    Expect(one[i].tensor.bytes() == other[i].tensor.bytes(), "of the same elements");
    Expect(one[i].parameters.size() == other[i].parameters.size(), "of as many parameters");
  }
}

}  // namespace parley::fuzz

#endif  // PARLEY_TESTS_FUZZ_INFER_FUZZ_H_
