// HTTP/2 by hand, so that a peer can say what no library would: frames, headers without compression
// and gRPC's messages. For the tests of bad peers on sockets.
#ifndef PARLEY_TESTS_BAD_INPUT_HTTP2_H_
#define PARLEY_TESTS_BAD_INPUT_HTTP2_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/call/listening_socket.h"

namespace parley::bad_input_test {

inline constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

enum FrameType : std::uint8_t {
  kData,
  kHeaders,
  kPriority,
  kRstStream,
  kSettings,
  kPushPromise,
  kPing,
  kGoAway,
  kWindowUpdate,
  kContinuation,
};

inline constexpr std::uint8_t kEndStream = 1;
inline constexpr std::uint8_t kAck = 1;
inline constexpr std::uint8_t kEndHeaders = 4;

struct Frame {
  std::uint8_t type = 0;
  std::uint8_t flags = 0;
  std::uint32_t stream = 0;
  std::string payload;

  std::string ToString() const;
  bool ends_stream() const {
    return type == kRstStream || ((type == kData || type == kHeaders) && (flags & kEndStream) != 0);
  }
};

// `value` in network order.
std::string BigEndian(std::uint32_t value);

using Headers = std::vector<std::pair<std::string, std::string>>;
std::string HeaderBlock(const Headers& headers);

// A gRPC message. `says`: the length in front of it, if that is not to be its own.
std::string Message(std::string_view bytes, bool compressed = false,
                    std::optional<std::uint32_t> says = std::nullopt);

// The headers of a call as a gRPC client sends them.
Headers CallHeaders(std::string_view method);
// `headers` with the first of the name replaced, or, without a value, left out.
Headers With(Headers headers, std::string_view name, std::optional<std::string> value);

// At most `most_bytes`.
std::string RandomBytes(std::mt19937& random, std::size_t most_bytes);
// With any type and flags, of one of the first streams.
Frame RandomFrame(std::mt19937& random, std::string payload);

// What a client says before its first call.
std::string Opening();

// The frames that come from a peer.
class FrameReader {
 public:
  // `skip_bytes`: of the preface, which only a client sends.
  explicit FrameReader(const call_test::Socket& socket, std::size_t skip_bytes = 0)
      : socket_(socket), skip_bytes_(skip_bytes) {}

  // The next frame; nothing at the end of the connection.
  std::optional<Frame> Next();
  // The next frame of this type; nothing if the connection ends before.
  std::optional<Frame> NextOf(FrameType type);

 private:
  bool Fill(std::size_t bytes);

  const call_test::Socket& socket_;
  std::size_t skip_bytes_;
  std::string received_;
};

}  // namespace parley::bad_input_test

#endif  // PARLEY_TESTS_BAD_INPUT_HTTP2_H_
