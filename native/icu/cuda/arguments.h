// Tensors and options as the kernels take them.
#pragma once

#include "../operators.h"
#include "interface.h"

namespace icu::cuda {

// A row's elements adjacent; a copy only where they are not.
Tensor adjacent_rows(const Tensor& tensor);

// The tensors have to outlive it.
AnyProblem problem_of(const Tensor& features, const Tensor& means, const Tensor& log_variances,
                      const DistanceOptions& options);
Labels labels_of(const Tensor& labels, int64_t ignore_index);
Options options_of(const LossOptions& options, int64_t dims);

// New tensors for the gradients that are wanted, dense.
struct GradientTensors {
  GradientTensors(const Tensor& features, const Tensor& means, const Tensor& log_variances,
                  const Mask& mask);
  AnyGradients pointers() const;
  Tensor features, means, log_variances;
};

// The passes for features of a dtype.
const Passes& passes_for(const Tensor& features);

}  // namespace icu::cuda
