#ifndef PARLEY_SRC_EXCHANGE_EVENT_SOURCE_H_
#define PARLEY_SRC_EXCHANGE_EVENT_SOURCE_H_

namespace parley::detail {

// Where events come from: a completion queue.
class EventSource {
 public:
  enum class Polled { kEvent, kNothing, kShutdown };
  // kEagerly: there is a core that has nothing else to do than to look again and again. kBriefly: the same,
  // but not to sleep then.
  enum class Wait { kNot, kAsleep, kEagerly, kBriefly };

  virtual ~EventSource() = default;
  // Handles one event, if there is one or `wait` says to wait for it. kNothing: there was none, or something
  // that was put off is to be looked at before one came. One thread at a time.
  virtual Polled Poll(Wait wait) = 0;
  // Makes a Poll that is waiting return. Any thread.
  virtual void Wake() = 0;
  // After the last event Poll returns kShutdown. Nothing may be started any more.
  virtual void Shutdown() = 0;
  // Whether something was started whose event has not come.
  virtual bool Busy() const = 0;
  // Does what was put off until there is nothing else to do: Poll does, and who stops polling must.
  // Returns whether something is put off once more, until somebody polls.
  virtual bool Settle() { return false; }
  // Whether that has waited for too long.
  virtual bool Overdue() const { return false; }
};

}  // namespace parley::detail

#endif  // PARLEY_SRC_EXCHANGE_EVENT_SOURCE_H_
