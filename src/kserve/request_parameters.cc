#include "src/kserve/request_parameters.h"

#include <array>
#include <limits>
#include <string>
#include <utility>
#include <variant>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "src/kserve/infer_fields.h"

namespace parley::kserve {
namespace {

// As the fields of InferParameter are called, in the order of Parameter.
constexpr std::array<const char*, std::variant_size_v<Parameter>> kTypeNames = {
    "bool_param", "int64_param", "string_param", "double_param", "uint64_param"};

absl::Status WrongType(const std::string& key, const char* expected, const Parameter& given) {
  return absl::InvalidArgumentError(absl::StrCat("parameter ", Shown(key), " is a ", expected,
                                                 ", not a ", kTypeNames[given.index()]));
}

absl::StatusOr<bool> BoolOf(const std::string& key, const Parameter& parameter) {
  if (const bool* truth = std::get_if<bool>(&parameter)) return *truth;
  return WrongType(key, "bool_param", parameter);
}

// Numbers may come signed or not.
absl::StatusOr<std::uint64_t> NumberOf(const std::string& key, const char* expected,
                                       const Parameter& parameter) {
  if (const auto* number = std::get_if<std::uint64_t>(&parameter)) return *number;
  const auto* number = std::get_if<std::int64_t>(&parameter);
  if (number == nullptr) return WrongType(key, expected, parameter);
  if (*number >= 0) return static_cast<std::uint64_t>(*number);
  return absl::InvalidArgumentError(
      absl::StrCat("parameter ", Shown(key), " is ", *number, ", less than 0"));
}

absl::Status SequencesAreNotServed() {
  return absl::UnimplementedError("sequences are not served");
}

absl::Status TakeSequenceId(const std::string& key, const Parameter& parameter) {
  if (const auto* text = std::get_if<std::string>(&parameter)) {
    return text->empty() ? absl::OkStatus() : SequencesAreNotServed();
  }
  const auto* number = std::get_if<std::int64_t>(&parameter);
  const auto* positive = std::get_if<std::uint64_t>(&parameter);
  if (number == nullptr && positive == nullptr) {
    return WrongType(key, "int64_param or string_param", parameter);
  }
  const bool none = number != nullptr ? *number == 0 : *positive == 0;
  return none ? absl::OkStatus() : SequencesAreNotServed();
}

absl::Status TakeTimeout(const std::string& key, const Parameter& parameter,
                         ProtocolParameters& taken) {
  const absl::StatusOr<std::uint64_t> timeout = NumberOf(key, "int64_param", parameter);
  if (!timeout.ok()) return timeout.status();
  if (*timeout == 0) return absl::OkStatus();
  // What is longer than that is for ever.
  constexpr std::uint64_t kLongest = std::numeric_limits<std::int64_t>::max() / 1000;
  if (*timeout <= kLongest) {
    taken.queue_timeout = absl::Microseconds(static_cast<std::int64_t>(*timeout));
  }
  return absl::OkStatus();
}

// Whether the parameter was one of the protocol's.
absl::StatusOr<bool> Take(const std::string& key, const Parameter& parameter,
                          ProtocolParameters& taken) {
  if (key == "priority") {
    const absl::StatusOr<std::uint64_t> priority = NumberOf(key, "uint64_param", parameter);
    if (!priority.ok()) return priority.status();
    taken.priority = *priority;
  } else if (key == "timeout") {
    if (absl::Status status = TakeTimeout(key, parameter, taken); !status.ok()) return status;
  } else if (key == "triton_enable_empty_final_response") {
    const absl::StatusOr<bool> wanted = BoolOf(key, parameter);
    if (!wanted.ok()) return wanted.status();
    taken.empty_final_response = *wanted;
  } else if (key == "binary_data_output") {
    // Outputs are raw in any case.
    if (absl::Status status = BoolOf(key, parameter).status(); !status.ok()) return status;
  } else if (key == "sequence_id") {
    if (absl::Status status = TakeSequenceId(key, parameter); !status.ok()) return status;
  } else if (key == "sequence_start" || key == "sequence_end") {
    const absl::StatusOr<bool> set = BoolOf(key, parameter);
    if (!set.ok()) return set.status();
    if (*set) return SequencesAreNotServed();
  } else if (absl::StartsWith(key, "triton_")) {
    return absl::InvalidArgumentError(absl::StrCat(
        "parameter ", Shown(key), " is unknown, and \"triton_\" is not for the application's"));
  } else {
    return key == "headers";  // of HTTP, which Triton copies into the request
  }
  return true;
}

absl::Status TakeFromOutput(RequestedOutput& output) {
  const std::string name = absl::StrCat("output ", Shown(output.name));
  if (output.parameters.count("shared_memory_region") > 0) {
    return absl::InvalidArgumentError(absl::StrCat(name, ": shared memory is not served"));
  }
  const auto classification = output.parameters.find("classification");
  if (classification != output.parameters.end()) {
    const auto count = NumberOf("classification", "int64_param", classification->second);
    if (!count.ok()) return count.status();
    if (*count > 0) {
      return absl::InvalidArgumentError(absl::StrCat(name, ": classification is not served"));
    }
    output.parameters.erase(classification);
  }
  output.parameters.erase("binary_data");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ProtocolParameters> TakeProtocolParameters(InferRequest& request) {
  ProtocolParameters taken;
  for (auto it = request.parameters.begin(); it != request.parameters.end();) {
    const absl::StatusOr<bool> is_taken = Take(it->first, it->second, taken);
    if (!is_taken.ok()) return is_taken.status();
    it = *is_taken ? request.parameters.erase(it) : std::next(it);
  }
  for (RequestedOutput& output : request.outputs) {
    if (absl::Status status = TakeFromOutput(output); !status.ok()) return status;
  }
  return taken;
}

}  // namespace parley::kserve
