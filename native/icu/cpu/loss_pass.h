// The forward pass of the loss: the softmax of every row, and what comes out of it.
#pragma once

#include "../operators.h"
#include "rows.h"

namespace icu {

// The first four outputs of the operators.
struct LossValues {
  at::Tensor classification, regularizer, diagnostics, total;
};

template <typename T>
class LossPass {
 public:
  // Everything passed in must outlive this.
  LossPass(const DistanceProblem<T>& problem, const Labels& labels, const LossOptions& options,
           const std::vector<double>& prior, const RowStates& states);

  // Fills the row states, and where it is not null `gaps` (K, V).
  void run(T* gaps);

  // Or both by hand: |x_i| of each valid row, and the losses from row states filled elsewhere.
  std::vector<double>& norms() { return norms_; }
  void finish();

  // `rows`: N, those with an ignored label included.
  LossValues values(int64_t rows, double regularizer, at::TensorOptions parameter) const;

 private:
  void prepare(int64_t i);
  void softmax(T* gaps);

  const DistanceProblem<T>& problem_;
  const Labels& labels_;
  const LossOptions& options_;
  const std::vector<double>& prior_;
  const RowStates& states_;
  const Margins margins_;
  std::vector<double> losses_, norms_;
};

}  // namespace icu
