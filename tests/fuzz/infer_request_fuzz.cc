// The codec of KServe's requests and the parameters in them, which are a peer's bytes, beside protoc's
// code for the same message.
#include <cstdint>
#include <string>

#include "grpc_service.pb.h"
#include "parley/kserve/protocol.h"
#include "src/kserve/received_request.h"
#include "src/kserve/request_parameters.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/infer_fuzz.h"

using parley::Buffer;
using parley::Codec;
using parley::InferRequest;
using parley::fuzz::Expect;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  parley::fuzz::Input input(data, size);
  const std::string_view cuts = input.Bytes(input.Byte() % 8);
  const std::string bytes(input.Rest());

  parley::kserve::ReceivedRequest received;
  Expect(
      Codec<parley::kserve::ReceivedRequest>::Decode(parley::fuzz::InPieces(bytes, cuts), received)
          .ok(),
      "whatever was received is an answer's matter");
  inference::ModelInferRequest generated;
  const bool is_proto = generated.ParseFromString(bytes);
  const InferRequest& request = received.request;
  if (is_proto) Expect(generated.id() == request.id, "the same id, whatever else is wrong");
  if (!received.fault.ok()) {
    Expect(absl::IsInvalidArgument(received.fault), "what is wrong is an invalid argument");
    return 0;
  }
  if (is_proto) {
    Expect(generated.model_name() == request.model_name, "the same model");
    Expect(generated.model_version() == request.model_version, "the same version");
    Expect(generated.outputs_size() == static_cast<int>(request.outputs.size()),
           "as many requested outputs");
    Expect(generated.inputs_size() == static_cast<int>(request.inputs.size()), "as many inputs");
    Expect(generated.parameters().size() == request.parameters.size(), "as many parameters");
  }
  parley::fuzz::ExpectSound(request.inputs);

  Buffer buffer;
  Expect(Codec<InferRequest>::Encode(request, buffer).ok(), "what was decoded can be encoded");
  InferRequest again;
  Expect(Codec<InferRequest>::Decode(buffer, again).ok(), "what was encoded can be decoded");
  parley::fuzz::ExpectEqual(request.inputs, again.inputs);
  Buffer same;
  Expect(Codec<InferRequest>::Encode(again, same).ok(), "what was encoded can be encoded again");
  Expect(same.ToString() == buffer.ToString(), "it is the same again");
  Expect(generated.ParseFromString(buffer.ToString()), "generated code reads it");

  InferRequest taken = request;
  if (parley::kserve::TakeProtocolParameters(taken).ok()) {
    Expect(taken.parameters.count("priority") == 0, "the protocol's own are taken out");
  }
  return 0;
}
