// What the copies of a client share.
#ifndef PARLEY_SRC_CLIENT_CORE_H_
#define PARLEY_SRC_CLIENT_CORE_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "parley/options.h"
#include "src/wire/wire.h"

namespace parley::detail {

class Dispatcher;

class ClientCore {
 public:
  // A client of the server at `target`.
  ClientCore(std::string target, ClientOptions options);
  // A client of a server in this process.
  ClientCore(std::weak_ptr<Dispatcher> server, ClientOptions options);

  std::shared_ptr<OutgoingCall> Open(const CallStart& start, const CallOptions& options);

 private:
  // Fails before anything is sent.
  absl::Status Prepare(const CallStart& start, const CallOptions& options, Metadata& metadata,
                       std::optional<Payload>& request);

  const ClientOptions options_;
  absl::Status usable_;  // or why no call can be made
  std::unique_ptr<ClientWire> wire_;
};

}  // namespace parley::detail

#endif  // PARLEY_SRC_CLIENT_CORE_H_
