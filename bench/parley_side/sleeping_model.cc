// The sleeping model: see sleeping_model.h.

#include "sleeping_model.h"

#include <chrono>
#include <thread>
#include <utility>

#include "service.h"

namespace parley_bench {
namespace {

constexpr std::chrono::microseconds kEachBatch{1000};
constexpr std::chrono::microseconds kEachRequest{50};

}  // namespace

SleepingModel::SleepingModel(int max_batch_size) {
  using Model = parley::Batcher<Payload, Payload>;
  batcher_ = Model::Start({.max_batch_size = static_cast<std::size_t>(max_batch_size)},
                          [](absl::Span<const Payload> batch) {
                            std::this_thread::sleep_for(kEachBatch + batch.size() * kEachRequest);
                            return Model::Answers(batch.begin(), batch.end());
                          })
                 .value();
}

void SleepingModel::Register(parley::Server& server) {
  server.Register(kSleep, [this](parley::ServerCall<parley::Unary<Payload, Payload>> call) {
    Payload request = std::move(call.request());
    parley::BatchTerms terms{.deadline = call.context().deadline(),
                             .stop = call.context().stop_token()};
    batcher_->Submit(std::move(request), std::move(terms),
                     [call = std::move(call)](const absl::StatusOr<Payload>& answer) mutable {
                       std::move(call).Finish(answer);
                     });
  });
}

}  // namespace parley_bench
