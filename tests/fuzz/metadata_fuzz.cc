// Metadata that passes parley's check is what gRPC takes, and what does not pass gRPC would refuse
// or keep for itself.
#include <grpc/grpc.h>
#include <grpc/slice.h>

#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "parley/metadata.h"
#include "tests/fuzz/fuzz_input.h"

using parley::Metadata;
using parley::fuzz::Expect;

namespace {

bool GrpcTakes(const Metadata::Entry& entry) {
  const auto& [key, value] = entry;
  const grpc_slice key_slice = grpc_slice_from_static_buffer(key.data(), key.size());
  const grpc_slice value_slice = grpc_slice_from_static_buffer(value.data(), value.size());
  return grpc_header_key_is_legal(key_slice) != 0 && !key.starts_with("grpc-") &&
         (grpc_is_binary_header(key_slice) != 0 ||
          grpc_header_nonbin_value_is_legal(value_slice) != 0);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  parley::fuzz::Input input(data, size);
  Metadata metadata;
  std::vector<Metadata::Entry> expected;
  bool legal = true;
  while (!input.empty()) {
    std::string key(input.Bytes(input.Byte() % 16));
    const std::string value(input.Bytes(input.Byte() % 16));
    metadata.Add(key, value);
    absl::AsciiStrToLower(&key);
    expected.emplace_back(std::move(key), value);
    legal = legal && GrpcTakes(expected.back());
    const absl::Status status = metadata.Validate();
    Expect(status.ok() == legal, "Validate");
    Expect(legal || status.code() == absl::StatusCode::kInvalidArgument, "the code");
  }
  Expect(std::vector<Metadata::Entry>(metadata.begin(), metadata.end()) == expected, "the entries");
  for (const auto& [key, value] : expected) {
    std::vector<std::string_view> values;
    for (const Metadata::Entry& entry : expected) {
      if (entry.first == key) values.push_back(entry.second);
    }
    Expect(metadata.GetAll(key) == values && metadata.Get(key) == values[0], "Get and GetAll");
  }
  return 0;
}
