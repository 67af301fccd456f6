// Clients whose server is none, or a broken one: every call ends with a status of its own that says
// why, none hangs past its deadline, and other clients and calls don't notice.
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/bad_input/http2.h"
#include "tests/call/any_call.h"
#include "tests/call/listening_socket.h"
#include "tests/call/wire_fixture.h"

namespace parley::bad_input_test {

// A peer: what it does with each connection.
struct Peer {
  const char* name;
  void (*serve)(call_test::Socket& socket);  // none: it says nothing and keeps the connection
  // What becomes of a call; OK: an error of gRPC's choice.
  absl::StatusCode code;
};

void PrintTo(const Peer& peer, std::ostream* out) { *out << peer.name; }

namespace {

using call_test::AnyCall;
using call_test::HasCode;
using call_test::kBoth;
using call_test::kKinds;
using call_test::ListeningSocket;
using call_test::NameOf;
using call_test::Socket;

constexpr absl::StatusCode kUnavailable = absl::StatusCode::kUnavailable;
constexpr std::size_t kLimit = 1000;  // of the client's messages
constexpr absl::StatusCode kAnyError = absl::StatusCode::kOk;

// --- What peers do.

// Until the client gives up.
void ReadAll(Socket& socket) {
  while (!socket.Receive().empty()) {
  }
}
void CloseAtOnce(Socket&) {}
void ResetAtOnce(Socket& socket) { socket.Reset(); }
void SpeakHttp1(Socket& socket) {
  socket.Send(
      "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nwhat?");
  ReadAll(socket);
}
void SpeakSsh(Socket& socket) {
  socket.Send("SSH-2.0-OpenSSH_9.2p1\r\n");
  ReadAll(socket);
}
void SendRandomBytes(Socket& socket) {
  std::mt19937 random(7);
  socket.Send("\x80" + RandomBytes(random, 3000));
  ReadAll(socket);
}
void SendSettingsAndRandomFrames(Socket& socket) {
  std::mt19937 random(8);
  socket.Send(Frame{kSettings, 0, 0, ""}.ToString());
  FrameReader(socket, kPreface.size()).NextOf(kHeaders);
  for (int i = 0; i < 100; ++i) {
    const Frame frame = RandomFrame(random, RandomBytes(random, 40));
    if (!socket.Send(frame.ToString())) return;
  }
}
void SendHugeFrame(Socket& socket) {
  socket.Send(Frame{kSettings, 0, 0, ""}.ToString());
  socket.Send(std::string("\xff\xff\xff\0\0\0\0\0\1", 9) + std::string(10'000, 'x'));
  ReadAll(socket);
}
void GoAway(Socket& socket) {
  socket.Send(Frame{kSettings, 0, 0, ""}.ToString());
  socket.Send(Frame{kGoAway, 0, 0, BigEndian(0) + BigEndian(0)}.ToString());
}

// Answers each call with `frames`, whose stream becomes the call's. If they don't end it, it hangs
// up.
void Answer(Socket& socket, std::vector<Frame> frames) {
  socket.Send(Frame{kSettings, 0, 0, ""}.ToString());
  FrameReader reader(socket, kPreface.size());
  while (const std::optional<Frame> call = reader.NextOf(kHeaders)) {
    for (Frame& frame : frames) {
      frame.stream = call->stream;
      if (!socket.Send(frame.ToString())) return;
    }
    if (frames.empty() || !frames.back().ends_stream()) return;
  }
}

const Headers kGood = {{":status", "200"}, {"content-type", "application/grpc"}};
Frame HeadersFrame(const Headers& headers, bool last = false) {
  return {kHeaders, static_cast<std::uint8_t>(kEndHeaders | (last ? kEndStream : 0)), 0,
          HeaderBlock(headers)};
}
Frame DataFrame(std::string bytes, bool last = false) {
  return {kData, last ? kEndStream : std::uint8_t{0}, 0, std::move(bytes)};
}
Frame Trailers(std::string status) {
  return HeadersFrame({{"grpc-status", std::move(status)}}, true);
}

void HangUp(Socket& socket) { Answer(socket, {}); }
void HangUpAfterHeaders(Socket& socket) { Answer(socket, {HeadersFrame(kGood)}); }
void HangUpInAMessage(Socket& socket) {
  Answer(socket, {HeadersFrame(kGood), DataFrame(Message("half", false, 8))});
}
void HangUpInAFrame(Socket& socket) {
  socket.Send(Frame{kSettings, 0, 0, ""}.ToString());
  if (!FrameReader(socket, kPreface.size()).NextOf(kHeaders)) return;
  socket.Send(DataFrame(std::string(100, 'x')).ToString().substr(0, 50));
}
void HangUpInTheHeaders(Socket& socket) { Answer(socket, {{kHeaders, 0, 0, HeaderBlock(kGood)}}); }
void EndWithoutTrailers(Socket& socket) {
  Answer(socket, {HeadersFrame(kGood), DataFrame("", true)});
}
void EndWithoutStatus(Socket& socket) {
  Answer(socket, {HeadersFrame(kGood), HeadersFrame({{"x", "y"}}, true)});
}
void EndWithANonsenseStatus(Socket& socket) {
  Answer(socket, {HeadersFrame(kGood), Trailers("seventeen")});
}
void SendBadCompression(Socket& socket) {
  Answer(socket, {HeadersFrame(With(kGood, "grpc-encoding", "gzip")),
                  DataFrame(Message("not what gzip writes", true)), Trailers("0")});
}
void SendMessageOverTheLimit(Socket& socket) {
  Answer(socket,
         {HeadersFrame(kGood), DataFrame(Message(std::string(2 * kLimit, 'l'))), Trailers("0")});
}
void SendBadHeaderCompression(Socket& socket) {
  Answer(socket, {{kHeaders, kEndHeaders | kEndStream, 0, "\xff\xff\xff\xff\xff\xff"}});
}
void RefuseTheStream(Socket& socket) { Answer(socket, {{kRstStream, 0, 0, BigEndian(7)}}); }
void ServeAWebPage(Socket& socket) {
  Answer(socket, {HeadersFrame({{":status", "200"}, {"content-type", "text/html"}}),
                  DataFrame("<html>welcome</html>", true)});
}
void ProxyError(Socket& socket) {
  Answer(socket, {HeadersFrame({{":status", "503"}, {"content-type", "text/html"}}, true)});
}

const Peer kPeers[] = {
    {"SaysNothing", nullptr, absl::StatusCode::kDeadlineExceeded},
    {"ClosesAtOnce", CloseAtOnce, kUnavailable},
    {"ResetsAtOnce", ResetAtOnce, kUnavailable},
    {"SpeaksHttp1", SpeakHttp1, kUnavailable},
    {"SpeaksSsh", SpeakSsh, kUnavailable},
    {"SendsRandomBytes", SendRandomBytes, kUnavailable},
    {"SendsRandomFrames", SendSettingsAndRandomFrames, kAnyError},
    {"SendsAHugeFrame", SendHugeFrame, kAnyError},
    {"GoesAway", GoAway, kUnavailable},
    {"HangsUp", HangUp, kUnavailable},
    {"HangsUpAfterTheHeaders", HangUpAfterHeaders, kUnavailable},
    {"HangsUpInTheHeaders", HangUpInTheHeaders, kUnavailable},
    {"HangsUpInAMessage", HangUpInAMessage, kUnavailable},
    {"HangsUpInAFrame", HangUpInAFrame, kUnavailable},
    {"RefusesTheStream", RefuseTheStream, kUnavailable},
    {"ProxyError", ProxyError, kUnavailable},
    {"SendsAMessageOverTheLimit", SendMessageOverTheLimit, absl::StatusCode::kResourceExhausted},
    {"EndsWithoutTrailers", EndWithoutTrailers, kAnyError},
    {"EndsWithoutAStatus", EndWithoutStatus, kAnyError},
    {"EndsWithANonsenseStatus", EndWithANonsenseStatus, kAnyError},
    {"CompressesNonsense", SendBadCompression, kAnyError},
    {"CompressesHeadersWrongly", SendBadHeaderCompression, kAnyError},
    {"ServesAWebPage", ServeAWebPage, kAnyError},
};

// Does the same with every connection, one after the other.
class BadServer {
 public:
  explicit BadServer(void (*serve)(Socket&))
      : thread_([this, serve] {
          while (true) {
            Socket socket = listening_.Accept();
            if (!socket.valid()) return;
            if (serve != nullptr) {
              serve(socket);
            } else {
              kept_.push_back(std::move(socket));
            }
          }
        }) {}
  // gRPC 1.51 may keep a connection that was being made when its channel went, for up to 20 s.
  ~BadServer() {
    listening_.Close();
    thread_.join();
  }
  std::string target() const { return listening_.target(); }

 private:
  ListeningSocket listening_;
  std::vector<Socket> kept_;
  std::thread thread_;
};

// A server as it should be, with a call that goes on all through the test.
class GoodServer {
 public:
  GoodServer() {
    call_test::RegisterScript(server_, engine_, MethodKind::kBidi, call_test::Form::kPlain,
                              call_test::Echo);
    EXPECT_EQ(server_.Start("127.0.0.1:0"), absl::OkStatus());
    client_ = std::make_unique<Client>(absl::StrCat("127.0.0.1:", server_.port()));
    call_.emplace(client_->Call(kBoth));
    ExpectServes();
  }
  void ExpectServes() {
    EXPECT_EQ(call_->Write("ping"), absl::OkStatus());
    EXPECT_EQ(call_->Next().value_or(""), "ping");
  }

 private:
  call_test::Engine engine_;
  Server server_;
  std::unique_ptr<Client> client_;
  std::optional<ClientReaderWriter<std::string, std::string>> call_;
};

class BadServerTest : public testing::TestWithParam<std::tuple<Peer, MethodKind>> {
 protected:
  const Peer& peer() const { return std::get<0>(GetParam()); }
  MethodKind kind() const { return std::get<1>(GetParam()); }
};
INSTANTIATE_TEST_SUITE_P(All, BadServerTest,
                         testing::Combine(testing::ValuesIn(kPeers), testing::ValuesIn(kKinds)),
                         NameOf<BadServerTest::ParamType>);

TEST_P(BadServerTest, CostsTheCallAClearStatusAndOthersNothing) {
  GoodServer good;
  const BadServer bad(peer().serve);
  ClientOptions options;
  options.max_message_bytes = kLimit;
  options.wire = Wire::kPlain;  // what the server says is for the first stream
  const Client client(bad.target(), options);
  // It is up to the caller how long to wait for a peer that is slow to speak.
  const bool silent = peer().code == absl::StatusCode::kDeadlineExceeded;
  for (int i = 0; i < 3; ++i) {
    const auto call = AnyCall::Open(
        client, kind(), {.timeout = silent ? absl::Milliseconds(500) : absl::Seconds(15)});
    call->Write("request").IgnoreError();
    const absl::Status status = call->End();
    if (peer().code == kAnyError) {
      EXPECT_FALSE(status.ok());
      EXPECT_THAT(status, testing::Not(HasCode(absl::StatusCode::kDeadlineExceeded)));
    } else {
      EXPECT_THAT(status, HasCode(peer().code));
      EXPECT_FALSE(status.message().empty());
    }
    // gRPC 1.51 may hand out an empty message for one that it could not read, before it says so.
    EXPECT_THAT(call->responses, testing::Each(""));
  }
  good.ExpectServes();
}

class NoServer : public testing::TestWithParam<MethodKind> {};
INSTANTIATE_TEST_SUITE_P(All, NoServer, testing::ValuesIn(kKinds), NameOf<MethodKind>);

// A part of the name is longer than any can be, so nobody needs to be asked.
const std::string kUnresolvable = absl::StrCat("dns:///", std::string(64, 'x'), ".invalid:443");

TEST_P(NoServer, NameThatDoesNotResolveIsUnavailable) {
  ClientOptions options;
  options.allow_plaintext_beyond_loopback = true;
  const Client client(kUnresolvable, options);
  const absl::Status status = AnyCall::Open(client, GetParam())->End();
  EXPECT_THAT(status, HasCode(kUnavailable));
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr(std::string(64, 'x')));
}

TEST_P(NoServer, PortThatIsRefusedIsUnavailable) {
  const std::string target = ListeningSocket().target();  // nobody listens there any more
  const Client client(target);
  const absl::Status status = AnyCall::Open(client, GetParam())->End();
  EXPECT_THAT(status, HasCode(kUnavailable));
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr(target));
}

TEST_P(NoServer, WhoWaitsForItWaitsUntilTheDeadline) {
  const BadServer closing(CloseAtOnce);
  ClientOptions options;
  options.allow_plaintext_beyond_loopback = true;
  for (const std::string& target : {ListeningSocket().target(), kUnresolvable, closing.target()}) {
    const Client client(target, options);
    const auto call = AnyCall::Open(client, GetParam(),
                                    {.timeout = absl::Milliseconds(300), .wait_for_ready = true});
    EXPECT_THAT(call->End(), HasCode(absl::StatusCode::kDeadlineExceeded)) << target;
  }
}

}  // namespace
}  // namespace parley::bad_input_test
