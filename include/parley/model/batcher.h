// Dynamic batching: requests that come one by one run together, because a model takes hardly longer for
// many of them than for one.
#ifndef PARLEY_MODEL_BATCHER_H_
#define PARLEY_MODEL_BATCHER_H_

#include <cstddef>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "parley/detail/batch_runner.h"
#include "parley/model/batch_options.h"
#include "parley/options.h"

namespace parley {

// Runs requests in batches, each on the thread of an instance. For any types: it needs no server.
//
// Example:  auto batcher = parley::Batcher<Image, Label>::Start(
//               {.max_batch_size = 32}, [&](absl::Span<const Image> images) {
//                 return classifier.Run(images);  // an answer for each, in their order
//               });
//           if (!batcher.ok()) return batcher.status();
//           absl::StatusOr<Label> label = (*batcher)->Run(image);
// Threads:  safe.
// Lifetime: destroying it ends what waits with UNAVAILABLE and blocks until the batches that run are
//           done. REQUIRES: not in the handler, nor in an answer.
template <class Request, class Answer>
class Batcher {
 public:
  using Answers = std::vector<absl::StatusOr<Answer>>;
  // Answers the requests of one batch, in their order. As many answers as requests, or all get INTERNAL;
  // so they do if it throws, and what it threw is logged. Called on several threads at once, if there
  // are several instances.
  using Handler = std::function<Answers(absl::Span<const Request> batch)>;

  // Errors:   INVALID_ARGUMENT for options that make no sense, saying which.
  static absl::StatusOr<std::unique_ptr<Batcher>> Start(BatchOptions options, Handler handler,
                                                        Log log = nullptr) {
    absl::StatusOr<std::unique_ptr<detail::BatchRunner>> runner = detail::BatchRunner::Start(
        std::move(options),
        [handler = std::move(handler)](absl::Span<detail::BatchJob* const> jobs) {
          RunBatch(handler, jobs);
        },
        std::move(log));
    if (!runner.ok()) return runner.status();
    return std::unique_ptr<Batcher>(new Batcher(*std::move(runner)));
  }

  // Calls `answer` once, with what the handler says or why it was not asked; without locks, on an
  // instance's thread, on one that watches the time, on the one that requests the stop, or, if the
  // request is refused, before this returns. It must not block, nor throw.
  // Blocks:   never.
  // Errors:   INVALID_ARGUMENT for more items than a batch has, or for a priority that there is not;
  //           RESOURCE_EXHAUSTED if too much waits; DEADLINE_EXCEEDED if no batch has begun in time;
  //           CANCELLED if it was stopped before; UNAVAILABLE if the batcher is destroyed; INTERNAL.
  void Submit(Request request, BatchTerms terms,
              absl::AnyInvocable<void(absl::StatusOr<Answer>) &&> answer) {
    runner_->Submit(std::make_unique<Job>(std::move(request), std::move(answer)), std::move(terms));
  }

  // Blocks:   until the answer is there. Errors: the same.
  absl::StatusOr<Answer> Run(Request request, BatchTerms terms = {}) {
    std::promise<absl::StatusOr<Answer>> promise;
    std::future<absl::StatusOr<Answer>> answer = promise.get_future();
    Submit(std::move(request), std::move(terms),
           [&](absl::StatusOr<Answer> given) { promise.set_value(std::move(given)); });
    return answer.get();
  }

 private:
  struct Job final : detail::BatchJob {
    Job(Request asked, absl::AnyInvocable<void(absl::StatusOr<Answer>) &&> told)
        : request(std::move(asked)), deliver(std::move(told)) {}
    void Fail(const absl::Status& status) override { answer = status; }
    void Deliver() override { std::move(deliver)(std::move(answer)); }

    Request request;
    absl::AnyInvocable<void(absl::StatusOr<Answer>) &&> deliver;
    absl::StatusOr<Answer> answer;
  };

  explicit Batcher(std::unique_ptr<detail::BatchRunner> runner) : runner_(std::move(runner)) {}

  static void RunBatch(const Handler& handler, absl::Span<detail::BatchJob* const> jobs) {
    std::vector<Request> batch;
    batch.reserve(jobs.size());
    for (detail::BatchJob* job : jobs) batch.push_back(std::move(static_cast<Job*>(job)->request));
    Answers answers = handler(batch);
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      if (answers.size() == jobs.size()) {
        static_cast<Job*>(jobs[i])->answer = std::move(answers[i]);
      } else {
        jobs[i]->Fail(absl::InternalError(absl::StrCat("the model gave ", answers.size(),
                                                       " answers to ", jobs.size(), " requests")));
      }
    }
  }

  const std::unique_ptr<detail::BatchRunner> runner_;
};

}  // namespace parley

#endif  // PARLEY_MODEL_BATCHER_H_
