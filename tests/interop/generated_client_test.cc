// A stub that grpc_cpp_plugin generated, on a channel of gRPC's own, calls a parley::Server: what a
// foreign client sends and sees beside the plain exchange of messages, which interop_cases_test and
// run.sh cover.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <thread>
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
#include "parley/context.h"
#include "parley/reader.h"
#include "parley/server.h"
#include "parley/writer.h"

namespace parley_interop {
namespace {

using testing::AnyOf;
using testing::ElementsAre;

// Long for anything that only has to happen at all.
constexpr std::chrono::seconds kLong(20);

std::string AllBytes() {
  std::string bytes;
  for (int byte = 0; byte < 256; ++byte) bytes.push_back(static_cast<char>(byte));
  return bytes;
}

std::vector<std::string> ValuesOf(const std::multimap<grpc::string_ref, grpc::string_ref>& metadata,
                                  const std::string& key) {
  std::vector<std::string> values;
  const auto [begin, end] = metadata.equal_range(key);
  for (auto it = begin; it != end; ++it) values.emplace_back(it->second.data(), it->second.size());
  return values;
}

void SetDeadline(grpc::ClientContext& context, absl::Duration timeout) {
  context.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
}

class GeneratedClient : public testing::Test {
 protected:
  // To be called once the test has registered its handlers.
  std::unique_ptr<grpc::testing::TestService::Stub> Start() {
    const absl::Status started = server_.Start("127.0.0.1:0");
    EXPECT_TRUE(started.ok()) << started;
    return grpc::testing::TestService::NewStub(grpc::CreateChannel(
        absl::StrCat("127.0.0.1:", server_.port()), grpc::InsecureChannelCredentials()));
  }

  parley::Server server_;
};

TEST_F(GeneratedClient, CallsWithTheSynchronousApi) {
  RegisterTestService(server_);
  const auto stub = Start();
  grpc::ClientContext context;
  SetDeadline(context, absl::FromChrono(kLong));
  SimpleRequest request;
  request.set_response_size(1000);
  SimpleResponse response;
  const grpc::Status status = stub->UnaryCall(&context, request, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.payload().body(), std::string(1000, '\0'));
}

TEST_F(GeneratedClient, CallsWithTheCallbackApi) {
  RegisterTestService(server_);
  const auto stub = Start();
  grpc::ClientContext context;
  SetDeadline(context, absl::FromChrono(kLong));
  SimpleRequest request;
  request.set_response_size(1000);
  SimpleResponse response;
  std::promise<grpc::Status> done;
  stub->async()->UnaryCall(&context, &request, &response,
                           [&](grpc::Status status) { done.set_value(std::move(status)); });
  const grpc::Status status = done.get_future().get();
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.payload().body(), std::string(1000, '\0'));
}

TEST_F(GeneratedClient, ReadsAStreamInOrder) {
  RegisterTestService(server_);
  const auto stub = Start();
  grpc::ClientContext context;
  SetDeadline(context, absl::FromChrono(kLong));
  StreamingOutputCallRequest request;
  for (int size = 0; size < 1000; ++size) request.add_response_parameters()->set_size(size);
  const auto reader = stub->StreamingOutputCall(&context, request);
  StreamingOutputCallResponse response;
  int next = 0;
  while (reader->Read(&response)) {
    ASSERT_EQ(response.payload().body().size(), static_cast<std::size_t>(next));
    ++next;
  }
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_EQ(next, 1000);
}

TEST_F(GeneratedClient, UploadsAStream) {
  RegisterTestService(server_);
  const auto stub = Start();
  grpc::ClientContext context;
  SetDeadline(context, absl::FromChrono(kLong));
  StreamingInputCallResponse response;
  const auto writer = stub->StreamingInputCall(&context, &response);
  for (int size = 0; size < 1000; ++size) {
    StreamingInputCallRequest request;
    request.mutable_payload()->set_body(std::string(static_cast<std::size_t>(size), 'x'));
    ASSERT_TRUE(writer->Write(request));
  }
  EXPECT_TRUE(writer->WritesDone());
  EXPECT_TRUE(writer->Finish().ok());
  EXPECT_EQ(response.aggregated_payload_size(), 999 * 1000 / 2);
}

TEST_F(GeneratedClient, CompressingItsRequestsIsNoTrouble) {
  RegisterTestService(server_);
  const auto stub = Start();
  for (const grpc_compression_algorithm algorithm : {GRPC_COMPRESS_GZIP, GRPC_COMPRESS_DEFLATE}) {
    grpc::ClientContext context;
    SetDeadline(context, absl::FromChrono(kLong));
    context.set_compression_algorithm(algorithm);
    SimpleRequest request;
    request.mutable_payload()->set_body(std::string(100'000, 'x'));  // 100 bytes when compressed
    request.set_response_size(1000);
    SimpleResponse response;
    const grpc::Status status = stub->UnaryCall(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(response.payload().body(), std::string(1000, '\0'));
  }
}

TEST_F(GeneratedClient, ReadsAndWritesAtTheSameTime) {
  RegisterTestService(server_);
  const auto stub = Start();
  grpc::ClientContext context;
  SetDeadline(context, absl::FromChrono(kLong));
  const auto stream = stub->FullDuplexCall(&context);
  std::thread writer([&] {
    for (int size = 0; size < 1000; ++size) {
      StreamingOutputCallRequest request;
      request.add_response_parameters()->set_size(size);
      if (!stream->Write(request)) return;
    }
    stream->WritesDone();
  });
  StreamingOutputCallResponse response;
  std::vector<std::size_t> sizes;
  while (stream->Read(&response)) sizes.push_back(response.payload().body().size());
  writer.join();
  EXPECT_TRUE(stream->Finish().ok());
  ASSERT_EQ(sizes.size(), 1000u);
  for (std::size_t i = 0; i < sizes.size(); ++i) EXPECT_EQ(sizes[i], i);
}

TEST_F(GeneratedClient, MetadataReachesTheHandlerUnchanged) {
  std::vector<std::string> texts, bytes;
  std::string method, peer;
  server_.Register(kEmptyCall, [&](parley::Context& ctx, const Empty&) -> absl::StatusOr<Empty> {
    for (std::string_view value : ctx.metadata().GetAll("x-text")) texts.emplace_back(value);
    for (std::string_view value : ctx.metadata().GetAll("x-data-bin")) bytes.emplace_back(value);
    method = ctx.method();
    peer = ctx.peer();
    return Empty();
  });
  const auto stub = Start();
  grpc::ClientContext context;
  SetDeadline(context, absl::FromChrono(kLong));
  context.AddMetadata("x-text", "one");
  context.AddMetadata("x-text", "two, with a comma");
  context.AddMetadata("x-data-bin", AllBytes());
  context.AddMetadata("x-data-bin", "");
  Empty response;
  ASSERT_TRUE(stub->EmptyCall(&context, Empty(), &response).ok());
  EXPECT_THAT(texts, ElementsAre("one", "two, with a comma"));
  EXPECT_THAT(bytes, ElementsAre(AllBytes(), ""));
  EXPECT_EQ(method, "grpc.testing.TestService/EmptyCall");
  EXPECT_THAT(peer, testing::MatchesRegex("ipv4:127\\.0\\.0\\.1:[0-9]+"));
}

TEST_F(GeneratedClient, MetadataReachesTheStubUnchanged) {
  server_.Register(kEmptyCall, [](parley::Context& ctx, const Empty&) -> absl::StatusOr<Empty> {
    for (const char* value : {"one", "two"}) {
      if (absl::Status s = ctx.AddInitialMetadata("x-initial", value); !s.ok()) return s;
      if (absl::Status s = ctx.AddTrailingMetadata("x-trailing", value); !s.ok()) return s;
    }
    if (absl::Status s = ctx.AddInitialMetadata("x-initial-bin", AllBytes()); !s.ok()) return s;
    if (absl::Status s = ctx.AddTrailingMetadata("x-trailing-bin", AllBytes()); !s.ok()) return s;
    return Empty();
  });
  const auto stub = Start();
  grpc::ClientContext context;
  SetDeadline(context, absl::FromChrono(kLong));
  Empty response;
  ASSERT_TRUE(stub->EmptyCall(&context, Empty(), &response).ok());
  EXPECT_THAT(ValuesOf(context.GetServerInitialMetadata(), "x-initial"), ElementsAre("one", "two"));
  EXPECT_THAT(ValuesOf(context.GetServerInitialMetadata(), "x-initial-bin"),
              ElementsAre(AllBytes()));
  EXPECT_THAT(ValuesOf(context.GetServerTrailingMetadata(), "x-trailing"),
              ElementsAre("one", "two"));
  EXPECT_THAT(ValuesOf(context.GetServerTrailingMetadata(), "x-trailing-bin"),
              ElementsAre(AllBytes()));
}

TEST_F(GeneratedClient, TrailingMetadataComesWithAnErrorToo) {
  server_.Register(kEmptyCall, [](parley::Context& ctx, const Empty&) -> absl::StatusOr<Empty> {
    if (absl::Status s = ctx.AddTrailingMetadata("x-trailing", "why"); !s.ok()) return s;
    return absl::NotFoundError("not here");
  });
  const auto stub = Start();
  grpc::ClientContext context;
  SetDeadline(context, absl::FromChrono(kLong));
  Empty response;
  EXPECT_EQ(stub->EmptyCall(&context, Empty(), &response).error_code(), grpc::NOT_FOUND);
  EXPECT_THAT(ValuesOf(context.GetServerTrailingMetadata(), "x-trailing"), ElementsAre("why"));
}

TEST_F(GeneratedClient, EveryCodeAndMessageArrives) {
  RegisterTestService(server_);
  const auto stub = Start();
  const std::string messages[] = {"", "plain", "100 % sure, 50%25",
                                  "Gr\u00FC\u00DFe, \u6F22\u5B57, \U0001F916\n\ttabs",
                                  std::string(2000, 'x')};
  for (int code = 1; code <= 16; ++code) {
    for (const std::string& message : messages) {
      SCOPED_TRACE(absl::StrCat(code, " ", message));
      grpc::ClientContext context;
      SetDeadline(context, absl::FromChrono(kLong));
      SimpleRequest request;
      request.mutable_response_status()->set_code(code);
      request.mutable_response_status()->set_message(message);
      SimpleResponse response;
      const grpc::Status status = stub->UnaryCall(&context, request, &response);
      EXPECT_EQ(status.error_code(), code);
      EXPECT_EQ(status.error_message(), message);
    }
  }
}

// gRPC's error model: a google.rpc.Status beside code and message, which parley does not look into.
TEST_F(GeneratedClient, ErrorDetailsArrive) {
  server_.Register(kEmptyCall, [](parley::Context&, const Empty&) -> absl::StatusOr<Empty> {
    absl::Status status = absl::NotFoundError("not here");
    status.SetPayload("grpc-status-details-bin", absl::Cord(AllBytes()));
    status.SetPayload("of.another/Kind", absl::Cord("stays here"));
    return status;
  });
  const auto stub = Start();
  grpc::ClientContext context;
  SetDeadline(context, absl::FromChrono(kLong));
  Empty response;
  const grpc::Status status = stub->EmptyCall(&context, Empty(), &response);
  EXPECT_EQ(status.error_code(), grpc::NOT_FOUND);
  EXPECT_EQ(status.error_message(), "not here");
  EXPECT_EQ(status.error_details(), AllBytes());
}

TEST_F(GeneratedClient, DeadlineReachesTheHandler) {
  absl::Time seen;
  server_.Register(kEmptyCall, [&](parley::Context& ctx, const Empty&) -> absl::StatusOr<Empty> {
    seen = ctx.deadline();
    return Empty();
  });
  const auto stub = Start();
  Empty response;
  for (const absl::Duration timeout : {absl::Seconds(40), absl::Hours(3)}) {
    grpc::ClientContext context;
    SetDeadline(context, timeout);
    const absl::Time want = absl::Now() + timeout;
    ASSERT_TRUE(stub->EmptyCall(&context, Empty(), &response).ok());
    // gRPC rounds what it sends, three hours to seconds or minutes.
    EXPECT_LT(absl::AbsDuration(seen - want), timeout / 50) << seen << " instead of " << want;
  }
  grpc::ClientContext without;
  ASSERT_TRUE(stub->EmptyCall(&without, Empty(), &response).ok());
  const absl::Time want = absl::Now() + parley::ServerOptions().max_call_duration;
  EXPECT_LT(absl::AbsDuration(seen - want), absl::FromChrono(kLong)) << seen;
}

// What the handlers below report: that they run, and how their wait for the end of the call ended.
struct Watched {
  // Waits for the end of the call.
  absl::Status Wait(parley::Context& ctx) {
    if (began.exchange(true)) return absl::InternalError("one call is enough");
    std::promise<void> told;
    std::stop_callback on_stop(ctx.stop_token(), [&] { told.set_value(); });
    running.set_value();
    stopped.set_value(told.get_future().wait_for(kLong) == std::future_status::ready);
    return absl::InternalError("nobody reads this");
  }
  std::atomic<bool> began = false;
  std::promise<void> running;
  std::promise<bool> stopped;
};

TEST_F(GeneratedClient, DeadlineStopsTheHandler) {
  Watched watched;
  server_.Register(kEmptyCall, [&](parley::Context& ctx, const Empty&) -> absl::StatusOr<Empty> {
    return watched.Wait(ctx);
  });
  const auto stub = Start();
  // On a busy machine a deadline may pass before the handler begins, and then it never does.
  for (absl::Duration timeout = absl::Milliseconds(300); !watched.began; timeout *= 2) {
    grpc::ClientContext context;
    SetDeadline(context, timeout);
    Empty response;
    EXPECT_EQ(stub->EmptyCall(&context, Empty(), &response).error_code(), grpc::DEADLINE_EXCEEDED);
  }
  EXPECT_TRUE(watched.stopped.get_future().get());
}

TEST_F(GeneratedClient, CancellingAUnaryCallStopsTheHandler) {
  Watched watched;
  server_.Register(kEmptyCall, [&](parley::Context& ctx, const Empty&) -> absl::StatusOr<Empty> {
    return watched.Wait(ctx);
  });
  const auto stub = Start();
  grpc::ClientContext context;
  SetDeadline(context, absl::FromChrono(kLong));
  std::thread canceller([&] {
    watched.running.get_future().wait();
    context.TryCancel();
  });
  Empty response;
  EXPECT_EQ(stub->EmptyCall(&context, Empty(), &response).error_code(), grpc::CANCELLED);
  canceller.join();
  EXPECT_TRUE(watched.stopped.get_future().get());
}

TEST_F(GeneratedClient, CancellingADownloadStopsTheHandlersWrites) {
  std::promise<absl::Status> ended;
  server_.Register(kStreamingOutputCall,
                   [&](parley::Context&, const StreamingOutputCallRequest&,
                       parley::Writer<StreamingOutputCallResponse>& out) -> absl::Status {
                     absl::Status status;
                     while (status.ok()) status = out.Write(StreamingOutputCallResponse());
                     ended.set_value(status);
                     return status;
                   });
  const auto stub = Start();
  grpc::ClientContext context;
  SetDeadline(context, absl::FromChrono(kLong));
  const auto reader = stub->StreamingOutputCall(&context, StreamingOutputCallRequest());
  StreamingOutputCallResponse response;
  ASSERT_TRUE(reader->Read(&response));
  context.TryCancel();
  while (reader->Read(&response)) {
  }
  EXPECT_EQ(reader->Finish().error_code(), grpc::CANCELLED);
  EXPECT_EQ(ended.get_future().get().code(), absl::StatusCode::kCancelled);
}

TEST_F(GeneratedClient, CuttingAnUploadIsNotTakenForItsEnd) {
  std::promise<int> first;
  std::promise<absl::Status> ended;
  server_.Register(kStreamingInputCall,
                   [&](parley::Context&, parley::Reader<StreamingInputCallRequest>& in)
                       -> absl::StatusOr<StreamingInputCallResponse> {
                     if (in.Next()) first.set_value(1);
                     while (in.Next()) {
                     }
                     ended.set_value(in.status());
                     return StreamingInputCallResponse();
                   });
  const auto stub = Start();
  grpc::ClientContext context;
  SetDeadline(context, absl::FromChrono(kLong));
  StreamingInputCallResponse response;
  const auto writer = stub->StreamingInputCall(&context, &response);
  ASSERT_TRUE(writer->Write(StreamingInputCallRequest()));
  first.get_future().wait();
  context.TryCancel();
  EXPECT_EQ(writer->Finish().error_code(), grpc::CANCELLED);
  EXPECT_EQ(ended.get_future().get().code(), absl::StatusCode::kCancelled);
}

// A foreign client's idea of a method may differ from the server's.
TEST_F(GeneratedClient, OtherThanOneRequestToAUnaryMethodIsAnError) {
  constexpr parley::Unary<StreamingInputCallRequest, StreamingInputCallResponse> kAsUnary{
      kStreamingInputCall.path};
  server_.Register(
      kAsUnary,
      [](parley::Context&, const StreamingInputCallRequest&)
          -> absl::StatusOr<StreamingInputCallResponse> { return StreamingInputCallResponse(); });
  const auto stub = Start();
  {
    grpc::ClientContext context;
    SetDeadline(context, absl::FromChrono(kLong));
    StreamingInputCallResponse response;
    const auto none = stub->StreamingInputCall(&context, &response);
    none->WritesDone();
    // gRPC's list of status codes says UNIMPLEMENTED, its newer implementations INTERNAL.
    EXPECT_THAT(none->Finish().error_code(), AnyOf(grpc::INTERNAL, grpc::UNIMPLEMENTED));
  }
  // The same stub still works.
  grpc::ClientContext context;
  SetDeadline(context, absl::FromChrono(kLong));
  StreamingInputCallResponse response;
  const auto one = stub->StreamingInputCall(&context, &response);
  EXPECT_TRUE(one->Write(StreamingInputCallRequest()));
  one->WritesDone();
  EXPECT_TRUE(one->Finish().ok());
}

}  // namespace
}  // namespace parley_interop
