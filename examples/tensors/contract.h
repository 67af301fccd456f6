// The contract of tensors' server and client. Tensors need no .proto file.
#ifndef EXAMPLES_TENSORS_CONTRACT_H_
#define EXAMPLES_TENSORS_CONTRACT_H_

#include "parley/method.h"
#include "parley/model/tensor.h"

inline constexpr parley::Unary<parley::Tensor, parley::Tensor> kSoftmax{"tensors.Math/Softmax"};

#endif  // EXAMPLES_TENSORS_CONTRACT_H_
