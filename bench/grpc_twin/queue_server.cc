// Raw gRPC server, completion-queue API: one thread polls one queue and handles what it takes from
// it. Calls live in slots that are armed again when they end, messages and all, so that nothing of
// ours is allocated for a call.

#include <atomic>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "bench.grpc.pb.h"
#include "engine.h"
#include "payload.h"
#include "queue_slot.h"
#include "settings.h"
#include "side.h"
#include "tensor_contents.h"
#include "tensor_slot.h"
#include "write_gate.h"

namespace parley_bench {
namespace {

using parley::bench::v1::Bench;
using parley::bench::v1::Payload;
using parley::bench::v1::Token;
using parley::bench::v1::TokensRequest;

class EchoSlot final : public Slot {
 public:
  EchoSlot(Bench::AsyncService* service, grpc::ServerCompletionQueue* queue, bool own_answers)
      : service_(service), queue_(queue), own_answers_(own_answers) {}

  void Arm() override {
    finishing_ = false;
    context_.emplace();
    writer_.emplace(&*context_);
    service_->RequestEcho(&*context_, &request_, &*writer_, queue_, queue_, this);
  }

  void Proceed(bool ok) override {
    if (finishing_) return Arm();
    if (!ok) return;  // the server stops
    finishing_ = true;
    if (own_answers_) response_ = Payload();
    response_.set_body(request_.body());
    writer_->Finish(response_, grpc::Status::OK, this);
  }

 private:
  Bench::AsyncService* const service_;
  grpc::ServerCompletionQueue* const queue_;
  const bool own_answers_;
  bool finishing_ = false;
  Payload request_;
  Payload response_;
  std::optional<grpc::ServerContext> context_;
  std::optional<grpc::ServerAsyncResponseWriter<Payload>> writer_;
};

class TokensSlot final : public Slot {
 public:
  TokensSlot(Bench::AsyncService* service, grpc::ServerCompletionQueue* queue)
      : service_(service), queue_(queue) {}

  void Arm() override {
    state_ = State::kRequested;
    sent_ = 0;
    context_.emplace();
    writer_.emplace(&*context_);
    service_->RequestTokens(&*context_, &request_, &*writer_, queue_, queue_, this);
  }

  void Proceed(bool ok) override {
    if (state_ == State::kFinishing) return Arm();
    if (!ok && state_ == State::kRequested) return;  // the server stops
    if (!ok || request_.count() == 0) {              // the caller left, or wants nothing
      state_ = State::kFinishing;
      return writer_->Finish(ok ? grpc::Status::OK : grpc::Status::CANCELLED, this);
    }
    FillTokenText(sent_, *token_.mutable_text());
    if (++sent_ < request_.count()) {
      state_ = State::kWriting;
      writer_->Write(token_, this);
    } else {
      state_ = State::kFinishing;
      writer_->WriteAndFinish(token_, grpc::WriteOptions(), grpc::Status::OK, this);
    }
  }

 private:
  enum class State { kRequested, kWriting, kFinishing };

  Bench::AsyncService* const service_;
  grpc::ServerCompletionQueue* const queue_;
  State state_ = State::kRequested;
  std::uint32_t sent_ = 0;
  TokensRequest request_;
  Token token_;
  std::optional<grpc::ServerContext> context_;
  std::optional<grpc::ServerAsyncWriter<Token>> writer_;
};

// A generation lives from one arrival to its end: when its call arrives it arms another. The poller
// and the engine's thread share it.
class GenerateSlot final : public Slot,
                           public Generation,
                           public std::enable_shared_from_this<GenerateSlot> {
 public:
  GenerateSlot(Bench::AsyncService* service, grpc::ServerCompletionQueue* queue, Engine& engine)
      : service_(service), queue_(queue), engine_(engine), writer_(&context_) {}

  void Arm() override {
    self_ = shared_from_this();
    service_->RequestGenerate(&context_, &request_, &writer_, queue_, queue_, this);
  }

  void Proceed(bool ok) override {
    if (finishing_ || (!arrived_ && !ok)) return self_.reset();
    if (arrived_) {
      if (gate_.Leave(ok)) Cancel();
      return;
    }
    arrived_ = true;
    std::make_shared<GenerateSlot>(service_, queue_, engine_)->Arm();
    engine_.Add(self_, request_.count(), request_.text_bytes());
  }

  Written TryWrite(std::string_view text, bool last) override {
    const Written written = gate_.Enter();
    if (written == Written::kGone) Cancel();
    if (written != Written::kYes) return written;
    token_.set_text(text.data(), text.size());
    if (last) {
      finishing_ = true;
      writer_.WriteAndFinish(token_, grpc::WriteOptions(), grpc::Status::OK, this);
    } else {
      writer_.Write(token_, this);
    }
    return written;
  }

  void Abandon() override {
    if (gate_.Abandon()) Cancel();
  }

 private:
  void Cancel() {
    finishing_ = true;
    writer_.Finish(grpc::Status::CANCELLED, this);
  }

  Bench::AsyncService* const service_;
  grpc::ServerCompletionQueue* const queue_;
  Engine& engine_;
  bool arrived_ = false;
  std::atomic<bool> finishing_{false};
  WriteGate gate_;
  TokensRequest request_;
  Token token_;
  grpc::ServerContext context_;
  grpc::ServerAsyncWriter<Token> writer_;
  std::shared_ptr<GenerateSlot> self_;  // while gRPC has it as a tag
};

int Run(const Options& options) {
  Engine engine(options.step);
  const TensorContents contents(options.elements);
  Bench::AsyncService service;
  grpc::ServerBuilder builder;
  int port = 0;
  TuneServer(builder, options.address, &port);
  builder.RegisterService(&service);
  std::unique_ptr<grpc::ServerCompletionQueue> queue = builder.AddCompletionQueue();
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) return 1;

  std::vector<std::unique_ptr<Slot>> slots;
  for (int i = 0; i < options.slots; ++i) {
    slots.push_back(std::make_unique<EchoSlot>(&service, queue.get(), options.own_answers));
    slots.push_back(std::make_unique<TokensSlot>(&service, queue.get()));
    slots.push_back(
        std::make_unique<TensorSlot>(&service, queue.get(), contents, options.own_answers));
  }
  for (auto& slot : slots) slot->Arm();
  for (int i = 0; i < options.slots; ++i) {
    std::make_shared<GenerateSlot>(&service, queue.get(), engine)->Arm();
  }
  std::thread poller([&queue] {
    void* tag = nullptr;
    bool ok = false;
    while (queue->Next(&tag, &ok)) static_cast<Slot*>(tag)->Proceed(ok);
  });

  ServeDriver(BoundAddress(options.address, port));
  // No client is left by then, so no slot arms itself again after this.
  engine.Stop();
  server->Shutdown(std::chrono::system_clock::now());
  queue->Shutdown();
  poller.join();
  return 0;
}

}  // namespace
}  // namespace parley_bench

int main(int argc, char** argv) {
  return parley_bench::Run(parley_bench::ParseOptions(argc, argv));
}
