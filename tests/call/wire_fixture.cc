#include "tests/call/wire_fixture.h"

#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/time.h"

namespace parley::call_test {

void PrintTo(const WireRow& wire, std::ostream* out) { *out << wire.name; }

WireFixture::WireFixture(const WireRow& wire) : wire_(wire), address_(wire.address) {
  if (address_.find('%') == std::string::npos) return;
  folder_ = absl::StrCat(testing::TempDir(), "/call_XXXXXX");
  EXPECT_NE(mkdtemp(folder_.data()), nullptr) << "can't make a folder in " << testing::TempDir();
  address_ = absl::StrReplaceAll(address_, {{"%", folder_}});
}

WireFixture::~WireFixture() {
  server_.reset();
  if (!folder_.empty()) std::filesystem::remove_all(folder_);
}

Server& WireFixture::server() {
  if (server_ == nullptr) {
    if (!server_options.log) server_options.log = server_log.log();
    server_ = std::make_unique<Server>(server_options);
  }
  return *server_;
}

void WireFixture::Start() {
  const absl::Status started = local() ? server().Start() : server().Start(address_);
  ASSERT_TRUE(started.ok()) << started;
}

std::string WireFixture::target() const {
  return server_->port() == 0 ? address_ : absl::StrCat("127.0.0.1:", server_->port());
}

Client WireFixture::Connect(ClientOptions options) {
  if (!options.log) options.log = client_log.log();
  if (options.wire == Wire::kAuto) options.wire = wire_.wire;
  if (local()) return Client::Local(*server_, std::move(options));
  return Client(target(), std::move(options));
}

void WireFixture::StopServer() {
  if (server_ == nullptr) return;
  const absl::Status stopped = server_->Shutdown(absl::ZeroDuration());
  EXPECT_TRUE(stopped.ok()) << "something still runs at the end of the test: " << stopped;
  server_.reset();
}

testing::AssertionResult Eventually(const std::function<bool()>& done) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (!done()) {
    if (std::chrono::steady_clock::now() > end) {
      return testing::AssertionFailure() << "not within " << kPatience.count() << " s";
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return testing::AssertionSuccess();
}

}  // namespace parley::call_test
