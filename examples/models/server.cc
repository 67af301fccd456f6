// Serves an ONNX model to every client of the Open Inference Protocol: KServe's, Triton's.
#include "parley/server.h"

#include <signal.h>

#include <filesystem>
#include <iostream>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "onnx_model.h"
#include "parley/kserve/service.h"
#include "parley/model/registry.h"

ABSL_FLAG(std::string, address, "127.0.0.1:0", "host:port to listen on; 0: a free port.");
ABSL_FLAG(std::size_t, max_batch_size, 32, "How many items run together at most.");
ABSL_FLAG(absl::Duration, queue_delay, absl::Milliseconds(2),
          "How long a request may wait for others to run with.");

absl::Status Load(parley::ModelRegistry& models, const std::string& path, const std::string& name) {
  absl::StatusOr<parley::Model> model =
      LoadOnnx(path, name, absl::GetFlag(FLAGS_max_batch_size),
               {.max_queue_delay = absl::GetFlag(FLAGS_queue_delay)});
  return model.ok() ? models.Load(*std::move(model)) : model.status();
}

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage("onnx_server MODEL.onnx [NAME]: serves a model. Ctrl-C stops it.");
  const std::vector<char*> arguments = absl::ParseCommandLine(argc, argv);
  if (arguments.size() < 2 || arguments.size() > 3) {
    std::cerr << absl::ProgramUsageMessage() << "\n";
    return 2;
  }
  const std::string path = arguments[1];
  const std::string name =
      arguments.size() == 3 ? arguments[2] : std::filesystem::path(path).stem().string();

  // Blocked in every thread, so that sigwait below gets them.
  sigset_t stop_signals;
  sigemptyset(&stop_signals);
  sigaddset(&stop_signals, SIGINT);
  sigaddset(&stop_signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &stop_signals, nullptr);

  parley::ModelRegistry models;
  parley::Server server;
  parley::kserve::AddService(server, models);
  const std::string address = absl::GetFlag(FLAGS_address);
  absl::Status status = Load(models, path, name);
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
