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
  Payload() : bytes_() {}
  explicit Payload(Buffer bytes) : bytes_(std::move(bytes)) {}
  static Payload Own(const TypeOps* type, void* object) { return Payload(type, object, true); }
  static Payload Borrow(const TypeOps* type, const void* object) {
    return Payload(type, const_cast<void*>(object), false);
  }

  Payload(Payload&& other) noexcept : type_(other.type_) {
    if (is_bytes()) {
      new (&bytes_) Buffer(std::move(other.bytes_));
    } else {
      object_ = other.object_;
      other.type_ = nullptr;
      new (&other.bytes_) Buffer();
    }
  }
  Payload& operator=(Payload&& other) noexcept {
    if (this == &other) return *this;
    this->~Payload();
    return *new (this) Payload(std::move(other));
  }
  ~Payload() {
    if (is_bytes()) {
      bytes_.~Buffer();
    } else if (object_.owned) {
      type_->destroy(object_.address);
    }
  }

  std::size_t size_bytes() const { return is_bytes() ? bytes_.size_bytes() : object_.size_bytes; }
  bool is_bytes() const { return type_ == nullptr; }

  // The object itself if it is a T, else null.
  template <class T>
  T* object() const {
    return type_ == &kTypeOps<T> ? static_cast<T*>(object_.address) : nullptr;
  }
  // REQUIRES: !is_bytes()
  bool owned() const { return object_.owned; }

  // Encodes an object in place; nothing to do for bytes.
  absl::Status ToBytes(AllocateBlock allocate) {
    if (is_bytes()) return absl::OkStatus();
    Buffer bytes(allocate);
    absl::Status status = type_->encode(object_.address, bytes);
    if (status.ok()) *this = Payload(std::move(bytes));
    return status;
  }
  // REQUIRES: is_bytes()
  const Buffer& bytes() const { return bytes_; }

 private:
  struct Object {
    void* address;
    std::size_t size_bytes;
    bool owned;
  };

  Payload(const TypeOps* type, void* object, bool owned)
      : type_(type), object_{object, type->size_bytes(object), owned} {}

  // It is moved from queue to queue, so it is small.
  const TypeOps* type_ = nullptr;
  union {
    Buffer bytes_;   // without a type
    Object object_;  // with one
  };
};

// Decodes or moves the message out of `payload` into `out`, an empty std::optional<T> or
// absl::StatusOr<T>: where it is made is where it stays.
template <class T, class Holder>
absl::Status TakeMessageInto(Payload&& payload, Holder& out) {
  if (T* object = payload.object<T>()) {
    if (payload.owned()) return out.emplace(std::move(*object)), absl::OkStatus();
    if constexpr (std::is_copy_constructible_v<T>) return out.emplace(*object), absl::OkStatus();
  }
  if (absl::Status status = payload.ToBytes(AllocateHeapBlock); !status.ok()) return status;
  out.emplace();
  return Codec<T>::Decode(payload.bytes(), *out);
}

template <class T>
absl::StatusOr<T> TakeMessage(Payload payload) {
  absl::StatusOr<T> message;
  absl::Status status = TakeMessageInto<T>(std::move(payload), message);
  if (!status.ok()) message = std::move(status);
  return message;
}

}  // namespace parley::detail

#endif  // PARLEY_DETAIL_PAYLOAD_H_
