// A tensor as JSON: {"values": [...]}. Used by client and server.

#ifndef PARLEY_BENCH_REST_TWIN_TENSOR_JSON_H_
#define PARLEY_BENCH_REST_TWIN_TENSOR_JSON_H_

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace parley_bench {

// With floats for its numbers, which spares it a double's digits.
using FloatJson = nlohmann::basic_json<std::map, std::vector, std::string, bool, std::int64_t,
                                       std::uint64_t, float>;

inline std::string TensorJson(const std::vector<float>& values) {
  return FloatJson{{"values", values}}.dump();
}

// Nothing if `text` is no tensor.
inline std::optional<std::vector<float>> ParseTensorJson(const std::string& text) {
  const auto json = FloatJson::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("values") || !json["values"].is_array()) {
    return std::nullopt;
  }
  return json["values"].get<std::vector<float>>();
}

}  // namespace parley_bench

#endif  // PARLEY_BENCH_REST_TWIN_TENSOR_JSON_H_
