// What crosses from the operators, which know ATen and no CUDA, to the kernels, which know CUDA and
// no ATen.
#pragma once

#include <cstdint>

#ifdef __CUDACC__
#define ICU_BOTH __host__ __device__
#else
#define ICU_BOTH
#endif

namespace icu::cuda {

// Labels as they are given.
struct Labels {
  const void* data;
  int64_t stride;
  bool wide;  // int64, else int32
  int64_t ignore_index;
};

// The options, as numbers and switches (options.h has their names).
enum class Weighting : int { one, classes, samples };  // w_k = 1, 1/|present|, n_k/V
struct Options {
  double alpha, g_b, c_g;
  bool mahalanobis, positive;  // alpha_mode; neither is `distance`
  bool per_row, mean;          // reduction; neither is `sum`
  double lambda_mean, lambda_var, lambda_likelihood;
  bool euclidean;
  Weighting weighting;
  bool batch_center, moment_gradient;
  double moment_factor;  // c
  bool split_tf32;       // precision; else exact

  ICU_BOTH bool likelihood_of_distance() const { return lambda_likelihood > 0 && !euclidean; }
  ICU_BOTH bool likelihood_of_squares() const { return lambda_likelihood > 0 && euclidean; }
  // Whether the classes' batch means are needed at all.
  ICU_BOTH bool moments() const { return lambda_mean > 0 || lambda_var > 0; }
};

// What the backward pass needs of a row's softmax; a row of four doubles.
//   l_k - l_z = e_ik + offset + logPrior_k,   e_ik = base - d_ik
struct RowState {
  double base;    // d_iz
  double offset;  // dhat_iz - logPrior_z - base
  double max;     // m = max(0, largest l_k - l_z)
  double others;  // S = sum_{k != z} e^(l_k - l_z - m)
};

// Where a kernel reports a label that is no class: pinned host memory, read by the next call.
struct BadLabel {
  int64_t label, row, classes;
  int64_t seen;  // written last
};

// A problem of any dtype; problem.cuh says what the parts are.
struct AnyProblem {
  const void* x;
  const void* mu;
  const void* s;
  int64_t x_stride, mu_stride, s_stride;
  int64_t rows, classes, dims;
  double min, max, kappa;
  bool diagonal;
};

struct AnyGradients {
  void* features;
  void* means;
  void* log_variances;
};

struct LossForwardCall {
  AnyProblem p;
  Labels labels;
  const double* prior;
  Options options;
  BadLabel* bad;
  void* classification;
  void* regularizer;
  void* total;
  double* diagnostics;
  void* gaps;  // null where the backward pass makes them again
  RowState* states;
};

struct LossBackwardCall {
  AnyProblem p;
  Labels labels;
  const double* prior;
  Options options;
  const void* gaps;
  const RowState* states;
  const void* classification;  // gradients that arrive; null where none does
  int64_t classification_stride;
  const void* regularizer;
  const void* total;
  AnyGradients out;
};

struct DistancesCall {
  AnyProblem p;
  void* out;
};

struct DistancesBackwardCall {
  AnyProblem p;
  const void* gradient;  // by row and class
  int64_t row_stride, class_stride;
  AnyGradients out;
};

class Stream;

// The passes for one dtype of features; a .cu file has each.
struct Passes {
  void (*loss_forward)(Stream&, const LossForwardCall&);
  void (*loss_backward)(Stream&, const LossBackwardCall&);
  void (*distances)(Stream&, const DistancesCall&);
  void (*distances_backward)(Stream&, const DistancesBackwardCall&);
};
extern const Passes float32_passes, float64_passes, float16_passes, bfloat16_passes;

}  // namespace icu::cuda
