// Two SessionMachines and the stream between them, for the simulation: batches that are under way,
// and an account of its own of what each side may say of an exchange.
#ifndef PARLEY_TESTS_SESSION_SIMULATED_LINK_H_
#define PARLEY_TESTS_SESSION_SIMULATED_LINK_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>

#include "src/wire/session/session_machine.h"

namespace parley::detail {

inline constexpr std::size_t kMostMetadataBytes = 150'000;

// Calls are told by their timeouts, for neighbours have the same method.
inline std::uint64_t SimulatedTimeoutUs(int call) { return static_cast<std::uint64_t>(call) + 1; }
inline int SimulatedCall(std::uint64_t timeout_us) { return static_cast<int>(timeout_us) - 1; }
inline std::string_view SimulatedMethod(int call) { return call / 3 % 2 == 0 ? "a.B/C" : "a.B/D"; }

// The lane of one end of the call with this number.
struct SimulatedLane : Lane {
  explicit SimulatedLane(int number) : call(number) {}
  const int call;
};

// What was said on one stream, read off it.
class WireLedger {
 public:
  using Side = SessionMachine::Side;

  // Both sides have the same limits.
  explicit WireLedger(const SessionMachine::Limits& limits) : limits_(limits) {}

  // What is wrong with the batch; empty: nothing.
  std::string Sent(Side side, std::string_view batch);
  // The application on that side took this much of what the other has sent.
  void Took(Side side, int call, std::size_t cost_bytes);
  // Whether the call was opened on this stream.
  bool Started(int call) const { return ids_.contains(call); }

 private:
  // What one side has sent of an exchange.
  struct Direction {
    std::uint64_t granted = kFirstWindowBytes;
    std::uint64_t sent = 0;
    std::uint64_t taken = 0;
    std::uint64_t remaining = 0;
    bool ended = false;
    bool over = false;
  };
  using Exchange = std::array<Direction, 2>;

  std::string SentOne(Side side, const Frame& frame);
  std::string SentMessage(Direction& direction, const Frame& frame);
  // What `side` has granted beyond the first windows, and nobody has taken.
  std::uint64_t Excess(Side side) const;

  const SessionMachine::Limits limits_;
  std::uint64_t last_ = 0;
  std::map<std::uint64_t, Exchange> exchanges_;
  std::map<int, std::uint64_t> ids_;
};

struct SimulatedLink {
  using Side = SessionMachine::Side;
  struct End {
    SessionMachine machine;
    std::deque<Block> inbox;  // what the other has written
    bool receiving = false;   // the machine has a batch, with frames in it or not
    bool writing = false;
    bool broken = false;
  };

  SimulatedLink(const SessionMachine::Limits& limits, SessionMachine::NewLane new_lane)
      : ledger(limits),
        client{SessionMachine(Side::kClient, limits, &AllocateHeapBlock), {}},
        server{SessionMachine(Side::kServer, limits, &AllocateHeapBlock, std::move(new_lane)), {}} {
    client.machine.Greet({});
    server.machine.Greet({});
  }

  End& end(Side side) { return side == Side::kClient ? client : server; }
  End& other(Side side) { return side == Side::kClient ? server : client; }
  // What one side has to say is on its way. What is wrong with it; empty: nothing.
  // REQUIRES: it has output, and no write is in flight
  std::string Write(Side side);

  WireLedger ledger;
  End client;
  End server;
  bool cut = false;     // what is written is lost
  bool leaves = false;  // the client has seen that no more calls are taken
};

}  // namespace parley::detail

#endif  // PARLEY_TESTS_SESSION_SIMULATED_LINK_H_
