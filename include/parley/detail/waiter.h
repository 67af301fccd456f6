// The link between an exchange and whoever waits on it.
#ifndef PARLEY_DETAIL_WAITER_H_
#define PARLEY_DETAIL_WAITER_H_

namespace parley::detail {

// What a waiter waits for. One waiter each at a time.
enum class Slot {
  kRead,     // a message is there, or no more will come
  kWrite,    // the send queue has room again, or the call has ended
  kEnd,      // the final status is known
  kHeaders,  // the peer's initial metadata is known, or the call has ended
};
inline constexpr int kSlots = 4;
constexpr unsigned Bit(Slot slot) { return 1u << static_cast<unsigned>(slot); }

// A blocked thread, a suspended coroutine or a callback.
class Waiter {
 public:
  // Called once, without locks, on whatever thread brought the news; must hand the work on. The
  // exchange has forgotten the waiter by then.
  virtual void Fire() = 0;

 protected:
  ~Waiter() = default;
};

}  // namespace parley::detail

#endif  // PARLEY_DETAIL_WAITER_H_
