#include "src/exchange/thread_watch.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"

namespace parley::detail {

ThreadWatch::ThreadWatch()
    : thread_(gettid()), has_clock_(pthread_getcpuclockid(pthread_self(), &clock_) == 0) {}

std::optional<std::chrono::nanoseconds> ThreadWatch::CpuTime() const {
  timespec time{};
  if (!has_clock_ || clock_gettime(clock_, &time) != 0) return std::nullopt;
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

bool ThreadWatch::IsRunnable() const {
  const std::string path = absl::StrCat("/proc/self/task/", thread_, "/stat");
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  char bytes[256];  // "number (name) state ...": a name has 15 characters at most
  const ssize_t size = read(file, bytes, sizeof bytes);
  close(file);
  if (size <= 0) return false;
  const std::string_view stat(bytes, static_cast<std::size_t>(size));
  const std::size_t name_end = stat.rfind(") ");
  return name_end != std::string_view::npos && stat.substr(name_end + 2, 1) == "R";
}

}  // namespace parley::detail
