#include "src/kserve/stream.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "parley/detail/cork.h"
#include "src/kserve/request_parameters.h"
#include "src/utf8.h"

namespace parley::kserve {
namespace {

// Responses of models that give many, before these have to wait.
constexpr std::size_t kMostWaiting = 64;

constexpr char kFinalResponse[] = "triton_final_response";

absl::Status Gone() { return absl::CancelledError("the stream has ended"); }

StreamResponse ErrorOf(const std::string& id, const absl::Status& status) {
  std::string text(status.message());
  if (text.empty()) text = absl::StatusCodeToString(status.code());
  // What is no UTF-8 would make the message unreadable to its client.
  if (!detail::IsUtf8(text)) text = absl::CEscape(text);
  return {.error_message = std::move(text), .response = {.id = id}};
}

// Whether the client would rather have a status than a message with an error in it.
bool WantsStatus(const Metadata& metadata) {
  const auto value = metadata.Get("triton_grpc_error");
  return value.has_value() && *value == "true";
}

}  // namespace

class Stream::Sink final : public detail::ResponseSink {
 public:
  struct Request {
    std::string id;
    std::stop_token stop;
    std::optional<InferResponse> last;  // what to say at the end, if anything
  };
  Sink(std::shared_ptr<Stream> stream, Request request)
      : stream_(std::move(stream)), request_(std::move(request)) {}

  absl::Status Write(InferResponse response) override {
    response.parameters.emplace(kFinalResponse, false);
    return stream_->WriteOne(request_.stop, std::move(response));
  }
  void Finish(absl::Status status) override {
    stream_->FinishOne(request_.id, std::move(request_.last), std::move(status));
  }

 private:
  const std::shared_ptr<Stream> stream_;
  Request request_;
};

void Stream::Serve(Call call, const ModelRegistry& registry, std::size_t most_unanswered) {
  const std::shared_ptr<Stream> stream(new Stream(std::move(call), registry, most_unanswered));
  // The call holds the callback no longer than it runs.
  stream->gone_.emplace(stream->call_->context().stop_token(), [weak = stream->weak_from_this()] {
    const std::shared_ptr<Stream> self = weak.lock();
    if (self != nullptr) self->stop_.request_stop();
  });
  stream->Go(Lock(stream->mutex_));
}

Stream::Stream(Call call, const ModelRegistry& registry, std::size_t most_unanswered)
    : registry_(registry),
      most_unanswered_(most_unanswered),
      ends_at_first_error_(WantsStatus(call.context().metadata())),
      deadline_(call.context().deadline()),
      call_(std::move(call)) {}

void Stream::Received(std::optional<ReceivedRequest> received) {
  if (received.has_value()) return Run(*std::move(received));
  Lock lock(mutex_);
  closed_ = true;
  broken_ = broken_ || !call_.has_value() || !call_->status().ok();
  ReadOn(std::move(lock));
}

void Stream::ReadOn(Lock lock) {
  reading_ = false;
  Go(std::move(lock));
}

void Stream::Run(ReceivedRequest received) {
  InferRequest& request = received.request;
  const std::string id = request.id;
  using Model = absl::StatusOr<std::shared_ptr<ServedModel>>;
  const absl::StatusOr<ProtocolParameters> parameters =
      received.fault.ok() ? TakeProtocolParameters(request)
                          : absl::StatusOr<ProtocolParameters>(received.fault);
  const Model model = parameters.ok() ? registry_.Find(request.model_name, request.model_version)
                                      : Model(parameters.status());
  InferTerms terms{.deadline = deadline_, .stop = stop_.get_token()};
  if (model.ok()) {
    terms.priority = parameters->priority;
    terms.queue_timeout = parameters->queue_timeout;
  }
  Lock lock(mutex_);
  ++unanswered_;
  if (model.ok() && (*model)->streaming()) {
    // Its handler may block, beside those of other requests.
    ReadOn(std::move(lock));
    Sink::Request sink{.id = id, .stop = terms.stop, .last = std::nullopt};
    if (parameters->empty_final_response) {
      sink.last = InferResponse{.model_name = (*model)->spec().name,
                                .model_version = std::to_string((*model)->spec().version),
                                .id = id,
                                .parameters = {{kFinalResponse, true}}};
    }
    (*model)->Stream(std::move(request), std::move(terms),
                     std::make_unique<Sink>(shared_from_this(), std::move(sink)));
    return;
  }
  const Places::iterator place = places_.insert(places_.end(), {.id = id, .answer = {}});
  lock.unlock();
  if (model.ok()) {
    (*model)->Infer(std::move(request), std::move(terms),
                    [self = shared_from_this(), place](absl::StatusOr<InferResponse> answer) {
                      if (answer.ok()) answer->parameters.emplace(kFinalResponse, true);
                      self->Answer(place, std::move(answer));
                    });
  } else {
    Answer(place, model.status());
  }
  ReadOn(Lock(mutex_));
}

void Stream::Answer(Places::iterator place, absl::StatusOr<InferResponse> answer) {
  Lock lock(mutex_);
  place->answer = std::move(answer);
  while (!places_.empty() && places_.front().answer.has_value()) {
    Queue(places_.front().id, *std::move(places_.front().answer));
    places_.pop_front();
    --unanswered_;
  }
  Go(std::move(lock));
}

absl::Status Stream::WriteOne(const std::stop_token& stop, InferResponse response) {
  Lock lock(mutex_);
  const auto has_room = [this] { return broken_ || waiting_.size() < kMostWaiting; };
  if (!has_room()) {
    lock.unlock();
    const detail::Cork::Out uncorked;  // or what was written before might wait for this
    lock.lock();
    if (!written_.wait(lock, stop, has_room)) return Gone();
  }
  if (broken_) return Gone();
  const std::string id = response.id;
  Queue(id, std::move(response));
  Go(std::move(lock));
  return absl::OkStatus();
}

void Stream::FinishOne(const std::string& id, std::optional<InferResponse> last,
                       absl::Status status) {
  Lock lock(mutex_);
  if (!status.ok()) {
    Queue(id, std::move(status));
  } else if (last.has_value()) {
    Queue(id, *std::move(last));
  }
  --unanswered_;
  Go(std::move(lock));
}

void Stream::Queue(const std::string& id, absl::StatusOr<InferResponse> answer) {
  if (broken_ || !error_.ok()) return;
  if (answer.ok()) {
    waiting_.push_back({.response = *std::move(answer)});
  } else if (ends_at_first_error_) {
    error_ = answer.status();
  } else {
    waiting_.push_back(ErrorOf(id, answer.status()));
  }
}

bool Stream::is_over() const {
  if (using_call_ > 0 || writing_ || !waiting_.empty()) return false;
  return !error_.ok() || (closed_ && unanswered_ == 0);
}

void Stream::Go(Lock lock) {
  while (call_.has_value()) {
    if (broken_) waiting_.clear();
    if (is_over()) {
      Call call = *std::exchange(call_, std::nullopt);
      const absl::Status status = error_;
      broken_ = true;
      lock.unlock();
      written_.notify_all();
      stop_.request_stop();
      return std::move(call).Finish(status);
    }
    if (!writing_ && !waiting_.empty()) {
      StreamResponse response = std::move(waiting_.front());
      waiting_.pop_front();
      const std::string id = response.response.id;
      writing_ = true;
      ++using_call_;
      lock.unlock();
      written_.notify_all();
      const std::optional<absl::Status> written = StartWrite(std::move(response));
      lock.lock();
      --using_call_;
      if (written.has_value()) Written(*written, id);
    } else if (!reading_ && !closed_ && error_.ok() && unanswered_ < most_unanswered_) {
      reading_ = true;
      ++using_call_;
      lock.unlock();
      call_->AsyncNext().Then([self = shared_from_this()](std::optional<ReceivedRequest> received) {
        self->Received(std::move(received));
      });
      lock.lock();
      --using_call_;
    } else {
      return;
    }
  }
}

std::optional<absl::Status> Stream::StartWrite(StreamResponse response) {
  const absl::StatusOr<bool> written = call_->TryWrite(response);
  if (!written.ok() || *written) return written.status();
  call_->AsyncWrite(response).Then(
      [self = shared_from_this(), id = response.response.id](const absl::Status& status) {
        Lock lock(self->mutex_);
        self->Written(status, id);
        self->Go(std::move(lock));
      });
  return std::nullopt;
}

void Stream::Written(const absl::Status& status, const std::string& id) {
  writing_ = false;
  if (status.ok()) return;
  // What can't be sent is that response's trouble; anything else means that the call is over.
  const bool unsendable = absl::IsResourceExhausted(status) || absl::IsInternal(status);
  if (unsendable && error_.ok()) {
    waiting_.push_front(ErrorOf(id, status));
  } else {
    broken_ = true;
  }
}

}  // namespace parley::kserve
