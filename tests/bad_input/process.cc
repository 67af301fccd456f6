#include "tests/bad_input/process.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

namespace parley::bad_input_test {

Process::Process(std::vector<std::string> command) {
  std::vector<char*> argv;
  for (std::string& argument : command) argv.push_back(argument.data());
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

Process::~Process() {
  Kill();
  if (output_ != nullptr) std::fclose(output_);
}

std::string Process::ReadLine() {
  char line[100];
  if (output_ == nullptr || std::fgets(line, sizeof line, output_) == nullptr) return "";
  return std::string(line, std::strcspn(line, "\n"));
}

void Process::Kill() {
  if (pid_ < 0) return;
  EXPECT_EQ(kill(pid_, SIGKILL), 0);
  int status = 0;
  EXPECT_EQ(waitpid(pid_, &status, 0), pid_);
  EXPECT_TRUE(WIFSIGNALED(status)) << "it had ended by itself, with " << status;
  pid_ = -1;
}

}  // namespace parley::bad_input_test
