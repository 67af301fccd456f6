// Requests that handlers have done with, kept to decode the next ones into: a protobuf message that is used again has its
// memory already.
#ifndef PARLEY_DETAIL_REQUEST_POOL_H_
#define PARLEY_DETAIL_REQUEST_POOL_H_

#include <concepts>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "google/protobuf/message_lite.h"
#include "parley/detail/payload.h"

namespace parley::detail {

// The requests of one method. Types other than protobuf's are not kept: their codecs may count on
// fresh objects.
template <class T>
class RequestPool {};

template <std::derived_from<google::protobuf::MessageLite> T>
class RequestPool<T> {
 public:
  // Never null.
  std::unique_ptr<T> Take() {
    std::unique_lock lock(mutex_);
    if (kept_.empty()) {
      lock.unlock();
      return std::make_unique<T>();
    }
    std::unique_ptr<T> request = std::move(kept_.back());
    kept_.pop_back();
    return request;
  }
  void Give(std::unique_ptr<T> request) {
    std::unique_lock lock(mutex_);
    if (kept_.size() < kMostKept) kept_.push_back(std::move(request));
    lock.unlock();  // what was not kept is freed without the lock
  }

 private:
  static constexpr std::size_t kMostKept = 64;
  std::mutex mutex_;
  std::vector<std::unique_ptr<T>> kept_;
};

// One request, decoded; its object goes back to the pool, which must outlive it.
template <class T>
class PooledRequest {
 public:
  explicit PooledRequest(RequestPool<T>&) {}

  absl::Status Decode(Payload payload) {
    absl::StatusOr<T> decoded = TakeMessage<T>(std::move(payload));
    if (decoded.ok()) request_ = *std::move(decoded);
    return decoded.status();
  }
  const T& get() const { return *request_; }

 private:
  std::optional<T> request_;
};

template <std::derived_from<google::protobuf::MessageLite> T>
class PooledRequest<T> {
 public:
  explicit PooledRequest(RequestPool<T>& pool) : pool_(pool) {}
  PooledRequest(const PooledRequest&) = delete;
  ~PooledRequest() {
    if (request_ != nullptr && small_) pool_.Give(std::move(request_));
  }

  absl::Status Decode(Payload payload) {
    small_ = payload.size_bytes() <= kMostKeptBytes;
    request_ = pool_.Take();
    if (const T* object = payload.template object<T>()) {
      *request_ = *object;
      return absl::OkStatus();
    }
    if (absl::Status status = payload.ToBytes(AllocateHeapBlock); !status.ok()) return status;
    return Codec<T>::Decode(payload.bytes(), *request_);
  }
  const T& get() const { return *request_; }

 private:
  // A message that once was large keeps its memory.
  static constexpr std::size_t kMostKeptBytes = 4096;

  RequestPool<T>& pool_;
  bool small_ = true;
  std::unique_ptr<T> request_;
};

}  // namespace parley::detail

#endif  // PARLEY_DETAIL_REQUEST_POOL_H_
