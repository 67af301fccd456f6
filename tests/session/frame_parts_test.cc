// The parts of frames that are decoded on their own, Hello and metadata, against protoc's code.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "google/protobuf/unknown_field_set.h"
#include "parley/v1/session.pb.h"
#include "src/wire/session/frame.h"

namespace parley::detail {
namespace {

using testing::ElementsAre;
using testing::Pair;

// One of each form.
void AddUnknown(google::protobuf::Message& message) {
  google::protobuf::UnknownFieldSet& fields =
      *message.GetReflection()->MutableUnknownFields(&message);
  fields.AddVarint(100, 1);
  fields.AddFixed32(101, 2);
  fields.AddFixed64(102, 3);
  fields.AddLengthDelimited(103)->assign("unknown");
}

std::vector<std::uint64_t> Numbers() {
  std::vector<std::uint64_t> numbers = {0, std::numeric_limits<std::uint64_t>::max()};
  for (int bits = 0; bits < 64; ++bits) numbers.push_back(std::uint64_t{1} << bits);
  return numbers;
}

TEST(HelloCodec, AgreesWithGeneratedCode) {
  for (const std::uint64_t number : Numbers()) {
    Hello hello{static_cast<std::uint32_t>(number), number, number, {"", "a.B/C", "a.B/D"}};
    if (number % 2 == 0) hello.methods.clear();
    v1::Hello proto;
    proto.set_revision(hello.revision);
    proto.set_max_message_bytes(number);
    proto.set_max_exchanges(number);
    for (const std::string& method : hello.methods) proto.add_methods(method);
    // All in ascending order, so that they are the same bytes.
    EXPECT_EQ(EncodeHello(hello), proto.SerializeAsString());
    Hello decoded;
    ASSERT_TRUE(DecodeHello(proto.SerializeAsString(), decoded));
    EXPECT_EQ(decoded.revision, hello.revision);
    EXPECT_EQ(decoded.max_message_bytes, number);
    EXPECT_EQ(decoded.max_exchanges, number);
    EXPECT_EQ(decoded.methods, hello.methods);
  }
}

TEST(HelloCodec, TakesFieldsThatItDoesNotKnowAndRefusesWhatIsCut) {
  v1::Hello proto;
  ASSERT_TRUE(proto.ParseFromString(EncodeHello({1, 4 << 20, 16384, {"a.B/C", "a.B/D"}})));
  AddUnknown(proto);
  const std::string hello = proto.SerializeAsString();
  for (std::size_t size = 0; size <= hello.size(); ++size) {
    const std::vector<char> cut(hello.data(), hello.data() + size);
    Hello decoded;
    v1::Hello parsed;
    EXPECT_EQ(DecodeHello({cut.data(), cut.size()}, decoded),
              parsed.ParseFromArray(cut.data(), static_cast<int>(cut.size())))
        << size;
  }
}

std::vector<Metadata::Entry> Entries(const Metadata& metadata) {
  return {metadata.begin(), metadata.end()};
}

TEST(MetadataCodec, AgreesWithGeneratedCode) {
  const Metadata metadata = {{"key", "value"},
                             {"key", ""},
                             {"a-bin", std::string("\0\xff", 2)},
                             {"long", std::string(300, 'x')}};
  v1::Metadata proto;
  for (const auto& [key, value] : metadata) {
    v1::MetadataEntry& entry = *proto.add_entries();
    entry.set_key(key);
    entry.set_value(value);
  }
  EXPECT_EQ(EncodeMetadata(metadata), proto.SerializeAsString());
  Metadata decoded;
  ASSERT_TRUE(DecodeMetadata(proto.SerializeAsString(), decoded));
  EXPECT_EQ(Entries(decoded), Entries(metadata));
  EXPECT_EQ(EncodeMetadata({}), "");
}

TEST(MetadataCodec, RefusesWhatIsCut) {
  const std::string whole = EncodeMetadata({{"key", "value"}, {"key", ""}, {"a-bin", "\xff"}});
  std::size_t good = 0;
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    const std::vector<char> cut(whole.data(), whole.data() + size);
    Metadata decoded;
    v1::Metadata parsed;
    const bool is_whole = DecodeMetadata({cut.data(), cut.size()}, decoded);
    EXPECT_EQ(is_whole, parsed.ParseFromArray(cut.data(), static_cast<int>(cut.size()))) << size;
    good += is_whole ? 1 : 0;
  }
  EXPECT_EQ(good, 4u) << "between entries, there are three";
}

TEST(MetadataCodec, RefusesWhatIsNotValidAsMetadata) {
  const Metadata bad[] = {{{"", "value"}},
                          {{"grpc-timeout", "1S"}},
                          {{"key", "\n"}},
                          {{"k y", "value"}},
                          {{":path", "/"}}};
  for (const Metadata& metadata : bad) {
    Metadata decoded;
    EXPECT_FALSE(DecodeMetadata(EncodeMetadata(metadata), decoded)) << metadata.begin()->first;
  }
}

TEST(MetadataCodec, TakesFieldsThatItDoesNotKnow) {
  v1::Metadata proto;
  proto.add_entries()->set_key("key");
  AddUnknown(proto);
  AddUnknown(*proto.mutable_entries(0));
  Metadata decoded;
  ASSERT_TRUE(DecodeMetadata(proto.SerializeAsString(), decoded));
  EXPECT_THAT(Entries(decoded), ElementsAre(Pair("key", "")));
}

}  // namespace
}  // namespace parley::detail
