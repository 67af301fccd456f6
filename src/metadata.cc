#include "parley/metadata.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace parley {
namespace {

bool IsLegalKey(std::string_view key) {
  return !key.empty() && std::all_of(key.begin(), key.end(), [](char c) {
    return absl::ascii_islower(static_cast<unsigned char>(c)) ||
           absl::ascii_isdigit(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.';
  });
}

// To gRPC "-bin" alone is a name as any other.
bool IsBinary(std::string_view key) { return key.size() > 4 && key.ends_with("-bin"); }

bool IsLegalValue(std::string_view value) {
  return std::all_of(value.begin(), value.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

}  // namespace

Metadata::Metadata(std::initializer_list<Entry> entries) {
  for (const Entry& entry : entries) Add(entry.first, entry.second);
}

Metadata::Metadata(const Metadata& other)
    : entries_(other.empty() ? nullptr : std::make_unique<std::vector<Entry>>(*other.entries_)) {}

void Metadata::Add(std::string_view key, std::string_view value) {
  std::string lower(key);
  absl::AsciiStrToLower(&lower);
  if (!empty()) {
    entries_->emplace_back(std::move(lower), value);
    return;
  }
  auto first = std::make_unique<std::vector<Entry>>();
  first->emplace_back(std::move(lower), value);
  entries_ = std::move(first);
}

std::optional<std::string_view> Metadata::Get(std::string_view key) const {
  for (const Entry& entry : *this) {
    if (entry.first == key) return entry.second;
  }
  return std::nullopt;
}

std::vector<std::string_view> Metadata::GetAll(std::string_view key) const {
  std::vector<std::string_view> values;
  for (const Entry& entry : *this) {
    if (entry.first == key) values.push_back(entry.second);
  }
  return values;
}

absl::Status Metadata::Validate() const {
  for (const auto& [key, value] : *this) {
    if (!IsLegalKey(key)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "the metadata key \"", key, "\" has a character other than a-z, 0-9, '-', '_' and '.'"));
    }
    if (key.starts_with("grpc-")) {
      return absl::InvalidArgumentError(
          absl::StrCat("the metadata key \"", key, "\" is reserved: it begins with grpc-"));
    }
    if (!IsBinary(key) && !IsLegalValue(value)) {
      return absl::InvalidArgumentError(
          absl::StrCat("the value of the metadata key \"", key,
                       "\" is not printable ASCII; a key that ends in -bin takes any bytes"));
    }
  }
  return absl::OkStatus();
}

}  // namespace parley
