// How every raw gRPC program here is tuned: one connection of its own, nothing switched on that the
// work does not need, and a deadline on every call, since a call without one is not the same work.
// Used by all raw gRPC programs.

#ifndef PARLEY_BENCH_GRPC_TWIN_SETTINGS_H_
#define PARLEY_BENCH_GRPC_TWIN_SETTINGS_H_

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <memory>
#include <string>

#include "absl/status/status.h"

namespace parley_bench {

// Room for large tensors; what parley allows by default.
inline constexpr int kMaxMessageBytes = 64 << 20;

inline std::shared_ptr<grpc::Channel> OpenChannel(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetInt(GRPC_ARG_ENABLE_CHANNELZ, 0);
  arguments.SetInt(GRPC_ARG_ENABLE_PER_MESSAGE_COMPRESSION, 0);
  arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

// Adds the address to listen on; `port` tells, after the start, which one the system picked.
inline void TuneServer(grpc::ServerBuilder& builder, const std::string& address, int* port) {
  grpc::EnableDefaultHealthCheckService(false);
  builder.AddChannelArgument(GRPC_ARG_ENABLE_CHANNELZ, 0);
  builder.AddChannelArgument(GRPC_ARG_ENABLE_PER_MESSAGE_COMPRESSION, 0);
  builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
  builder.AddListeningPort(address, grpc::InsecureServerCredentials(), port);
}

// What clients connect to: `address` with the port that the system picked in place of 0.
inline std::string BoundAddress(const std::string& address, int port) {
  if (address.rfind("unix:", 0) == 0) return address;
  return address.substr(0, address.rfind(':') + 1) + std::to_string(port);
}

inline void SetUnaryDeadline(grpc::ClientContext& context) {
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
}

inline void SetStreamDeadline(grpc::ClientContext& context) {
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::minutes(10));
}

inline absl::Status FromGrpc(const grpc::Status& status) {
  return {static_cast<absl::StatusCode>(status.error_code()), status.error_message()};
}

}  // namespace parley_bench

#endif  // PARLEY_BENCH_GRPC_TWIN_SETTINGS_H_
