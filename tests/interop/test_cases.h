// The client's side of gRPC's interoperability cases, written with parley. For the interop client
// and the tests against generated services.
#ifndef PARLEY_TESTS_INTEROP_TEST_CASES_H_
#define PARLEY_TESTS_INTEROP_TEST_CASES_H_

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "parley/client.h"

namespace parley_interop {

// One case: of gRPC's doc/interop-test-descriptions.md, or of parley's own.
struct TestCase {
  const char* name;
  // OK, or what the server did otherwise than the description says.
  absl::Status (*run)(const parley::Client& client);
};

// All of gRPC's cases, each name once.
absl::Span<const TestCase> TestCases();

// Cases of parley's own that take more than a minute, to be run through proxies.
absl::Span<const TestCase> LongCases();

}  // namespace parley_interop

#endif  // PARLEY_TESTS_INTEROP_TEST_CASES_H_
