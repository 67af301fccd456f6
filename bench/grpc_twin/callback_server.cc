// Raw gRPC server, callback API: gRPC's own threads run the reactions, which never block.

#include <memory>

#include "bench.grpc.pb.h"
#include "engine.h"
#include "payload.h"
#include "serve.h"
#include "side.h"
#include "write_gate.h"

namespace parley_bench {
namespace {

using parley::bench::v1::Bench;
using parley::bench::v1::Payload;
using parley::bench::v1::Token;
using parley::bench::v1::TokensRequest;

class TokensReactor final : public grpc::ServerWriteReactor<Token> {
 public:
  explicit TokensReactor(std::uint32_t count) : count_(count) { WriteNext(); }

  void OnWriteDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::CANCELLED);
    if (sent_ < count_) WriteNext();
  }

  void OnDone() override { delete this; }

 private:
  void WriteNext() {
    if (count_ == 0) return Finish(grpc::Status::OK);
    FillTokenText(sent_, *token_.mutable_text());
    if (++sent_ < count_) {
      StartWrite(&token_);
    } else {
      StartWriteAndFinish(&token_, grpc::WriteOptions(), grpc::Status::OK);
    }
  }

  const std::uint32_t count_;
  std::uint32_t sent_ = 0;
  Token token_;
};

// The engine writes to it; it keeps itself until the call is over.
class GenerateReactor final : public grpc::ServerWriteReactor<Token>, public Generation {
 public:
  void KeepUntilDone(std::shared_ptr<GenerateReactor> self) { self_ = std::move(self); }

  Written TryWrite(std::string_view text, bool last) override {
    const Written written = gate_.Enter();
    if (written == Written::kGone) Finish(grpc::Status::CANCELLED);
    if (written != Written::kYes) return written;
    token_.set_text(text.data(), text.size());
    if (last) {
      StartWriteAndFinish(&token_, grpc::WriteOptions(), grpc::Status::OK);
    } else {
      StartWrite(&token_);
    }
    return written;
  }

  void Abandon() override {
    if (gate_.Abandon()) Finish(grpc::Status::CANCELLED);
  }

  void OnWriteDone(bool ok) override {
    if (gate_.Leave(ok)) Finish(grpc::Status::CANCELLED);
  }

  void OnDone() override { self_ = nullptr; }

 private:
  WriteGate gate_;
  Token token_;
  std::shared_ptr<GenerateReactor> self_;
};

class Service final : public Bench::CallbackService {
 public:
  explicit Service(Engine& engine) : engine_(engine) {}

  grpc::ServerUnaryReactor* Echo(grpc::CallbackServerContext* context, const Payload* request,
                                 Payload* response) override {
    response->set_body(request->body());
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

  grpc::ServerWriteReactor<Token>* Tokens(grpc::CallbackServerContext* /*context*/,
                                          const TokensRequest* request) override {
    return new TokensReactor(request->count());
  }

  grpc::ServerWriteReactor<Token>* Generate(grpc::CallbackServerContext* /*context*/,
                                            const TokensRequest* request) override {
    auto reactor = std::make_shared<GenerateReactor>();
    reactor->KeepUntilDone(reactor);
    GenerateReactor* const returned = reactor.get();
    engine_.Add(std::move(reactor), request->count(), request->text_bytes());
    return returned;
  }

 private:
  Engine& engine_;
};

}  // namespace
}  // namespace parley_bench

int main(int argc, char** argv) {
  const parley_bench::Options options = parley_bench::ParseOptions(argc, argv);
  parley_bench::Engine engine(options.step);
  parley_bench::Service service(engine);
  return parley_bench::Serve(options, service, [&engine] { engine.Stop(); });
}
