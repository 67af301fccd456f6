#include "src/wire/session/client_session.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "src/wire/grpc/convert.h"
#include "src/wire/session/session_pool.h"

namespace parley::detail {
namespace {

// How long the server may take to end a stream that this side has closed.
constexpr absl::Duration kTimeToEnd = absl::Seconds(5);

}  // namespace

ClientSession::ClientSession(std::weak_ptr<SessionPool> pool, std::shared_ptr<Runtime> runtime,
                             CompletionSource& source, SessionMachine::Limits limits,
                             absl::Duration patience)
    : Session(std::move(runtime), source,
              SessionMachine(SessionMachine::Side::kClient, limits, &AllocateSlice), patience),
      pool_(std::move(pool)) {
  read_.in_background = true;
}

void ClientSession::Open(const RegisteredMethod& method, const Metadata& metadata) {
  for (const auto& [key, value] : metadata) context_.AddMetadata(key, value);
  context_.set_initial_metadata_corked(true);
  stream_ = method.PrepareStream(context_, *source_.queue());
  stream_->StartCall(nullptr);
  Start({});
}

void ClientSession::DeliverOwn(SessionMachine::Event& event) {
  const std::shared_ptr<SessionPool> pool = pool_.lock();
  if (event.hello && pool != nullptr) pool->Ready(Self(), std::move(event.hello->methods));
  if (!event.draining) return;
  if (pool != nullptr) pool->Leaves(*this);
  const absl::Status status = absl::UnavailableError("the server is shutting down");
  for (const std::shared_ptr<Lane>& lane : event.retried) {
    static_cast<SessionCall&>(*lane).Orphaned(status, false);
  }
  drained_ = true;
  LeaveWhenIdle();
}

void ClientSession::HasRoom() {
  if (const std::shared_ptr<SessionPool> pool = pool_.lock()) pool->HasRoom(*this);
}

void ClientSession::StartEnd(const absl::Status& status) {
  if (drained_ && status.ok()) {
    stream_->WritesDone(closed_.Start(source_, Self()));
    runtime_->control.At(absl::Now() + kTimeToEnd, [weak = std::weak_ptr(Self())] {
      if (const std::shared_ptr<ClientSession> session = weak.lock()) session->Abort();
    });
    return;
  }
  broken_ = status;
  context_.TryCancel();  // the read ends
  runtime_->loop.Strayed();
  Ended();
}

void ClientSession::OnRead(bool ok) {
  if (ok) return Arrived(ToBlock(*std::exchange(incoming_.payload, std::nullopt)));
  ReadEnded();
}

void ClientSession::StreamOver() { stream_->Finish(&status_, finished_.Start(source_, Self())); }

void ClientSession::OnFinished(bool) {
  const bool protocol_broken = broken_.code() == absl::StatusCode::kInternal;
  const absl::Status status = broken_.ok() ? FromFinalStatus(status_) : broken_;
  if (const std::shared_ptr<SessionPool> pool = pool_.lock()) pool->Over(*this, status);
  Break(protocol_broken ? status
                        : absl::UnavailableError(absl::StrCat(
                              "the connection to the server was lost: ", status.message())));
}

}  // namespace parley::detail
