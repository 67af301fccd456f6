// Where a fragment about models stands: in a function, with a registry, a server that has not been
// started and two tensors at hand.
#include <iostream>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "parley/kserve/client.h"
#include "parley/kserve/service.h"

parley::Model MakeDouble();

absl::Status Fragment(parley::ModelRegistry& registry, parley::Server& server,
                      const parley::Tensor& x, const parley::Tensor& to) {
  // <block>
  return absl::OkStatus();
}
