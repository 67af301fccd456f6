// A call whose wire brings messages without being told to, alone or many at a time.
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "src/exchange/machine.h"

namespace parley::detail {
namespace {

constexpr Machine::Limits kLimits = {1024, 1};
constexpr unsigned kWakesReader = 1u << static_cast<unsigned>(Slot::kRead);

Payload Message(const std::string& text) {
  Buffer bytes;
  bytes.Append(text);
  return Payload(std::move(bytes));
}
std::vector<Payload> Messages(const std::vector<std::string>& texts) {
  std::vector<Payload> messages;
  for (const std::string& text : texts) messages.push_back(Message(text));
  return messages;
}
std::string TakeText(Machine& machine) { return machine.Take().bytes().ToString(); }

class MachineThatReadsAlways : public testing::Test {
 protected:
  MachineThatReadsAlways() {
    EXPECT_FALSE(client_.Open(true).start_read);
    EXPECT_FALSE(server_.Accept(Machine::Requests::kMany).start_read);
  }
  Machine client_{Machine::Side::kClient, kLimits, Machine::Reads::kAlways};
  Machine server_{Machine::Side::kServer, kLimits, Machine::Reads::kAlways};
};

TEST_F(MachineThatReadsAlways, IsNeverToldTo) {
  for (Machine* machine : {&client_, &server_}) {
    EXPECT_FALSE(machine->MessageRead(Message("one")).start_read);
    EXPECT_FALSE(machine->MessageRead(Message("over the limit")).start_read);
    EXPECT_EQ(TakeText(*machine), "one");
    EXPECT_EQ(TakeText(*machine), "over the limit");
    EXPECT_FALSE(machine->HasMessage());
    EXPECT_FALSE(machine->MessageRead(Message("more")).start_read);
  }
}

TEST_F(MachineThatReadsAlways, TakesManyMessagesInOrderAndWakesTheReader) {
  for (Machine* machine : {&client_, &server_}) {
    std::vector<Payload> messages = Messages({"one", "two", "three"});
    EXPECT_EQ(machine->MessagesRead(absl::MakeSpan(messages)).wake & kWakesReader, kWakesReader);
    for (const char* text : {"one", "two", "three"}) EXPECT_EQ(TakeText(*machine), text);
    EXPECT_FALSE(machine->HasMessage());
  }
}

TEST_F(MachineThatReadsAlways, TakesNoneOfThemAfterTheEnd) {
  client_.StatusRead(absl::OkStatus());
  server_.Cancel(absl::CancelledError("the end"));
  for (Machine* machine : {&client_, &server_}) {
    std::vector<Payload> messages = Messages({"one", "two"});
    EXPECT_EQ(machine->MessagesRead(absl::MakeSpan(messages)).wake & kWakesReader, 0u);
    EXPECT_FALSE(machine->HasMessage());
  }
}

TEST_F(MachineThatReadsAlways, FailsACallThatGetsMoreThanItsOneResponse) {
  Machine unary(Machine::Side::kClient, kLimits, Machine::Reads::kAlways);
  unary.Open(true, true);
  std::vector<Payload> messages = Messages({"two", "three"});
  unary.MessageRead(Message("one"));
  EXPECT_TRUE(unary.MessagesRead(absl::MakeSpan(messages)).cancel_wire);
  EXPECT_EQ(*unary.final_status(), absl::InternalError("the server sent more than one response"));

  Machine at_once(Machine::Side::kClient, kLimits, Machine::Reads::kAlways);
  at_once.Open(true, true);
  messages = Messages({"one", "two"});
  EXPECT_TRUE(at_once.MessagesRead(absl::MakeSpan(messages)).cancel_wire);
  EXPECT_EQ(*at_once.final_status(), absl::InternalError("the server sent more than one response"));
}

}  // namespace
}  // namespace parley::detail
