// The codec of what a KServe server streams, which a client reads.
#include <cstdint>
#include <string>

#include "grpc_service.pb.h"
#include "parley/kserve/protocol.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/infer_fuzz.h"

using parley::Buffer;
using parley::Codec;
using parley::fuzz::Expect;
using parley::kserve::StreamResponse;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  parley::fuzz::Input input(data, size);
  const std::string_view cuts = input.Bytes(input.Byte() % 8);
  const std::string bytes(input.Rest());

  StreamResponse decoded;
  const absl::Status status =
      Codec<StreamResponse>::Decode(parley::fuzz::InPieces(bytes, cuts), decoded);
  if (!status.ok()) {
    Expect(absl::IsInvalidArgument(status), "what is wrong is an invalid argument");
    return 0;
  }
  parley::fuzz::ExpectSound(decoded.response.outputs);

  Buffer buffer;
  Expect(Codec<StreamResponse>::Encode(decoded, buffer).ok(), "what was decoded can be encoded");
  StreamResponse again;
  Expect(Codec<StreamResponse>::Decode(buffer, again).ok(), "what was encoded can be decoded");
  parley::fuzz::ExpectEqual(decoded.response.outputs, again.response.outputs);
  Buffer same;
  Expect(Codec<StreamResponse>::Encode(again, same).ok(), "what was encoded can be encoded again");
  Expect(same.ToString() == buffer.ToString(), "it is the same again");
  inference::ModelStreamInferResponse generated;
  Expect(generated.ParseFromString(buffer.ToString()), "generated code reads it");
  return 0;
}
