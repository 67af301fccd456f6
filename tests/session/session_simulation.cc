#include "tests/session/session_simulation.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace parley::detail {
namespace {

constexpr std::size_t kCost = SessionMachine::kMessageCostBytes;
constexpr std::size_t kMostMessageBytes = 400'000;

std::uint64_t Mixed(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

// All messages are parts of this.
const std::string& Text() {
  static const std::string& text = *[] {
    auto* made = new std::string;
    for (std::uint64_t i = 0; made->size() < 2 * kMostMessageBytes; ++i) {
      const std::uint64_t word = Mixed(i + 1);
      made->append(reinterpret_cast<const char*>(&word), sizeof word);
    }
    return made;
  }();
  return text;
}
std::string_view TextOf(int call, bool clients, std::size_t index, std::size_t size) {
  const std::uint64_t where =
      Mixed(static_cast<std::uint64_t>(call) * 1000 + index * 2 + (clients ? 1 : 0));
  return std::string_view(Text()).substr(where % (Text().size() - kMostMessageBytes), size);
}

}  // namespace

std::uint64_t SessionSimulation::Random() { return Mixed(state_ += 0x9e3779b97f4a7c15); }

std::size_t SessionSimulation::Size() {
  constexpr std::size_t kMost[] = {10, 2000, 40'000, kMostMessageBytes};
  return Below(kMost[Below(sizes_ + 1)] + 1);
}

SessionSimulation::SessionSimulation(std::uint64_t seed, bool trace) : state_(seed), trace_(trace) {
  constexpr std::size_t kWindow = kFirstWindowBytes;
  constexpr std::size_t kPools[] = {2 * kWindow, 8 * kWindow, 64 * kWindow};
  sizes_ = Chance(10) ? 3 : Below(3);
  limits_.max_message_bytes = Chance(5) ? 30'000 : kMostMessageBytes;
  limits_.max_exchanges = Chance(20) ? 1 + Below(3) : 100;
  limits_.max_window_bytes = kWindow << Below(5);
  limits_.pool_bytes = kPools[Below(3)];
  may_cancel_ = Chance(40);
  may_drain_ = Chance(20);
  may_break_ = Chance(20);
  most_links_ = may_drain_ || may_break_ ? 1 + Below(3) : 1;

  // Large enough for a few to fill a batch, so that others have to wait for their turn.
  const bool large_metadata = Chance(15);
  const std::size_t calls = 1 + (Chance(5) ? Below(40) : Below(8));
  for (std::size_t i = 0; i < calls; ++i) {
    Call& call = *calls_.emplace_back(std::make_unique<Call>());
    call.number = static_cast<int>(i);
    call.one_request = Chance(50);
    call.has_headers = Chance(30);
    call.metadata_bytes = large_metadata && Chance(60) ? Below(kMostMetadataBytes + 1) : 0;
    call.bare = Chance(50);
    call.early = Chance(10);
    call.with_message = Chance(70);
    const std::size_t requests = call.one_request ? 1 : Below(5);
    for (std::size_t j = 0; j < requests; ++j) call.client.plan.push_back(Size());
    const std::size_t responses = Chance(50) ? 1 : Below(5);
    for (std::size_t j = 0; j < responses; ++j) call.server.plan.push_back(Size());
    // Who gets one message, or one with the status, need not say that it was taken.
    call.client.tells = responses > 1 || !call.with_message || Chance(50);
    call.server.tells = !call.one_request || Chance(50);
    if (Chance(20)) call.status = absl::NotFoundError("not there");
    call.client.stalled = Chance(10);
    call.server.stalled = Chance(10);
  }
}

Payload SessionSimulation::Message(const Call& call, bool clients, std::size_t index) {
  const End& end = clients ? call.client : call.server;
  std::string_view text = TextOf(call.number, clients, index, end.plan[index]);
  Buffer buffer;
  while (!text.empty()) {
    const std::string_view piece =
        text.substr(0, Chance(50) ? text.size() : Below(text.size() + 1));
    if (Chance(30)) {
      buffer.Append(piece);
    } else {
      buffer.AppendReference(piece, nullptr);
    }
    text.remove_prefix(piece.size());
  }
  return Payload(std::move(buffer));
}

bool SessionSimulation::IsMessage(const Payload& payload, const Call& call, bool clients,
                                  std::size_t index) const {
  const End& end = clients ? call.client : call.server;
  if (index >= end.plan.size() || payload.size_bytes() != end.plan[index]) return false;
  std::string_view text = TextOf(call.number, clients, index, end.plan[index]);
  for (const Block& piece : payload.bytes().pieces()) {
    if (!text.starts_with(piece.view())) return false;
    text.remove_prefix(piece.size());
  }
  return text.empty();
}

Metadata SessionSimulation::MetadataOf(const Call& call) {
  return {{"number", std::to_string(call.number)}, {"text", std::string(call.metadata_bytes, 'm')}};
}

bool SessionSimulation::IsRequestMetadata(const Metadata& metadata, const Call& call) {
  return call.bare ? metadata.empty() : IsMetadata(metadata, call);
}

bool SessionSimulation::IsMetadata(const Metadata& metadata, const Call& call) {
  return metadata.size() == 2 && metadata.Get("number") == std::to_string(call.number) &&
         metadata.Get("text")->size() == call.metadata_bytes;
}

// --- What comes of it.

void SessionSimulation::Served(Side side, SessionMachine& machine) {
  if (!machine.has_served()) return;
  for (const SessionMachine::Served& served : machine.TakeServed()) {
    if (!served.taken) continue;
    Call& call = CallOf(*served.lane);
    End& end = side == kClient ? call.client : call.server;
    Check(end.sending || (call.one_request && side == kClient) || end.over || end.said_end,
          absl::StrCat("call ", call.number, ": a message was sent that nobody had"));
    end.sending = false;
    if (side == kServer && end.said_end) {
      end.over = true;
      just_over_.insert(&end);
    }
  }
}

// What both ends check of what arrives.
void SessionSimulation::Hears(Call& call, End& end, const End& other, const Event& event,
                              bool from_client) {
  const std::string name =
      absl::StrCat("call ", call.number, from_client ? " server: " : " client: ");
  // What came before the credit for its last message, or with it, still belongs to it.
  Check(!end.over || just_over_.contains(&end), name + "something comes after the end");
  if (!event.refused.ok()) {
    Check(!end.refused && end.received < other.plan.size() &&
              other.plan[end.received] > limits_.max_message_bytes,
          name + "a message is refused that is not too long");
    end.refused = true;
  }
  if (!event.message) return;
  Check(!end.refused, name + "a message after one that was refused");
  Check(end.received < other.sent, name + "a message that was not sent");
  Check(IsMessage(*event.message, call, from_client, end.received), name + "another message");
  Check(event.message->size_bytes() <= limits_.max_message_bytes, name + "too long a message");
  ++end.received;
  end.unread.push_back(SessionMachine::CostOf(event.message->size_bytes()));
}

void SessionSimulation::ServerHears(std::size_t link, Event& event) {
  if (event.lane == nullptr) return Check(!event.message, "a message for nobody");
  Call& call = CallOf(*event.lane);
  const std::string name = absl::StrCat("call ", call.number, " server: ");
  if (event.opened) {
    Check(!call.served, name + "opened twice");
    Check(call.link == link, name + "opened on a session that it has left");
    Check(!event.status, name + "not taken");
    Check(event.metadata && IsRequestMetadata(*event.metadata, call), name + "the metadata");
    call.served = true;
    call.server.lane = std::static_pointer_cast<SimulatedLane>(event.lane);
  }
  Check(call.served && event.lane == call.server.lane, name + "another lane");
  Hears(call, call.server, call.client, event, true);
  if (event.ended) {
    Check(!call.ended && call.server.received == call.client.plan.size() && call.client.said_end,
          name + "an end before the last message");
    call.ended = true;
  }
  if (event.cancelled) {
    Check(call.cancelled, name + "cancelled by nobody");
    call.server.over = true;
  }
  if (!event.refused.ok()) CutOff(call, event.refused);
}

void SessionSimulation::CutOff(Call& call, absl::Status status) {
  Log("call ", call.number, " server cuts it off: ", status.ToString());
  End& end = call.server;
  const bool waited = end.sending || std::exchange(call.with_last_message, false);
  const Payload unsent = MachineOf(call, kServer).Cancel(*end.lane, status);
  if (waited) {
    --end.sent;
    Check(unsent.size_bytes() == end.plan[end.sent],
          absl::StrCat("call ", call.number, ": another message comes back"));
    if (status.ok()) status = absl::CancelledError("the last message was not sent");
  }
  call.status = std::move(status);
  end.sending = false;
  end.said_end = true;
}

void SessionSimulation::ClientHears(std::size_t link, Event& event) {
  if (event.draining) {
    links_[link]->leaves = true;
    for (const std::shared_ptr<Lane>& lane : event.retried) {
      Call& call = CallOf(*lane);
      Check(!call.served, absl::StrCat("call ", call.number, ": retried, and has been run"));
      Returned(call, link, false, "the server drains");
    }
  }
  if (event.lane == nullptr) return Check(!event.message, "a message for nobody");
  Call& call = CallOf(*event.lane);
  const std::string name = absl::StrCat("call ", call.number, " client: ");
  Check(call.link == link && event.lane == call.client.lane, name + "another lane");
  if (event.metadata) {
    Check(call.has_headers && !call.headers_came && call.client.received == 0 &&
              IsMetadata(*event.metadata, call),
          name + "headers");
    call.headers_came = true;
  }
  Hears(call, call.client, call.server, event, false);
  if (event.status) {
    call.client.over = true;
    const bool all = call.client.received == call.server.sent || call.client.refused;
    Check(all, name + "a status before the last message");
    Check(call.server.said_end && *event.status == call.status,
          absl::StrCat(name, "the status ", event.status->ToString(), " is not ",
                       call.status.ToString()));
    Check(event.trailing.size() == (call.finished ? 1 : 0), name + "the trailers");
    Check(call.has_headers == call.headers_came || call.status.code() != absl::StatusCode::kOk,
          name + "no headers");
    if (!call.cancelled) Ends(call, *event.status);
  }
  if (!event.refused.ok() && !call.cancelled && !call.final) {
    Log("call ", call.number, " client gives up: ", event.refused.ToString());
    call.cancelled = true;
    MachineOf(call, kClient).Cancel(*call.client.lane);
    Ends(call, event.refused);
  }
}

// The session has given the call back.
void SessionSimulation::Returned(Call& call, std::size_t link, bool may_have_run, const char* why) {
  Log("call ", call.number, " comes back: ", why);
  const std::string name = absl::StrCat("call ", call.number, ": ");
  Check(call.open && call.link == link && !call.client.over, name + "given back for nothing");
  Lane& lane = *call.client.lane;
  call.open = false;
  call.client.over = true;
  if (call.cancelled) return;
  const bool again = !may_have_run && SessionMachine::CanReopen(lane);
  Check(again == (!may_have_run && call.one_request), name + "whether it can be opened again");
  if (!again) return Ends(call, absl::UnavailableError(why));
  call.opening = SessionMachine::TakeOpening(lane);
  Check(call.opening->request && IsMessage(*call.opening->request, call, true, 0) &&
            IsRequestMetadata(call.opening->metadata, call),
        name + "the opening is not what it was");
  call.client.over = call.client.sending = call.client.said_end = false;
  call.client.sent = 0;
}

void SessionSimulation::Ends(Call& call, absl::Status status) {
  Log("call ", call.number, " ends: ", status.ToString());
  Check(!call.final, absl::StrCat("call ", call.number, ": a second final status"));
  call.final = std::move(status);
}

void SessionSimulation::CheckMachines() {
  const std::uint64_t half = limits_.pool_bytes / 2;
  const std::uint64_t most =
      half + std::max<std::uint64_t>(half, limits_.max_message_bytes + kCost);
  for (const auto& link : links_) {
    for (SimulatedLink::End* end : {&link->client, &link->server}) {
      Check(end->machine.pool_used() <= most, "the pool's bound");
      Check(end->machine.exchanges() <= limits_.max_exchanges, "too many exchanges");
    }
  }
}

void SessionSimulation::CheckEnd() {
  for (const auto& call : calls_) {
    const std::string name = absl::StrCat("call ", call->number, ": ");
    Check(call->final.has_value(), name + "no final status");
    Check(call->client.over || call->cancelled, name + "the client's end is open");
    Check(!call->served || call->server.over || call->server.said_end,
          name + "the server's end is open");
  }
  for (const auto& link : links_) {
    for (const SimulatedLink::End* end : {&link->client, &link->server}) {
      Check(end->machine.exchanges() == 0, "exchanges are left");
      Check(end->machine.pool_used() == 0, "a part of the pool is left");
      Check(end->broken || !end->machine.has_output(), "something is left to be said");
    }
  }
}

std::string SessionSimulation::Run() {
  const std::size_t steps = Below(Chance(20) ? 300 : 80);
  for (std::size_t i = 0; i < steps && violation_.empty(); ++i) Step();
  if (violation_.empty()) Settle();
  if (violation_.empty()) CheckEnd();
  return violation_;
}

}  // namespace parley::detail
