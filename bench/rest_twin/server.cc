// REST server: cpp-httplib, a thread for each connection, JSON by nlohmann. POST /echo answers with
// the body it was sent, POST /tensor with the tensor that it has read, GET /tokens and GET /generate with one server-sent event for each token.

#include <condition_variable>
#include <limits>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "engine.h"
#include "events.h"
#include "payload.h"
#include "settings.h"
#include "side.h"
#include "tensor_contents.h"
#include "tensor_json.h"

namespace parley_bench {
namespace {

using httplib::DataSink;
using httplib::Request;
using httplib::Response;

void Echo(const Request& request, Response& response) {
  const auto body = nlohmann::json::parse(request.body, nullptr, /*allow_exceptions=*/false);
  if (!body.is_object() || !body.contains("body")) {
    response.status = 400;
    return;
  }
  response.set_content(nlohmann::json{{"body", body["body"]}}.dump(), "application/json");
}

void AnswerTensor(const TensorContents& contents, const Request& request, Response& response) {
  const auto values = ParseTensorJson(request.body);
  if (!values || !contents.CheckAny(BytesOf(*values)).ok()) {
    response.status = 400;
    return;
  }
  response.set_content(TensorJson(*values), "application/json");
}

std::uint32_t CountOf(const Request& request) {
  return static_cast<std::uint32_t>(std::stoul(request.get_param_value("count")));
}

bool WriteEvent(DataSink& sink, std::uint64_t index, std::int64_t sent_ns) {
  const std::string event = TokenEvent(index, sent_ns);
  return sink.write(event.data(), event.size());
}

void Tokens(const Request& request, Response& response) {
  response.set_chunked_content_provider(
      "text/event-stream", [count = CountOf(request)](std::size_t /*offset*/, DataSink& sink) {
        for (std::uint32_t i = 0; i < count; ++i) {
          if (!WriteEvent(sink, i, 0)) return false;
        }
        sink.done();
        return true;
      });
}

// Hands tokens from the engine to the connection's thread, which alone can write.
class EventGeneration final : public Generation {
 public:
  Written TryWrite(std::string_view text, bool last) override {
    std::lock_guard lock(mutex_);
    if (gone_) return Written::kGone;
    if (next_) return Written::kNotNow;
    next_.emplace(text);
    ended_ = last;
    wake_.notify_one();
    return Written::kYes;
  }

  void Abandon() override {
    std::lock_guard lock(mutex_);
    ended_ = true;
    wake_.notify_one();
  }

  // The connection's thread: writes until the generation has ended or the caller has left.
  bool WriteAll(DataSink& sink) {
    for (std::uint32_t index = 0; std::optional<std::string> text = Next(); ++index) {
      const auto sent_ns = ReadTimedText(index, text->size(), *text);
      if (!sent_ns.ok() || !WriteEvent(sink, index, *sent_ns)) {
        std::lock_guard lock(mutex_);
        gone_ = true;
        return false;
      }
    }
    sink.done();
    return true;
  }

 private:
  std::optional<std::string> Next() {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [this] { return next_ || ended_; });
    return std::exchange(next_, std::nullopt);
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::optional<std::string> next_;
  bool ended_ = false;  // after next_
  bool gone_ = false;
};

void Generate(Engine& engine, const Request& request, Response& response) {
  auto generation = std::make_shared<EventGeneration>();
  engine.Add(generation, CountOf(request), kTimedTextBytes);
  response.set_chunked_content_provider(
      "text/event-stream",
      [generation](std::size_t /*offset*/, DataSink& sink) { return generation->WriteAll(sink); });
}

int Run(const Options& options) {
  Engine engine(options.step);
  const TensorContents contents(options.elements);
  httplib::Server server;
  // A connection keeps its thread until it is closed.
  server.new_task_queue = [threads = options.slots] {
    return new httplib::ThreadPool(static_cast<std::size_t>(threads));
  };
  server.set_tcp_nodelay(true);
  server.set_keep_alive_max_count(std::numeric_limits<std::size_t>::max());
  server.set_keep_alive_timeout(60);
  server.Get("/ready", [](const Request&, Response&) {});
  server.Post("/echo", Echo);
  server.Post("/tensor", [&contents](const Request& request, Response& response) {
    AnswerTensor(contents, request, response);
  });
  server.Get("/tokens", Tokens);
  server.Get("/generate", [&engine](const Request& request, Response& response) {
    Generate(engine, request, response);
  });

  std::string address = options.address;
  if (const auto path = UnixPath(address)) {
    server.set_address_family(AF_UNIX);
    if (!server.bind_to_port(*path, 80)) return 1;
  } else {
    const int port = server.bind_to_any_port("127.0.0.1");
    if (port < 0) return 1;
    address = "127.0.0.1:" + std::to_string(port);
  }
  std::jthread listener([&server] { server.listen_after_bind(); });
  ServeDriver(address);
  engine.Stop();
  server.stop();
  return 0;
}

}  // namespace
}  // namespace parley_bench

int main(int argc, char** argv) {
  return parley_bench::Run(parley_bench::ParseOptions(argc, argv));
}
