#include "parley/server_call.h"

#include <utility>

namespace parley::detail {

ServerCallBase& ServerCallBase::operator=(ServerCallBase&& other) noexcept {
  if (this == &other) return *this;
  if (call_ != nullptr) call_->Drop();
  call_ = std::move(other.call_);
  context_ = std::move(other.context_);
  return *this;
}

ServerCallBase::~ServerCallBase() {
  if (call_ != nullptr) call_->Drop();
}

}  // namespace parley::detail
