// Where a status keeps its error details, a serialised google.rpc.Status: as a payload under the name
// of the metadata in which gRPC sends them.
#ifndef PARLEY_SRC_WIRE_STATUS_DETAILS_H_
#define PARLEY_SRC_WIRE_STATUS_DETAILS_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/cord.h"

namespace parley::detail {

inline constexpr char kStatusDetails[] = "grpc-status-details-bin";

// Empty if there are none.
inline std::string DetailsOf(const absl::Status& status) {
  if (status.ok()) return {};
  const auto details = status.GetPayload(kStatusDetails);
  return details ? std::string(*details) : std::string();
}

// A status as it came from a peer; codes that are none become UNKNOWN.
inline absl::Status MakeStatus(std::uint32_t code, std::string_view message,
                               std::string_view details) {
  if (code == 0) return absl::OkStatus();
  const bool known = code <= static_cast<std::uint32_t>(absl::StatusCode::kUnauthenticated);
  absl::Status status(known ? static_cast<absl::StatusCode>(code) : absl::StatusCode::kUnknown,
                      absl::string_view(message.data(), message.size()));
  if (!details.empty()) {
    status.SetPayload(kStatusDetails,
                      absl::Cord(absl::string_view(details.data(), details.size())));
  }
  return status;
}

}  // namespace parley::detail

#endif  // PARLEY_SRC_WIRE_STATUS_DETAILS_H_
