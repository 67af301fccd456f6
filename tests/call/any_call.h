// Calls whose kind is a parameter: a handler written once that serves every kind of method in every
// form, and a client's end that opens, writes, reads, cancels and ends any of them. Messages are
// strings.
#ifndef PARLEY_TESTS_CALL_ANY_CALL_H_
#define PARLEY_TESTS_CALL_ANY_CALL_H_

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <ostream>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "parley/client.h"
#include "parley/context.h"
#include "parley/method.h"
#include "parley/server.h"
#include "parley/task.h"
#include "tests/call/gate.h"
#include "tests/call/wire_fixture.h"

namespace parley {

void PrintTo(MethodKind kind, std::ostream* out);  // for GoogleTest

namespace call_test {

inline constexpr Unary<std::string, std::string> kUnary{"test.Call/Unary"};
inline constexpr ServerStreaming<std::string, std::string> kDown{"test.Call/Down"};
inline constexpr ClientStreaming<std::string, std::string> kUp{"test.Call/Up"};
inline constexpr Bidi<std::string, std::string> kBoth{"test.Call/Both"};

inline constexpr MethodKind kKinds[] = {MethodKind::kUnary, MethodKind::kServerStreaming,
                                        MethodKind::kClientStreaming, MethodKind::kBidi};
constexpr bool StreamsRequests(MethodKind kind) {
  return kind == MethodKind::kClientStreaming || kind == MethodKind::kBidi;
}
constexpr bool StreamsResponses(MethodKind kind) {
  return kind == MethodKind::kServerStreaming || kind == MethodKind::kBidi;
}
std::string PathOf(MethodKind kind);

// How the handler is written.
enum class Form { kPlain, kAsynchronous, kCoroutine };
inline constexpr Form kForms[] = {Form::kPlain, Form::kAsynchronous, Form::kCoroutine};
void PrintTo(Form form, std::ostream* out);

// The server's end of a call of any kind, for handlers of any form: what suspends in a coroutine
// blocks in the others. The one request of a call is a stream of one, and so is its response.
class Part {
 public:
  Part(Context& context, Form form, const std::string* request, Reader<std::string>* reader,
       Writer<std::string>* writer)
      : context(context), form_(form), request_(request), reader_(reader), writer_(writer) {}

  Task<std::optional<std::string>> Next();
  Task<absl::Status> Write(std::string message);
  // The same for a coroutine that writes without end: under a sanitizer tasks that need not wait are
  // awaited on a stack that grows.
  Pending<absl::Status> AsyncWrite(const std::string& message) {
    return writer_->AsyncWrite(message);
  }
  // Until the stop token is told; false if that takes too long.
  Task<bool> Stopped();
  // Why there are no more requests; OK where there is only one.
  absl::Status read_status() const;

  Context& context;
  std::string response;  // of kinds with one

 private:
  const Form form_;
  const std::string* request_;
  Reader<std::string>* const reader_;
  Writer<std::string>* const writer_;
};

using Script = std::function<Task<absl::Status>(Part&)>;

// Each request comes back, and then OK.
Task<absl::Status> Echo(Part& part);

// The threads on which asynchronous handlers go on: one for each call.
class Engine {
 public:
  ~Engine();
  void Run(absl::AnyInvocable<void()> work);

 private:
  std::mutex mutex_;
  std::vector<std::thread> threads_;
};

// Registers a handler that does what `script` says. `engine` must outlive the server.
void RegisterScript(Server& server, Engine& engine, MethodKind kind, Form form, Script script);

// The client's end of a call of any kind.
class AnyCall {
 public:
  // `request` is sent where the kind has one.
  static std::unique_ptr<AnyCall> Open(const Client& client, MethodKind kind,
                                       const CallOptions& options = {},
                                       const std::string& request = "request");
  // Drops the call.
  virtual ~AnyCall() = default;

  // Where requests are a stream; else the request is on its way and this does nothing.
  virtual absl::Status Write(const std::string& message) = 0;
  // Where responses are a stream; else nothing.
  virtual std::optional<std::string> Next() = 0;
  // An asynchronous unary call is cancelled by dropping it, and its status is gone with it.
  virtual void Cancel() = 0;
  // Sends nothing more, reads what comes, and returns the final status.
  virtual absl::Status End() = 0;
  // Where the kind has an object for the call, what Finish alone returns; else the same as End.
  virtual absl::Status Finish() = 0;

  std::vector<std::string> responses;  // that End has read
};

// A test that runs over every wire with every kind of call.
class EveryKind : public WireFixture,
                  public testing::TestWithParam<std::tuple<WireRow, MethodKind>> {
 protected:
  EveryKind() : WireFixture(std::get<0>(GetParam())) {}
  void TearDown() override { StopServer(); }

  MethodKind kind() const { return std::get<1>(GetParam()); }
  // Starts a server whose handler is a plain one that does what `script` says.
  void Serve(Script script, Form form = Form::kPlain);
  // The same; the handler opens `started`, and `stopped` once it was told to stop and has seen why.
  void ServeHeldCalls();
  std::unique_ptr<AnyCall> Open(const Client& client, const CallOptions& options = {}) {
    return AnyCall::Open(client, kind(), options);
  }

  Engine engine_;
  Counter started;
  Counter stopped;
};

}  // namespace call_test
}  // namespace parley

#endif  // PARLEY_TESTS_CALL_ANY_CALL_H_
