// Raw gRPC server, callback API: gRPC's own threads run the reactions, which never block.

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

class Service final : public Bench::CallbackService {
 public:
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
};

int Run(const Options& options) {
  Service service;
  grpc::ServerBuilder builder;
  int port = 0;
  TuneServer(builder, options.address, &port);
  builder.RegisterService(&service);
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) return 1;
  ServeDriver(BoundAddress(options.address, port));
  server->Shutdown(std::chrono::system_clock::now());
  return 0;
}

}  // namespace
}  // namespace parley_bench

int main(int argc, char** argv) {
  return parley_bench::Run(parley_bench::ParseOptions(argc, argv));
}
