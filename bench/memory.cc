// Asking glibc and the kernel: see memory.h. Nothing is allocated for it, as that would be counted.

#include "memory.h"

#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

namespace parley_bench {

std::int64_t HeapBytes() {
  const struct mallinfo2 info = mallinfo2();
  return static_cast<std::int64_t>(info.uordblks + info.hblkhd);
}

std::int64_t PrivateDirtyBytes() {
  const int file = open("/proc/self/smaps_rollup", O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  char text[4096];
  const ssize_t size_bytes = read(file, text, sizeof(text) - 1);
  close(file);
  text[size_bytes < 0 ? 0 : size_bytes] = '\0';
  constexpr char kName[] = "Private_Dirty:";
  const char* found = std::strstr(text, kName);
  return found == nullptr ? 0 : std::strtoll(found + sizeof(kName) - 1, nullptr, 10) * 1024;
}

}  // namespace parley_bench
