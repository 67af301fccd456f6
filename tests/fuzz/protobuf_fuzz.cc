// The protobuf codec, which reads a peer's messages from pieces of any size: cut or whole, the same
// bytes are the same message, or none.
#include "fuzz.pb.h"
#include "google/protobuf/util/message_differencer.h"
#include "parley/codec.h"
#include "tests/fuzz/fuzz_input.h"

using google::protobuf::util::MessageDifferencer;
using parley::Buffer;
using parley::Codec;
using parley::fuzz::Expect;
using parley::fuzz::Note;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  parley::fuzz::Input input(data, size);
  const std::string_view cuts = input.Bytes(input.Byte() % 8);
  const std::string bytes(input.Rest());

  Note whole;
  const bool is_note = whole.ParseFromString(bytes);
  Note decoded;
  const absl::Status status = Codec<Note>::Decode(parley::fuzz::InPieces(bytes, cuts), decoded);
  Expect(status.ok() == is_note, "pieces are decoded if and only if the whole is");
  if (!is_note) {
    Expect(status.code() == absl::StatusCode::kInvalidArgument,
           "what can't be decoded is an error");
    return 0;
  }
  Expect(MessageDifferencer::Equals(decoded, whole), "pieces are decoded as the whole is");

  Buffer buffer;
  Expect(Codec<Note>::Encode(decoded, buffer).ok(), "what was decoded can be encoded");
  Expect(buffer.size_bytes() == Codec<Note>::SizeBytes(decoded), "the size that was promised");
  Note again;
  Expect(Codec<Note>::Decode(buffer, again).ok(), "what was encoded can be decoded");
  Expect(MessageDifferencer::Equals(again, decoded), "it is the same again");
  return 0;
}
