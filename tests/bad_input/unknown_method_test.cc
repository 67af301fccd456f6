// Calls of methods that the server does not have, over every wire: UNIMPLEMENTED, whatever the path
// looks like, and the server goes on.
#include <memory>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "tests/call/any_call.h"
#include "tests/call/wire_fixture.h"

namespace parley::bad_input_test {
namespace {

using call_test::AnyCall;
using call_test::EveryKind;
using call_test::EveryWire;
using call_test::HasCode;
using call_test::kKinds;
using call_test::kWires;
using call_test::NameOf;

constexpr Unary<std::string, std::string> kKnown{"test.Call/Known"};
constexpr Unary<std::string, std::string> kElsewhere{"test.Elsewhere/Known"};

absl::StatusOr<std::string> Answer(Context&, const std::string& request) { return request; }

class UnknownMethod : public EveryKind {};
INSTANTIATE_TEST_SUITE_P(All, UnknownMethod,
                         testing::Combine(testing::ValuesIn(kWires), testing::ValuesIn(kKinds)),
                         NameOf<EveryKind::ParamType>);

TEST_P(UnknownMethod, OfAKnownServiceIsUnimplemented) {
  server().Register(kKnown, Answer);
  Start();
  const Client client = Connect();
  for (int i = 0; i < 3; ++i) {
    const auto call = Open(client);
    EXPECT_EQ(call->End(),
              absl::UnimplementedError(absl::StrCat("unknown method ", call_test::PathOf(kind()))));
    EXPECT_TRUE(call->responses.empty());
  }
  EXPECT_EQ(client.Call(kKnown, "known").value_or(""), "known");
}

TEST_P(UnknownMethod, OfAnUnknownServiceIsUnimplemented) {
  server().Register(kElsewhere, Answer);
  Start();
  const Client client = Connect();
  EXPECT_THAT(Open(client)->End(), HasCode(absl::StatusCode::kUnimplemented));
  EXPECT_EQ(client.Call(kElsewhere, "known").value_or(""), "known");
}

TEST_P(UnknownMethod, IsUnimplementedWhileOtherRequestsGoOn) {
  server().Register(kKnown, Answer);
  Start();
  const Client client = Connect();
  const auto call = Open(client);
  absl::Status written;
  for (int i = 0; i < 100'000 && written.ok(); ++i) {
    written = call->Write("to nobody");
    if (!call_test::StreamsRequests(kind())) break;
  }
  EXPECT_THAT(call->End(), HasCode(absl::StatusCode::kUnimplemented));
  EXPECT_EQ(client.Call(kKnown, "known").value_or(""), "known");
}

class OddPath : public EveryWire {};
INSTANTIATE_TEST_SUITE_P(All, OddPath, testing::ValuesIn(kWires), NameOf<OddPath::ParamType>);

// No server could register these.
TEST_P(OddPath, IsUnimplemented) {
  server().Register(kKnown, Answer);
  Start();
  const Client client = Connect();
  for (const std::string& path :
       {std::string(), std::string("/"), std::string("//"), std::string("Known"),
        std::string("test.Call/"), std::string("/Known"), std::string("test.Call/Known/"),
        std::string("test.Call/Known "), std::string("/test.Call/Known"),
        std::string("test.Call/known"), std::string("test.Call/Known?query"),
        std::string("test.Call/Kno\xc3\xb6wn"), std::string(4000, 'x'),
        std::string(4000, '\xfe')}) {
    const Unary<std::string, std::string> method{path};
    EXPECT_THAT(client.Call(method, "request").status(), HasCode(absl::StatusCode::kUnimplemented))
        << '"' << path << '"';
  }
  EXPECT_EQ(client.Call(kKnown, "known").value_or(""), "known");
}

}  // namespace
}  // namespace parley::bad_input_test
