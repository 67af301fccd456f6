// The codec of sessions' frames, which reads whatever a peer sends, against protoc's code for the
// same .proto file and against protobuf's own idea of what fields are.
//
// They differ on purpose in this alone:
//  1. A part that is there twice, or a group, is malformed; generated code merges, and skips.
//  2. Of bytes that are there twice within a part the last count; generated code merges metadata, and
//     looks at every text.
//  3. Text need not be UTF-8, and Hello and metadata are not looked at before they are needed.
//  4. A tag or a length may take more bytes than it needs, up to ten, and a tag of more than 32 bits
//     is malformed; generated code takes five bytes and drops the higher bits.
#include <algorithm>
#include <set>
#include <vector>

#include "google/protobuf/unknown_field_set.h"
#include "google/protobuf/util/message_differencer.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/session/frame_as_proto.h"

using google::protobuf::UnknownField;
using google::protobuf::UnknownFieldSet;
using google::protobuf::util::MessageDifferencer;
using parley::detail::AsProto;
using parley::detail::Decoded;
using parley::detail::DecodeFrame;
using parley::detail::Frame;
using parley::detail::Plain;
using parley::detail::WholeMessage;
using parley::fuzz::Expect;
namespace v1 = parley::v1;

namespace {

// What should be made of the bytes, by what protobuf says of their fields.
struct Account {
  bool well_formed = true;
  bool merges = false;
  // Of the list's fields.
  std::vector<bool> is_frame;
  std::vector<bool> unknown;  // in part
};

void LookAtPart(const std::string& bytes, Account& account) {
  UnknownFieldSet fields;
  account.well_formed = account.well_formed && fields.ParseFromString(bytes);
  std::set<int> seen;
  for (int i = 0; i < fields.field_count(); ++i) {
    const UnknownField& field = fields.field(i);
    if (field.type() == UnknownField::TYPE_GROUP) account.well_formed = false;
    if (field.type() == UnknownField::TYPE_LENGTH_DELIMITED) {
      account.merges = !seen.insert(field.number()).second || account.merges;
    }
  }
}

void LookAtFrame(const std::string& bytes, Account& account) {
  const std::set<int> numbers = {1, 5, 6, 8, 9, 15};
  const std::set<int> parts = {2, 3, 4, 7, 10, 11};
  UnknownFieldSet fields;
  account.well_formed = account.well_formed && fields.ParseFromString(bytes);
  std::set<int> seen;
  for (int i = 0; i < fields.field_count(); ++i) {
    const UnknownField& field = fields.field(i);
    if (field.type() == UnknownField::TYPE_GROUP) account.well_formed = false;
    const int number = field.number();
    const bool is_part =
        field.type() == UnknownField::TYPE_LENGTH_DELIMITED && parts.contains(number);
    const bool is_number = field.type() == UnknownField::TYPE_VARINT && numbers.contains(number);
    if (!is_part && !is_number) account.unknown.back() = true;
    if (!is_part) continue;
    if (!seen.insert(number).second) account.well_formed = false;
    if (number == 2 || number == 7 || number == 11) LookAtPart(field.length_delimited(), account);
  }
}

Account LookAt(const std::string& list) {
  Account account;
  UnknownFieldSet fields;
  account.well_formed = fields.ParseFromString(list);
  for (int i = 0; i < fields.field_count(); ++i) {
    const UnknownField& field = fields.field(i);
    if (field.type() == UnknownField::TYPE_GROUP) account.well_formed = false;
    const bool is_frame =
        field.number() == 1 && field.type() == UnknownField::TYPE_LENGTH_DELIMITED;
    account.is_frame.push_back(is_frame);
    account.unknown.push_back(!is_frame);
    if (is_frame) LookAtFrame(field.length_delimited(), account);
  }
  return account;
}

// Without four of these in a row there is no fifth byte of a tag or a length.
bool HasLongTagOrLength(const std::string& bytes) {
  const auto continues = [](char c) { return static_cast<unsigned char>(c) >= 0x80; };
  int run = 0;
  return std::any_of(bytes.begin(), bytes.end(),
                     [&](char c) { return (run = continues(c) ? run + 1 : 0) == 4; });
}

// Reads text as generated code does not: whatever bytes it is.
bool IsUtf8(const v1::Frame& frame) {
  return v1::Frame().ParseFromString(frame.SerializeAsString());
}

// What was decoded, encoded again by hand and then read by generated code.
void CheckAgain(const Frame& frame, const v1::Frame& proto) {
  v1::OpenRequest again;
  Expect(again.ParseFromString(parley::detail::Encoded(frame)), "encoded again it is well-formed");
  Expect(again.frames_size() == 1 && MessageDifferencer::Equals(again.frames(0), proto),
         "encoded again it is the same");
}

// The short way of reading the most frequent frame sees what the long way sees.
void CheckWhole(std::string_view list, std::string_view rest, const Frame& frame) {
  WholeMessage whole;
  if (!DecodeWholeMessage(list, whole)) return;
  Frame same;
  same.exchange = whole.exchange;
  same.message = whole.message;
  same.start = whole.start;
  same.end = whole.end;
  if (whole.ends_ok) same.status.emplace();
  Expect(list == rest, "a whole message is one frame");
  Expect(parley::detail::Encoded(same) == parley::detail::Encoded(frame),
         "a whole message is nothing else");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  std::vector<Frame> frames;
  // Where the fuzzer has put them, so that reading beyond the end is noticed.
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  Frame frame;
  std::string_view list = rest;
  Decoded decoded = DecodeFrame(rest, frame);
  for (; decoded == Decoded::kFrame; decoded = DecodeFrame(rest, frame)) {
    CheckWhole(list, rest, frame);
    frames.push_back(frame);
    list = rest;
  }
  const bool well_formed = decoded == Decoded::kNone;

  const Account account = LookAt(bytes);
  const bool long_forms = HasLongTagOrLength(bytes);
  Expect(well_formed == account.well_formed || long_forms, "well-formed by protobuf's rules");

  v1::OpenRequest generated;
  const bool parsed = generated.ParseFromString(bytes);
  generated.DiscardUnknownFields();
  const bool comparable = parsed && well_formed && !account.merges && !long_forms;
  bool whole = true;  // its encoded parts are well-formed, its texts UTF-8
  int next = 0;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    if (well_formed && !long_forms) {
      Expect(frames[i].has_unknown_part == account.unknown[i], "unknown parts");
    }
    const std::optional<v1::Frame> proto = AsProto(frames[i]);
    if (!proto || !IsUtf8(*proto)) {
      whole = false;
      continue;
    }
    CheckAgain(frames[i], *proto);
    if (!comparable) continue;
    v1::Frame known = *proto;
    known.DiscardUnknownFields();
    if (account.is_frame[i]) {
      Expect(next < generated.frames_size() &&
                 MessageDifferencer::Equals(Plain(generated.frames(next++)), Plain(known)),
             "the frame that generated code reads");
    } else {
      Expect(MessageDifferencer::Equals(known, v1::Frame()), "what is no frame is nothing else");
    }
  }
  if (comparable) {
    Expect(whole && next == generated.frames_size(), "all frames that generated code reads");
  }
  Expect(parsed || !well_formed || !whole || account.merges || long_forms,
         "generated code takes it too");
  return 0;
}
