// What may happen in a simulated session, one step at a time.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/session/session_simulation.h"

namespace parley::detail {

// --- The client's application.

bool SessionSimulation::ClientOpens(Call& call) {
  if (call.open || call.final) return false;
  const bool down = links_.empty() || links_.back()->leaves || links_.back()->client.broken;
  if (down && links_.size() < most_links_) {
    links_.push_back(std::make_unique<SimulatedLink>(limits_, [](std::string_view method,
                                                                 std::uint64_t timeout_us) {
      const int number = SimulatedCall(timeout_us);
      return method == SimulatedMethod(number) ? std::make_shared<SimulatedLane>(number) : nullptr;
    }));
  } else if (down) {
    call.client.over = true;
    Ends(call, absl::UnavailableError("no session can be had"));
    return true;
  }
  if (!call.opening) {
    call.opening.emplace();
    *call.opening = {SimulatedMethod(call.number), SimulatedTimeoutUs(call.number),
                     call.bare ? Metadata() : MetadataOf(call), std::nullopt};
    if (call.one_request) call.opening->request = Message(call, true, 0);
  }
  if (call.client.lane == nullptr) call.client.lane = std::make_shared<SimulatedLane>(call.number);
  if (!links_.back()->client.machine.Open(call.client.lane, *call.opening)) return false;
  Log("call ", call.number, " opens on session ", links_.size() - 1);
  call.opening.reset();
  call.link = links_.size() - 1;
  call.open = true;
  if (call.one_request) {
    call.client.sent = 1;
    call.client.said_end = true;
  }
  return true;
}

bool SessionSimulation::ClientSends(Call& call) {
  End& end = call.client;
  if (!call.open || call.final || end.sending || end.said_end || end.sent == end.plan.size()) {
    return false;
  }
  const bool last = end.sent + 1 == end.plan.size() && Chance(50);
  Payload message = Message(call, true, end.sent);
  Log("call ", call.number, " client sends ", message.size_bytes(), last ? ", the last" : "");
  ++end.sent;
  end.said_end = last;
  end.sending = !MachineOf(call, kClient).Send(*end.lane, std::move(message), last);
  return true;
}

bool SessionSimulation::ClientEnds(Call& call) {
  End& end = call.client;
  if (!call.open || call.final || end.said_end || end.sent < end.plan.size()) return false;
  Log("call ", call.number, " client ends");
  end.said_end = true;
  MachineOf(call, kClient).End(*end.lane);
  return true;
}

bool SessionSimulation::ClientCancels(Call& call) {
  if (!call.open || call.cancelled || call.final) return false;
  Log("call ", call.number, " client cancels");
  call.cancelled = true;
  call.client.sending = false;
  MachineOf(call, kClient).Cancel(*call.client.lane);
  Ends(call, absl::CancelledError("by the client"));
  return true;
}

// --- The server's.

bool SessionSimulation::ServerSends(Call& call) {
  End& end = call.server;
  const bool keeps_one = call.with_message && end.sent + 1 == end.plan.size();
  if (!call.served || end.over || end.sending || end.said_end || end.sent == end.plan.size() ||
      keeps_one) {
    return false;
  }
  SessionMachine& machine = MachineOf(call, kServer);
  if (call.has_headers && end.sent == 0) machine.SetHeaders(*end.lane, MetadataOf(call));
  Payload message = Message(call, false, end.sent);
  Log("call ", call.number, " server sends ", message.size_bytes());
  ++end.sent;
  end.sending = !machine.Send(*end.lane, std::move(message), false);
  return true;
}

bool SessionSimulation::ServerFinishes(Call& call, bool may_be_early) {
  End& end = call.server;
  if (!call.served || end.over || end.sending || end.said_end) return false;
  const bool early = may_be_early && call.early;
  const std::size_t left = end.plan.size() - end.sent;
  if (!early && (!call.ended || left > (call.with_message ? 1 : 0))) return false;
  if (call.has_headers && end.sent == 0) {
    MachineOf(call, kServer).SetHeaders(*end.lane, MetadataOf(call));
  }
  std::optional<Payload> message;
  if (left > 0 && call.with_message) message = Message(call, false, end.sent++);
  Log("call ", call.number, " server finishes, ", message ? message->size_bytes() : 0, " bytes");
  end.said_end = call.finished = true;
  call.with_last_message = message.has_value();
  const bool sent = MachineOf(call, kServer)
                        .Finish(*end.lane, std::move(message), call.status,
                                {{"number", std::to_string(call.number)}});
  end.over = sent;
  return true;
}

bool SessionSimulation::ServerCancels(Call& call) {
  End& end = call.server;
  if (!call.served || end.over) return false;
  if (!end.said_end) {
    CutOff(call, absl::AbortedError("by the server"));
  } else if (call.finished) {
    // The last resort for a call that is stuck: its status, without the message.
    CutOff(call, call.status);
  }
  return true;
}

// --- Either's.

bool SessionSimulation::Takes(Call& call, Side side) {
  End& end = side == kClient ? call.client : call.server;
  if (end.unread.empty() || end.stalled) return false;
  end.taken_cost += end.unread.front();
  end.unread.pop_front();
  const bool empty = end.unread.empty();
  if (end.tells && (empty || end.taken_cost >= kFirstWindowBytes / 2)) {
    Log("call ", call.number, side == kClient ? " client" : " server", " took ", end.taken_cost);
    const std::size_t cost = std::exchange(end.taken_cost, 0);
    MachineOf(call, side).Took(*end.lane, cost, empty);
    links_[call.link]->ledger.Took(side, call.number, cost);
  }
  return true;
}

// --- The stream.

bool SessionSimulation::Writes(std::size_t link, Side side) {
  SimulatedLink::End& end = links_[link]->end(side);
  if (end.writing || end.broken || !end.machine.has_output()) return false;
  Log("session ", link, side == kClient ? " client" : " server", " writes");
  const std::string wrong = links_[link]->Write(side);
  Check(wrong.empty(), wrong);
  Served(side, end.machine);
  return true;
}

bool SessionSimulation::WriteEnds(std::size_t link, Side side) {
  return std::exchange(links_[link]->end(side).writing, false);
}

bool SessionSimulation::Receives(std::size_t link, Side side) {
  SimulatedLink::End& end = links_[link]->end(side);
  if (end.broken) return false;
  if (!end.receiving) {
    if (end.inbox.empty()) return false;
    end.machine.Arrived(std::move(end.inbox.front()));
    end.inbox.pop_front();
    end.receiving = true;
  }
  // As a session does: some frames under one lock, and then what they have brought.
  std::vector<Event> events;
  for (std::size_t left = 1 + Below(4); left > 0 && end.receiving; --left) {
    Event event;
    const std::shared_ptr<Lane> last = events.empty() ? nullptr : events.back().lane;
    const absl::StatusOr<bool> more = end.machine.Receive(event, last.get());
    Check(more.ok(), absl::StrCat("session ", link, ": ", more.status().ToString()));
    end.receiving = more.ok() && *more;
    if (!end.receiving) break;
    if (event.follows) event.lane = last;
    events.push_back(std::move(event));
  }
  just_over_.clear();
  Served(side, end.machine);
  for (Event& event : events) {
    Log("session ", link, side == kClient ? " client" : " server", " hears of call ",
        event.lane == nullptr ? -1 : CallOf(*event.lane).number, event.message ? ", a message" : "",
        event.follows ? " that follows" : "", event.status ? ", a status" : "",
        event.ended ? ", an end" : "");
    side == kClient ? ClientHears(link, event) : ServerHears(link, event);
  }
  return true;
}

bool SessionSimulation::Drains(std::size_t link) {
  if (links_[link]->server.broken) return false;
  Log("session ", link, " drains");
  links_[link]->server.machine.Drain();
  return true;
}

bool SessionSimulation::Cuts(std::size_t link) {
  if (std::exchange(links_[link]->cut, true)) return false;
  Log("session ", link, " is cut");
  for (SimulatedLink::End* end : {&links_[link]->client, &links_[link]->server}) {
    end->inbox.resize(Below(end->inbox.size() + 1));
  }
  return true;
}

bool SessionSimulation::Breaks(std::size_t link, Side side) {
  SimulatedLink::End& end = links_[link]->end(side);
  if (!links_[link]->cut || end.broken) return false;
  Log("session ", link, side == kClient ? " client" : " server", " breaks");
  end.broken = true;
  for (const SessionMachine::Orphan& orphan : end.machine.Break()) {
    Call& call = CallOf(*orphan.lane);
    if (side == kServer) {
      call.server.over = true;
      continue;
    }
    Check(orphan.seen == links_[link]->ledger.Started(call.number),
          absl::StrCat("call ", call.number, ": whether the server may have seen it"));
    Returned(call, link, orphan.seen, "the session broke");
  }
  return true;
}

// --- The order of things.

bool SessionSimulation::StepOfCall(Call& call, Side side) {
  switch (Below(8)) {
    case 0:
      return may_cancel_ && Chance(30) &&
             (side == kClient ? ClientCancels(call) : ServerCancels(call));
    case 1:
      return side == kClient ? ClientEnds(call) : ServerFinishes(call, true);
    case 2:
    case 3:
      return side == kClient ? ClientSends(call) : ServerSends(call);
    case 4: {
      bool& stalled = (side == kClient ? call.client : call.server).stalled;
      stalled = Chance(30);
      return true;
    }
    case 5:
      return ClientOpens(call);
    default:
      return Takes(call, side);
  }
}

void SessionSimulation::Step() {
  ++steps_;
  const Side side = Chance(50) ? kClient : kServer;
  const std::size_t what = Below(100);
  if (what < 50 || links_.empty()) {
    Call& call = *calls_[Below(calls_.size())];
    if (!call.open && !call.final) {
      ClientOpens(call);
    } else {
      StepOfCall(call, side);
    }
  } else {
    const std::size_t link = Below(links_.size());
    if (what < 65) {
      Writes(link, side);
    } else if (what < 75) {
      WriteEnds(link, side);
    } else if (what < 97) {
      for (std::size_t i = 1 + Below(4); i > 0 && Receives(link, side); --i) {
      }
    } else if (what == 97) {
      if (may_drain_) Drains(link);
    } else if (may_break_) {
      Cuts(link);
      if (Chance(50)) Breaks(link, side);
    }
  }
  for (const auto& link : links_) {
    Served(kClient, link->client.machine);
    Served(kServer, link->server.machine);
  }
  CheckMachines();
}

bool SessionSimulation::SettleOnce() {
  bool went_on = false;
  for (const auto& call : calls_) {
    went_on = ClientOpens(*call) || went_on;
    went_on = ClientSends(*call) || went_on;
    went_on = ClientEnds(*call) || went_on;
    went_on = ServerSends(*call) || went_on;
    went_on = ServerFinishes(*call, false) || went_on;
    for (const Side side : {kClient, kServer}) {
      (side == kClient ? call->client : call->server).stalled = false;
      while (Takes(*call, side)) went_on = true;
    }
  }
  for (std::size_t link = 0; link < links_.size(); ++link) {
    for (const Side side : {kClient, kServer}) {
      went_on = WriteEnds(link, side) || went_on;
      went_on = Writes(link, side) || went_on;
      while (violation_.empty() && Receives(link, side)) went_on = true;
      went_on = Breaks(link, side) || went_on;
    }
  }
  for (const auto& link : links_) {
    Served(kClient, link->client.machine);
    Served(kServer, link->server.machine);
  }
  ++steps_;
  CheckMachines();
  return went_on && violation_.empty();
}

void SessionSimulation::Settle() {
  Log("everything goes on");
  constexpr int kMost = 10'000;
  int rounds = 0;
  while (SettleOnce() && ++rounds < kMost) {
  }
  Check(rounds < kMost, "it does not come to rest");
}

}  // namespace parley::detail
