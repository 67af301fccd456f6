// Servers whose client sends what no client should, byte by byte: the call or the connection ends,
// no handler gets a message that was not sent, and the server goes on serving others.
#include <algorithm>
#include <iterator>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tests/bad_input/http2.h"
#include "tests/call/any_call.h"
#include "tests/call/listening_socket.h"
#include "tests/call/wire_fixture.h"

namespace parley::bad_input_test {
namespace {

using call_test::Counter;
using call_test::kBoth;
using call_test::kUnary;
using call_test::NameOf;
using call_test::Socket;

// Nothing else may reach a handler.
constexpr char kGood[] = "good, and longer than what is kept without an allocation";

class BadClient : public call_test::WireFixture, public testing::Test {
 protected:
  BadClient() : WireFixture(call_test::kTcp) {
    server().Register(kUnary, [this](Context&, const std::string& request) {
      EXPECT_EQ(request, kGood);
      runs_.Add();
      return absl::StatusOr<std::string>("served");
    });
    server().Register(kBoth, [this](Context&, Reader<std::string>& reader, Writer<std::string>&) {
      started_.Add();
      for (const std::string& request : reader) EXPECT_EQ(request, kGood);
      (reader.status().ok() ? complete_ : cut_).Add();
      return reader.status();
    });
    Start();
    good_ = std::make_unique<Client>(Connect());
    ExpectServes();
  }
  void TearDown() override {
    ExpectServes();
    good_.reset();
    StopServer();
  }

  void ExpectServes() {
    EXPECT_EQ(good_->Call(kUnary, kGood).value_or("an error"), "served");
    ++calls_;
  }
  Socket ConnectRaw() { return Socket::Connect(server().port()); }

  // Sends `bytes` and reads until the server closes the connection.
  void ExpectCloses(const std::string& bytes) {
    const Socket socket = ConnectRaw();
    socket.Send(bytes);
    FrameReader reader(socket);
    while (reader.Next()) {
    }
    ExpectServes();
  }

  // Sends the frames of a call, `frame_bytes` of `data` in each, and reads until it has ended.
  // Returns gRPC's status code, or 100 if there was none: the stream or the connection ended
  // instead.
  int CodeOf(const Headers& headers, const std::string& data, std::size_t frame_bytes = 1 << 14) {
    const Socket socket = ConnectRaw();
    Frame opening{kHeaders, kEndHeaders, 1, HeaderBlock(headers)};
    socket.Send(Opening() + opening.ToString());
    std::string frames;
    for (std::size_t sent = 0; sent + frame_bytes < data.size(); sent += frame_bytes) {
      frames += Frame{kData, 0, 1, data.substr(sent, frame_bytes)}.ToString();
    }
    const std::size_t last = data.empty() ? 0 : (data.size() - 1) / frame_bytes * frame_bytes;
    socket.Send(frames + Frame{kData, kEndStream, 1, data.substr(last)}.ToString());
    FrameReader reader(socket);
    int code = 100;
    while (const std::optional<Frame> frame = reader.Next()) {
      // gRPC's core does not Huffman-code what it sends.
      constexpr std::string_view kName = "grpc-status";
      const std::size_t name = frame->payload.find(kName);
      if (frame->type == kHeaders && name != std::string::npos) {
        const std::string value = frame->payload.substr(name + kName.size());
        EXPECT_TRUE(absl::SimpleAtoi(value.substr(1, static_cast<std::size_t>(value[0])), &code));
      }
      if (frame->type == kGoAway || (frame->stream == 1 && frame->ends_stream())) break;
    }
    return code;
  }

  Counter runs_;                      // of the unary handler
  int calls_ = 0;                     // good ones
  Counter started_, complete_, cut_;  // of the bidi handler
  std::unique_ptr<Client> good_;
};

// --- Connections.

TEST_F(BadClient, ThatSpeaksAnotherProtocolIsDisconnected) {
  ExpectCloses("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  ExpectCloses("SSH-2.0-OpenSSH_9.2p1\r\n");
  ExpectCloses(std::string("\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03", 11) + std::string(50, 't'));
  ExpectCloses(std::string(100, '\0'));
  ExpectCloses(std::string(kPreface.substr(0, 20)) + "\r\nnot so\r\n");
}

TEST_F(BadClient, ThatLeavesInTheOpeningIsForgotten) {
  const std::string opening = Opening();
  for (std::size_t size = 0; size < opening.size(); ++size) {
    const Socket socket = ConnectRaw();
    socket.Send(opening.substr(0, size));
  }
  ExpectServes();
  for (std::size_t size = 0; size < opening.size(); ++size) {
    Socket socket = ConnectRaw();
    socket.Send(opening.substr(0, size));
    socket.Reset();
  }
}

TEST_F(BadClient, ThatBreaksTheRulesOfHttp2IsAnswered) {
  const std::string block = HeaderBlock(CallHeaders(kUnary.path));
  const std::string huge = std::string("\xff\xff\xff\0\0\0\0\0\1", 9) + std::string(100, 'x');
  for (const std::string& bytes :
       {Frame{kData, 0, 0, "of no stream"}.ToString(),
        Frame{kHeaders, kEndHeaders, 0, block}.ToString(), Frame{kSettings, 0, 0, "odd"}.ToString(),
        Frame{kSettings, 0, 1, ""}.ToString(), Frame{kSettings, kAck, 0, "123456"}.ToString(),
        Frame{kWindowUpdate, 0, 0, BigEndian(0)}.ToString(),
        Frame{kWindowUpdate, 0, 0, "x"}.ToString(), Frame{kPing, 0, 0, "short"}.ToString(),
        Frame{kRstStream, 0, 0, BigEndian(0)}.ToString(),
        Frame{kContinuation, 0, 1, block}.ToString(),
        Frame{kPushPromise, kEndHeaders, 1, BigEndian(2) + block}.ToString(),
        Frame{kHeaders, 0, 1, block}.ToString() + Frame{kPing, 0, 0, "12345678"}.ToString(),
        Frame{kHeaders, kEndHeaders, 1, "\xff\xff\xff\xff\xff\xff\xff\xff"}.ToString(),
        Frame{kHeaders, kEndHeaders, 1, std::string("\0\x85\xff\xff\xff\xff\xff", 7)}.ToString(),
        huge}) {
    const Socket socket = ConnectRaw();
    socket.Send(Opening() + bytes);
    // Whatever it is, the connection must not be stuck: what it can read behind it it answers.
    socket.Send(Frame{kPing, 0, 0, "are you?"}.ToString());
    FrameReader reader(socket);
    bool answered = bytes == huge;  // of which it waits for the rest
    while (!answered) {
      const std::optional<Frame> frame = reader.Next();
      answered = !frame || frame->type == kGoAway || frame->type == kRstStream ||
                 (frame->type == kPing && frame->payload == "are you?");
    }
    ExpectServes();
  }
}

TEST_F(BadClient, ThatSendsRandomBytesHarmsNobody) {
  std::mt19937 random(1);
  for (int i = 0; i < 100; ++i) {
    const Socket socket = ConnectRaw();
    socket.Send((i % 2 == 0 ? "" : Opening()) + RandomBytes(random, 4000));
  }
}

TEST_F(BadClient, ThatSendsRandomFramesHarmsNobody) {
  std::mt19937 random(2);
  const std::string block = HeaderBlock(CallHeaders(kBoth.path));
  for (int i = 0; i < 200; ++i) {
    const Socket socket = ConnectRaw();
    std::string bytes = Opening();
    if (i % 3 != 0) bytes += Frame{kHeaders, kEndHeaders, 1, block}.ToString();
    for (int frames = 0; frames < 20; ++frames) {
      // Of data only what no message begins with.
      std::string payload = RandomBytes(random, 60);
      if (!payload.empty() && payload[0] == '\0') payload[0] = '\x55';
      bytes += RandomFrame(random, std::move(payload)).ToString();
    }
    socket.Send(bytes);
  }
}

// A call with bytes changed here and there: some still are calls, none is another's.
TEST_F(BadClient, WhoseBytesAreChangedOnTheWayHarmsNobody) {
  std::mt19937 random(3);
  const std::string call =
      Opening() + Frame{kHeaders, kEndHeaders, 1, HeaderBlock(CallHeaders(kUnary.path))}.ToString();
  const std::string data = Frame{kData, kEndStream, 1, Message(kGood)}.ToString();
  for (int i = 0; i < 300; ++i) {
    std::string changed = call;
    for (int change = 0; change <= i % 4; ++change) {
      changed[random() % changed.size()] = static_cast<char>(random());
    }
    const Socket socket = ConnectRaw();
    socket.Send(changed + data);
  }
}

// --- Calls.

// One with a flag that there is not, or that the end of the stream cuts short of its length, gRPC
// 1.51 takes for an empty message, or in a stream for none: nobody above it can tell.
TEST_F(BadClient, WhoseMessageIsFramedWronglyGetsAnError) {
  const Headers headers = CallHeaders(kUnary.path);
  ASSERT_EQ(CodeOf(headers, Message(kGood)), 0) << "as it should be";
  ++calls_;
  for (const std::string& data :
       {Message(kGood, false, 1u << 30), Message(kGood, false, 0xffffffff),
        Message(kGood).substr(0, 3), std::string()}) {
    EXPECT_NE(CodeOf(headers, data), 0) << data;
  }
  EXPECT_NE(CodeOf(With(headers, "grpc-encoding", "gzip"), Message("no gzip", true)), 0);
  EXPECT_EQ(runs_.value(), calls_);
}

TEST_F(BadClient, WhoseMessageComesInManyFramesIsServed) {
  const std::string message = Message(kGood);
  for (std::size_t bytes = 1; bytes <= message.size(); ++bytes) {
    EXPECT_EQ(CodeOf(CallHeaders(kUnary.path), message, bytes), 0) << bytes << " bytes a frame";
    ++calls_;
  }
  EXPECT_EQ(runs_.value(), calls_);
}

// gRPC's own business, and not the same in all its versions: the call is served as if the header
// were right, or not at all.
TEST_F(BadClient, WhoseHeadersAreOddIsAnswered) {
  const Headers headers = CallHeaders(kUnary.path);
  for (const Headers& odd : {With(headers, "content-type", "text/html"),
                             With(headers, "content-type", std::nullopt),
                             With(headers, "content-type", ""),
                             With(headers, "grpc-timeout", "5 apples"),
                             With(headers, "grpc-timeout", ""),
                             With(headers, "grpc-timeout", "-1S"),
                             With(headers, "grpc-timeout", "999999999999999999999S"),
                             With(headers, "te", std::nullopt),
                             With(headers, ":method", "GET"),
                             With(headers, ":method", "DELETE"),
                             With(headers, ":method", std::nullopt),
                             With(headers, ":scheme", std::nullopt),
                             With(headers, ":scheme", "gopher"),
                             With(headers, ":authority", std::nullopt),
                             With(headers, ":status", "200"),
                             With(headers, "Upper-Case", "name"),
                             With(headers, "line\nbreak", "name"),
                             With(headers, "value", "line\nbreak"),
                             With(headers, "value", std::string("\0", 1)),
                             With(headers, "bytes-bin", "no base64!"),
                             With(headers, "grpc-status", "0"),
                             With(headers, "connection", "close"),
                             With(headers, "long", std::string(7000, 'x')),
                             With(headers, "longer", std::string(16'000, 'x'))}) {
    const int before = runs_.value();
    const bool served = CodeOf(odd, Message(kGood)) == 0;
    EXPECT_EQ(runs_.value(), before + (served ? 1 : 0));
    ExpectServes();
  }
}

TEST_F(BadClient, WhosePathIsNoMethodGetsAnErrorAndRunsNoHandler) {
  const Headers headers = CallHeaders(kUnary.path);
  for (const std::string& path :
       {std::string(), std::string("/"), std::string("//"), std::string("*"),
        std::string(kUnary.path), std::string("/../"),
        absl::StrCat("/", std::string(kUnary.path), "\n"),
        absl::StrCat("//", std::string(kUnary.path)), std::string("/\xff\xfe"), std::string("/a b"),
        absl::StrCat("/", std::string(2000, 'x'))}) {
    EXPECT_NE(CodeOf(With(headers, ":path", path), Message(kGood)), 0) << path;
  }
  EXPECT_NE(CodeOf(With(headers, ":path", std::nullopt), Message(kGood)), 0);
  EXPECT_EQ(runs_.value(), calls_);
}

// The handler learns that what it has read is not all.
TEST_F(BadClient, ThatLeavesInAnUploadIsNeverTakenForDone) {
  const std::string opening =
      Opening() + Frame{kHeaders, kEndHeaders, 1, HeaderBlock(CallHeaders(kBoth.path))}.ToString() +
      Frame{kData, 0, 1, Message(kGood)}.ToString();
  int left = 0;
  for (const std::string& last :
       {std::string(), Frame{kData, 0, 1, Message(kGood).substr(0, 6)}.ToString(),
        Frame{kData, 0, 1, Message(kGood)}.ToString().substr(0, 11),
        Frame{kRstStream, 0, 1, BigEndian(8)}.ToString(),
        Frame{kData, 0, 1, Message(kGood, true)}.ToString(),
        Frame{kGoAway, 0, 0, BigEndian(0) + BigEndian(0)}.ToString()}) {
    for (const bool reset : {false, true}) {
      Socket socket = ConnectRaw();
      socket.Send(opening);
      ASSERT_TRUE(started_.Reaches(++left));
      socket.Send(last);
      if (reset) socket.Reset();
    }
    ASSERT_TRUE(cut_.Reaches(left)) << last;
  }
  EXPECT_EQ(complete_.value(), 0);
}

}  // namespace
}  // namespace parley::bad_input_test
