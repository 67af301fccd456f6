// Another program, whose output is read and which is killed at any moment. For the tests of lost
// peers.
#ifndef PARLEY_TESTS_BAD_INPUT_PROCESS_H_
#define PARLEY_TESTS_BAD_INPUT_PROCESS_H_

#include <sys/types.h>

#include <cstdio>
#include <string>
#include <vector>

namespace parley::bad_input_test {

// One run of it, killed at the end at the latest. Fails the test if it can't be started, or ends by
// itself.
class Process {
 public:
  explicit Process(std::vector<std::string> command);
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process();

  // What it printed next; nothing once it has ended.
  std::string ReadLine();
  // At once and without a word to anybody.
  void Kill();

 private:
  pid_t pid_ = -1;
  FILE* output_ = nullptr;
};

}  // namespace parley::bad_input_test

#endif  // PARLEY_TESTS_BAD_INPUT_PROCESS_H_
