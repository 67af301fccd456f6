#include "onnx_model.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "openvino/openvino.hpp"
#include "openvino_tensor.h"

namespace {

absl::StatusOr<std::vector<parley::NamedTensor>> RunBatch(ov::CompiledModel& model,
                                                          const parley::InferBatch& batch) {
  // One for each batch, which takes 50 us: several instances may run, and the answers keep the
  // memory of its outputs until they are sent.
  ov::InferRequest request = model.create_infer_request();
  std::vector<parley::Tensor> inputs;  // whose memory the request uses
  for (std::size_t i = 0; i < model.inputs().size(); ++i) {
    absl::StatusOr<parley::Tensor> rows = batch.Gather(model.input(i).get_any_name());
    if (!rows.ok()) return rows.status();
    inputs.push_back(*std::move(rows));
    request.set_input_tensor(i, ViewOf(inputs.back()));
  }
  request.infer();  // what it throws becomes INTERNAL, and is logged
  std::vector<parley::NamedTensor> outputs;
  for (std::size_t i = 0; i < model.outputs().size(); ++i) {
    absl::StatusOr<parley::Tensor> rows = Share(request.get_output_tensor(i));
    if (!rows.ok()) return rows.status();
    outputs.push_back({model.output(i).get_any_name(), *std::move(rows)});
  }
  return outputs;
}

// OpenVINO compiles much of a model when it first runs.
void WarmUp(ov::CompiledModel& model, std::size_t items) {
  ov::InferRequest request = model.create_infer_request();
  for (std::size_t i = 0; i < model.inputs().size(); ++i) {
    ov::Shape shape = model.input(i).get_partial_shape().get_min_shape();
    for (std::size_t& extent : shape) extent = std::max<std::size_t>(extent, 1);
    shape[0] = items;
    ov::Tensor zeros(model.input(i).get_element_type(), shape);
    std::memset(zeros.data(), 0, zeros.get_byte_size());
    request.set_input_tensor(i, zeros);
  }
  request.infer();
}

}  // namespace

absl::StatusOr<parley::Model> LoadOnnx(const std::string& path, std::string name,
                                       std::size_t max_batch_size, parley::BatchOptions queue) try {
  ov::CompiledModel model = ov::Core().compile_model(
      path, "CPU", ov::hint::execution_mode(ov::hint::ExecutionMode::ACCURACY));
  auto inputs = ItemSpecs(std::as_const(model).inputs());
  if (!inputs.ok()) return inputs.status();
  auto outputs = ItemSpecs(std::as_const(model).outputs());
  if (!outputs.ok()) return outputs.status();
  return parley::Model{.spec = {.name = std::move(name),
                                .inputs = *std::move(inputs),
                                .outputs = *std::move(outputs),
                                .max_batch_size = max_batch_size},
                       .handler =
                           [model](const parley::InferBatch& batch) mutable {
                             return batch.Split(RunBatch(model, batch));
                           },
                       .queue = std::move(queue),
                       .warm_up =
                           [model, max_batch_size]() mutable {
                             WarmUp(model, 1);
                             WarmUp(model, max_batch_size);
                             return absl::OkStatus();
                           }};
} catch (const std::exception& error) {
  return absl::InvalidArgumentError(absl::StrCat("OpenVINO can't load the model: ", error.what()));
}
