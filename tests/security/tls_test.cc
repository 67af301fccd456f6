// TLS and mTLS through gRPC's credentials: who may talk to whom, and that a refusal comes at once
// and as UNAVAILABLE. The certificates are made by certificates.sh when the tests are built.
#include <gmock/gmock.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "parley/client.h"
#include "parley/server.h"

namespace parley {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr Unary<std::string, std::string> kEcho{"test.Secure/Echo"};

std::string Pem(const std::string& file_name) {
  const std::string path = absl::StrCat(PARLEY_TEST_CERTIFICATES, "/", file_name);
  std::ifstream file(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  EXPECT_FALSE(text.empty()) << "can't read " << path;
  return text;
}

std::shared_ptr<grpc::ServerCredentials> ServerTls(const std::string& name) {
  grpc::SslServerCredentialsOptions options;
  options.pem_key_cert_pairs.push_back({Pem(name + ".key"), Pem(name + ".pem")});
  return grpc::SslServerCredentials(options);
}

// Only clients whose certificate `authority` signed may connect.
std::shared_ptr<grpc::ServerCredentials> ServerMutualTls(const std::string& name,
                                                         const std::string& authority) {
  grpc::SslServerCredentialsOptions options(
      GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  options.pem_key_cert_pairs.push_back({Pem(name + ".key"), Pem(name + ".pem")});
  options.pem_root_certs = Pem(authority + ".pem");
  return grpc::SslServerCredentials(options);
}

// Trusts `authority`; shows the certificate `name`, or none.
std::shared_ptr<grpc::ChannelCredentials> ClientTls(const std::string& authority,
                                                    const std::string& name = "") {
  grpc::SslCredentialsOptions options;
  options.pem_root_certs = Pem(authority + ".pem");
  if (!name.empty()) {
    options.pem_private_key = Pem(name + ".key");
    options.pem_cert_chain = Pem(name + ".pem");
  }
  return grpc::SslCredentials(options);
}

class Tls : public testing::Test {
 protected:
  // What one call's authorize was told.
  struct Seen {
    std::vector<std::string> peer_identities;
    std::string peer;
  };

  void Start(std::shared_ptr<grpc::ServerCredentials> credentials) {
    ServerOptions options;
    options.credentials = std::move(credentials);
    options.authorize = [this](const CallInfo& info) {
      seen_.push_back({info.peer_identities, std::string(info.peer)});
      return absl::OkStatus();
    };
    server_ = std::make_unique<Server>(std::move(options));
    server_->Register(kEcho, [](Context&, const std::string& text) -> absl::StatusOr<std::string> {
      return text;
    });
    const absl::Status started = server_->Start("127.0.0.1:0");
    ASSERT_TRUE(started.ok()) << started;
  }

  absl::Status Call(std::shared_ptr<grpc::ChannelCredentials> credentials,
                    const std::string& host = "127.0.0.1") {
    ClientOptions options;
    options.credentials = std::move(credentials);
    const Client client(absl::StrCat(host, ":", server_->port()), std::move(options));
    const absl::StatusOr<std::string> answer = client.Call(kEcho, "hello");
    if (!answer.ok()) return answer.status();
    EXPECT_EQ(*answer, "hello");
    return absl::OkStatus();
  }

  // No handler ran, and nobody waited for a timeout.
  void ExpectRefused(std::shared_ptr<grpc::ChannelCredentials> credentials) {
    const absl::Time before = absl::Now();
    EXPECT_EQ(Call(std::move(credentials)).code(), absl::StatusCode::kUnavailable);
    EXPECT_LT(absl::Now() - before, absl::Seconds(10));
    EXPECT_THAT(seen_, IsEmpty());
  }

  std::vector<Seen> seen_;  // outlives the server that writes to it
  std::unique_ptr<Server> server_;
};

TEST_F(Tls, ServerWithTheRightNameIsTrusted) {
  Start(ServerTls("server"));
  EXPECT_EQ(Call(ClientTls("ca")), absl::OkStatus());
  EXPECT_EQ(Call(ClientTls("ca"), "localhost"), absl::OkStatus());
  ASSERT_EQ(seen_.size(), 2u);
  EXPECT_THAT(seen_[0].peer_identities, IsEmpty());
  EXPECT_THAT(seen_[0].peer, HasSubstr("ipv4:127.0.0.1:"));
}

TEST_F(Tls, ServerOfAnotherAuthorityIsRefused) {
  Start(ServerTls("server"));
  ExpectRefused(ClientTls("other_ca"));
}

TEST_F(Tls, ServerWithAnotherNameIsRefused) {
  Start(ServerTls("server_elsewhere"));
  ExpectRefused(ClientTls("ca"));
}

TEST_F(Tls, ServerWithAnExpiredCertificateIsRefused) {
  Start(ServerTls("server_expired"));
  ExpectRefused(ClientTls("ca"));
}

TEST_F(Tls, PlaintextClientIsRefused) {
  Start(ServerTls("server"));
  ExpectRefused(nullptr);
}

TEST_F(Tls, PlaintextServerIsRefused) {
  Start(nullptr);
  ExpectRefused(ClientTls("ca"));
}

TEST_F(Tls, RefusalEndsEveryKindOfCall) {
  Start(ServerTls("server"));
  ClientOptions options;
  options.credentials = ClientTls("other_ca");
  const Client client(absl::StrCat("127.0.0.1:", server_->port()), std::move(options));
  constexpr ServerStreaming<std::string, std::string> kDown{"test.Secure/Down"};
  constexpr ClientStreaming<std::string, std::string> kUp{"test.Secure/Up"};
  constexpr Bidi<std::string, std::string> kBoth{"test.Secure/Both"};
  const absl::Time before = absl::Now();
  {
    auto call = client.Call(kDown, "hello");
    EXPECT_FALSE(call.Next());
    EXPECT_EQ(call.Finish().code(), absl::StatusCode::kUnavailable);
  }
  {
    auto call = client.Call(kUp);
    EXPECT_EQ(call.Finish().status().code(), absl::StatusCode::kUnavailable);
  }
  {
    auto call = client.Call(kBoth);
    EXPECT_FALSE(call.Next());
    EXPECT_EQ(call.Finish().code(), absl::StatusCode::kUnavailable);
  }
  EXPECT_LT(absl::Now() - before, absl::Seconds(10));
}

TEST_F(Tls, AuthorizeSeesTheNamesInTheClientsCertificate) {
  Start(ServerMutualTls("server", "ca"));
  EXPECT_EQ(Call(ClientTls("ca", "client")), absl::OkStatus());
  ASSERT_EQ(seen_.size(), 1u);
  EXPECT_THAT(seen_[0].peer_identities, UnorderedElementsAre("alice.test", "spiffe://test/alice"));
}

TEST_F(Tls, ClientWithoutACertificateIsRefused) {
  Start(ServerMutualTls("server", "ca"));
  ExpectRefused(ClientTls("ca"));
}

TEST_F(Tls, ClientWithAnExpiredCertificateIsRefused) {
  Start(ServerMutualTls("server", "ca"));
  ExpectRefused(ClientTls("ca", "client_expired"));
}

TEST_F(Tls, ClientOfAnotherAuthorityIsRefused) {
  Start(ServerMutualTls("server", "ca"));
  ExpectRefused(ClientTls("ca", "client_of_other_ca"));
}

TEST_F(Tls, MutualTlsStillChecksTheServer) {
  Start(ServerMutualTls("server_elsewhere", "ca"));
  ExpectRefused(ClientTls("ca", "client"));
}

}  // namespace
}  // namespace parley
