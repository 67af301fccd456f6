// KServe's service by hand, raw gRPC, completion-queue API: one thread polls one queue and answers what
// it takes from it. Calls live in slots that are armed again when they end, messages and all.

#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "grpc_service.grpc.pb.h"
#include "grpc_twin/queue_slot.h"
#include "grpc_twin/settings.h"
#include "identity.h"
#include "side.h"

namespace parley_bench {
namespace {

using Service = inference::GRPCInferenceService::AsyncService;
using inference::ModelInferRequest;
using inference::ModelInferResponse;
using inference::ModelStreamInferResponse;

class InferSlot final : public Slot {
 public:
  InferSlot(Service& service, grpc::ServerCompletionQueue* queue)
      : service_(service), queue_(queue) {}

  void Arm() override {
    finishing_ = false;
    context_.emplace();
    writer_.emplace(&*context_);
    service_.RequestModelInfer(&*context_, &request_, &*writer_, queue_, queue_, this);
  }

  void Proceed(bool ok) override {
    if (finishing_) return Arm();
    if (!ok) return;  // the server stops
    finishing_ = true;
    if (grpc::Status s = AnswerIdentity(request_, response_); !s.ok()) {
      return writer_->FinishWithError(s, this);
    }
    writer_->Finish(response_, grpc::Status::OK, this);
  }

 private:
  Service& service_;
  grpc::ServerCompletionQueue* const queue_;
  bool finishing_ = false;
  ModelInferRequest request_;
  ModelInferResponse response_;
  std::optional<grpc::ServerContext> context_;
  std::optional<grpc::ServerAsyncResponseWriter<ModelInferResponse>> writer_;
};

// Reads the next request while the answer to the last one is written, so it has two tags.
class StreamSlot final : public Slot {
 public:
  StreamSlot(Service& service, grpc::ServerCompletionQueue* queue)
      : service_(service), queue_(queue), written_(*this) {}

  void Arm() override {
    arrived_ = read_ = writing_ = ended_ = finishing_ = false;
    context_.emplace();
    stream_.emplace(&*context_);
    service_.RequestModelStreamInfer(&*context_, &*stream_, queue_, queue_, this);
  }

  // It has arrived, read or finished.
  void Proceed(bool ok) override {
    if (finishing_) return Arm();
    if (!arrived_) {
      if (!ok) return;  // the server stops
      arrived_ = true;
      return stream_->Read(&request_, this);
    }
    (ok ? read_ : ended_) = true;
    AnswerNext();
  }

 private:
  class Written final : public Slot {
   public:
    explicit Written(StreamSlot& slot) : slot_(slot) {}
    void Arm() override {}
    void Proceed(bool ok) override {
      slot_.writing_ = false;
      // The read fails as well then, or has brought what nobody waits for.
      if (!ok && slot_.read_) slot_.ended_ = true, slot_.read_ = false;
      slot_.AnswerNext();
    }

   private:
    StreamSlot& slot_;
  };

  void AnswerNext() {
    if (writing_) return;
    if (ended_) {
      finishing_ = true;
      return stream_->Finish(grpc::Status::OK, this);
    }
    if (!read_) return;
    read_ = false;
    writing_ = true;
    AnswerIdentity(request_, response_);
    stream_->Write(response_, &written_);
    stream_->Read(&request_, this);
  }

  Service& service_;
  grpc::ServerCompletionQueue* const queue_;
  Written written_;
  bool arrived_ = false;
  bool read_ = false;  // request_ waits for its answer
  bool writing_ = false;
  bool ended_ = false;  // nothing more is read
  bool finishing_ = false;
  ModelInferRequest request_;
  ModelStreamInferResponse response_;
  std::optional<grpc::ServerContext> context_;
  std::optional<grpc::ServerAsyncReaderWriter<ModelStreamInferResponse, ModelInferRequest>> stream_;
};

int Run(const Options& options) {
  Service service;
  grpc::ServerBuilder builder;
  int port = 0;
  TuneServer(builder, options.address, &port);
  builder.RegisterService(&service);
  std::unique_ptr<grpc::ServerCompletionQueue> queue = builder.AddCompletionQueue();
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) return 1;

  std::vector<std::unique_ptr<Slot>> slots;
  for (int i = 0; i < options.slots; ++i) {
    slots.push_back(std::make_unique<InferSlot>(service, queue.get()));
    slots.push_back(std::make_unique<StreamSlot>(service, queue.get()));
  }
  for (auto& slot : slots) slot->Arm();
  std::thread poller([&queue] {
    void* tag = nullptr;
    bool ok = false;
    while (queue->Next(&tag, &ok)) static_cast<Slot*>(tag)->Proceed(ok);
  });

  ServeDriver(BoundAddress(options.address, port));
  // No client is left by then, so no slot arms itself again after this.
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
