// What a Batcher is, whatever the types of its requests: the queue, the instances' threads and the
// watch over what waits for too long.
#ifndef PARLEY_DETAIL_BATCH_RUNNER_H_
#define PARLEY_DETAIL_BATCH_RUNNER_H_

#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "parley/detail/export.h"
#include "parley/model/batch_options.h"
#include "parley/options.h"

namespace parley::detail {

// A request, and then its answer.
class BatchJob {
 public:
  virtual ~BatchJob() = default;
  // Its answer is an error, whatever it was before.
  virtual void Fail(const absl::Status& status) = 0;
  // Gives the answer to whoever waits for it. Once, at the end.
  virtual void Deliver() = 0;
};

class PARLEY_EXPORT BatchRunner {
 public:
  // Gives each job its answer. Called on several threads at once, if there are several instances.
  using Run = std::function<void(absl::Span<BatchJob* const> jobs)>;

  static absl::StatusOr<std::unique_ptr<BatchRunner>> Start(BatchOptions options, Run run, Log log);
  BatchRunner(const BatchRunner&) = delete;
  BatchRunner& operator=(const BatchRunner&) = delete;
  ~BatchRunner();

  void Submit(std::unique_ptr<BatchJob> job, BatchTerms terms);

 private:
  class State;
  explicit BatchRunner(std::shared_ptr<State> state);

  // A request's cancellation may look for it when the runner is gone.
  const std::shared_ptr<State> state_;
};

}  // namespace parley::detail

#endif  // PARLEY_DETAIL_BATCH_RUNNER_H_
