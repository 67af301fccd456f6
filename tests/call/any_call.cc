#include "tests/call/any_call.h"

#include <atomic>
#include <stop_token>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/call/gate.h"

namespace parley {

void PrintTo(MethodKind kind, std::ostream* out) {
  const char* names[] = {"Unary", "ServerStreaming", "ClientStreaming", "Bidi"};
  *out << names[static_cast<int>(kind)];
}

namespace call_test {
namespace {

// Resumes a coroutine when `stop` is requested.
class StopAwaiter {
 public:
  explicit StopAwaiter(std::stop_token stop) : stop_(std::move(stop)) {}
  bool await_ready() const { return stop_.stop_requested(); }
  bool await_suspend(std::coroutine_handle<> coroutine) {
    // The callback may run before this returns; then the coroutine simply goes on.
    callback_.emplace(stop_, [this, coroutine] {
      if (twice_.exchange(true)) coroutine.resume();
    });
    return !twice_.exchange(true);
  }
  bool await_resume() const { return true; }

 private:
  const std::stop_token stop_;
  std::atomic<bool> twice_ = false;
  std::optional<std::stop_callback<std::function<void()>>> callback_;
};

// Runs a script none of whose steps suspends.
absl::Status RunHere(Task<absl::Status> task) {
  std::optional<absl::Status> result;
  std::exception_ptr thrown;
  const auto run = [&]() -> detail::Detached {
    try {
      result = co_await std::move(task);
    } catch (...) {
      thrown = std::current_exception();
    }
  };
  run();
  if (thrown) std::rethrow_exception(thrown);
  return result ? *std::move(result) : absl::InternalError("a step of the script suspended");
}

absl::StatusOr<std::string> OrResponse(absl::Status status, Part& part) {
  if (!status.ok()) return status;
  return part.response;
}

void RegisterUnary(Server& server, Engine& engine, Form form, Script script) {
  if (form == Form::kPlain) {
    server.Register(kUnary, [=](Context& ctx, const std::string& request) {
      Part part(ctx, form, &request, nullptr, nullptr);
      return OrResponse(RunHere(script(part)), part);
    });
  } else if (form == Form::kCoroutine) {
    server.Register(
        kUnary, [=](Context& ctx, const std::string& request) -> Task<absl::StatusOr<std::string>> {
          Part part(ctx, form, &request, nullptr, nullptr);
          absl::Status status = co_await script(part);
          co_return OrResponse(std::move(status), part);
        });
  } else {
    server.Register(kUnary, [=, &engine](ServerCall<Unary<std::string, std::string>> call) {
      engine.Run([=, call = std::move(call)]() mutable {
        Part part(call.context(), form, &call.request(), nullptr, nullptr);
        absl::Status status = RunHere(script(part));
        std::move(call).Finish(OrResponse(std::move(status), part));
      });
    });
  }
}

void RegisterDown(Server& server, Engine& engine, Form form, Script script) {
  if (form == Form::kPlain) {
    server.Register(kDown,
                    [=](Context& ctx, const std::string& request, Writer<std::string>& writer) {
                      Part part(ctx, form, &request, nullptr, &writer);
                      return RunHere(script(part));
                    });
  } else if (form == Form::kCoroutine) {
    server.Register(kDown,
                    [=](Context& ctx, const std::string& request,
                        Writer<std::string>& writer) -> Task<absl::Status> {
                      Part part(ctx, form, &request, nullptr, &writer);
                      absl::Status status = co_await script(part);
                      co_return status;
                    });
  } else {
    server.Register(kDown,
                    [=, &engine](ServerCall<ServerStreaming<std::string, std::string>> call) {
                      engine.Run([=, call = std::move(call)]() mutable {
                        Part part(call.context(), form, &call.request(), nullptr, &call);
                        absl::Status status = RunHere(script(part));
                        std::move(call).Finish(std::move(status));
                      });
                    });
  }
}

void RegisterUp(Server& server, Engine& engine, Form form, Script script) {
  if (form == Form::kPlain) {
    server.Register(kUp, [=](Context& ctx, Reader<std::string>& reader) {
      Part part(ctx, form, nullptr, &reader, nullptr);
      return OrResponse(RunHere(script(part)), part);
    });
  } else if (form == Form::kCoroutine) {
    server.Register(
        kUp, [=](Context& ctx, Reader<std::string>& reader) -> Task<absl::StatusOr<std::string>> {
          Part part(ctx, form, nullptr, &reader, nullptr);
          absl::Status status = co_await script(part);
          co_return OrResponse(std::move(status), part);
        });
  } else {
    server.Register(kUp, [=, &engine](ServerCall<ClientStreaming<std::string, std::string>> call) {
      engine.Run([=, call = std::move(call)]() mutable {
        Part part(call.context(), form, nullptr, &call, nullptr);
        absl::Status status = RunHere(script(part));
        std::move(call).Finish(OrResponse(std::move(status), part));
      });
    });
  }
}

void RegisterBoth(Server& server, Engine& engine, Form form, Script script) {
  if (form == Form::kPlain) {
    server.Register(kBoth,
                    [=](Context& ctx, Reader<std::string>& reader, Writer<std::string>& writer) {
                      Part part(ctx, form, nullptr, &reader, &writer);
                      return RunHere(script(part));
                    });
  } else if (form == Form::kCoroutine) {
    server.Register(kBoth,
                    [=](Context& ctx, Reader<std::string>& reader,
                        Writer<std::string>& writer) -> Task<absl::Status> {
                      Part part(ctx, form, nullptr, &reader, &writer);
                      absl::Status status = co_await script(part);
                      co_return status;
                    });
  } else {
    server.Register(kBoth, [=, &engine](ServerCall<Bidi<std::string, std::string>> call) {
      engine.Run([=, call = std::move(call)]() mutable {
        Part part(call.context(), form, nullptr, &call, &call);
        absl::Status status = RunHere(script(part));
        std::move(call).Finish(std::move(status));
      });
    });
  }
}

class UnaryCall final : public AnyCall {
 public:
  explicit UnaryCall(Pending<absl::StatusOr<std::string>> pending) : pending_(std::move(pending)) {}
  absl::Status Write(const std::string&) override { return absl::OkStatus(); }
  std::optional<std::string> Next() override { return std::nullopt; }
  void Cancel() override { pending_.reset(); }
  absl::Status End() override {
    if (!pending_) return absl::CancelledError("dropped by the test");
    absl::StatusOr<std::string> response = std::move(*pending_).Wait();
    if (response.ok()) responses.push_back(*std::move(response));
    return response.status();
  }
  absl::Status Finish() override { return End(); }

 private:
  std::optional<Pending<absl::StatusOr<std::string>>> pending_;
};

class DownCall final : public AnyCall {
 public:
  explicit DownCall(ClientReader<std::string> reader) : reader_(std::move(reader)) {}
  absl::Status Write(const std::string&) override { return absl::OkStatus(); }
  std::optional<std::string> Next() override { return reader_.Next(); }
  void Cancel() override { reader_.Cancel(); }
  absl::Status End() override {
    for (const std::string& response : reader_) responses.push_back(response);
    return reader_.Finish();
  }
  absl::Status Finish() override { return reader_.Finish(); }

 private:
  ClientReader<std::string> reader_;
};

class UpCall final : public AnyCall {
 public:
  explicit UpCall(ClientWriter<std::string, std::string> writer) : writer_(std::move(writer)) {}
  absl::Status Write(const std::string& message) override { return writer_.Write(message); }
  std::optional<std::string> Next() override { return std::nullopt; }
  void Cancel() override { writer_.Cancel(); }
  absl::Status End() override {
    absl::StatusOr<std::string> response = writer_.Finish();
    if (response.ok()) responses.push_back(*std::move(response));
    return response.status();
  }
  absl::Status Finish() override { return End(); }

 private:
  ClientWriter<std::string, std::string> writer_;
};

class BothCall final : public AnyCall {
 public:
  explicit BothCall(ClientReaderWriter<std::string, std::string> stream)
      : stream_(std::move(stream)) {}
  absl::Status Write(const std::string& message) override { return stream_.Write(message); }
  std::optional<std::string> Next() override { return stream_.Next(); }
  void Cancel() override { stream_.Cancel(); }
  absl::Status End() override {
    stream_.WritesDone();
    for (const std::string& response : stream_) responses.push_back(response);
    return stream_.Finish();
  }
  absl::Status Finish() override { return stream_.Finish(); }

 private:
  ClientReaderWriter<std::string, std::string> stream_;
};

}  // namespace

std::string PathOf(MethodKind kind) {
  const std::string_view paths[] = {kUnary.path, kDown.path, kUp.path, kBoth.path};
  return std::string(paths[static_cast<int>(kind)]);
}

void PrintTo(Form form, std::ostream* out) {
  const char* names[] = {"Plain", "Asynchronous", "Coroutine"};
  *out << names[static_cast<int>(form)];
}

Task<std::optional<std::string>> Part::Next() {
  if (reader_ == nullptr) {
    const std::string* request = std::exchange(request_, nullptr);
    if (request == nullptr) co_return std::nullopt;
    co_return *request;
  }
  if (form_ != Form::kCoroutine) co_return reader_->Next();
  co_return co_await reader_->AsyncNext();
}

Task<absl::Status> Part::Write(std::string message) {
  if (writer_ == nullptr) {
    response = std::move(message);
    co_return absl::OkStatus();
  }
  if (form_ != Form::kCoroutine) co_return writer_->Write(message);
  co_return co_await writer_->AsyncWrite(message);
}

Task<bool> Part::Stopped() {
  if (form_ != Form::kCoroutine) co_return bool(StopRequested(context.stop_token()));
  StopAwaiter stopped(context.stop_token());
  co_return co_await stopped;
}

absl::Status Part::read_status() const {
  return reader_ == nullptr ? absl::OkStatus() : reader_->status();
}

Task<absl::Status> Echo(Part& part) {
  while (std::optional<std::string> request = co_await part.Next()) {
    absl::Status written = co_await part.Write(*request);
    if (!written.ok()) co_return written;
  }
  co_return part.read_status();
}

Engine::~Engine() {
  for (std::thread& thread : threads_) thread.join();
}

void Engine::Run(absl::AnyInvocable<void()> work) {
  const std::lock_guard lock(mutex_);
  threads_.emplace_back([work = std::move(work)]() mutable { work(); });
}

void RegisterScript(Server& server, Engine& engine, MethodKind kind, Form form, Script script) {
  switch (kind) {
    case MethodKind::kUnary:
      return RegisterUnary(server, engine, form, std::move(script));
    case MethodKind::kServerStreaming:
      return RegisterDown(server, engine, form, std::move(script));
    case MethodKind::kClientStreaming:
      return RegisterUp(server, engine, form, std::move(script));
    case MethodKind::kBidi:
      return RegisterBoth(server, engine, form, std::move(script));
  }
}

std::unique_ptr<AnyCall> AnyCall::Open(const Client& client, MethodKind kind,
                                       const CallOptions& options, const std::string& request) {
  switch (kind) {
    case MethodKind::kUnary:
      return std::make_unique<UnaryCall>(client.AsyncCall(kUnary, request, options));
    case MethodKind::kServerStreaming:
      return std::make_unique<DownCall>(client.Call(kDown, request, options));
    case MethodKind::kClientStreaming:
      return std::make_unique<UpCall>(client.Call(kUp, options));
    case MethodKind::kBidi:
      break;
  }
  return std::make_unique<BothCall>(client.Call(kBoth, options));
}

void EveryKind::Serve(Script script, Form form) {
  RegisterScript(server(), engine_, kind(), form, std::move(script));
  Start();
}

void EveryKind::ServeHeldCalls() {
  Serve([this](Part& part) -> Task<absl::Status> {
    started.Add();
    const bool told = co_await part.Stopped();
    if (told && part.context.cancelled()) stopped.Add();
    co_return absl::AbortedError("what a stopped handler returns is told to nobody");
  });
}

}  // namespace call_test
}  // namespace parley
