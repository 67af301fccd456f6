// Serves one function of a tensor twice: as a method of its own, and as a model that every client
// of the Open Inference Protocol can call, such as Triton's.
#include "parley/server.h"

#include <signal.h>

#include <algorithm>
#include <cmath>
#include <iostream>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "contract.h"
#include "parley/kserve/service.h"
#include "parley/model/registry.h"

ABSL_FLAG(std::string, address, "127.0.0.1:0", "host:port to listen on; 0: a free port.");

// Scores become probabilities, which sum up to 1.
absl::StatusOr<parley::Tensor> Softmax(const parley::Tensor& scores) {
  absl::StatusOr<std::span<const float>> in = scores.Values<float>();
  if (!in.ok()) return in.status();
  if (in->empty()) return absl::InvalidArgumentError("there are no scores");
  const float most = *std::ranges::max_element(*in);
  const parley::Shape shape(scores.shape().begin(), scores.shape().end());
  return parley::Tensor::Make<float>(shape, [&](std::span<float> out) {
    float sum = 0;
    for (std::size_t i = 0; i < out.size(); ++i) sum += out[i] = std::exp((*in)[i] - most);
    for (float& value : out) value /= sum;
  });
}

parley::Model SoftmaxModel() {
  return {.spec = {.name = "softmax",
                   .inputs = {{"scores", parley::DataType::kFp32, {-1}}},
                   .outputs = {{"probabilities", parley::DataType::kFp32, {-1}}}},
          .handler = [](const parley::InferRequest& request,
                        const parley::InferTerms&) -> absl::StatusOr<parley::InferResponse> {
            absl::StatusOr<parley::Tensor> result = Softmax(*request.FindInput("scores"));
            if (!result.ok()) return result.status();
            return parley::InferResponse{.outputs = {{"probabilities", *std::move(result)}}};
          }};
}

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage("Makes probabilities of scores. Ctrl-C stops it.");
  absl::ParseCommandLine(argc, argv);

  // Blocked in every thread, so that sigwait below gets them.
  sigset_t stop_signals;
  sigemptyset(&stop_signals);
  sigaddset(&stop_signals, SIGINT);
  sigaddset(&stop_signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &stop_signals, nullptr);

  parley::ModelRegistry models;
  absl::Status status = models.Load(SoftmaxModel());
  parley::Server server;
  server.Register(kSoftmax,
                  [](parley::Context&, const parley::Tensor& scores) { return Softmax(scores); });
  parley::kserve::AddService(server, models);
  const std::string address = absl::GetFlag(FLAGS_address);
  if (status.ok()) status = server.Start(address);
  if (!status.ok()) {
    std::cerr << status << "\n";
    return 1;
  }
  std::cout << "listening on " << address.substr(0, address.rfind(':') + 1) << server.port()
            << std::endl;

  int signal;
  sigwait(&stop_signals, &signal);
  status = server.Shutdown(absl::Seconds(5));
  if (!status.ok()) std::cerr << status << "\n";
  return status.ok() ? 0 : 1;
}
