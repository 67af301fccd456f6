#include "src/health.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "google/protobuf/wire_format_lite.h"

namespace parley {
namespace detail {
namespace {

using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;

// Of a name that a client made up.
constexpr std::size_t kMostShown = 128;

}  // namespace

std::shared_ptr<Health> Health::AddTo(Dispatcher& dispatcher) {
  auto health = std::make_shared<Health>();
  health->services_ = dispatcher.Services();
  health->services_.push_back("");
  health->runtime_ = dispatcher.runtime();
  // A handler may still be on its way out when the server is gone.
  dispatcher
      .Add(MakeHandler(Check{"grpc.health.v1.Health/Check"},
                       [self = health](Context&, const HealthCheckRequest& request)
                           -> absl::StatusOr<HealthCheckResponse> {
                         const auto status = self->StatusOf(request.service);
                         if (status) return HealthCheckResponse{*status};
                         return absl::NotFoundError(absl::StrCat(
                             "unknown service \"", request.service.substr(0, kMostShown), "\""));
                       }),
           true)
      .IgnoreError();
  dispatcher
      .Add(MakeHandler(
               Watch{"grpc.health.v1.Health/Watch"},
               [self = health](ServerCall<Watch> call) { self->StartWatch(std::move(call)); }),
           true)
      .IgnoreError();
  return health;
}

std::optional<HealthCheckResponse::Status> Health::StatusOf(const std::string& service) {
  std::unique_lock lock(mutex_);
  if (std::find(services_.begin(), services_.end(), service) == services_.end()) {
    return std::nullopt;
  }
  return serving_ ? HealthCheckResponse::kServing : HealthCheckResponse::kNotServing;
}

void Health::StartWatch(ServerCall<Watch> call) {
  const auto status = StatusOf(call.request().service);
  const HealthCheckResponse first = {status.value_or(HealthCheckResponse::kServiceUnknown)};
  if (!call.TryWrite(first).ok()) return;
  std::unique_lock lock(mutex_);
  if (!serving_) {
    lock.unlock();
    // The shutdown began after the first word and did not find this watcher yet.
    if (first.status == HealthCheckResponse::kServing) {
      call.TryWrite({HealthCheckResponse::kNotServing}).IgnoreError();
    }
    return std::move(call).Finish(absl::UnavailableError("the server is shutting down"));
  }
  const std::uint64_t id = next_++;
  std::stop_token stop = call.context().stop_token();
  Watcher& watcher = watchers_.try_emplace(id, std::move(call)).first->second;
  // Not at once: the callback may run inside its own construction.
  watcher.gone.emplace(std::move(stop), [weak = weak_from_this(), runtime = runtime_, id] {
    runtime->control.Post([weak, id] {
      if (const std::shared_ptr<Health> health = weak.lock()) health->Forget(id);
    });
  });
}

void Health::Forget(std::uint64_t id) {
  std::map<std::uint64_t, Watcher>::node_type gone;
  std::unique_lock lock(mutex_);
  gone = watchers_.extract(id);
  lock.unlock();  // dropping a call takes locks of its own
}

void Health::SetNotServing() {
  std::map<std::uint64_t, Watcher> watchers;
  {
    std::unique_lock lock(mutex_);
    serving_ = false;
    std::swap(watchers, watchers_);
  }
  for (auto& [id, watcher] : watchers) {
    watcher.gone.reset();
    const auto known = StatusOf(watcher.call.request().service);
    if (known) watcher.call.TryWrite({*known}).IgnoreError();
    std::move(watcher.call).Finish(absl::UnavailableError("the server is shutting down"));
  }
}

}  // namespace detail

using detail::CodedInputStream;
using detail::WireFormatLite;
using google::protobuf::io::CodedOutputStream;
using google::protobuf::io::StringOutputStream;

absl::Status Codec<detail::HealthCheckRequest>::Encode(const detail::HealthCheckRequest& request,
                                                       Buffer& out) {
  std::string bytes;
  {
    StringOutputStream stream(&bytes);
    CodedOutputStream coded(&stream);
    WireFormatLite::WriteString(1, request.service, &coded);
  }
  out.Append(bytes);
  return absl::OkStatus();
}

absl::Status Codec<detail::HealthCheckRequest>::Decode(const Buffer& in,
                                                       detail::HealthCheckRequest& request) {
  std::string scratch;
  const std::string_view bytes = in.Flatten(scratch);
  CodedInputStream coded(reinterpret_cast<const uint8_t*>(bytes.data()),
                         static_cast<int>(bytes.size()));
  while (const uint32_t tag = coded.ReadTag()) {
    const bool ok = tag == WireFormatLite::MakeTag(1, WireFormatLite::WIRETYPE_LENGTH_DELIMITED)
                        ? WireFormatLite::ReadString(&coded, &request.service)
                        : WireFormatLite::SkipField(&coded, tag);
    if (!ok) return absl::InvalidArgumentError("no grpc.health.v1.HealthCheckRequest");
  }
  if (!coded.ConsumedEntireMessage()) {
    return absl::InvalidArgumentError("no grpc.health.v1.HealthCheckRequest");
  }
  return absl::OkStatus();
}

absl::Status Codec<detail::HealthCheckResponse>::Encode(const detail::HealthCheckResponse& response,
                                                        Buffer& out) {
  const char bytes[] = {
      static_cast<char>(WireFormatLite::MakeTag(1, WireFormatLite::WIRETYPE_VARINT)),
      static_cast<char>(response.status)};
  out.Append({bytes, sizeof bytes});
  return absl::OkStatus();
}

absl::Status Codec<detail::HealthCheckResponse>::Decode(const Buffer& in,
                                                        detail::HealthCheckResponse& response) {
  std::string scratch;
  const std::string_view bytes = in.Flatten(scratch);
  if (bytes.size() != 2 ||
      bytes[0] != WireFormatLite::MakeTag(1, WireFormatLite::WIRETYPE_VARINT) || bytes[1] < 0 ||
      bytes[1] > detail::HealthCheckResponse::kServiceUnknown) {
    return absl::InvalidArgumentError("no health check response");
  }
  response.status = static_cast<detail::HealthCheckResponse::Status>(bytes[1]);
  return absl::OkStatus();
}

}  // namespace parley
