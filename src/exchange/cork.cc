#include "parley/detail/cork.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace parley::detail {
namespace {

// As long as a poller puts off what its tasks say.
constexpr std::chrono::microseconds kLongest{200};
// With more than these there is little that could leave together, and each write looks for its own.
constexpr std::size_t kMostConnections = 64;

constinit thread_local Cork* here = nullptr;

}  // namespace

Cork* Cork::Here() { return here; }

Cork::Cork() {
  if (here == nullptr) here = this;
}

Cork::~Cork() {
  if (here != this) return;
  here = nullptr;
  SendAll();
}

Cork::Out::Out() : cork_(std::exchange(here, nullptr)) {
  if (cork_ != nullptr) cork_->SendAll();
}

Cork::Out::~Out() { here = cork_; }

bool Cork::Holds(Corked& connection) {
  const Clock::time_point now = Clock::now();
  const auto known = std::ranges::find_if(
      held_, [&](const Held& held) { return held.connection.lock().get() == &connection; });
  if (known == held_.end()) {
    if (held_.size() == kMostConnections) return false;
    held_.push_back({connection.Weak(), now});
    return true;
  }
  if (now - known->since < kLongest) return true;
  known->since = now;  // what comes after this
  return false;
}

void Cork::SendAll() {
  // To send may end a session, and so have more said.
  for (const Held& held : std::exchange(held_, {})) {
    const std::shared_ptr<Corked> connection = held.connection.lock();
    if (connection != nullptr) connection->SendNow();
  }
}

}  // namespace parley::detail
