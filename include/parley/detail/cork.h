// What a thread writes inside WriteTogether, and does not send.
#ifndef PARLEY_DETAIL_CORK_H_
#define PARLEY_DETAIL_CORK_H_

#include <chrono>
#include <memory>
#include <vector>

#include "parley/detail/export.h"

namespace parley::detail {

// A connection on which something was said that may wait.
class Corked {
 public:
  virtual void SendNow() = 0;
  virtual std::weak_ptr<Corked> Weak() = 0;

 protected:
  ~Corked() = default;
};

// Holds back what its thread says, unless there is one there already.
class PARLEY_EXPORT Cork {
 public:
  // The calling thread's, if any.
  static Cork* Here();

  Cork();
  ~Cork();
  Cork(const Cork&) = delete;
  Cork& operator=(const Cork&) = delete;

  // Whether what was said on `connection` is sent later. False once in a while, so that nothing waits for
  // the whole of a step that takes long.
  bool Holds(Corked& connection);

  // The calling thread waits meanwhile: sends all, and holds nothing back of what it is given to do.
  class Out {
   public:
    Out();
    ~Out();
    Out(const Out&) = delete;
    Out& operator=(const Out&) = delete;

   private:
    Cork* const cork_;
  };

 private:
  using Clock = std::chrono::steady_clock;
  struct Held {
    std::weak_ptr<Corked> connection;  // or a server could outlive its own end
    Clock::time_point since;
  };
  void SendAll();

  std::vector<Held> held_;
};

}  // namespace parley::detail

#endif  // PARLEY_DETAIL_CORK_H_
