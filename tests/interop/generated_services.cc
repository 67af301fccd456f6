// The generated services' methods; the cases that use them are in test_cases.cc.
#include "interop/generated_services.h"

#include <string>

namespace parley_interop {
namespace {

using grpc::testing::Empty;
using grpc::testing::SimpleRequest;
using grpc::testing::SimpleResponse;
using grpc::testing::StreamingInputCallRequest;
using grpc::testing::StreamingInputCallResponse;
using grpc::testing::StreamingOutputCallRequest;
using grpc::testing::StreamingOutputCallResponse;

void EchoMetadata(grpc::ServerContextBase& context) {
  const auto& metadata = context.client_metadata();
  if (auto it = metadata.find("x-grpc-test-echo-initial"); it != metadata.end()) {
    context.AddInitialMetadata("x-grpc-test-echo-initial",
                               std::string(it->second.data(), it->second.size()));
  }
  if (auto it = metadata.find("x-grpc-test-echo-trailing-bin"); it != metadata.end()) {
    context.AddTrailingMetadata("x-grpc-test-echo-trailing-bin",
                                std::string(it->second.data(), it->second.size()));
  }
}

template <class Request>
grpc::Status StatusOf(const Request& request) {
  return {static_cast<grpc::StatusCode>(request.response_status().code()),
          request.response_status().message()};
}

template <class Response>
void SetZeros(int size_bytes, Response& response) {
  response.mutable_payload()->set_body(std::string(static_cast<std::size_t>(size_bytes), '\0'));
}

grpc::Status Answer(const SimpleRequest& request, SimpleResponse& response) {
  if (request.has_response_status()) return StatusOf(request);
  SetZeros(request.response_size(), response);
  return grpc::Status::OK;
}

}  // namespace

grpc::Status SyncTestService::EmptyCall(grpc::ServerContext*, const Empty*, Empty*) {
  return grpc::Status::OK;
}

grpc::Status SyncTestService::UnaryCall(grpc::ServerContext* context, const SimpleRequest* request,
                                        SimpleResponse* response) {
  EchoMetadata(*context);
  return Answer(*request, *response);
}

grpc::Status SyncTestService::StreamingOutputCall(
    grpc::ServerContext*, const StreamingOutputCallRequest* request,
    grpc::ServerWriter<StreamingOutputCallResponse>* writer) {
  for (const auto& parameters : request->response_parameters()) {
    StreamingOutputCallResponse response;
    SetZeros(parameters.size(), response);
    if (!writer->Write(response)) return grpc::Status::CANCELLED;
  }
  return grpc::Status::OK;
}

grpc::Status SyncTestService::StreamingInputCall(
    grpc::ServerContext*, grpc::ServerReader<StreamingInputCallRequest>* reader,
    StreamingInputCallResponse* response) {
  StreamingInputCallRequest request;
  int sum = 0;
  while (reader->Read(&request)) sum += static_cast<int>(request.payload().body().size());
  response->set_aggregated_payload_size(sum);
  return grpc::Status::OK;
}

grpc::Status SyncTestService::FullDuplexCall(
    grpc::ServerContext* context,
    grpc::ServerReaderWriter<StreamingOutputCallResponse, StreamingOutputCallRequest>* stream) {
  EchoMetadata(*context);
  StreamingOutputCallRequest request;
  while (stream->Read(&request)) {
    if (request.has_response_status()) return StatusOf(request);
    for (const auto& parameters : request.response_parameters()) {
      StreamingOutputCallResponse response;
      SetZeros(parameters.size(), response);
      if (!stream->Write(response)) return grpc::Status::CANCELLED;
    }
  }
  return grpc::Status::OK;
}

grpc::ServerUnaryReactor* CallbackTestService::EmptyCall(grpc::CallbackServerContext* context,
                                                         const Empty*, Empty*) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

grpc::ServerUnaryReactor* CallbackTestService::UnaryCall(grpc::CallbackServerContext* context,
                                                         const SimpleRequest* request,
                                                         SimpleResponse* response) {
  EchoMetadata(*context);
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(Answer(*request, *response));
  return reactor;
}

grpc::ServerWriteReactor<StreamingOutputCallResponse>* CallbackTestService::StreamingOutputCall(
    grpc::CallbackServerContext*, const StreamingOutputCallRequest* request) {
  class Reactor final : public grpc::ServerWriteReactor<StreamingOutputCallResponse> {
   public:
    explicit Reactor(const StreamingOutputCallRequest& request) : request_(request) { WriteNext(); }

   private:
    void WriteNext() {
      if (next_ == request_.response_parameters_size()) return Finish(grpc::Status::OK);
      SetZeros(request_.response_parameters(next_++).size(), response_);
      StartWrite(&response_);
    }
    void OnWriteDone(bool ok) override { ok ? WriteNext() : Finish(grpc::Status::CANCELLED); }
    void OnDone() override { delete this; }

    const StreamingOutputCallRequest& request_;
    StreamingOutputCallResponse response_;
    int next_ = 0;
  };
  return new Reactor(*request);
}

grpc::ServerReadReactor<StreamingInputCallRequest>* CallbackTestService::StreamingInputCall(
    grpc::CallbackServerContext*, StreamingInputCallResponse* response) {
  class Reactor final : public grpc::ServerReadReactor<StreamingInputCallRequest> {
   public:
    explicit Reactor(StreamingInputCallResponse& response) : response_(response) {
      StartRead(&request_);
    }

   private:
    void OnReadDone(bool ok) override {
      if (!ok) {
        response_.set_aggregated_payload_size(sum_);
        return Finish(grpc::Status::OK);
      }
      sum_ += static_cast<int>(request_.payload().body().size());
      StartRead(&request_);
    }
    void OnDone() override { delete this; }

    StreamingInputCallRequest request_;
    StreamingInputCallResponse& response_;
    int sum_ = 0;
  };
  return new Reactor(*response);
}

grpc::ServerBidiReactor<StreamingOutputCallRequest, StreamingOutputCallResponse>*
CallbackTestService::FullDuplexCall(grpc::CallbackServerContext* context) {
  class Reactor final
      : public grpc::ServerBidiReactor<StreamingOutputCallRequest, StreamingOutputCallResponse> {
   public:
    Reactor() { StartRead(&request_); }

   private:
    void OnReadDone(bool ok) override {
      if (!ok) return Finish(grpc::Status::OK);
      if (request_.has_response_status()) return Finish(StatusOf(request_));
      next_ = 0;
      WriteNext();
    }
    void WriteNext() {
      if (next_ == request_.response_parameters_size()) return StartRead(&request_);
      SetZeros(request_.response_parameters(next_++).size(), response_);
      StartWrite(&response_);
    }
    void OnWriteDone(bool ok) override { ok ? WriteNext() : Finish(grpc::Status::CANCELLED); }
    void OnDone() override { delete this; }

    StreamingOutputCallRequest request_;
    StreamingOutputCallResponse response_;
    int next_ = 0;
  };
  EchoMetadata(*context);
  return new Reactor;
}

}  // namespace parley_interop
