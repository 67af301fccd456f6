// Calls the server's function by its contract, then as a model, as it would one of Triton's.
#include "parley/client.h"

#include <iostream>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/strings/numbers.h"
#include "contract.h"
#include "parley/kserve/client.h"

ABSL_FLAG(std::string, address, "", "Where the server listens, as it prints it.");
ABSL_FLAG(std::vector<std::string>, scores, std::vector<std::string>({"1", "2", "3"}),
          "Numbers, with commas between.");

absl::StatusOr<parley::Tensor> Scores(const std::vector<std::string>& texts) {
  std::vector<float> values(texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (!absl::SimpleAtof(texts[i], &values[i])) {
      return absl::InvalidArgumentError("a score is not a number");
    }
  }
  const auto count = static_cast<std::int64_t>(values.size());
  return parley::Tensor::CopyOf<float>(values, {count});
}

absl::Status Print(std::string_view title, const parley::Tensor& tensor) {
  absl::StatusOr<std::span<const float>> values = tensor.Values<float>();
  if (!values.ok()) return values.status();
  std::cout << title << parley::ShapeText(tensor.shape());
  for (const float value : *values) std::cout << " " << value;
  std::cout << "\n";
  return absl::OkStatus();
}

absl::Status Run() {
  absl::StatusOr<parley::Tensor> scores = Scores(absl::GetFlag(FLAGS_scores));
  if (!scores.ok()) return scores.status();
  parley::Client client(absl::GetFlag(FLAGS_address));

  auto called = client.Call(kSoftmax, *scores, {.timeout = absl::Seconds(5)});
  if (!called.ok()) return called.status();
  if (absl::Status s = Print("method", *called); !s.ok()) return s;

  parley::kserve::Client models(client);  // on the same connection
  auto inferred = models.Infer({.model_name = "softmax", .inputs = {{"scores", *scores}}});
  if (!inferred.ok()) return inferred.status();
  const parley::Tensor* const probabilities = inferred->FindOutput("probabilities");
  if (probabilities == nullptr) return absl::InternalError("there are no probabilities");
  return Print("model", *probabilities);
}

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage("tensors_client --address=127.0.0.1:PORT [--scores=1,2,3]");
  absl::ParseCommandLine(argc, argv);
  absl::Status status = Run();
  if (!status.ok()) std::cerr << status << "\n";
  return status.ok() ? 0 : 1;
}
