// The program that every consumer project builds and runs: serves a method, calls it over a socket
// and in the same process, and prints what it runs on.

#include <iostream>
#include <string>

#include "echo.pb.h"
#include "parley/parley.h"

namespace {

inline constexpr parley::Unary<consumer::Text, consumer::Text> kEcho{"consumer.Echo/Echo"};

absl::StatusOr<consumer::Text> Echo(parley::Context&, const consumer::Text& text) { return text; }

bool Answers(const parley::Client& client) {
  consumer::Text text;
  text.set_text("hello");
  absl::StatusOr<consumer::Text> answer = client.Call(kEcho, text, {.timeout = absl::Seconds(10)});
  if (!answer.ok()) std::cerr << answer.status() << "\n";
  return answer.ok() && answer->text() == text.text();
}

}  // namespace

int main() {
  parley::Server server;
  server.Register(kEcho, Echo);
  if (absl::Status status = server.Start("127.0.0.1:0"); !status.ok()) {
    std::cerr << status << "\n";
    return 1;
  }
  if (!Answers(parley::Client("127.0.0.1:" + std::to_string(server.port())))) return 1;
  if (!Answers(parley::Client::Local(server))) return 1;
  std::cout << "hello from " << parley::Version() << "\n";
  return 0;
}
