// Calls of every kind over sessions that are two state machines and a stream between them, in an
// order that a number decides: applications that write, read, stall and give up, batches that take
// their time, servers that drain and streams that break. What each end of each call gets is held
// against what the other has sent.
#ifndef PARLEY_TESTS_SESSION_SESSION_SIMULATION_H_
#define PARLEY_TESTS_SESSION_SESSION_SIMULATION_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <iostream>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "tests/session/simulated_link.h"

namespace parley::detail {

class SessionSimulation {
 public:
  // `trace`: prints each step.
  explicit SessionSimulation(std::uint64_t seed, bool trace = false);

  // Runs it to its end. What was wrong first; empty: nothing.
  std::string Run();
  int steps() const { return steps_; }

 private:
  using Side = SessionMachine::Side;
  using Event = SessionMachine::Event;
  static constexpr Side kClient = Side::kClient;
  static constexpr Side kServer = Side::kServer;

  // What one end of a call has done. Both ends are alike but for how they end.
  struct End {
    std::shared_ptr<SimulatedLane> lane;
    std::vector<std::size_t> plan;  // sizes of the messages to send
    std::size_t sent = 0;           // given to the machine, and not given back
    bool sending = false;           // the last of them waits
    bool said_end = false;          // client: half-close; server: status
    std::size_t received = 0;
    std::deque<std::size_t> unread;  // costs of messages
    std::size_t taken_cost = 0;      // not told yet
    bool tells = true;               // what it takes
    bool stalled = false;
    bool refused = false;  // a message was too long
    bool over = false;     // nothing comes any more
  };
  struct Call {
    int number;
    bool one_request = false;
    bool has_headers = false;
    std::size_t metadata_bytes = 0;
    bool bare = false;          // the request has no metadata
    bool early = false;         // the server need not wait for the requests
    bool with_message = false;  // the status goes with the last response
    std::size_t link = 0;
    bool open = false;
    std::optional<SessionMachine::Opening> opening;  // as it came back
    End client;
    End server;
    bool served = false;
    bool ended = false;  // the half-close has arrived
    bool headers_came = false;
    bool cancelled = false;
    bool finished = false;           // by the server, with trailers
    bool with_last_message = false;  // and a message that may be waiting
    absl::Status status;             // as the server means it
    std::optional<absl::Status> final;
  };

  // --- What may happen; false: not now.
  bool ClientOpens(Call& call);
  bool ClientSends(Call& call);
  bool ClientEnds(Call& call);
  bool ClientCancels(Call& call);
  bool ServerSends(Call& call);
  bool ServerFinishes(Call& call, bool may_be_early);
  bool ServerCancels(Call& call);
  bool Takes(Call& call, Side side);
  bool Writes(std::size_t link, Side side);
  bool WriteEnds(std::size_t link, Side side);
  bool Receives(std::size_t link, Side side);
  bool Drains(std::size_t link);
  bool Cuts(std::size_t link);
  bool Breaks(std::size_t link, Side side);

  void Step();
  bool StepOfCall(Call& call, Side side);
  // Everything goes on until there is nothing left to do.
  void Settle();
  bool SettleOnce();
  void CheckMachines();
  void CheckEnd();

  // --- What comes of it.
  void Served(Side side, SessionMachine& machine);
  void ServerHears(std::size_t link, Event& event);
  void ClientHears(std::size_t link, Event& event);
  // The server sends this status in place of what it has not sent.
  void CutOff(Call& call, absl::Status status);
  void Hears(Call& call, End& end, const End& other, const Event& event, bool from_client);
  void Returned(Call& call, std::size_t link, bool may_have_run, const char* why);
  void Ends(Call& call, absl::Status status);

  // The index-th message of one end.
  Payload Message(const Call& call, bool clients, std::size_t index);
  bool IsMessage(const Payload& payload, const Call& call, bool clients, std::size_t index) const;
  std::size_t Size();
  static Metadata MetadataOf(const Call& call);
  static bool IsMetadata(const Metadata& metadata, const Call& call);
  static bool IsRequestMetadata(const Metadata& metadata, const Call& call);

  Call& CallOf(const Lane& lane) {
    return *calls_[static_cast<std::size_t>(static_cast<const SimulatedLane&>(lane).call)];
  }
  SessionMachine& MachineOf(const Call& call, Side side) {
    return links_[call.link]->end(side).machine;
  }
  void Check(bool ok, const std::string& what) {
    if (!ok && violation_.empty()) violation_ = what;
  }
  template <class... Parts>
  void Log(const Parts&... parts) {
    if (trace_) std::cout << absl::StrCat(parts...) << std::endl;
  }

  std::uint64_t Random();
  std::size_t Below(std::size_t bound) { return static_cast<std::size_t>(Random() % bound); }
  bool Chance(std::size_t percent) { return Below(100) < percent; }

  std::uint64_t state_;
  const bool trace_;
  std::size_t most_links_ = 1;
  std::size_t sizes_ = 0;  // how large messages may be
  bool may_cancel_ = false;
  bool may_drain_ = false;
  bool may_break_ = false;
  SessionMachine::Limits limits_;
  std::vector<std::unique_ptr<Call>> calls_;
  std::vector<std::unique_ptr<SimulatedLink>> links_;
  std::set<const End*> just_over_;
  int steps_ = 0;
  std::string violation_;
};

}  // namespace parley::detail

#endif  // PARLEY_TESTS_SESSION_SESSION_SIMULATION_H_
