// KServe's service by hand, raw gRPC, callback API: gRPC's own threads run the reactions. Messages of
// unary calls are used again.

#include <memory>
#include <mutex>
#include <vector>

#include "grpc_service.grpc.pb.h"
#include "grpc_twin/serve.h"
#include "identity.h"
#include "side.h"

namespace parley_bench {
namespace {

using inference::GRPCInferenceService;
using inference::ModelInferRequest;
using inference::ModelInferResponse;
using inference::ModelStreamInferResponse;

// Keeps the messages of calls that have ended for those to come.
class Messages final : public grpc::MessageAllocator<ModelInferRequest, ModelInferResponse> {
 public:
  using Holder = grpc::MessageHolder<ModelInferRequest, ModelInferResponse>;

  Holder* AllocateMessages() override {
    std::lock_guard lock(mutex_);
    if (unused_.empty()) return new Pair(*this);
    Holder* const holder = unused_.back().release();
    unused_.pop_back();
    return holder;
  }

 private:
  class Pair final : public Holder {
   public:
    explicit Pair(Messages& owner) : owner_(owner) {
      set_request(&request_);
      set_response(&response_);
    }
    void Release() override { owner_.Keep(this); }

   private:
    Messages& owner_;
    ModelInferRequest request_;
    ModelInferResponse response_;
  };

  void Keep(Pair* pair) {
    std::lock_guard lock(mutex_);
    unused_.emplace_back(pair);
  }

  std::mutex mutex_;
  std::vector<std::unique_ptr<Pair>> unused_;
};

// Reads the next request while the answer to the last one is written.
class StreamReactor final
    : public grpc::ServerBidiReactor<ModelInferRequest, ModelStreamInferResponse> {
 public:
  StreamReactor() { StartRead(&request_); }

  void OnReadDone(bool ok) override {
    std::lock_guard lock(mutex_);
    (ok ? read_ : ended_) = true;
    Proceed();
  }

  void OnWriteDone(bool ok) override {
    std::lock_guard lock(mutex_);
    writing_ = false;
    // The read fails as well then, or has brought what nobody waits for.
    if (!ok && read_) ended_ = true, read_ = false;
    Proceed();
  }

  void OnDone() override { delete this; }

 private:
  void Proceed() {
    if (writing_) return;
    if (ended_) return Finish(grpc::Status::OK);
    if (!read_) return;
    read_ = false;
    writing_ = true;
    AnswerIdentity(request_, response_);
    StartWrite(&response_);
    StartRead(&request_);
  }

  std::mutex mutex_;
  bool read_ = false;  // request_ waits for its answer
  bool writing_ = false;
  bool ended_ = false;  // nothing more is read
  ModelInferRequest request_;
  ModelStreamInferResponse response_;
};

class Service final : public GRPCInferenceService::CallbackService {
 public:
  Service() { SetMessageAllocatorFor_ModelInfer(&messages_); }

  grpc::ServerUnaryReactor* ModelInfer(grpc::CallbackServerContext* context,
                                       const ModelInferRequest* request,
                                       ModelInferResponse* response) override {
    // They are the allocator's, so this one may be changed.
    auto& mutable_request = const_cast<ModelInferRequest&>(*request);
    grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
    reactor->Finish(AnswerIdentity(mutable_request, *response));
    return reactor;
  }

  grpc::ServerBidiReactor<ModelInferRequest, ModelStreamInferResponse>* ModelStreamInfer(
      grpc::CallbackServerContext* /*context*/) override {
    return new StreamReactor();
  }

 private:
  Messages messages_;
};

}  // namespace
}  // namespace parley_bench

int main(int argc, char** argv) {
  const parley_bench::Options options = parley_bench::ParseOptions(argc, argv);
  parley_bench::Service service;
  return parley_bench::Serve(options, service, [] {});
}
