#include "parley/server_call.h"

#include <utility>

namespace parley::detail {

ServerCallBase& ServerCallBase::operator=(ServerCallBase&& other) noexcept {
  std::swap(call_, other.call_);
  std::swap(context_, other.context_);
  return *this;
}

ServerCallBase::~ServerCallBase() {
  if (call_ != nullptr) call_->Drop();
}

}  // namespace parley::detail
