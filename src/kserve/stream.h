// One ModelStreamInfer call: many requests on one stream, told apart by their ids.
#ifndef PARLEY_SRC_KSERVE_STREAM_H_
#define PARLEY_SRC_KSERVE_STREAM_H_

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

#include "parley/kserve/protocol.h"
#include "parley/model/registry.h"
#include "parley/server_call.h"
#include "src/kserve/received_request.h"

namespace parley::kserve {

// Reads requests while fewer than `most_unanswered` wait for their answers. Models of one response are
// answered in the order of the requests, those of many as they come. The call ends when the client has
// said that no more requests follow and all are answered, or at the first error if the client asks for
// that.
//
// Lifetime: shared by whatever will call it: a read, a write, a request that runs.
class Stream : public std::enable_shared_from_this<Stream> {
 public:
  using Call = ServerCall<Bidi<ReceivedRequest, StreamResponse>>;

  static void Serve(Call call, const ModelRegistry& registry, std::size_t most_unanswered);

 private:
  class Sink;

  // A request to a model of one response, in its place among the others.
  struct Place {
    std::string id;
    std::optional<absl::StatusOr<InferResponse>> answer;
  };
  using Places = std::list<Place>;
  using Lock = std::unique_lock<std::mutex>;

  Stream(Call call, const ModelRegistry& registry, std::size_t most_unanswered);

  void Received(std::optional<ReceivedRequest> received);
  void Run(ReceivedRequest received);
  void ReadOn(Lock lock);
  void Answer(Places::iterator place, absl::StatusOr<InferResponse> answer);
  // Of a request to a model of many responses.
  absl::Status WriteOne(const std::stop_token& stop, InferResponse response);
  void FinishOne(const std::string& id, std::optional<InferResponse> last, absl::Status status);

  // These are called with the lock. The last gives it up: it does what is to be done, until it is
  // somebody else's turn.
  void Queue(const std::string& id, absl::StatusOr<InferResponse> answer);
  void Written(const absl::Status& status, const std::string& id);
  bool is_over() const;
  void Go(Lock lock);

  // None if `response` is on its way.
  std::optional<absl::Status> StartWrite(StreamResponse response);

  const ModelRegistry& registry_;
  const std::size_t most_unanswered_;
  bool ends_at_first_error_ = false;
  absl::Time deadline_;

  std::mutex mutex_;
  std::optional<Call> call_;    // none: it has ended
  std::size_t using_call_ = 0;  // threads that do, without the lock
  std::size_t unanswered_ = 0;
  Places places_;
  std::deque<StreamResponse> waiting_;  // to be written
  std::condition_variable_any written_;
  bool reading_ = false;
  bool writing_ = false;
  bool closed_ = false;    // no more requests will come
  bool broken_ = false;    // nobody reads what is written
  absl::Status error_;     // with which the call is to end
  std::stop_source stop_;  // of the requests, once nobody waits for them
  std::optional<std::stop_callback<std::function<void()>>> gone_;
};

}  // namespace parley::kserve

#endif  // PARLEY_SRC_KSERVE_STREAM_H_
