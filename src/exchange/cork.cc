#include "parley/detail/cork.h"

#include <algorithm>

namespace parley::detail {
namespace {

// As long as a poller puts off what its tasks say.
constexpr std::chrono::microseconds kLongest{200};

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

Cork::Held* Cork::Find(const Corked& connection) {
  const auto found = std::ranges::find_if(
      held_, [&](const Held& held) { return held.connection.get() == &connection; });
  return found == held_.end() ? nullptr : &*found;
}

bool Cork::Keeps(Held& held) {
  const Clock::time_point now = Clock::now();
  if (now - held.since < kLongest) return true;
  held.since = now;  // what comes after this
  return false;
}

bool Cork::Add(std::shared_ptr<Corked> connection) {
  held_.push_back({std::move(connection), Clock::now()});
  return true;
}

void Cork::SendAll() {
  // To send may end a session, and so have more said.
  for (const Held& held : std::exchange(held_, {})) held.connection->SendNow();
}

}  // namespace parley::detail
