// A small lazy coroutine type, for coroutine handlers and for applications that have none of their
// own.
#ifndef PARLEY_TASK_H_
#define PARLEY_TASK_H_

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

namespace parley {

namespace detail {

// What a task's coroutine came to.
template <class T>
class TaskResult {
 public:
  void return_value(T value) { value_.emplace(std::move(value)); }

 protected:
  T Take() {
    if (exception_) std::rethrow_exception(exception_);
    return std::move(*value_);
  }
  std::optional<T> value_;
  std::exception_ptr exception_;
};

template <>
class TaskResult<void> {
 public:
  void return_void() {}

 protected:
  void Take() {
    if (exception_) std::rethrow_exception(exception_);
  }
  std::exception_ptr exception_;
};

}  // namespace detail

// A coroutine that starts when it is awaited and resumes its awaiter when it returns.
//
// Example:  parley::Task<absl::StatusOr<Answer>> Ask(parley::Client client, Question question) {
//             co_return co_await client.AsyncCall(kAsk, question);
//           }
// Threads:  external synchronisation; resumes wherever what it awaits resumes it.
// Lifetime: owns the coroutine; arguments by reference and a lambda's captures must outlive it.
// Errors:   an exception inside is rethrown to the awaiter.
template <class T>
class [[nodiscard]] Task {
 public:
  class promise_type : public detail::TaskResult<T> {
   public:
    Task get_return_object() {
      return Task(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    std::suspend_always initial_suspend() noexcept { return {}; }
    auto final_suspend() noexcept {
      struct ResumeAwaiter {
        bool await_ready() noexcept { return false; }
        std::coroutine_handle<> await_suspend(std::coroutine_handle<promise_type> self) noexcept {
          return self.promise().awaiter_;
        }
        void await_resume() noexcept {}
      };
      return ResumeAwaiter{};
    }
    void unhandled_exception() { this->exception_ = std::current_exception(); }

   private:
    friend class Task;
    std::coroutine_handle<> awaiter_;
  };

  Task(Task&& other) noexcept : coroutine_(std::exchange(other.coroutine_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    std::swap(coroutine_, other.coroutine_);
    return *this;
  }
  ~Task() {
    if (coroutine_) coroutine_.destroy();
  }

  bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiter) noexcept {
    coroutine_.promise().awaiter_ = awaiter;
    return coroutine_;
  }
  T await_resume() { return coroutine_.promise().Take(); }

 private:
  explicit Task(std::coroutine_handle<promise_type> coroutine) : coroutine_(coroutine) {}
  std::coroutine_handle<promise_type> coroutine_;
};

}  // namespace parley

#endif  // PARLEY_TASK_H_
