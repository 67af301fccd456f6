// Codecs of an application's own that fail, over every wire: to encode fails the write that asked
// for it and leaves the call as it was, to decode ends the call with INTERNAL.
#include <string>
#include <utility>

#include "tests/bad_input/methods.h"
#include "tests/call/wire_fixture.h"

namespace parley {
namespace bad_input_test {

// Travels as its text; "unspeakable" can't be encoded, and "unreadable" not decoded.
struct Word {
  std::string text;
};

}  // namespace bad_input_test

template <>
struct Codec<bad_input_test::Word> {
  static absl::Status Encode(const bad_input_test::Word& word, Buffer& out) {
    out.Append(word.text);
    if (word.text == "unspeakable") return absl::InternalError("no word for it");
    return absl::OkStatus();
  }
  static absl::Status Decode(const Buffer& in, bad_input_test::Word& word) {
    word.text = in.ToString();
    if (word.text == "unreadable") return absl::DataLossError("smudged");
    return absl::OkStatus();
  }
  static std::size_t SizeBytes(const bad_input_test::Word& word) { return word.text.size(); }
};

namespace bad_input_test {
namespace {

using call_test::Counter;
using call_test::EveryWire;
using call_test::IsStatus;
using call_test::kLocal;
using call_test::kSocketWires;
using call_test::kWires;
using call_test::NameOf;
using testing::HasSubstr;

constexpr absl::StatusCode kInternal = absl::StatusCode::kInternal;

class FailingCodec : public EveryWire {
 protected:
  Counter runs_;  // of handlers that must not run
};
INSTANTIATE_TEST_SUITE_P(All, FailingCodec, testing::ValuesIn(kWires),
                         NameOf<FailingCodec::ParamType>);

// In one process a Word reaches a handler of Words as it is. So the other end takes bytes, for
// which it has to be encoded everywhere.
TEST_P(FailingCodec, ThatCantEncodeTheRequestFailsTheCall) {
  server().Register(kUnaryOf<std::string>, [&](Context&, const std::string& request) {
    runs_.Add();
    return absl::StatusOr<std::string>(request);
  });
  server().Register(kDownOf<std::string>,
                    [&](Context&, const std::string& request, Writer<std::string>& writer) {
                      runs_.Add();
                      return writer.Write(request);
                    });
  Start();
  const Client client = Connect();
  EXPECT_THAT(client.Call(kUnaryOf<Word>, {"unspeakable"}).status(),
              IsStatus(kInternal, HasSubstr("no word for it")));
  EXPECT_THAT(client.AsyncCall(kUnaryOf<Word>, {"unspeakable"}).Wait().status(),
              IsStatus(kInternal, HasSubstr("no word for it")));
  auto stream = client.Call(kDownOf<Word>, {"unspeakable"});
  EXPECT_FALSE(stream.Next());
  EXPECT_THAT(stream.Finish(), IsStatus(kInternal, HasSubstr("no word for it")));
  EXPECT_EQ(runs_.value(), 0);
  EXPECT_EQ(client.Call(kUnaryOf<Word>, {"hello"})->text, "hello");
}

class FailingCodecOnASocket : public EveryWire {};
INSTANTIATE_TEST_SUITE_P(All, FailingCodecOnASocket, testing::ValuesIn(kSocketWires),
                         NameOf<FailingCodec::ParamType>);

TEST_P(FailingCodecOnASocket, ThatCantEncodeAMessageFailsTheWriteAlone) {
  const absl::Status no_word = absl::InternalError("no word for it");
  server().Register(kBothOf<Word>, [&](Context&, Reader<Word>& reader, Writer<Word>& writer) {
    EXPECT_EQ(writer.Write({"unspeakable"}), no_word);
    EXPECT_EQ(writer.TryWrite({"unspeakable"}).status(), no_word);
    EXPECT_EQ(writer.AsyncWrite({"unspeakable"}).Wait(), no_word);
    for (const Word& word : reader) EXPECT_EQ(writer.Write(word), absl::OkStatus());
    return reader.status();
  });
  Start();
  const Client client = Connect();
  auto stream = client.Call(kBothOf<Word>);
  EXPECT_EQ(stream.Write({"before"}), absl::OkStatus());
  EXPECT_EQ(stream.Write({"unspeakable"}), no_word);
  EXPECT_EQ(stream.TryWrite({"unspeakable"}).status(), no_word);
  EXPECT_EQ(stream.AsyncWrite({"unspeakable"}).Wait(), no_word);
  EXPECT_EQ(stream.Write({"after"}), absl::OkStatus());
  stream.WritesDone();
  EXPECT_EQ(stream.Next().value_or(Word()).text, "before");
  EXPECT_EQ(stream.Next().value_or(Word()).text, "after");
  EXPECT_FALSE(stream.Next());
  EXPECT_EQ(stream.Finish(), absl::OkStatus());
}

// Where it is encoded because the other end has another type.
TEST(FailingCodecInProcess, ThatCantEncodeAMessageEndsTheReadersCall) {
  Server server;
  server.Register(kUpOf<std::string>,
                  [](Context&, Reader<std::string>& reader) -> absl::StatusOr<std::string> {
                    EXPECT_EQ(reader.Next().value_or(""), "before");
                    EXPECT_FALSE(reader.Next());
                    EXPECT_THAT(reader.status(), IsStatus(kInternal, HasSubstr("no word for it")));
                    return "ignored";
                  });
  ASSERT_EQ(server.Start(), absl::OkStatus());
  auto stream = Client::Local(server).Call(kUpOf<Word>);
  EXPECT_EQ(stream.Write({"before"}), absl::OkStatus());
  EXPECT_EQ(stream.Write({"unspeakable"}), absl::OkStatus());
  EXPECT_THAT(stream.Finish().status(), IsStatus(kInternal, HasSubstr("no word for it")));
}

TEST_P(FailingCodec, ThatCantEncodeTheResponseFailsTheCall) {
  server().Register(kUnaryOf<Word>, [](Context&, const Word& word) {
    return absl::StatusOr<Word>(Word{"un" + word.text});
  });
  server().Register(kUpOf<Word>, [](Context&, Reader<Word>& reader) {
    while (reader.Next()) {
    }
    return absl::StatusOr<Word>(Word{"unspeakable"});
  });
  Start();
  const Client client = Connect();
  EXPECT_THAT(client.Call(kUnaryOf<std::string>, "speakable").status(),
              IsStatus(kInternal, HasSubstr("no word for it")));
  EXPECT_THAT(client.Call(kUpOf<std::string>).Finish().status(),
              IsStatus(kInternal, HasSubstr("no word for it")));
  EXPECT_EQ(client.Call(kUnaryOf<std::string>, "afraid").value_or(""), "unafraid");
}

TEST_P(FailingCodec, ThatCantDecodeIsInternalWithItsText) {
  server().Register(kUnaryOf<Word>, [&](Context&, const Word& word) {
    runs_.Add();
    return absl::StatusOr<Word>(word);
  });
  server().Register(kBothOf<Word>, [](Context&, Reader<Word>& reader, Writer<Word>&) {
    EXPECT_FALSE(reader.Next());
    EXPECT_THAT(reader.status(), IsStatus(kInternal, "malformed message: smudged"));
    return absl::OkStatus();
  });
  server().Register(kDownOf<std::string>,
                    [](Context&, const std::string& request, Writer<std::string>& writer) {
                      return writer.Write(request);
                    });
  Start();
  const Client client = Connect();
  EXPECT_EQ(client.Call(kUnaryOf<std::string>, "unreadable").status(),
            absl::InternalError("malformed request: smudged"));
  EXPECT_EQ(runs_.value(), 0);
  auto stream = client.Call(kBothOf<std::string>);
  EXPECT_EQ(stream.Write("unreadable"), absl::OkStatus());
  EXPECT_FALSE(stream.Next());
  EXPECT_EQ(stream.Finish(), absl::InternalError("malformed message: smudged"));
  auto words = client.Call(kDownOf<Word>, {"unreadable"});
  EXPECT_FALSE(words.Next());
  EXPECT_EQ(words.Finish(), absl::InternalError("malformed message: smudged"));
}

}  // namespace
}  // namespace bad_input_test
}  // namespace parley
