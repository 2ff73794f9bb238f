// Reverse-mode differentiation: LibTorch's own engine, on the calling thread for CPU graphs.
#include "autograd.h"

#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>

#include "call.h"

namespace intraclass {

namespace {

/// An optional list of gradients: null means "ones", as for scalars.
std::vector<at::Tensor> gradientsOf(const Call& call, size_t index, const char* name) {
  if (call.info[index].IsNull() || call.info[index].IsUndefined()) return {};
  return toTensors(call.env, call.environment, call.info[index], name);
}

/// backward(tensors, gradients | null, retainGraph, createGraph): accumulates into the leaves'
/// gradients.
napi_value backward(const Call& call) {
  torch::autograd::backward(toTensors(call.env, call.environment, call.info[0], "tensors"),
                            gradientsOf(call, 1, "gradients"), call.flag(2, "retainGraph"),
                            call.flag(3, "createGraph"));
  return call.undefined();
}

/// grad(outputs, inputs, gradients | null, retainGraph, createGraph, allowUnused): one gradient per
/// input.
napi_value grad(const Call& call) {
  const auto gradients =
      torch::autograd::grad(toTensors(call.env, call.environment, call.info[0], "outputs"),
                            toTensors(call.env, call.environment, call.info[1], "inputs"),
                            gradientsOf(call, 2, "gradOutputs"), call.flag(3, "retainGraph"),
                            call.flag(4, "createGraph"), call.flag(5, "allowUnused"));
  Napi::Array array = Napi::Array::New(call.env, gradients.size());
  for (uint32_t i = 0; i < gradients.size(); ++i) array[i] = call.handle(gradients[i]);
  return array;
}

napi_value isGradEnabled(const Call& call) { return call.value(c10::GradMode::is_enabled()); }

napi_value setGradEnabled(const Call& call) {
  c10::GradMode::set_enabled(call.flag(0, "enabled"));
  return call.undefined();
}

}  // namespace

void exportAutograd(Napi::Object exports) {
  addExport<backward>(exports, "backward");
  addExport<grad>(exports, "grad");
  addExport<isGradEnabled>(exports, "isGradEnabled");
  addExport<setGradEnabled>(exports, "setGradEnabled");
}

}  // namespace intraclass
