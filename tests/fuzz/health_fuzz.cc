// The codecs of grpc.health.v1, which are parley's own: protobuf, reading the same bytes, says what
// they should make of them.
#include "fuzz.pb.h"
#include "src/health.h"
#include "tests/fuzz/fuzz_input.h"

using parley::Buffer;
using parley::Codec;
using parley::detail::HealthCheckRequest;
using parley::detail::HealthCheckResponse;
using parley::fuzz::Expect;

namespace {

void Request(const Buffer& buffer, const std::string& bytes) {
  parley::fuzz::HealthCheck expected;
  const bool is_request = expected.ParseFromString(bytes);
  HealthCheckRequest request;
  const absl::Status status = Codec<HealthCheckRequest>::Decode(buffer, request);
  // The other way round, the reader that it is made with takes tags of more than five bytes too.
  Expect(status.ok() || !is_request, "what protobuf takes for a request is one");
  if (!is_request) return;
  Expect(request.service == expected.service(), "the service that is asked for");
  Buffer encoded;
  Expect(Codec<HealthCheckRequest>::Encode(request, encoded).ok(), "a request can be encoded");
  HealthCheckRequest again;
  Expect(Codec<HealthCheckRequest>::Decode(encoded, again).ok(), "and decoded again");
  Expect(again.service == request.service, "and is the same");
}

void Response(const Buffer& buffer, const std::string& bytes) {
  HealthCheckResponse response;
  if (!Codec<HealthCheckResponse>::Decode(buffer, response).ok()) return;
  Expect(response.status >= HealthCheckResponse::kUnknown &&
             response.status <= HealthCheckResponse::kServiceUnknown,
         "a status that there is");
  Buffer encoded;
  Expect(Codec<HealthCheckResponse>::Encode(response, encoded).ok(), "a response can be encoded");
  Expect(encoded.ToString() == bytes, "and is the same");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  parley::fuzz::Input input(data, size);
  const std::string_view cuts = input.Bytes(input.Byte() % 8);
  const std::string bytes(input.Rest());
  const Buffer buffer = parley::fuzz::InPieces(bytes, cuts);
  Request(buffer, bytes);
  Response(buffer, bytes);
  return 0;
}
