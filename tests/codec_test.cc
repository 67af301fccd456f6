// The codecs that come with parley, and what a codec of a user's own may do.
#include "parley/codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <utility>

#include "codec_test.pb.h"
#include "google/protobuf/util/message_differencer.h"

namespace parley {
namespace codec_test {

// A type with a codec of its own: two numbers as they lie in memory.
struct Pair {
  std::int32_t first = 0;
  std::int32_t second = 0;
};

}  // namespace codec_test

template <>
struct Codec<codec_test::Pair> {
  static absl::Status Encode(const codec_test::Pair& value, Buffer& out) {
    std::memcpy(out.Allocate(sizeof value), &value, sizeof value);
    return absl::OkStatus();
  }
  static absl::Status Decode(const Buffer& in, codec_test::Pair& out) {
    if (in.size_bytes() != sizeof out) return absl::InvalidArgumentError("not a pair");
    std::string scratch;
    std::memcpy(&out, in.Flatten(scratch).data(), sizeof out);
    return absl::OkStatus();
  }
  static std::size_t SizeBytes(const codec_test::Pair& value) { return sizeof value; }
};

namespace codec_test {
namespace {

using google::protobuf::util::MessageDifferencer;
using testing::HasSubstr;

Note MakeNote() {
  Note note;
  note.set_text("a text that is longer than what a piece holds itself");
  for (int i = 0; i < 20; ++i) note.add_numbers(std::int64_t{1} << (3 * i));
  note.set_data(std::string(100, '\0'));
  note.mutable_next()->set_text("next");
  (*note.mutable_counts())["one"] = 1;
  return note;
}

Buffer InPieces(const std::string& bytes, std::size_t piece_bytes) {
  Buffer buffer;
  for (std::size_t i = 0; i < bytes.size(); i += piece_bytes) {
    buffer.Append(std::string_view(bytes).substr(i, piece_bytes));
  }
  return buffer;
}

TEST(ProtobufCodec, BringsBackWhatWasEncoded) {
  const Note note = MakeNote();
  Buffer buffer;
  ASSERT_EQ(Codec<Note>::Encode(note, buffer), absl::OkStatus());
  EXPECT_EQ(buffer.size_bytes(), Codec<Note>::SizeBytes(note));
  EXPECT_EQ(buffer.pieces().size(), 1u) << "encoded in place, in one piece";
  Note decoded;
  ASSERT_EQ(Codec<Note>::Decode(buffer, decoded), absl::OkStatus());
  EXPECT_TRUE(MessageDifferencer::Equals(note, decoded));
}

TEST(ProtobufCodec, SpeaksProtobufsFormat) {
  Buffer buffer;
  ASSERT_TRUE(Codec<Note>::Encode(MakeNote(), buffer).ok());
  Note decoded;
  EXPECT_TRUE(decoded.ParseFromString(buffer.ToString()));
  EXPECT_TRUE(MessageDifferencer::Equals(MakeNote(), decoded));
}

TEST(ProtobufCodec, AMessageWithoutFieldsIsNoBytes) {
  Buffer buffer;
  ASSERT_TRUE(Codec<Note>::Encode(Note(), buffer).ok());
  EXPECT_EQ(buffer.size_bytes(), 0u);
  Note decoded;
  EXPECT_TRUE(Codec<Note>::Decode(buffer, decoded).ok());
  Buffer empty_piece;
  empty_piece.Allocate(0);
  EXPECT_TRUE(Codec<Note>::Decode(empty_piece, decoded).ok());
}

TEST(ProtobufCodec, ReadsMessagesHoweverTheyAreCut) {
  const Note note = MakeNote();
  const std::string bytes = note.SerializeAsString();
  for (std::size_t piece_bytes = 1; piece_bytes <= bytes.size(); ++piece_bytes) {
    Note decoded;
    ASSERT_TRUE(Codec<Note>::Decode(InPieces(bytes, piece_bytes), decoded).ok()) << piece_bytes;
    ASSERT_TRUE(MessageDifferencer::Equals(note, decoded)) << piece_bytes;
  }
  // Two pieces, with empty ones around.
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    Buffer buffer;
    buffer.Allocate(0);
    if (cut > 0) buffer.Append(std::string_view(bytes).substr(0, cut));
    buffer.Allocate(0);
    buffer.Append(std::string_view(bytes).substr(cut));
    buffer.Allocate(0);
    Note decoded;
    ASSERT_TRUE(Codec<Note>::Decode(buffer, decoded).ok()) << cut;
    ASSERT_TRUE(MessageDifferencer::Equals(note, decoded)) << cut;
  }
}

// Unknown fields are skipped, over the ends of pieces too.
TEST(ProtobufCodec, SkipsWhatItDoesNotKnow) {
  const std::string bytes = MakeNote().SerializeAsString();
  for (std::size_t piece_bytes = 1; piece_bytes <= 40; ++piece_bytes) {
    Point decoded;
    EXPECT_FALSE(Codec<Point>::Decode(InPieces(bytes, piece_bytes), decoded).ok());
  }
  Point point;
  point.set_x(1);
  point.set_y(2);
  point.mutable_unknown_fields()->AddLengthDelimited(100, std::string(500, 'u'));
  for (std::size_t piece_bytes = 1; piece_bytes <= 40; ++piece_bytes) {
    Point decoded;
    ASSERT_TRUE(
        Codec<Point>::Decode(InPieces(point.SerializeAsString(), piece_bytes), decoded).ok());
    EXPECT_EQ(decoded.y(), 2);
  }
}

TEST(ProtobufCodec, RefusesWhatIsNoMessage) {
  for (const std::string& bytes :
       {std::string("\x0a"), std::string("\x0a\x05hell"), std::string("\xff\xff\xff\xff"),
        std::string("\x0f"), std::string("\0x", 2)}) {
    for (const std::size_t piece_bytes : {std::size_t{1}, std::size_t{100}}) {
      Note decoded;
      const absl::Status status = Codec<Note>::Decode(InPieces(bytes, piece_bytes), decoded);
      EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
      EXPECT_THAT(std::string(status.message()), HasSubstr("parley.codec_test.Note"));
      EXPECT_THAT(std::string(status.message()), HasSubstr(std::to_string(bytes.size())));
    }
  }
}

TEST(ProtobufCodec, RefusesCutMessages) {
  const std::string bytes = MakeNote().next().SerializeAsString();
  for (std::size_t size = 1; size < bytes.size(); ++size) {
    Note decoded;
    EXPECT_FALSE(Codec<Note>::Decode(InPieces(bytes.substr(0, size), 3), decoded).ok()) << size;
  }
}

TEST(ProtobufCodec, RefusesMessagesThatNestTooDeep) {
  std::string bytes;
  for (int depth = 0; depth < 5000; ++depth) {
    // The bytes of a nested message, without building one.
    std::string next = "\x22";
    std::size_t size = bytes.size();
    for (; size >= 0x80; size >>= 7) next.push_back(static_cast<char>((size & 0x7f) | 0x80));
    next.push_back(static_cast<char>(size));
    bytes = next + bytes;
  }
  Note decoded;
  EXPECT_FALSE(Codec<Note>::Decode(InPieces(bytes, 7), decoded).ok());
  EXPECT_FALSE(Codec<Note>::Decode(InPieces(bytes, bytes.size()), decoded).ok());
}

TEST(ProtobufCodec, NamesRequiredFieldsThatAreMissing) {
  Point point;
  point.set_x(1);
  Buffer buffer;
  const absl::Status encoded = Codec<Point>::Encode(point, buffer);
  EXPECT_EQ(encoded.code(), absl::StatusCode::kInternal) << encoded;
  EXPECT_THAT(std::string(encoded.message()), HasSubstr("parley.codec_test.Point"));
  EXPECT_THAT(std::string(encoded.message()), HasSubstr("y"));
  EXPECT_EQ(buffer.size_bytes(), 0u) << "half a message is none";
  for (const std::size_t piece_bytes : {std::size_t{1}, std::size_t{100}}) {
    Point decoded;
    EXPECT_EQ(Codec<Point>::Decode(InPieces(point.SerializePartialAsString(), piece_bytes), decoded)
                  .code(),
              absl::StatusCode::kInvalidArgument);
  }
}

// More than protobuf takes is refused, not cut. The bytes are pages of zeros that are never made.
TEST(ProtobufCodec, RefusesMoreThanProtobufTakes) {
  constexpr std::size_t kSize = std::size_t{5} << 30;
  void* zeros = mmap(nullptr, kSize, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  ASSERT_NE(zeros, MAP_FAILED) << "this machine gives no address space of " << kSize << " bytes";
  const std::shared_ptr<void> owner(zeros, [](void* pages) { munmap(pages, kSize); });
  const std::string_view bytes(static_cast<const char*>(zeros), kSize);
  Buffer one_piece;
  one_piece.AppendReference(bytes, owner);
  Buffer two_pieces;
  two_pieces.Append("\x1a\xff\xff\xff\xff\x07");  // a field of 2 GiB less one byte
  two_pieces.AppendReference(bytes, owner);
  for (const Buffer* buffer : {&one_piece, &two_pieces}) {
    Note decoded;
    EXPECT_EQ(Codec<Note>::Decode(*buffer, decoded).code(), absl::StatusCode::kInvalidArgument);
  }
}

TEST(StringCodec, CarriesBytesAsTheyAre) {
  const std::string text("raw \0 bytes \xff", 13);
  Buffer buffer;
  ASSERT_TRUE(Codec<std::string>::Encode(text, buffer).ok());
  EXPECT_EQ(buffer.ToString(), text);
  EXPECT_EQ(Codec<std::string>::SizeBytes(text), text.size());
  std::string decoded = "before";
  ASSERT_TRUE(Codec<std::string>::Decode(InPieces(text, 4), decoded).ok());
  EXPECT_EQ(decoded, text);
  ASSERT_TRUE(Codec<std::string>::Decode(Buffer(), decoded).ok());
  EXPECT_EQ(decoded, "");
}

TEST(UsersCodec, IsUsedForItsType) {
  Buffer buffer;
  ASSERT_TRUE(Codec<Pair>::Encode({1, -2}, buffer).ok());
  Pair decoded;
  ASSERT_TRUE(Codec<Pair>::Decode(InPieces(buffer.ToString(), 3), decoded).ok());
  EXPECT_EQ(decoded.first, 1);
  EXPECT_EQ(decoded.second, -2);
  EXPECT_EQ(Codec<Pair>::Decode(InPieces("short", 5), decoded).code(),
            absl::StatusCode::kInvalidArgument);
}

// Messages and anything derived from them, but nothing else, have a codec without being asked.
template <class T>
concept HasCodec = requires(const T& value, Buffer& out) {
  { Codec<T>::Encode(value, out) } -> std::same_as<absl::Status>;
};
static_assert(HasCodec<Note> && HasCodec<std::string> && HasCodec<Pair>);
static_assert(!HasCodec<int> && !HasCodec<std::string_view>);

}  // namespace
}  // namespace codec_test
}  // namespace parley
