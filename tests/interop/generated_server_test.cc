// parley's client calls a service that grpc_cpp_plugin generated, on a server of gRPC's own: what
// the client sends to and takes from a foreign server beside the plain exchange of messages, which
// interop_cases_test and run.sh cover.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "interop/proto/test.grpc.pb.h"
#include "interop/test_service.h"
#include "parley/client.h"
#include "parley/metadata.h"
#include "parley/options.h"

namespace parley_interop {
namespace {

using testing::AnyOf;
using testing::ElementsAre;

// Long for anything that only has to happen at all.
constexpr absl::Duration kLong = absl::Seconds(20);

std::string AllBytes() {
  std::string bytes;
  for (int byte = 0; byte < 256; ++byte) bytes.push_back(static_cast<char>(byte));
  return bytes;
}

// What a test lets the service do; a method that it leaves out is unimplemented.
class ScriptedService final : public grpc::testing::TestService::CallbackService {
 public:
  using Context = grpc::CallbackServerContext;
  std::function<grpc::Status(Context&)> empty_call;
  std::function<grpc::ServerWriteReactor<StreamingOutputCallResponse>*(
      Context&, const StreamingOutputCallRequest&)>
      streaming_output_call;
  std::function<grpc::ServerReadReactor<StreamingInputCallRequest>*(Context&)> streaming_input_call;

 private:
  grpc::ServerUnaryReactor* EmptyCall(Context* context, const Empty*, Empty*) override {
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(empty_call(*context));
    return reactor;
  }
  grpc::ServerWriteReactor<StreamingOutputCallResponse>* StreamingOutputCall(
      Context* context, const StreamingOutputCallRequest* request) override {
    return streaming_output_call(*context, *request);
  }
  grpc::ServerReadReactor<StreamingInputCallRequest>* StreamingInputCall(
      Context* context, StreamingInputCallResponse*) override {
    return streaming_input_call(*context);
  }
};

class GeneratedServer : public testing::Test {
 protected:
  GeneratedServer() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    EXPECT_NE(server_, nullptr);
    client_.emplace(absl::StrCat("127.0.0.1:", port_));
  }
  ~GeneratedServer() override { server_->Shutdown(std::chrono::system_clock::now()); }

  ScriptedService service_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
  std::optional<parley::Client> client_;
};

std::vector<std::string> ValuesOf(const grpc::CallbackServerContext& context,
                                  const std::string& key) {
  std::vector<std::string> values;
  const auto [begin, end] = context.client_metadata().equal_range(key);
  for (auto it = begin; it != end; ++it) values.emplace_back(it->second.data(), it->second.size());
  return values;
}

TEST_F(GeneratedServer, SeesMetadataUnchanged) {
  std::vector<std::string> texts, bytes;
  service_.empty_call = [&](grpc::CallbackServerContext& context) {
    texts = ValuesOf(context, "x-text");
    bytes = ValuesOf(context, "x-data-bin");
    return grpc::Status::OK;
  };
  parley::Metadata metadata;
  metadata.Add("x-text", "one");
  metadata.Add("X-Text", "two, with a comma");
  metadata.Add("x-data-bin", AllBytes());
  metadata.Add("x-data-bin", "");
  const absl::StatusOr<Empty> response =
      client_->Call(kEmptyCall, Empty(), {.metadata = &metadata});
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_THAT(texts, ElementsAre("one", "two, with a comma"));
  EXPECT_THAT(bytes, ElementsAre(AllBytes(), ""));
}

TEST_F(GeneratedServer, MetadataComesBackUnchanged) {
  service_.empty_call = [&](grpc::CallbackServerContext& context) {
    for (const char* value : {"one", "two"}) {
      context.AddInitialMetadata("x-initial", value);
      context.AddTrailingMetadata("x-trailing", value);
    }
    context.AddInitialMetadata("x-initial-bin", AllBytes());
    context.AddTrailingMetadata("x-trailing-bin", AllBytes());
    return grpc::Status(grpc::NOT_FOUND, "not here");
  };
  parley::ResponseMetadata got;
  const absl::StatusOr<Empty> response = client_->Call(kEmptyCall, Empty(), {.response = &got});
  EXPECT_EQ(response.status(), absl::NotFoundError("not here"));
  // With a status alone, gRPC may send all metadata as trailing metadata or leave the initial out.
  EXPECT_THAT(got.trailing.GetAll("x-trailing"), ElementsAre("one", "two"));
  EXPECT_THAT(got.trailing.GetAll("x-trailing-bin"), ElementsAre(AllBytes()));

  service_.empty_call = [&](grpc::CallbackServerContext& context) {
    context.AddInitialMetadata("x-initial", "one");
    context.AddInitialMetadata("x-initial", "two");
    context.AddInitialMetadata("x-initial-bin", AllBytes());
    return grpc::Status::OK;
  };
  ASSERT_TRUE(client_->Call(kEmptyCall, Empty(), {.response = &got}).ok());
  EXPECT_THAT(got.initial.GetAll("x-initial"), ElementsAre("one", "two"));
  EXPECT_THAT(got.initial.GetAll("x-initial-bin"), ElementsAre(AllBytes()));
  EXPECT_THAT(got.trailing.GetAll("x-trailing"), ElementsAre());
}

TEST_F(GeneratedServer, EveryCodeAndMessageArrives) {
  grpc::Status answer;
  service_.empty_call = [&](grpc::CallbackServerContext&) { return answer; };
  const std::string messages[] = {"", "plain", "100 % sure, 50%25",
                                  "Gr\u00FC\u00DFe, \u6F22\u5B57, \U0001F916\n\ttabs",
                                  std::string(2000, 'x')};
  for (int code = 1; code <= 16; ++code) {
    for (const std::string& message : messages) {
      SCOPED_TRACE(absl::StrCat(code, " ", message));
      answer = grpc::Status(static_cast<grpc::StatusCode>(code), message);
      const absl::Status status = client_->Call(kEmptyCall, Empty()).status();
      EXPECT_EQ(static_cast<int>(status.code()), code);
      EXPECT_EQ(status.message(), message);
    }
  }
}

TEST_F(GeneratedServer, CodeThatDoesNotExistIsUnknown) {
  service_.empty_call = [&](grpc::CallbackServerContext&) {
    const int code = 31;  // gRPC ends at 16
    return grpc::Status(static_cast<grpc::StatusCode>(code), "of a later gRPC");
  };
  const absl::Status status = client_->Call(kEmptyCall, Empty()).status();
  EXPECT_EQ(status, absl::UnknownError("of a later gRPC"));
}

// gRPC's error model: a google.rpc.Status beside code and message, which parley does not look into.
TEST_F(GeneratedServer, ErrorDetailsArrive) {
  service_.empty_call = [&](grpc::CallbackServerContext&) {
    return grpc::Status(grpc::NOT_FOUND, "not here", AllBytes());
  };
  const absl::Status status = client_->Call(kEmptyCall, Empty()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(status.message(), "not here");
  EXPECT_EQ(status.GetPayload("grpc-status-details-bin"), absl::Cord(AllBytes()));
}

TEST_F(GeneratedServer, SeesTheDeadline) {
  absl::Time seen;
  service_.empty_call = [&](grpc::CallbackServerContext& context) {
    seen = absl::FromChrono(context.deadline());
    return grpc::Status::OK;
  };
  const auto expect_deadline_in = [&](absl::Duration want) {
    // gRPC rounds what it sends, long times to seconds or minutes.
    EXPECT_LT(absl::AbsDuration(seen - absl::Now() - want), want / 20) << seen;
  };
  ASSERT_TRUE(client_->Call(kEmptyCall, Empty(), {.timeout = absl::Seconds(40)}).ok());
  expect_deadline_in(absl::Seconds(40));
  ASSERT_TRUE(client_->Call(kEmptyCall, Empty(), {.timeout = absl::Hours(3)}).ok());
  expect_deadline_in(absl::Hours(3));
  ASSERT_TRUE(client_->Call(kEmptyCall, Empty()).ok());
  expect_deadline_in(absl::Seconds(60));
  ASSERT_TRUE(client_->Call(kEmptyCall, Empty(), {.timeout = absl::InfiniteDuration()}).ok());
  EXPECT_GT(seen, absl::Now() + absl::Hours(24 * 365));
}

constexpr std::size_t kMessageBytes = 1000;

// A download that its service, or the client's leaving, ends.
class Download final : public grpc::ServerWriteReactor<StreamingOutputCallResponse> {
 public:
  // Writes `messages`, then finishes with `status`.
  Download(int messages, grpc::Status status) : left_(messages), status_(std::move(status)) {
    response_.mutable_payload()->set_body(std::string(kMessageBytes, '\0'));
    WriteNext();
  }
  // Writes `messages`, then waits for the client to leave and sets `cancelled`.
  Download(int messages, std::promise<void>& cancelled) : left_(messages), cancelled_(&cancelled) {
    WriteNext();
  }

 private:
  void WriteNext() {
    if (left_-- > 0) return StartWrite(&response_);
    if (status_) Finish(*status_);
  }
  void OnWriteDone(bool ok) override {
    if (ok) WriteNext();
  }
  void OnCancel() override {
    if (cancelled_ == nullptr) return;
    cancelled_->set_value();
    Finish(grpc::Status::CANCELLED);
  }
  void OnDone() override { delete this; }

  int left_;
  const std::optional<grpc::Status> status_;
  std::promise<void>* const cancelled_ = nullptr;
  StreamingOutputCallResponse response_;
};

TEST_F(GeneratedServer, ErrorAfterMessagesComesAfterThem) {
  service_.streaming_output_call = [](auto&, auto&) {
    return new Download(3, grpc::Status(grpc::DATA_LOSS, "the disk is gone"));
  };
  auto call = client_->Call(kStreamingOutputCall, StreamingOutputCallRequest());
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(call.Next());
  EXPECT_FALSE(call.Next());
  EXPECT_EQ(call.status(), absl::DataLossError("the disk is gone"));
  EXPECT_EQ(call.Finish(), absl::DataLossError("the disk is gone"));
}

bool Happens(std::future<void> event) {
  return event.wait_for(absl::ToChronoSeconds(kLong)) == std::future_status::ready;
}

TEST_F(GeneratedServer, LearnsOfTheDeadline) {
  std::promise<void> cancelled;
  service_.streaming_output_call = [&](auto&, auto&) { return new Download(1, cancelled); };
  auto call = client_->Call(kStreamingOutputCall, StreamingOutputCallRequest(),
                            {.timeout = absl::Milliseconds(300)});
  EXPECT_TRUE(call.Next());
  EXPECT_FALSE(call.Next());
  EXPECT_EQ(call.Finish().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_TRUE(Happens(cancelled.get_future()));
}

TEST_F(GeneratedServer, LearnsThatADownloadWasCancelled) {
  std::promise<void> cancelled;
  service_.streaming_output_call = [&](auto&, auto&) { return new Download(1, cancelled); };
  auto call = client_->Call(kStreamingOutputCall, StreamingOutputCallRequest());
  EXPECT_TRUE(call.Next());
  call.Cancel();
  EXPECT_FALSE(call.Next());
  EXPECT_EQ(call.Finish().code(), absl::StatusCode::kCancelled);
  EXPECT_TRUE(Happens(cancelled.get_future()));
}

TEST_F(GeneratedServer, LearnsThatADownloadWasDropped) {
  std::promise<void> cancelled;
  service_.streaming_output_call = [&](auto&, auto&) { return new Download(1, cancelled); };
  {
    auto call = client_->Call(kStreamingOutputCall, StreamingOutputCallRequest());
    EXPECT_TRUE(call.Next());
  }
  EXPECT_TRUE(Happens(cancelled.get_future()));
}

TEST_F(GeneratedServer, LearnsThatAnUploadWasCancelled) {
  class Upload final : public grpc::ServerReadReactor<StreamingInputCallRequest> {
   public:
    Upload(std::promise<void>& begun, std::promise<void>& cancelled)
        : begun_(begun), cancelled_(cancelled) {
      StartRead(&request_);
    }

   private:
    void OnReadDone(bool ok) override {
      if (ok) begun_.set_value();
    }
    void OnCancel() override {
      cancelled_.set_value();
      Finish(grpc::Status::CANCELLED);
    }
    void OnDone() override { delete this; }
    StreamingInputCallRequest request_;
    std::promise<void>&begun_, &cancelled_;
  };
  std::promise<void> begun, cancelled;
  service_.streaming_input_call = [&](auto&) { return new Upload(begun, cancelled); };
  auto call = client_->Call(kStreamingInputCall);
  EXPECT_TRUE(call.Write(StreamingInputCallRequest()).ok());
  EXPECT_TRUE(Happens(begun.get_future()));
  call.Cancel();
  EXPECT_EQ(call.Finish().status().code(), absl::StatusCode::kCancelled);
  EXPECT_TRUE(Happens(cancelled.get_future()));
}

TEST_F(GeneratedServer, CancellingTheCallItselfIsCancelledHere) {
  service_.streaming_output_call = [](grpc::CallbackServerContext& context, auto&) {
    context.TryCancel();
    return new Download(0, grpc::Status::CANCELLED);
  };
  auto call = client_->Call(kStreamingOutputCall, StreamingOutputCallRequest());
  EXPECT_FALSE(call.Next());
  EXPECT_EQ(call.Finish().code(), absl::StatusCode::kCancelled);
}

// A foreign server's idea of a method may differ from the client's.
TEST_F(GeneratedServer, OtherThanOneResponseToAUnaryCallIsAnError) {
  constexpr parley::Unary<StreamingOutputCallRequest, StreamingOutputCallResponse> kAsUnary{
      kStreamingOutputCall.path};
  int messages = 0;
  service_.streaming_output_call = [&](auto&, auto&) {
    return new Download(messages, grpc::Status::OK);
  };
  const auto call = [&](absl::Duration timeout) {
    return client_->Call(kAsUnary, StreamingOutputCallRequest(), {.timeout = timeout}).status();
  };
  // gRPC's list of status codes says UNIMPLEMENTED, its newer implementations INTERNAL.
  EXPECT_THAT(call(kLong).code(),
              AnyOf(absl::StatusCode::kInternal, absl::StatusCode::kUnimplemented));
  messages = 1;
  EXPECT_EQ(call(kLong), absl::OkStatus());
  messages = 2;
  // gRPC 1.51 waits for somebody to read the second one.
  EXPECT_THAT(call(absl::Seconds(1)).code(),
              AnyOf(absl::StatusCode::kInternal, absl::StatusCode::kUnimplemented,
                    absl::StatusCode::kDeadlineExceeded));
}

TEST_F(GeneratedServer, CompressingItsAnswersIsNoTrouble) {
  service_.streaming_output_call = [](grpc::CallbackServerContext& context, auto&) {
    context.set_compression_algorithm(GRPC_COMPRESS_GZIP);
    return new Download(3, grpc::Status::OK);
  };
  auto call = client_->Call(kStreamingOutputCall, StreamingOutputCallRequest());
  for (int i = 0; i < 3; ++i) {
    const std::optional<StreamingOutputCallResponse> response = call.Next();
    ASSERT_TRUE(response) << call.status();
    EXPECT_EQ(response->payload().body(), std::string(kMessageBytes, '\0'));
  }
  EXPECT_FALSE(call.Next());
  EXPECT_EQ(call.Finish(), absl::OkStatus());
}

}  // namespace
}  // namespace parley_interop
