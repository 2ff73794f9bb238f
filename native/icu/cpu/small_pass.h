// The loss and the gradients of its classification part for few classes and dimensions, over panels
// of samples, everything on the vector lanes.
#pragma once

#include "gradients.h"
#include "rows.h"

namespace icu {

template <typename T>
class SmallPass {
 public:
  // Everything passed in must outlive this.
  SmallPass(const DistanceProblem<T>& problem, const Labels& labels, const LossOptions& options,
            const std::vector<double>& prior, const RowStates& states)
      : p_(problem),
        labels_(labels),
        prior_(prior),
        states_(states),
        margins_(options, problem.D) {}

  // Where the sums over samples, which stay on the lanes until the end, fit into the nearest cache.
  static bool fits(const DistanceProblem<T>& problem) {
    return !problem.diagonal && problem.D <= block_dims && problem.K * problem.D <= 2048;
  }

  // upstream: the gradient that arrives at each row's loss. Fills the row states, their offsets
  // excepted, and norms with |x_i|.
  void run(double upstream, const Gradients<T>& out, std::vector<double>& norms) const;

 private:
  const Kernels<T>& kernels_ = kernels<T>();
  const DistanceProblem<T>& p_;
  const Labels& labels_;
  const std::vector<double>& prior_;
  const RowStates& states_;
  const Margins margins_;
};

}  // namespace icu
