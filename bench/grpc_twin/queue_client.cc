// Raw gRPC client, completion-queue API: the one thread that starts calls also polls their queue,
// so a caller with one call in flight waits for it without another thread. Calls live in slots that
// are used again, messages and all. "echo_sync" and "tokens_sync" do the same through the blocking
// stub.

#include <optional>
#include <vector>

#include "bench.grpc.pb.h"
#include "payload.h"
#include "settings.h"
#include "side.h"

namespace parley_bench {
namespace {

using parley::bench::v1::Bench;
using parley::bench::v1::Payload;
using parley::bench::v1::Token;
using parley::bench::v1::TokensRequest;

absl::Status FromGrpc(const grpc::Status& status) {
  return {static_cast<absl::StatusCode>(status.error_code()), status.error_message()};
}

class Client {
 public:
  explicit Client(const Options& options)
      : own_answers_(options.own_answers),
        stub_(Bench::NewStub(OpenChannel(options.address))),
        slots_(static_cast<std::size_t>(options.in_flight)) {}

  ~Client() {
    queue_.Shutdown();
    void* tag = nullptr;
    bool ok = false;
    while (queue_.Next(&tag, &ok)) {
    }
  }

  absl::Status Echo(std::int64_t calls, Latencies& latencies) {
    std::int64_t started = 0;
    for (EchoSlot& slot : slots_) {
      if (started < calls) Start(slot, started++);
    }
    for (std::int64_t done = 0; done < calls; ++done) {
      void* tag = nullptr;
      bool ok = false;
      if (!queue_.Next(&tag, &ok)) return absl::InternalError("the queue ended");
      auto& slot = *static_cast<EchoSlot*>(tag);
      latencies.AddSince(slot.start);
      if (!slot.status.ok()) return FromGrpc(slot.status);
      if (absl::Status s = CheckEchoBody(slot.sequence, slot.response.body()); !s.ok()) return s;
      if (own_answers_) slot.response = Payload();
      if (started < calls) Start(slot, started++);
    }
    return absl::OkStatus();
  }

  absl::Status EchoSync(std::int64_t calls, Latencies& latencies) {
    Payload request;
    Payload response;
    for (std::int64_t i = 0; i < calls; ++i) {
      FillEchoBody(static_cast<std::uint64_t>(i), *request.mutable_body());
      const std::int64_t start = NowNanoseconds();
      grpc::ClientContext context;
      SetUnaryDeadline(context);
      const grpc::Status status = stub_->Echo(&context, request, &response);
      latencies.AddSince(start);
      if (!status.ok()) return FromGrpc(status);
      absl::Status check = CheckEchoBody(static_cast<std::uint64_t>(i), response.body());
      if (!check.ok()) return check;
    }
    return absl::OkStatus();
  }

  absl::Status Tokens(std::int64_t count) {
    grpc::ClientContext context;
    SetStreamDeadline(context);
    TokensRequest request;
    request.set_count(static_cast<std::uint32_t>(count));
    auto reader = stub_->AsyncTokens(&context, request, &queue_, this);
    if (!NextOk()) return absl::UnavailableError("the stream did not start");
    Token token;
    std::uint32_t received = 0;
    absl::Status check = absl::OkStatus();
    for (reader->Read(&token, this); NextOk(); reader->Read(&token, this)) {
      check.Update(CheckTokenText(received++, token.text()));
      if (own_answers_) token = Token();
    }
    grpc::Status status;
    reader->Finish(&status, this);
    NextOk();
    if (!status.ok()) return FromGrpc(status);
    check.Update(CheckTokenCount(static_cast<std::uint64_t>(count), received));
    return check;
  }

  absl::Status TokensSync(std::int64_t count) {
    grpc::ClientContext context;
    SetStreamDeadline(context);
    TokensRequest request;
    request.set_count(static_cast<std::uint32_t>(count));
    auto reader = stub_->Tokens(&context, request);
    Token token;
    std::uint32_t received = 0;
    absl::Status check = absl::OkStatus();
    while (reader->Read(&token)) check.Update(CheckTokenText(received++, token.text()));
    const grpc::Status status = reader->Finish();
    if (!status.ok()) return FromGrpc(status);
    check.Update(CheckTokenCount(static_cast<std::uint64_t>(count), received));
    return check;
  }

 private:
  struct EchoSlot {
    std::uint64_t sequence = 0;
    std::int64_t start = 0;
    Payload request;
    Payload response;
    grpc::Status status;
    std::optional<grpc::ClientContext> context;
    std::unique_ptr<grpc::ClientAsyncResponseReader<Payload>> reader;
  };

  void Start(EchoSlot& slot, std::int64_t sequence) {
    slot.sequence = static_cast<std::uint64_t>(sequence);
    FillEchoBody(slot.sequence, *slot.request.mutable_body());
    slot.start = NowNanoseconds();
    slot.context.emplace();
    SetUnaryDeadline(*slot.context);
    slot.reader = stub_->AsyncEcho(&*slot.context, slot.request, &queue_);
    slot.reader->Finish(&slot.response, &slot.status, &slot);
  }

  // Waits for the one event under way and returns whether it succeeded.
  bool NextOk() {
    void* tag = nullptr;
    bool ok = false;
    return queue_.Next(&tag, &ok) && ok;
  }

  const bool own_answers_;
  std::unique_ptr<Bench::Stub> stub_;
  grpc::CompletionQueue queue_;
  std::vector<EchoSlot> slots_;
};

absl::Status Run(Client& client, const Options& options, std::int64_t operations,
                 Latencies& latencies) {
  if (options.work == "echo") return client.Echo(operations, latencies);
  if (options.work == "echo_sync") return client.EchoSync(operations, latencies);
  if (options.work == "tokens") return client.Tokens(operations);
  if (options.work == "tokens_sync") return client.TokensSync(operations);
  return absl::InvalidArgumentError("--work must be echo, echo_sync, tokens or tokens_sync");
}

}  // namespace
}  // namespace parley_bench

int main(int argc, char** argv) {
  const parley_bench::Options options = parley_bench::ParseOptions(argc, argv);
  parley_bench::Client client(options);
  return parley_bench::MeasureClient(options, [&](std::int64_t operations, auto& latencies) {
    return parley_bench::Run(client, options, operations, latencies);
  });
}
