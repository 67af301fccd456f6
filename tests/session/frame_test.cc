// The hand-written codec of sessions' frames against protoc's code for the same .proto file.
#include "src/wire/session/frame.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "google/protobuf/util/message_differencer.h"
#include "tests/session/frame_as_proto.h"

namespace parley::detail {
namespace {

using google::protobuf::util::MessageDifferencer;
constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();

// Numbers around the sizes that they are encoded in.
std::vector<std::uint64_t> Numbers() {
  std::vector<std::uint64_t> numbers = {0, 1, kMax};
  for (int bits = 7; bits < 64; bits += 7) {
    numbers.push_back((std::uint64_t{1} << bits) - 1);
    numbers.push_back(std::uint64_t{1} << bits);
  }
  numbers.push_back(std::uint64_t{1} << 32);
  return numbers;
}

const std::string& SomeMetadata() {
  static const std::string metadata =
      EncodeMetadata({{"key", "value"}, {"key", ""}, {"any-bin", std::string("\0\xff", 2)}});
  return metadata;
}
const std::string& SomeHello() {
  static const std::string hello = EncodeHello({1, 4 << 20, 16384, {"a.B/C", "a.B/D"}});
  return hello;
}

// The parts of a frame, each a bit of `parts`.
constexpr int kParts = 13;
Frame FrameWith(unsigned parts) {
  Frame frame;
  if (parts & 1) frame.exchange = 300;
  if (parts & 2)
    frame.start = StartPart{"package.Service/Method", 1'000'000, SomeMetadata(), false};
  if (parts & 4) frame.headers = SomeMetadata();
  if (parts & 8) frame.message = "a message";
  if (parts & 16) frame.remaining_bytes = 1 << 20;
  if (parts & 32) frame.end = true;
  if (parts & 64) frame.status = StatusPart{5, "not there", "details", SomeMetadata()};
  if (parts & 128) frame.cancel = true;
  if (parts & 256) frame.credit_bytes = 16384;
  if (parts & 512) frame.hello = SomeHello();
  if (parts & 1024) frame.drain = DrainPart{77};
  if (parts & 2048) frame.skippable = true;
  if (parts & 4096 && frame.start) frame.start->same_method = true;
  return frame;
}

std::vector<StartPart> StartsWithoutMetadata() {
  return {{"", 0, "", false},
          {"package.Service/Method", 0, "", false},
          {"", 1, "", false},
          {"", 0, "", true},
          {"m", 1'000'000, "", true}};
}

v1::Frame Parsed(const std::string& list) {
  v1::OpenRequest parsed;
  EXPECT_TRUE(parsed.ParseFromString(list));
  EXPECT_EQ(parsed.frames_size(), 1);
  return parsed.frames_size() == 1 ? parsed.frames(0) : v1::Frame();
}

std::string List(const v1::Frame& frame) {
  v1::OpenResponse list;
  *list.add_frames() = frame;
  return list.SerializeAsString();
}

// As a list of one frame with these bytes.
std::string ListOf(std::string_view frame) {
  EXPECT_LT(frame.size(), 128u);
  return absl::StrCat("\x0a", std::string(1, static_cast<char>(frame.size())), std::string(frame));
}

Decoded Decode(std::string_view list, Frame& frame) { return DecodeFrame(list, frame); }

bool Same(const v1::Frame& a, const v1::Frame& b) { return MessageDifferencer::Equals(a, b); }

// Both ways, and that the sizes are what was promised.
void ExpectRoundTrip(const Frame& frame) {
  const v1::Frame proto = AsProto(frame).value();
  const std::string by_hand = Encoded(frame);
  EXPECT_TRUE(Same(Parsed(by_hand), proto)) << proto.DebugString();

  const std::string generated = List(proto);
  EXPECT_EQ(by_hand.size(), generated.size()) << proto.DebugString();
  std::string_view rest = generated;
  Frame decoded;
  ASSERT_EQ(DecodeFrame(rest, decoded), Decoded::kFrame) << proto.DebugString();
  EXPECT_TRUE(rest.empty());
  EXPECT_FALSE(decoded.has_unknown_part);
  EXPECT_TRUE(Same(AsProto(decoded).value(), proto)) << proto.DebugString();
}

TEST(FrameCodec, AgreesWithGeneratedCodeOnEveryCombinationOfParts) {
  for (unsigned parts = 0; parts < 1u << kParts; ++parts) {
    SCOPED_TRACE(parts);
    ExpectRoundTrip(FrameWith(parts));
    if (HasFailure()) return;
  }
}

TEST(FrameCodec, AgreesWithGeneratedCodeOnNumbersOfEverySize) {
  for (const std::uint64_t number : Numbers()) {
    SCOPED_TRACE(number);
    Frame frame;
    frame.exchange = frame.remaining_bytes = frame.credit_bytes = number;
    frame.start = StartPart{"m", number, {}};
    frame.status = StatusPart{static_cast<std::uint32_t>(number), {}, {}, {}};
    frame.drain = DrainPart{number};
    ExpectRoundTrip(frame);
  }
}

TEST(FrameCodec, AgreesWithGeneratedCodeOnBytesOfEverySize) {
  for (const std::size_t size : {0u, 1u, 127u, 128u, 16383u, 16384u, 100'000u}) {
    SCOPED_TRACE(size);
    const std::string bytes(size, 'x');
    const std::string metadata = EncodeMetadata({{bytes, bytes}});
    Frame frame;
    frame.start = StartPart{bytes, 0, metadata};
    frame.headers = metadata;
    frame.message = bytes;
    frame.status = StatusPart{0, bytes, bytes, metadata};
    ExpectRoundTrip(frame);
  }
}

TEST(FrameCodec, TellsPartsThatAreEmptyFromPartsThatAreNotThere) {
  Frame frame;
  frame.start = StartPart();
  frame.headers = "";
  frame.message = "";
  frame.status = StatusPart();
  frame.hello = "";
  frame.drain = DrainPart();
  ExpectRoundTrip(frame);
  ExpectRoundTrip(Frame());
  // Views of nothing at all.
  frame.headers = frame.message = frame.hello = std::string_view();
  ExpectRoundTrip(frame);
}

TEST(FrameCodec, EncodesTheMessageLast) {
  const std::string encoded = Encoded(FrameWith(0xfff));
  EXPECT_TRUE(std::string_view(encoded).ends_with("a message"));
}

TEST(FrameCodec, DecodesWithoutCopying) {
  const std::string list = Encoded(FrameWith(0xfff));
  Frame frame;
  ASSERT_EQ(Decode(list, frame), Decoded::kFrame);
  for (const std::string_view part :
       {*frame.message, frame.start->method, frame.status->details, *frame.headers, *frame.hello}) {
    EXPECT_GE(part.data(), list.data());
    EXPECT_LE(part.data() + part.size(), list.data() + list.size());
  }
}

TEST(FrameCodec, TakesFramesOffAListInOrder) {
  std::string list;
  for (std::uint64_t id = 1; id <= 3; ++id) {
    Frame frame;
    frame.exchange = id;
    list += Encoded(frame);
  }
  std::string_view rest = list;
  Frame frame;
  for (std::uint64_t id = 1; id <= 3; ++id) {
    ASSERT_EQ(DecodeFrame(rest, frame), Decoded::kFrame);
    EXPECT_EQ(frame.exchange, id);
  }
  EXPECT_EQ(DecodeFrame(rest, frame), Decoded::kNone);
  EXPECT_EQ(DecodeFrame(rest, frame), Decoded::kNone);
}

TEST(FrameCodec, TakesWholeMessagesAndNothingElse) {
  for (unsigned parts = 0; parts < 1u << kParts; ++parts) {
    const std::string list = Encoded(FrameWith(parts)) + Encoded(FrameWith(1));
    std::string_view rest = list;
    WholeMessage whole;
    // A start has metadata here; without one, the last part is not there.
    const bool is_whole = (parts & ~(32u | 4096u)) == (1 | 8);
    ASSERT_EQ(DecodeWholeMessage(rest, whole), is_whole) << parts;
    ASSERT_EQ(rest, is_whole ? Encoded(FrameWith(1)) : list) << parts;
    if (!is_whole) continue;
    EXPECT_EQ(whole.exchange, 300u);
    EXPECT_EQ(whole.message, "a message");
    EXPECT_EQ(whole.end, (parts & 32) != 0);
    EXPECT_FALSE(whole.ends_ok);
    EXPECT_FALSE(whole.start);
  }
}

TEST(FrameCodec, TakesWholeMessagesWithAStartThatHasNoMetadata) {
  for (const StartPart& start : StartsWithoutMetadata()) {
    Frame frame = FrameWith(1 | 8 | 32);
    frame.start = start;
    const std::string list = Encoded(frame);
    std::string_view rest = list;
    WholeMessage whole;
    ASSERT_TRUE(DecodeWholeMessage(rest, whole));
    EXPECT_TRUE(rest.empty());
    ASSERT_TRUE(whole.start);
    EXPECT_EQ(whole.start->method, start.method);
    EXPECT_EQ(whole.start->timeout_us, start.timeout_us);
    EXPECT_EQ(whole.start->same_method, start.same_method);
    EXPECT_TRUE(whole.end);
  }
}

TEST(FrameCodec, TakesWholeMessagesWithAnEndInOrderAndWithNoOther) {
  for (const std::uint32_t code : {0u, 5u}) {
    Frame frame = FrameWith(1 | 8);
    frame.status = StatusPart{code, "", "", ""};
    const std::string list = Encoded(frame);
    std::string_view rest = list;
    WholeMessage whole;
    ASSERT_EQ(DecodeWholeMessage(rest, whole), code == 0);
    if (code != 0) continue;
    EXPECT_TRUE(whole.ends_ok);
    EXPECT_EQ(whole.message, "a message");
  }
}

TEST(FrameCodec, TakesNoWholeMessageThatIsCut) {
  Frame last = FrameWith(1 | 8);
  last.status.emplace();
  Frame first = FrameWith(1 | 8 | 32);
  first.start = StartsWithoutMetadata().back();
  for (const std::string& list : {Encoded(FrameWith(1 | 8)), Encoded(last), Encoded(first)}) {
    WholeMessage whole;
    for (std::size_t size = 0; size < list.size(); ++size) {
      std::string_view cut(list.data(), size);
      EXPECT_FALSE(DecodeWholeMessage(cut, whole)) << size;
    }
  }
}

TEST(FrameCodec, EncodesWholeMessagesAsOtherFrames) {
  std::vector<std::optional<StartPart>> starts = {std::nullopt};
  for (const StartPart& start : StartsWithoutMetadata()) starts.push_back(start);
  for (std::size_t i = 0; i < 4 * starts.size(); ++i) {
    for (const std::size_t size : std::vector<std::size_t>{0, 1, 100, 127, 128, 4096}) {
      const std::string text(size, 'x');
      WholeMessage whole;
      whole.exchange = 300;
      whole.message = text;
      whole.start = starts[i / 4];
      whole.end = (i & 1) != 0;
      whole.ends_ok = (i & 2) != 0;
      Frame frame;
      frame.exchange = 300;
      frame.message = text;
      frame.start = whole.start;
      frame.end = whole.end;
      if (whole.ends_ok) frame.status.emplace();
      std::string encoded(SizeOf(whole), '\0');
      EXPECT_EQ(EncodeWholeMessage(whole, encoded.data()), encoded.data() + encoded.size());
      EXPECT_EQ(encoded, Encoded(frame)) << size << ' ' << i;
    }
  }
}

TEST(FrameCodec, NothingOfOneFrameIsInTheNext) {
  const std::string list = Encoded(FrameWith(0xfff)) + ListOf("");
  std::string_view rest = list;
  Frame frame;
  ASSERT_EQ(DecodeFrame(rest, frame), Decoded::kFrame);
  ASSERT_EQ(DecodeFrame(rest, frame), Decoded::kFrame);
  EXPECT_TRUE(Same(AsProto(frame).value(), v1::Frame()));
}

// Whatever is cut off, both decoders say the same; the bytes are on the heap alone, for the
// address sanitizer.
TEST(FrameCodec, AgreesWithGeneratedCodeOnEveryTruncation) {
  const std::string list = Encoded(FrameWith(0xfff)) + Encoded(FrameWith(0x555));
  for (std::size_t size = 0; size <= list.size(); ++size) {
    const std::vector<char> cut(list.data(), list.data() + size);
    std::string_view rest(cut.data(), cut.size());
    Frame frame;
    Decoded decoded = Decoded::kFrame;
    while (decoded == Decoded::kFrame) decoded = DecodeFrame(rest, frame);
    v1::OpenRequest parsed;
    const bool is_whole = parsed.ParseFromArray(cut.data(), static_cast<int>(cut.size()));
    EXPECT_EQ(decoded == Decoded::kNone, is_whole) << size;
  }
}

TEST(FrameCodec, EveryTruncationOfAFrameAloneIsMalformed) {
  const std::string list = Encoded(FrameWith(0xfff));
  const std::string_view body = std::string_view(list).substr(3);  // its tag, and two of its size
  for (std::size_t size = 0; size < body.size(); ++size) {
    v1::Frame parsed;
    const bool is_whole = parsed.ParseFromArray(body.data(), static_cast<int>(size));
    std::string cut = "\x0a";
    cut += static_cast<char>(0x80 | (size & 0x7f));
    cut += static_cast<char>(size >> 7);
    cut += body.substr(0, size);
    Frame frame;
    EXPECT_EQ(Decode(cut, frame) == Decoded::kFrame, is_whole) << size;
  }
}

// --- What is not as it should be.

constexpr std::string_view kOneOfEachForm[] = {
    {"\x00\x05", 2},                              // a number
    {"\x01\x01\x02\x03\x04\x05\x06\x07\x08", 9},  // 8 bytes
    {"\x02\x03zzz", 5},                           // a length, and bytes
    {"\x05\x01\x02\x03\x04", 5},                  // 4 bytes
};

// A field with this number, of the form at `form`.
std::string Field(unsigned number, std::size_t form) {
  std::string field(kOneOfEachForm[form]);
  const unsigned tag = number << 3 | static_cast<unsigned char>(field[0]);
  if (tag < 0x80) {
    field[0] = static_cast<char>(tag);
    return field;
  }
  return absl::StrCat(std::string(1, static_cast<char>(0x80 | (tag & 0x7f))),
                      std::string(1, static_cast<char>(tag >> 7)), field.substr(1));
}

TEST(FrameCodec, PartsThatItDoesNotKnowAreUnknownWhateverTheirForm) {
  for (const unsigned number : {12u, 13u, 14u, 16u, 100u, 2047u}) {
    for (std::size_t form = 0; form < 4; ++form) {
      SCOPED_TRACE(absl::StrCat(number, ", form ", form));
      const std::string list = ListOf(absl::StrCat("\x08\x07", Field(number, form), "\x78\x01"));
      ASSERT_TRUE(v1::OpenRequest().ParseFromString(list));
      Frame frame;
      ASSERT_EQ(Decode(list, frame), Decoded::kFrame);
      EXPECT_TRUE(frame.has_unknown_part);
      EXPECT_TRUE(frame.skippable);
      EXPECT_EQ(frame.exchange, 7u) << "the others are read";
    }
  }
}

TEST(FrameCodec, APartOfAnotherFormIsUnknown) {
  const bool is_number[] = {false, true, false, false, false, true,  true,  false,
                            true,  true, false, false, false, false, false, true};
  for (const unsigned number : {1u, 2u, 3u, 4u, 5u, 6u, 7u, 8u, 9u, 10u, 11u, 15u}) {
    for (std::size_t form = 0; form < 4; ++form) {
      const bool known = form == (is_number[number] ? 0 : 2);
      const bool has_parts = number == 2 || number == 7 || number == 11;
      if (known && has_parts) continue;
      SCOPED_TRACE(absl::StrCat(number, ", form ", form));
      Frame frame;
      ASSERT_EQ(Decode(ListOf(Field(number, form)), frame), Decoded::kFrame);
      EXPECT_EQ(frame.has_unknown_part, !known);
      if (!known) {
        EXPECT_TRUE(Same(AsProto(frame).value(), v1::Frame()));
      }
    }
  }
}

TEST(FrameCodec, FieldsThatAPartDoesNotKnowAreIgnored) {
  const std::string unknown = Field(9, 0) + Field(9, 1) + Field(9, 2) + Field(9, 3);
  for (const unsigned number : {2u, 7u, 11u}) {
    std::string part(1, static_cast<char>(number << 3 | 2));
    part += static_cast<char>(unknown.size() + 2);
    part += absl::StrCat(unknown, number == 2 ? "\x10\x05" : "\x08\x05");
    Frame frame;
    ASSERT_EQ(Decode(ListOf(part), frame), Decoded::kFrame) << number;
    EXPECT_FALSE(frame.has_unknown_part);
    if (frame.start) {
      EXPECT_EQ(frame.start->timeout_us, 5u);
    }
    if (frame.status) {
      EXPECT_EQ(frame.status->code, 5u);
    }
    if (frame.drain) {
      EXPECT_EQ(frame.drain->last_exchange, 5u);
    }
  }
}

TEST(FrameCodec, WhatIsNoFrameInAListIsOneWithAnUnknownPart) {
  for (std::size_t form = 0; form < 4; ++form) {
    const std::string list = Field(2, form) + ListOf("\x08\x07");
    std::string_view rest = list;
    Frame frame;
    ASSERT_EQ(DecodeFrame(rest, frame), Decoded::kFrame);
    EXPECT_TRUE(frame.has_unknown_part);
    EXPECT_FALSE(frame.skippable);
    ASSERT_EQ(DecodeFrame(rest, frame), Decoded::kFrame);
    EXPECT_FALSE(frame.has_unknown_part);
    EXPECT_EQ(frame.exchange, 7u);
  }
}

// Generated code would put them together; nobody sends such, and a message must not grow unseen.
TEST(FrameCodec, APartThatIsThereTwiceIsMalformed) {
  for (const unsigned part : {2u, 4u, 8u, 64u, 512u, 1024u}) {
    const std::string once = Encoded(FrameWith(part)).substr(2);
    const std::string twice = once + once;
    std::string list("\x0a");
    list += static_cast<char>(0x80 | (twice.size() & 0x7f));
    list += static_cast<char>(twice.size() >> 7);
    list += twice;
    ASSERT_TRUE(v1::OpenRequest().ParseFromString(list)) << part;
    Frame frame;
    EXPECT_EQ(Decode(list, frame), Decoded::kMalformed) << part;
  }
}

TEST(FrameCodec, TheLastOfANumbersValuesCounts) {
  const std::string list = ListOf({"\x08\x07\x08\x09\x30\x01\x30\x00\x48\x01\x48\x02", 12});
  Frame frame;
  ASSERT_EQ(Decode(list, frame), Decoded::kFrame);
  EXPECT_TRUE(Same(AsProto(frame).value(), Parsed(list)));
  EXPECT_EQ(frame.exchange, 9u);
}

TEST(FrameCodec, BytesThatAreNoFieldsAreMalformed) {
  const std::pair<const char*, std::string> cases[] = {
      {"field 0", std::string("\x00\x01", 2)},
      {"field 0 with bytes", std::string("\x02\x00", 2)},
      {"the start of a group", std::string("\x0b\x0c", 2)},
      {"the end of a group", "\x0c"},
      {"a form that is none", std::string("\x0e\x00", 2)},
      {"another form that is none", std::string("\x0f\x00", 2)},
      {"a number of 11 bytes", "\x08" + std::string(10, '\x80') + '\x01'},
      {"a number without an end", "\x08\x80\x80"},
      {"a tag of 33 bits", "\x88\x80\x80\x80\x10\x01"},
      {"bytes beyond the end",
       "\x22\x05"
       "four"},
      {"bytes beyond all memory", "\x22\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"},
      {"8 bytes beyond the end",
       "\x09"
       "1234567"},
      {"4 bytes beyond the end",
       "\x0d"
       "123"},
      {"a part that is malformed", "\x12\x01\x08"},
      {"a status that is malformed", "\x3a\x01\x08"},
      {"a Drain that is malformed", "\x5a\x01\x08"},
  };
  for (const auto& [what, bytes] : cases) {
    Frame frame;
    EXPECT_EQ(Decode(ListOf(bytes), frame), Decoded::kMalformed) << what;
  }
  // In the list itself.
  for (std::size_t i = 0; i < std::size(cases) - 3; ++i) {
    Frame frame;
    EXPECT_EQ(Decode(cases[i].second, frame), Decoded::kMalformed) << cases[i].first;
  }
}

TEST(FrameCodec, NumbersOf64BitsAreReadWhole) {
  Frame frame;
  ASSERT_EQ(Decode(ListOf("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), frame), Decoded::kFrame);
  EXPECT_EQ(frame.exchange, kMax);
  // A yes of several bytes, the lowest of which are 0.
  ASSERT_EQ(Decode(ListOf("\x30\x80\x80\x01"), frame), Decoded::kFrame);
  EXPECT_TRUE(frame.end);
  EXPECT_TRUE(Parsed(ListOf("\x30\x80\x80\x01")).end());
}

}  // namespace
}  // namespace parley::detail
