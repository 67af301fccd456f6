// Messages that the other end can't decode, over every wire: INTERNAL, never a message, and the
// server and its other calls go on. Also the local wire's ends that have different types: what one
// sends the other decodes or refuses, and never takes as it lies in memory.
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/cord.h"
#include "parley/task.h"
#include "tests/bad_input/methods.h"
#include "tests/call/wire_fixture.h"

namespace parley::bad_input_test {
namespace {

using call_test::Counter;
using call_test::EveryWire;
using call_test::Form;
using call_test::IsStatus;
using call_test::kForms;
using call_test::kWires;
using call_test::NameOf;
using call_test::WireFixture;
using call_test::WireRow;
using testing::HasSubstr;
using testing::StartsWith;

constexpr absl::StatusCode kInternal = absl::StatusCode::kInternal;

// What is no Letter, each for a reason of its own.
std::vector<std::string> NoLetters() {
  const std::string whole = LetterOf("a text").SerializeAsString();
  std::string nested;
  for (int depth = 0; depth < 20; ++depth) {
    nested = std::string{'\x1a', static_cast<char>(nested.size())} + nested;
  }
  return {
      whole.substr(0, whole.size() - 1),            // cut
      whole.substr(0, 1),                           // a tag and nothing
      std::string("\x0a\x7f"),                      // longer than what follows
      std::string("\x0a\xff\xff\xff\xff\xff\xff"),  // a length without an end
      std::string("\x0a\xff\xff\xff\xff\x0f"),      // a length of 4 GiB
      std::string("\0\0", 2),                       // field 0
      std::string("\x0f"),                          // a wire type that there is not
      std::string("\x0c"),                          // the end of a group that did not begin
      std::string("\x0b\x0a\x01x"),                 // a group that does not end
      std::string("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
      std::string("\x0a\x02\xc3\x28"),           // not UTF-8
      std::string("\x0a\x03\xed\xa0\x80"),       // half a surrogate pair
      nested + std::string("\x1a\x02\x0a\x05"),  // cut, deep inside
  };
}

class MalformedRequest : public WireFixture,
                         public testing::TestWithParam<std::tuple<WireRow, Form>> {
 protected:
  MalformedRequest() : WireFixture(std::get<0>(GetParam())) {}
  void TearDown() override { StopServer(); }
  Form form() const { return std::get<1>(GetParam()); }

  // Whose handler takes Letters, as the test's form has it, and counts.
  void ServeUnary();
  void ServeDown();

  Counter runs_;
};
INSTANTIATE_TEST_SUITE_P(All, MalformedRequest,
                         testing::Combine(testing::ValuesIn(kWires), testing::ValuesIn(kForms)),
                         NameOf<MalformedRequest::ParamType>);

void MalformedRequest::ServeUnary() {
  if (form() == Form::kPlain) {
    server().Register(kUnaryOf<Letter>, [this](Context&, const Letter& letter) {
      runs_.Add();
      return absl::StatusOr<Letter>(letter);
    });
  } else if (form() == Form::kCoroutine) {
    server().Register(kUnaryOf<Letter>,
                      [this](Context&, const Letter& letter) -> Task<absl::StatusOr<Letter>> {
                        runs_.Add();
                        co_return letter;
                      });
  } else {
    server().Register(kUnaryOf<Letter>, [this](ServerCall<Unary<Letter, Letter>> call) {
      runs_.Add();
      const Letter letter = call.request();
      std::move(call).Finish(letter);
    });
  }
  Start();
}

void MalformedRequest::ServeDown() {
  if (form() == Form::kPlain) {
    server().Register(kDownOf<Letter>,
                      [this](Context&, const Letter& letter, Writer<Letter>& writer) {
                        runs_.Add();
                        return writer.Write(letter);
                      });
  } else if (form() == Form::kCoroutine) {
    server().Register(
        kDownOf<Letter>,
        [this](Context&, const Letter& letter, Writer<Letter>& writer) -> Task<absl::Status> {
          runs_.Add();
          absl::Status written = co_await writer.AsyncWrite(letter);
          co_return written;
        });
  } else {
    server().Register(kDownOf<Letter>, [this](ServerCall<ServerStreaming<Letter, Letter>> call) {
      runs_.Add();
      const absl::Status written = call.Write(call.request());
      std::move(call).Finish(written);
    });
  }
  Start();
}

TEST_P(MalformedRequest, ToAUnaryMethodIsInternalAndRunsNoHandler) {
  ServeUnary();
  const Client client = Connect();
  for (const std::string& bytes : NoLetters()) {
    const absl::Status status = client.Call(kUnaryOf<std::string>, bytes).status();
    EXPECT_THAT(status, IsStatus(kInternal, StartsWith("malformed request: "))) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("parley.bad_input_test.Letter"));
  }
  EXPECT_EQ(runs_.value(), 0);
  EXPECT_EQ(client.Call(kUnaryOf<Letter>, LetterOf("good"))->text(), "good");
}

TEST_P(MalformedRequest, ToADownloadIsInternalAndRunsNoHandler) {
  ServeDown();
  const Client client = Connect();
  for (const std::string& bytes : NoLetters()) {
    auto stream = client.Call(kDownOf<std::string>, bytes);
    EXPECT_FALSE(stream.Next());
    const absl::Status status = stream.Finish();
    EXPECT_THAT(status, IsStatus(kInternal, StartsWith("malformed request: "))) << status;
  }
  EXPECT_EQ(runs_.value(), 0);
  auto stream = client.Call(kDownOf<Letter>, LetterOf("good"));
  EXPECT_EQ(stream.Next().value_or(Letter()).text(), "good");
}

class MalformedMessage : public EveryWire {
 protected:
  Counter ended_;  // handlers that have seen it
};
INSTANTIATE_TEST_SUITE_P(All, MalformedMessage, testing::ValuesIn(kWires),
                         NameOf<MalformedMessage::ParamType>);

// The messages before it are read; then there is no more, and nobody takes that for the end.
TEST_P(MalformedMessage, OfAnUploadEndsItWithInternal) {
  server().Register(kUpOf<Letter>, [&](Context&, Reader<Letter>& reader) -> absl::StatusOr<Letter> {
    Letter all;
    for (const Letter& letter : reader) all.mutable_text()->append(letter.text());
    EXPECT_EQ(all.text(), "good");
    const absl::Status status = reader.status();
    EXPECT_THAT(status, IsStatus(kInternal, StartsWith("malformed message: "))) << status;
    ended_.Add();
    return all;
  });
  Start();
  const Client client = Connect();
  int calls = 0;
  for (const std::string& bytes : NoLetters()) {
    auto stream = client.Call(kUpOf<std::string>);
    EXPECT_EQ(stream.Write(LetterOf("good").SerializeAsString()), absl::OkStatus());
    stream.Write(bytes).IgnoreError();  // in one process the handler may be quicker
    const absl::Status status = stream.Finish().status();
    EXPECT_THAT(status, IsStatus(kInternal, StartsWith("malformed message: "))) << status;
    EXPECT_TRUE(ended_.Reaches(++calls));
  }
}

TEST_P(MalformedMessage, OfABidiCallEndsItWithInternal) {
  server().Register(
      kBothOf<Letter>,
      [&](Context& ctx, Reader<Letter>& reader, Writer<Letter>& writer) -> absl::Status {
        for (const Letter& letter : reader) {
          if (absl::Status written = writer.Write(letter); !written.ok()) return written;
        }
        EXPECT_THAT(reader.status(), IsStatus(kInternal, StartsWith("malformed message: ")));
        EXPECT_TRUE(ctx.cancelled());
        ended_.Add();
        return absl::OkStatus();
      });
  Start();
  const Client client = Connect();
  int calls = 0;
  for (const std::string& bytes : NoLetters()) {
    auto stream = client.Call(kBothOf<std::string>);
    EXPECT_EQ(stream.Write(LetterOf("good").SerializeAsString()), absl::OkStatus());
    EXPECT_TRUE(stream.Next());
    stream.Write(bytes).IgnoreError();  // in one process the handler may be quicker
    EXPECT_FALSE(stream.Next());
    const absl::Status status = stream.Finish();
    EXPECT_THAT(status, IsStatus(kInternal, StartsWith("malformed message: "))) << status;
    EXPECT_TRUE(ended_.Reaches(++calls));
  }
}

// The response that a request asks for.
std::string Asked(const std::string& request) {
  Letter letter;
  EXPECT_TRUE(letter.ParseFromString(request));
  return letter.enclosure();
}
Letter AskFor(const std::string& response) {
  Letter letter;
  letter.set_enclosure(response);
  return letter;
}

TEST_P(MalformedMessage, AsTheOneResponseIsInternal) {
  server().Register(kUnaryOf<std::string>, [](Context&, const std::string& request) {
    return absl::StatusOr<std::string>(Asked(request));
  });
  server().Register(kUpOf<std::string>, [](Context&, Reader<std::string>& reader) {
    return absl::StatusOr<std::string>(Asked(reader.Next().value_or("")));
  });
  Start();
  const Client client = Connect();
  for (const std::string& bytes : NoLetters()) {
    absl::Status status = client.Call(kUnaryOf<Letter>, AskFor(bytes)).status();
    EXPECT_THAT(status, IsStatus(kInternal, StartsWith("malformed response: "))) << status;
    auto stream = client.Call(kUpOf<Letter>);
    stream.Write(AskFor(bytes)).IgnoreError();  // the call may be over by the time it returns
    status = stream.Finish().status();
    EXPECT_THAT(status, IsStatus(kInternal, StartsWith("malformed response: "))) << status;
  }
  const std::string good = LetterOf("good").SerializeAsString();
  EXPECT_EQ(client.Call(kUnaryOf<Letter>, AskFor(good))->text(), "good");
}

TEST_P(MalformedMessage, OfADownloadEndsItWithInternalAndStopsTheHandler) {
  server().Register(kDownOf<std::string>,
                    [this](Context& ctx, const std::string& request, Writer<std::string>& writer) {
                      EXPECT_TRUE(writer.Write(LetterOf("good").SerializeAsString()).ok());
                      // The client may have seen it by the time that this returns.
                      writer.Write(Asked(request)).IgnoreError();
                      if (call_test::StopRequested(ctx.stop_token())) ended_.Add();
                      return absl::OkStatus();
                    });
  Start();
  const Client client = Connect();
  int calls = 0;
  for (const std::string& bytes : NoLetters()) {
    auto stream = client.Call(kDownOf<Letter>, AskFor(bytes));
    EXPECT_EQ(stream.Next().value_or(Letter()).text(), "good");
    EXPECT_FALSE(stream.Next());
    const absl::Status status = stream.Finish();
    EXPECT_THAT(status, IsStatus(kInternal, StartsWith("malformed message: "))) << status;
    EXPECT_TRUE(ended_.Reaches(++calls));
  }
}

// The status had come behind the messages; OK is not what became of them.
TEST_P(MalformedMessage, OfADownloadThatHasEndedIsInternalAllTheSame) {
  server().Register(kDownOf<std::string>,
                    [](Context&, const std::string& request, Writer<std::string>& writer) {
                      for (const std::string& message : {request, std::string("\x0f"), request}) {
                        EXPECT_EQ(writer.Write(message), absl::OkStatus());
                      }
                      return absl::OkStatus();
                    });
  Start();
  const Client client = Connect();
  auto stream = client.Call(kDownOf<Letter>, LetterOf("good"));
  stream.trailing_metadata();
  EXPECT_TRUE(stream.Next());
  EXPECT_FALSE(stream.Next());
  EXPECT_FALSE(stream.Next()) << "nothing comes after what is missing";
  EXPECT_THAT(stream.status(), IsStatus(kInternal, StartsWith("malformed message: ")));
  EXPECT_THAT(stream.Finish(), IsStatus(kInternal, StartsWith("malformed message: ")));
}

// protobuf writes a text that is not UTF-8, with a complaint, and refuses to read it. Between two
// ends of the same type in one process nobody reads or writes.
TEST_P(MalformedMessage, WithATextThatIsNotUtf8IsRefusedWhereItIsDecoded) {
  server().Register(kUnaryOf<Letter>,
                    [](Context&, const Letter& letter) { return absl::StatusOr<Letter>(letter); });
  Start();
  const Client client = Connect();
  const absl::StatusOr<Letter> answer = client.Call(kUnaryOf<Letter>, LetterOf("\xff\xfe"));
  if (local()) {
    EXPECT_EQ(answer->text(), "\xff\xfe");
  } else {
    EXPECT_THAT(answer.status(), IsStatus(kInternal, StartsWith("malformed request: ")));
  }
  // Any bytes are fine where bytes are what the field is for.
  Letter letter;
  letter.set_enclosure("\xff\xfe");
  EXPECT_EQ(client.Call(kUnaryOf<Letter>, letter)->enclosure(), "\xff\xfe");
}

TEST_P(MalformedMessage, IsNoneWhereTheTypesDifferAndTheBytesFit) {
  server().Register(kUnaryOf<Letter>, [](Context&, const Letter& letter) {
    return absl::StatusOr<Letter>(LetterOf(letter.text() + " there"));
  });
  server().Register(kDownOf<std::string>,
                    [](Context&, const std::string& bytes, Writer<std::string>& writer) {
                      EXPECT_EQ(bytes, LetterOf("hello").SerializeAsString());
                      return writer.Write(bytes);
                    });
  Start();
  const Client client = Connect();
  EXPECT_EQ(client.Call(kUnaryOf<std::string>, LetterOf("hello").SerializeAsString()).value_or(""),
            LetterOf("hello there").SerializeAsString());
  auto stream = client.Call(kDownOf<Letter>, LetterOf("hello"));
  EXPECT_EQ(stream.Next().value_or(Letter()).text(), "hello");
  EXPECT_FALSE(stream.Next());
  EXPECT_EQ(stream.Finish(), absl::OkStatus());
}

}  // namespace
}  // namespace parley::bad_input_test
