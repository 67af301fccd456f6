// Key-value pairs that travel beside the messages of a call: HTTP/2 headers and trailers on a
// socket.
#ifndef PARLEY_METADATA_H_
#define PARLEY_METADATA_H_

#include <cstddef>
#include <initializer_list>
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

  // Appends; equal keys keep their order. Upper-case letters in the key become lower-case.
  void Add(std::string_view key, std::string_view value);

  // The first value under `key` (lower-case), or nothing.
  std::optional<std::string_view> Get(std::string_view key) const;
  std::vector<std::string_view> GetAll(std::string_view key) const;

  // INVALID_ARGUMENT naming the first key that gRPC would refuse: an illegal character, a reserved
  // "grpc-" or ":" prefix, a value that is not printable ASCII.
  absl::Status Validate() const;

  bool empty() const { return entries_.empty(); }
  std::size_t size() const { return entries_.size(); }
  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }

 private:
  std::vector<Entry> entries_;
};

}  // namespace parley

#endif  // PARLEY_METADATA_H_
