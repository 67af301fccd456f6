// Key-value pairs that travel beside the messages of a call: HTTP/2 headers and trailers on a
// socket.
#ifndef PARLEY_METADATA_H_
#define PARLEY_METADATA_H_

#include <cstddef>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "parley/detail/export.h"

namespace parley {

// An ordered multimap of lower-case keys to values. Keys that end in "-bin" carry arbitrary bytes,
// all others printable ASCII. A call whose metadata is not valid fails with INVALID_ARGUMENT before
// anything is sent.
//
// Threads:  external synchronisation.
class PARLEY_EXPORT Metadata {
 public:
  using Entry = std::pair<std::string, std::string>;

  Metadata() = default;
  Metadata(std::initializer_list<Entry> entries);
  Metadata(const Metadata& other);
  Metadata(Metadata&& other) noexcept = default;
  Metadata& operator=(Metadata other) noexcept {
    entries_ = std::move(other.entries_);
    return *this;
  }

  // Appends; equal keys keep their order. Upper-case letters in the key become lower-case.
  void Add(std::string_view key, std::string_view value);

  // The first value under `key` (lower-case), or nothing.
  std::optional<std::string_view> Get(std::string_view key) const;
  std::vector<std::string_view> GetAll(std::string_view key) const;

  // INVALID_ARGUMENT naming the first key that gRPC would refuse: an illegal character, a reserved
  // "grpc-" or ":" prefix, a value that is not printable ASCII.
  absl::Status Validate() const;

  bool empty() const { return entries_ == nullptr; }
  std::size_t size() const { return empty() ? 0 : entries_->size(); }
  const Entry* begin() const { return empty() ? nullptr : entries_->data(); }
  const Entry* end() const { return begin() + size(); }

 private:
  // None while it is empty: each call has several, which as a rule are.
  std::unique_ptr<std::vector<Entry>> entries_;
};

}  // namespace parley

#endif  // PARLEY_METADATA_H_
