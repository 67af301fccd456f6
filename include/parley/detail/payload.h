// One message on its way: encoded bytes, or, between two ends in one process, the object itself.
#ifndef PARLEY_DETAIL_PAYLOAD_H_
#define PARLEY_DETAIL_PAYLOAD_H_

#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "parley/buffer.h"
#include "parley/codec.h"
#include "parley/detail/export.h"

namespace parley::detail {

// What can be done with a T without knowing it. The address tells types apart; where two shared
// objects have one each, the message is encoded and decoded instead, which is slower and still
// right.
struct TypeOps {
  void* (*clone)(const void* object);  // null where T can't be copied
  void (*destroy)(void* object);
  absl::Status (*encode)(const void* object, Buffer& out);
  std::size_t (*size_bytes)(const void* object);
};

template <class T>
void* Clone(const void* object) {
  return new T(*static_cast<const T*>(object));
}
template <class T>
constexpr auto CloneOrNull() {
  using Function = void* (*)(const void*);
  if constexpr (std::is_copy_constructible_v<T>) {
    return Function{&Clone<T>};
  } else {
    return Function{nullptr};
  }
}

template <class T>
inline constexpr TypeOps kTypeOps = {
    CloneOrNull<T>(),
    [](void* object) { delete static_cast<T*>(object); },
    [](const void* object, Buffer& out) {
      return Codec<T>::Encode(*static_cast<const T*>(object), out);
    },
    [](const void* object) { return Codec<T>::SizeBytes(*static_cast<const T*>(object)); },
};

// Encoded slices, an owned object, or a borrowed one that the sender keeps alive until its call has
// ended.
class Payload {
 public:
  Payload() = default;
  explicit Payload(Buffer bytes) : size_bytes_(bytes.size_bytes()), bytes_(std::move(bytes)) {}
  static Payload Own(const TypeOps* type, void* object) { return Payload(type, object, true); }
  static Payload Borrow(const TypeOps* type, const void* object) {
    return Payload(type, const_cast<void*>(object), false);
  }

  Payload(Payload&& other) noexcept
      : type_(std::exchange(other.type_, nullptr)),
        object_(other.object_),
        owned_(std::exchange(other.owned_, false)),
        size_bytes_(other.size_bytes_),
        bytes_(std::move(other.bytes_)) {}
  Payload& operator=(Payload&& other) noexcept {
    if (this == &other) return *this;
    this->~Payload();
    return *new (this) Payload(std::move(other));
  }
  ~Payload() {
    if (owned_) type_->destroy(object_);
  }

  std::size_t size_bytes() const { return size_bytes_; }
  bool is_bytes() const { return type_ == nullptr; }

  // The object itself if it is a T, else null.
  template <class T>
  T* object() const {
    return type_ == &kTypeOps<T> ? static_cast<T*>(object_) : nullptr;
  }
  bool owned() const { return owned_; }

  // Encodes an object in place; nothing to do for bytes.
  absl::Status ToBytes(AllocateBlock allocate) {
    if (is_bytes()) return absl::OkStatus();
    Buffer bytes(allocate);
    absl::Status status = type_->encode(object_, bytes);
    if (status.ok()) *this = Payload(std::move(bytes));
    return status;
  }
  const Buffer& bytes() const { return bytes_; }

 private:
  Payload(const TypeOps* type, void* object, bool owned)
      : type_(type), object_(object), owned_(owned), size_bytes_(type->size_bytes(object)) {}

  const TypeOps* type_ = nullptr;
  void* object_ = nullptr;
  bool owned_ = false;
  std::size_t size_bytes_ = 0;
  Buffer bytes_;
};

// Decodes or moves the message out of `payload`.
template <class T>
absl::StatusOr<T> TakeMessage(Payload payload) {
  if (T* object = payload.object<T>()) {
    if (payload.owned()) return std::move(*object);
    if constexpr (std::is_copy_constructible_v<T>) return *object;
  }
  if (absl::Status status = payload.ToBytes(AllocateHeapBlock); !status.ok()) return status;
  T message;
  if (absl::Status status = Codec<T>::Decode(payload.bytes(), message); !status.ok()) return status;
  return message;
}

}  // namespace parley::detail

#endif  // PARLEY_DETAIL_PAYLOAD_H_
