// A request that a handler has done with, kept to decode the next one into: a protobuf message that
// is used again has its memory already.
#ifndef PARLEY_DETAIL_REQUEST_POOL_H_
#define PARLEY_DETAIL_REQUEST_POOL_H_

#include <atomic>
#include <concepts>
#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "google/protobuf/message_lite.h"
#include "parley/detail/payload.h"

namespace parley::detail {

// The request of one method that is kept; one is enough for the leader of a loop, who runs quick
// handlers one by one. Types other than protobuf's are not kept: their codecs may count on fresh
// objects.
template <class T>
class RequestPool {};

template <std::derived_from<google::protobuf::MessageLite> T>
class RequestPool<T> {
 public:
  RequestPool() = default;
  ~RequestPool() { delete kept_.load(); }

  // Never null.
  std::unique_ptr<T> Take() {
    std::unique_ptr<T> request(kept_.exchange(nullptr, std::memory_order_acquire));
    return request != nullptr ? std::move(request) : std::make_unique<T>();
  }
  void Give(std::unique_ptr<T> request) {
    // What a message once held it keeps; not for ever.
    if (given_.fetch_add(1, std::memory_order_relaxed) % kMostUses == kMostUses - 1) return;
    delete kept_.exchange(request.release(), std::memory_order_acq_rel);
  }

 private:
  static constexpr unsigned kMostUses = 1000;
  std::atomic<unsigned> given_ = 0;
  std::atomic<T*> kept_ = nullptr;
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
    request_->Clear();  // codecs may count on fresh objects
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
