// Peers whose process is killed in the middle of calls: a server's handlers learn of it and the
// server goes on, a client's calls end with UNAVAILABLE.
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/call/any_call.h"
#include "tests/call/wire_fixture.h"

namespace parley::bad_input_test {
namespace {

using call_test::AnyCall;
using call_test::Counter;
using call_test::EveryKind;
using call_test::HasCode;
using call_test::kKinds;
using call_test::kSocketWires;
using call_test::NameOf;
using call_test::Part;
using call_test::StreamsRequests;
using call_test::StreamsResponses;

// A run of lost_peer, killed at the end at the latest.
class Process {
 public:
  explicit Process(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), PARLEY_TEST_LOST_PEER);
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    int ends[2];
    EXPECT_EQ(pipe(ends), 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_addclose(&actions, ends[0]);
    posix_spawn_file_actions_addclose(&actions, ends[1]);
    const int failed = posix_spawn(&pid_, argv[0], &actions, nullptr, argv.data(), environ);
    if (failed != 0) {
      ADD_FAILURE() << argv[0] << ": " << std::strerror(failed);
      pid_ = -1;
    }
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    output_ = fdopen(ends[0], "r");
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process() {
    Kill();
    if (output_ != nullptr) std::fclose(output_);
  }

  // What it printed next; nothing once it has ended.
  std::string ReadLine() {
    char line[100];
    if (output_ == nullptr || std::fgets(line, sizeof line, output_) == nullptr) return "";
    return std::string(line, std::strcspn(line, "\n"));
  }

  // At once and without a word to anybody.
  void Kill() {
    if (pid_ < 0) return;
    EXPECT_EQ(kill(pid_, SIGKILL), 0);
    int status = 0;
    EXPECT_EQ(waitpid(pid_, &status, 0), pid_);
    EXPECT_TRUE(WIFSIGNALED(status)) << "it had ended by itself, with " << status;
    pid_ = -1;
  }

 private:
  pid_t pid_ = -1;
  FILE* output_ = nullptr;
};

class LostClient : public EveryKind {
 protected:
  Counter messages_;
  std::atomic<bool> lost_ = true;  // the first call's client
};
INSTANTIATE_TEST_SUITE_P(All, LostClient,
                         testing::Combine(testing::ValuesIn(kSocketWires),
                                          testing::ValuesIn(kKinds)),
                         NameOf<EveryKind::ParamType>);

TEST_P(LostClient, StopsItsHandlerAndTheServerGoesOn) {
  Serve([&](Part& part) -> Task<absl::Status> {
    if (!lost_) co_return absl::AlreadyExistsError("served");
    started.Add();
    absl::Status status;
    if (StreamsRequests(kind())) {
      while (std::optional<std::string> request = co_await part.Next()) {
        messages_.Add();
        if (StreamsResponses(kind())) status = co_await part.Write(*request);
      }
      EXPECT_FALSE(part.read_status().ok()) << "an upload that was cut is not complete";
    } else if (StreamsResponses(kind())) {
      for (status = absl::OkStatus(); status.ok();) {
        messages_.Add();
        status = co_await part.Write(std::string(1000, 'x'));
      }
      EXPECT_FALSE(status.ok());
    }
    if (co_await part.Stopped()) stopped.Add();
    co_return absl::OkStatus();
  });
  Process client({"call", target(), absl::StrCat(static_cast<int>(kind()))});
  ASSERT_TRUE(started.Reaches(1));
  const bool streams = kind() != MethodKind::kUnary;
  EXPECT_TRUE(!streams || messages_.Reaches(20));
  client.Kill();
  EXPECT_TRUE(stopped.Reaches(1));
  lost_ = false;
  EXPECT_EQ(Open(Connect())->End(), absl::AlreadyExistsError("served"));
}

class LostServer : public testing::TestWithParam<MethodKind> {};
INSTANTIATE_TEST_SUITE_P(All, LostServer, testing::ValuesIn(kKinds), NameOf<MethodKind>);

TEST_P(LostServer, EndsItsCallsWithUnavailable) {
  Process server({"serve"});
  const Client client(absl::StrCat("127.0.0.1:", server.ReadLine()));
  // Once there is a connection, a call that was made is on its way.
  const auto connected = AnyCall::Open(client, MethodKind::kBidi);
  EXPECT_TRUE(connected->Next());
  ASSERT_EQ(server.ReadLine(), "started");
  std::vector<std::unique_ptr<AnyCall>> calls;
  for (int i = 0; i < 5; ++i) {
    calls.push_back(AnyCall::Open(client, GetParam()));
    ASSERT_EQ(server.ReadLine(), "started");
    EXPECT_EQ(calls.back()->Next().has_value(), StreamsResponses(GetParam()));
  }
  server.Kill();
  for (const auto& call : calls) {
    const absl::Status status = call->End();
    EXPECT_THAT(status, HasCode(absl::StatusCode::kUnavailable));
    EXPECT_FALSE(status.message().empty());
  }
  EXPECT_THAT(AnyCall::Open(client, GetParam())->End(), HasCode(absl::StatusCode::kUnavailable));
}

}  // namespace
}  // namespace parley::bad_input_test
