// REST client: cpp-httplib, a thread and a connection that is kept alive for each call or stream in
// flight, JSON by nlohmann.

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "callers.h"
#include "events.h"
#include "payload.h"
#include "settings.h"
#include "side.h"
#include "tensor_contents.h"
#include "tensor_json.h"
#include "token_streams.h"

namespace parley_bench {
namespace {

std::unique_ptr<httplib::Client> Connect(const std::string& address) {
  const auto path = UnixPath(address);
  auto client = std::make_unique<httplib::Client>(path ? *path : "http://" + address);
  if (path) client->set_address_family(AF_UNIX);
  client->set_tcp_nodelay(true);
  client->set_keep_alive(true);
  client->set_read_timeout(kReadTimeout);
  return client;
}

absl::Status StatusOf(const httplib::Result& result) {
  if (!result) return absl::UnavailableError(httplib::to_string(result.error()));
  if (result->status != 200) return absl::InternalError(absl::StrCat("HTTP ", result->status));
  return absl::OkStatus();
}

absl::Status CheckAnswer(std::uint64_t sequence, const std::string& body) {
  const auto answer = nlohmann::json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (!answer.is_object() || !answer.contains("body") || !answer["body"].is_string()) {
    return absl::DataLossError(absl::StrCat("echo ", sequence, " is no answer"));
  }
  return CheckEchoText(sequence, answer["body"].get_ref<const std::string&>());
}

absl::Status EchoOnce(httplib::Client& client, std::uint64_t sequence) {
  std::string text;
  FillEchoText(sequence, text);
  const httplib::Result result =
      client.Post("/echo", nlohmann::json{{"body", text}}.dump(), "application/json");
  if (absl::Status s = StatusOf(result); !s.ok()) return s;
  return CheckAnswer(sequence, result->body);
}

// Clients that are connected and stay so.
class Connections {
 public:
  explicit Connections(std::string address) : address_(std::move(address)) {}

  // Connects until there are `count`, one after the other: httplib's server keeps but five waiting.
  absl::Status Reach(std::size_t count) {
    while (clients_.size() < count) {
      clients_.push_back(Connect(address_));
      if (absl::Status s = StatusOf(clients_.back()->Get("/ready")); !s.ok()) return s;
    }
    return absl::OkStatus();
  }

  httplib::Client& operator[](std::size_t i) { return *clients_[i]; }

 private:
  const std::string address_;
  std::vector<std::unique_ptr<httplib::Client>> clients_;
};

absl::Status Echo(httplib::Client& client, const Share& share, Latencies& latencies) {
  for (std::uint64_t i = share.first; i < share.end; ++i) {
    const std::int64_t start = NowNanoseconds();
    absl::Status status = EchoOnce(client, i);
    latencies.Add(NowNanoseconds() - start);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status SendTensors(httplib::Client& client, std::size_t elements, std::int64_t calls,
                         Latencies& latencies) {
  const TensorContents contents(elements);
  const std::vector<std::vector<float>> requests = contents.MakeAll();
  for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(calls); ++i) {
    const std::int64_t start = NowNanoseconds();
    const httplib::Result result =
        client.Post("/tensor", TensorJson(requests[i % requests.size()]), "application/json");
    if (absl::Status s = StatusOf(result); !s.ok()) return s;
    const auto answer = ParseTensorJson(result->body);
    if (!answer) return absl::DataLossError(absl::StrCat("tensor ", i, " is no answer"));
    if (absl::Status s = contents.Check(i, BytesOf(*answer)); !s.ok()) return s;
    latencies.Add(NowNanoseconds() - start);
  }
  return absl::OkStatus();
}

// All streams of one run. They are open from the construction to the destruction, which cuts what
// has not ended.
class EventStreams {
 public:
  // Uses the connections from number `first` on.
  EventStreams(Connections& connections, std::size_t first, const Options& options,
               std::int64_t operations)
      : streams_(options, operations) {
    for (std::size_t i = 0; i < streams_.size(); ++i) clients_.push_back(&connections[first + i]);
    for (std::size_t i = 0; i < streams_.size(); ++i) {
      threads_.emplace_back([this, i] { streams_.Ended(i, Read(i)); });
    }
  }
  ~EventStreams() {
    if (streams_.ended()) return;
    for (httplib::Client* client : clients_) client->stop();
  }

  absl::Status Wait(Latencies& latencies) { return streams_.Wait(latencies); }

 private:
  absl::Status Read(std::size_t stream) {
    const StreamPlan& plan = streams_.plan(stream);
    EventReader events;
    absl::Status malformed;
    const httplib::Result result = clients_[stream]->Get(
        absl::StrCat(plan.paced ? "/generate" : "/tokens", "?count=", plan.count),
        [&](const char* data, std::size_t size_bytes) {
          malformed.Update(
              events.Read({data, size_bytes}, [&](std::uint64_t index, std::int64_t sent_ns) {
                streams_.ReceiveIndex(stream, index, sent_ns);
              }));
          return malformed.ok();
        });
    return malformed.ok() ? StatusOf(result) : malformed;
  }

  TokenStreams streams_;
  std::vector<httplib::Client*> clients_;
  std::vector<std::jthread> threads_;  // last: they use all of the above
};

class Works {
 public:
  explicit Works(const Options& options) : options_(options), connections_(options.address) {}

  absl::Status Run(std::int64_t operations, Latencies& latencies) {
    if (options_.work == "idle") return OpenIdle(operations, latencies);
    const auto in_flight = static_cast<std::size_t>(options_.in_flight);
    if (absl::Status s = connections_.Reach(in_flight); !s.ok()) return s;
    if (options_.work == "echo") {
      return RunCallers(
          options_.in_flight, operations,
          [this](const Share& share, Latencies& own) {
            return Echo(connections_[share.caller], share, own);
          },
          latencies);
    }
    if (options_.work == "tensor") {
      return SendTensors(connections_[0], options_.elements, operations, latencies);
    }
    if (options_.first_stream != "ordinary") return absl::UnimplementedError("no such stream here");
    if (absl::Status s = TokenStreams::CheckOptions(options_); !s.ok()) return s;
    return EventStreams(connections_, 0, options_, operations).Wait(latencies);
  }

 private:
  // They stay open while they are measured.
  absl::Status OpenIdle(std::int64_t operations, Latencies& latencies) {
    const std::size_t first = used_;
    used_ += static_cast<std::size_t>(operations);
    if (absl::Status s = connections_.Reach(used_); !s.ok()) return s;
    open_.push_back(std::make_unique<EventStreams>(connections_, first, options_, operations));
    return open_.back()->Wait(latencies);
  }

  const Options& options_;
  Connections connections_;
  std::size_t used_ = 0;
  std::vector<std::unique_ptr<EventStreams>> open_;
};

}  // namespace
}  // namespace parley_bench

int main(int argc, char** argv) {
  const parley_bench::Options options = parley_bench::ParseOptions(argc, argv);
  parley_bench::Works works(options);
  return parley_bench::MeasureClient(options, [&](std::int64_t operations, auto& latencies) {
    return works.Run(operations, latencies);
  });
}
