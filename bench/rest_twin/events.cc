// Writing and reading events: see events.h.

#include "events.h"

#include <nlohmann/json.hpp>

namespace parley_bench {
namespace {

constexpr std::string_view kData = "data: ";
constexpr std::string_view kEnd = "\n\n";

}  // namespace

std::string TokenEvent(std::uint64_t index, std::int64_t sent_ns) {
  nlohmann::json token{{"index", index}};
  if (sent_ns != 0) token["sent_ns"] = sent_ns;
  std::string event(kData);
  event += token.dump();
  return event += kEnd;
}

absl::Status EventReader::Read(std::string_view piece, const OnToken& on_token) {
  rest_.append(piece);
  std::string_view left = rest_;
  for (auto end = left.find(kEnd); end != std::string_view::npos; end = left.find(kEnd)) {
    std::string_view event = left.substr(0, end);
    left.remove_prefix(end + kEnd.size());
    if (!event.starts_with(kData)) return absl::DataLossError("an event without data");
    event.remove_prefix(kData.size());
    const auto token = nlohmann::json::parse(event, nullptr, /*allow_exceptions=*/false);
    if (!token.is_object() || !token.contains("index")) {
      return absl::DataLossError("an event that is no token");
    }
    on_token(token["index"].get<std::uint64_t>(), token.value("sent_ns", std::int64_t{0}));
  }
  rest_.erase(0, rest_.size() - left.size());
  return absl::OkStatus();
}

}  // namespace parley_bench
