// That memory for typed contents is allocated only once it is known that they fit. Of every allocation of
// this process the largest is kept.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <new>
#include <string>

#include "grpc_service.pb.h"
#include "parley/kserve/protocol.h"

namespace {

std::atomic<std::size_t> largest = 0;

void* Allocate(std::size_t size_bytes, std::size_t alignment) {
  if (size_bytes > largest) largest = size_bytes;
  // A multiple of the alignment.
  void* const memory =
      std::aligned_alloc(alignment, (size_bytes + alignment - 1) / alignment * alignment);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

void* operator new(std::size_t size_bytes) {
  return Allocate(size_bytes, __STDCPP_DEFAULT_NEW_ALIGNMENT__);
}
void* operator new(std::size_t size_bytes, std::align_val_t alignment) {
  return Allocate(size_bytes, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

namespace parley {
namespace {

constexpr int kElements = 1 << 20;

// The largest allocation for a request of kElements + more elements, where its shape needs kElements.
std::size_t LargestFor(const std::string& type, int more, absl::StatusCode code) {
  inference::ModelInferRequest request;
  auto& input = *request.add_inputs();
  input.set_datatype(type);
  input.add_shape(kElements);
  for (int i = 0; i < kElements + more; ++i) {
    if (type == "INT64") input.mutable_contents()->add_int64_contents(1);
    if (type == "BYTES") input.mutable_contents()->add_bytes_contents("");
  }
  Buffer buffer;
  buffer.Append(request.SerializeAsString());
  InferRequest read;
  largest = 0;
  EXPECT_EQ(Codec<InferRequest>::Decode(buffer, read).code(), code);
  return largest;
}

TEST(TypedContents, AreGivenNoMemoryIfThereAreTooFewOrTooMany) {
  for (const char* type : {"INT64", "BYTES"}) {
    for (const int more : {-1, 1}) {
      EXPECT_LT(LargestFor(type, more, absl::StatusCode::kInvalidArgument), 100'000)
          << type << " " << more;
    }
  }
}

TEST(TypedContents, AreGivenNoMoreMemoryThanTheTensorHas) {
  EXPECT_LT(LargestFor("INT64", 0, absl::StatusCode::kOk), kElements * 8 + 1000);
  EXPECT_LT(LargestFor("BYTES", 0, absl::StatusCode::kOk), kElements * 4 + 1000);
}

}  // namespace
}  // namespace parley
