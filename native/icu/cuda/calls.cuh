// What the passes are given and what they give, for one dtype.
#pragma once

#include "problem.cuh"

namespace icu::cuda {

template <typename X, typename T>
struct LossInputs {
  Problem<X, T> p;
  Labels labels;
  const double* prior;  // (K), or null
  Options options;
  BadLabel* bad;  // or null
};

template <typename T>
struct LossOutputs {
  T* classification;  // a scalar, or (N)
  T* regularizer;
  T* total;
  double* diagnostics;  // (3)
  T* gaps;              // (N, K), or null where the backward pass makes them again
  RowState* states;     // (N)
};

// Gradients that are wanted; null where not.
template <typename X, typename T>
struct Gradients {
  X* features;       // (N, D)
  T* means;          // (K, D)
  T* log_variances;  // (K) or (K, D)
};

}  // namespace icu::cuda
