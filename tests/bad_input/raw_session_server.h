// A gRPC server that serves sessions with whatever a test makes it say, and nothing else. For the tests
// of clients whose server breaks the session protocol.
#ifndef PARLEY_TESTS_BAD_INPUT_RAW_SESSION_SERVER_H_
#define PARLEY_TESTS_BAD_INPUT_RAW_SESSION_SERVER_H_

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace parley::bad_input_test {

class RawSessionServer {
 public:
  // In place of a batch: the next one is sent when the client has sent something more.
  static constexpr char kAwait[] = "await";

  // On each session: the first batch when the client has greeted, the next ones when it has sent
  // something more. `reads`: it goes on reading.
  explicit RawSessionServer(std::vector<std::string> batches, bool reads = true)
      : service_(std::move(batches), reads) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterCallbackGenericService(&service_);
    server_ = builder.BuildAndStart();
    EXPECT_NE(server_, nullptr);
  }
  // Ends all calls.
  ~RawSessionServer() { server_->Shutdown(std::chrono::system_clock::now()); }

  std::string target() const { return absl::StrCat("127.0.0.1:", port_); }

 private:
  class Session final : public grpc::ServerGenericBidiReactor {
   public:
    Session(const std::vector<std::string>& batches, bool reads)
        : batches_(batches), reads_(reads) {
      StartRead(&received_);
    }
    void OnReadDone(bool ok) override {
      ++heard_;
      ok ? GoOn() : Finish(grpc::Status::OK);
    }
    void OnWriteDone(bool ok) override { ok ? GoOn() : Finish(grpc::Status::OK); }
    void OnCancel() override {
      if (!reads_) EndOnceIdle();
    }
    void OnDone() override { delete this; }

   private:
    // One operation at a time.
    void GoOn() {
      if (next_ < batches_.size() && batches_[next_] == kAwait) {
        ++next_;
        StartRead(&received_);
      } else if (next_ < batches_.size() && (next_ != 1 || heard_ > 1)) {
        const grpc::Slice bytes(batches_[next_++]);
        sent_ = grpc::ByteBuffer(&bytes, 1);
        StartWrite(&sent_);
      } else if (reads_ || next_ < batches_.size()) {
        StartRead(&received_);
      } else {
        EndOnceIdle();
      }
    }
    // When it neither reads nor writes, and the client has left.
    void EndOnceIdle() {
      if (idle_or_left_.exchange(true)) Finish(grpc::Status::CANCELLED);
    }

    const std::vector<std::string>& batches_;
    const bool reads_;
    std::size_t next_ = 0;
    int heard_ = 0;
    std::atomic<bool> idle_or_left_ = false;
    grpc::ByteBuffer received_;
    grpc::ByteBuffer sent_;
  };

  class Service final : public grpc::CallbackGenericService {
   public:
    Service(std::vector<std::string> batches, bool reads)
        : batches_(std::move(batches)), reads_(reads) {}
    grpc::ServerGenericBidiReactor* CreateReactor(
        grpc::GenericCallbackServerContext* context) override {
      if (context->method() == "/parley.v1.SessionService/Open") {
        return new Session(batches_, reads_);
      }
      return CallbackGenericService::CreateReactor(context);  // UNIMPLEMENTED
    }

   private:
    const std::vector<std::string> batches_;
    const bool reads_;
  };

  Service service_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace parley::bad_input_test

#endif  // PARLEY_TESTS_BAD_INPUT_RAW_SESSION_SERVER_H_
