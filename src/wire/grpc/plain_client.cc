#include "src/wire/grpc/plain_client.h"

#include <grpc/grpc.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "parley/detail/call_memory.h"
#include "src/wire/grpc/convert.h"

namespace parley::detail {
namespace {

// More than any batch of frames is long.
constexpr std::size_t kLongestSessionMessageBytes = std::size_t{1} << 20;

std::shared_ptr<grpc::Channel> MakeChannel(const std::string& target,
                                           const ClientOptions& options) {
  grpc::ChannelArguments arguments;
  // Else all channels to one target share one connection.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  // parley checks messages; a session's hold several.
  arguments.SetMaxReceiveMessageSize(
      ToGrpcInt(std::max(options.max_message_bytes, kLongestSessionMessageBytes)));
  arguments.SetMaxSendMessageSize(-1);  // parley has checked, and says both numbers
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, ToGrpcMilliseconds(options.keepalive_interval));
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, ToGrpcMilliseconds(options.keepalive_timeout));
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);  // a quiet peer may be a dead one
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS,
                   ToGrpcMilliseconds(options.max_reconnect_backoff));
  if (options.load_balancing == LoadBalancing::kRoundRobin) {
    arguments.SetLoadBalancingPolicyName("round_robin");
  }
  // Retries keep what was sent, and repeat calls that nobody declared repeatable.
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetInt(GRPC_ARG_ENABLE_CHANNELZ, 0);
  arguments.SetInt(GRPC_ARG_ENABLE_PER_MESSAGE_COMPRESSION, 0);  // what arrives is decompressed
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);  // that would be the environment's word
  arguments.SetUserAgentPrefix("parley");
  return grpc::CreateCustomChannel(
      target, options.credentials ? options.credentials : grpc::InsecureChannelCredentials(),
      arguments);
}

// What a call of any kind has of gRPC.
class PlainCall : public OutgoingCall {
 public:
  PlainCall(std::shared_ptr<Runtime> runtime, CallLimits limits, CompletionSource& source,
            PlainClient& client)
      : OutgoingCall(std::move(runtime), limits), source_(source), client_(client) {}

  AllocateBlock allocator() const override { return &AllocateSlice; }
  std::string peer() override { return context_.peer(); }

 protected:
  void CancelWire() override { context_.TryCancel(); }
  const Metadata& ReceivedInitial() override {
    if (!initial_) initial_ = FromGrpcMetadata(context_.GetServerInitialMetadata());
    return *initial_;
  }
  const Metadata& ReceivedTrailing() override {
    if (!trailing_) trailing_ = FromGrpcMetadata(context_.GetServerTrailingMetadata());
    return *trailing_;
  }

  void Prepare(const Opening& opening) {
    if (deadline() != absl::InfiniteFuture()) context_.set_deadline(absl::ToChronoTime(deadline()));
    context_.set_wait_for_ready(opening.wait_for_ready);
    for (const auto& [key, value] : opening.metadata) context_.AddMetadata(key, value);
  }
  // At the deadline gRPC drops what it has not delivered, though the server's OK may be there.
  absl::Status ResultInTime() const {
    absl::Status status = FromFinalStatus(status_);
    if (!status.ok() || absl::Now() < deadline()) return status;
    return absl::DeadlineExceededError("the call's deadline has passed");
  }

  CompletionSource& source_;
  PlainClient& client_;  // only while the call is opened
  grpc::ClientContext context_;
  grpc::Status status_;

 private:
  // Once somebody has asked.
  std::optional<Metadata> initial_;
  std::optional<Metadata> trailing_;
};

// A unary call is one operation, with one event at its end.
class PlainUnaryCall final : public PlainCall {
 public:
  using PlainCall::PlainCall;

 private:
  void StartOpen(Opening&& opening) override {
    Prepare(opening);
    reader_ = client_.MethodNamed(method()).PrepareUnary(context_, {std::move(opening.request)},
                                                         *source_.queue());
    reader_->StartCall();
    reader_->Finish(
        &response_, &status_,
        done_.Start(source_, std::static_pointer_cast<PlainUnaryCall>(shared_from_this())));
  }
  void OnDone(bool) {
    std::optional<Payload> response;
    if (status_.ok()) response = std::move(response_.payload);
    absl::Status status = response ? FromFinalStatus(status_) : ResultInTime();
    Completed(std::move(response), std::move(status));
  }

  // All of it is part of the one operation.
  void StartRead() override {}
  bool StartWrite(Payload&&, Next) override { return false; }
  bool StartClose() override { return false; }

  std::unique_ptr<grpc::ClientAsyncResponseReader<Message>> reader_;
  Message response_;
  OperationOf<PlainUnaryCall, &PlainUnaryCall::OnDone> done_;
};

// Any other kind.
class PlainStreamCall final : public PlainCall {
 public:
  using PlainCall::PlainCall;

 private:
  void StartOpen(Opening&& opening) override {
    Prepare(opening);
    // With a request to send, the headers wait for it.
    context_.set_initial_metadata_corked(opening.request.has_value());
    stream_ = client_.MethodNamed(method()).PrepareStream(context_, *source_.queue());
    if (opening.request) {
      stream_->StartCall(nullptr);
      StartWrite(*std::move(opening.request), Next::kClose);
    } else {
      stream_->StartCall(write_.Start(source_, Self()));
    }
  }

  bool StartWrite(Payload&& message, Next next) override {
    if (next == Next::kClose) {
      stream_->WriteLast({std::move(message)}, grpc::WriteOptions(), write_.Start(source_, Self()));
    } else {
      stream_->Write({std::move(message)}, HeldBack(next == Next::kMessage),
                     write_.Start(source_, Self()));
    }
    return false;
  }
  bool StartClose() override {
    stream_->WritesDone(write_.Start(source_, Self()));
    return false;
  }
  void OnWritten(bool ok) { WriteDone(ok); }

  void StartRead() override { stream_->Read(&incoming_, read_.Start(source_, Self())); }
  void OnRead(bool ok) {
    if (!ok) return ReadEnded();
    MessageRead(*std::exchange(incoming_.payload, std::nullopt));
  }

  void StartStatus() override { stream_->Finish(&status_, finish_.Start(source_, Self())); }
  void OnFinished(bool) { StatusRead(ResultInTime()); }

  std::shared_ptr<PlainStreamCall> Self() {
    return std::static_pointer_cast<PlainStreamCall>(shared_from_this());
  }

  std::unique_ptr<grpc::ClientAsyncReaderWriter<Message, Message>> stream_;
  Message incoming_;
  OperationOf<PlainStreamCall, &PlainStreamCall::OnWritten> write_;
  OperationOf<PlainStreamCall, &PlainStreamCall::OnRead> read_;
  OperationOf<PlainStreamCall, &PlainStreamCall::OnFinished> finish_;
};

}  // namespace

PlainClient::PlainClient(const std::string& target, const ClientOptions& options,
                         std::shared_ptr<Runtime> runtime, CompletionSource& source,
                         CallLimits limits)
    : runtime_(std::move(runtime)),
      source_(source),
      limits_(limits),
      channel_(MakeChannel(target, options)) {}

std::shared_ptr<OutgoingCall> PlainClient::NewCall(const CallShape& shape) {
  if (shape.kind == MethodKind::kUnary) {
    return MakeCall<PlainUnaryCall>(runtime_, limits_, source_, *this);
  }
  return MakeCall<PlainStreamCall>(runtime_, limits_, source_, *this);
}

const RegisteredMethod& PlainClient::MethodNamed(std::string_view method) {
  const Methods::value_type* last = last_method_.load(std::memory_order_acquire);
  if (last != nullptr && last->first == method) return last->second;
  const absl::string_view key(method.data(), method.size());
  std::unique_lock lock(mutex_);
  auto found = methods_.find(key);
  if (found == methods_.end()) {
    found = methods_.try_emplace(std::string(method), absl::StrCat("/", key), channel_).first;
  }
  last_method_.store(&*found, std::memory_order_release);
  return found->second;
}

}  // namespace parley::detail
