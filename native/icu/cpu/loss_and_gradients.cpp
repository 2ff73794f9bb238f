// icu::_loss_and_gradients on the CPU: a small problem's loss together with the gradients of its
// total, so that the backward pass has nothing to do where only the total is differentiated.
#include <torch/library.h>

#include <algorithm>
#include <cmath>

#include "loss_pass.h"
#include "loss_weights.h"
#include "parallel.h"

namespace icu {
namespace {

struct FusedMemory;
struct SmallMemory;

// Where the sums over samples, which stay on the lanes until the end, fit into the nearest cache.
constexpr int64_t small_means = 2048;

// The loss and the gradients of its classification part, over panels of samples.
template <typename T>
class SmallPass {
 public:
  SmallPass(const DistanceProblem<T>& problem, const Labels& labels, const LossOptions& options,
            const std::vector<double>& prior, const RowStates& states)
      : p_(problem),
        labels_(labels),
        prior_(prior),
        states_(states),
        margins_(options, problem.D) {}

  static bool fits(const DistanceProblem<T>& problem) {
    return !problem.diagonal && problem.D <= block_dims && problem.K * problem.D <= small_means;
  }

  // upstream: the gradient that arrives at each row's loss. Fills norms with |x_i|.
  void run(double upstream, const Gradients<T>& out, std::vector<double>& norms) const {
    const int64_t V = p_.N, K = p_.K, D = p_.D, width = kernels_.width;
    const size_t w = size_t(width);
    // x and the features' gradients, weights, the means' sums, and c = 0.
    const int64_t panel = D * width, sums = K * D * width;
    T* memory = Scratch<SmallMemory>::template get<T>(2 * panel + K * width + sums + D);
    T *x = memory, *features = x + panel, *weights = features + panel, *means = weights + K * width,
      *zeros = means + sums;
    std::fill_n(means, sums + D, T(0));
    std::vector<double> numbers(size_t(K) * (2 * w + 3) + 7 * w, 0);
    double* distances = numbers.data();
    double *gaps = distances + K * width, *class_a = gaps + K * width,
           *class_distances = class_a + K, *target_h = class_distances + K;
    double *base = target_h + K, *offset = base + width, *target_m = offset + width,
           *at_loss = target_m + width, *max = at_loss + width, *others = max + width,
           *target = others + width;
    std::vector<int64_t> of(w, 0);
    std::vector<double> extra_h(w);
    for (int64_t row = 0; row < V; row += width) {
      const int64_t rows = std::min(width, V - row);
      kernels_.pack_samples(
          {rows, D, {p_.x_row(row), p_.x.stride}, zeros, x, 0, width, norms.data() + row});
      const SmallTile<T> tile{K,
                              D,
                              x,
                              p_.mu_from(0),
                              p_.terms.v.data(),
                              p_.terms.log_det.data(),
                              prior_.empty() ? nullptr : prior_.data(),
                              distances,
                              gaps,
                              of.data(),
                              base,
                              offset,
                              target_m,
                              at_loss,
                              max,
                              others,
                              target,
                              weights,
                              class_a,
                              class_distances,
                              features,
                              means};
      kernels_.small_distances(tile);
      for (int64_t i = 0; i < width; i++) {
        if (i >= rows) {
          at_loss[i] = 0;
          continue;
        }
        const int64_t z = labels_.target[size_t(row + i)];
        of[size_t(i)] = z;
        base[i] = distances[z * width + i];
        const auto margin = margins_.target(base[i], p_.terms.log_det[size_t(z)]);
        offset[i] = margin.distance - base[i] - (prior_.empty() ? 0 : prior_[size_t(z)]);
        target_m[i] = margin.m;
        extra_h[size_t(i)] = margin.h - margin.m;
        at_loss[i] = upstream;
      }
      kernels_.small_gradients(tile);
      for (int64_t i = 0; i < rows; i++) {
        norms[size_t(row + i)] = std::sqrt(norms[size_t(row + i)]);
        states_.base[row + i] = base[i];
        states_.max[row + i] = max[i];
        states_.others[row + i] = others[i];
        target_h[of[size_t(i)]] += target[i] * extra_h[size_t(i)];
      }
      if (out.features) kernels_.unpack_samples(features, rows, D, out.features + row * D);
    }
    if (out.means) kernels_.small_means(means, K, D, out.means);
    for (int64_t k = 0; k < K && out.log_variances; k++) {
      const double h = class_a[k] + target_h[k];
      const double aq = 2 * class_distances[k] - p_.terms.log_det[size_t(k)] * class_a[k];
      out.log_variances[k] = static_cast<T>(0.5 * (p_.kappa * h - aq));
    }
  }

 private:
  const Kernels<T>& kernels_ = kernels<T>();
  const DistanceProblem<T>& p_;
  const Labels& labels_;
  const std::vector<double>& prior_;
  const RowStates& states_;
  const Margins margins_;
};

template <typename T>
FusedResult run(const Tensor& features, const Tensor& labels_tensor, const Tensor& means,
                const Tensor& log_variances, const OptionalTensor& log_prior,
                const LossOptions& options, const Mask& mask) {
  const int64_t N = features.size(0), K = means.size(0), D = means.size(1);
  const auto parameter = means.options();
  const Labels labels(labels_tensor, K, options.ignore_index);
  const int64_t V = labels.valid();
  const DistanceProblem<T> problem(labels.take(features), means, log_variances, options);
  const auto prior = prior_of(log_prior);
  const bool small = SmallPass<T>::fits(problem);
  // For each valid row its state, and for each row and class its gap.
  double* memory = Scratch<FusedMemory>::get<double>(4 * V + (small ? 0 : K * V));
  const RowStates states(memory, V);

  Tensor dx = mask[0] ? at::empty({V, D}, parameter) : Tensor();
  Tensor dmu = mask[1] ? at::empty({K, D}, parameter) : Tensor();
  Tensor ds = mask[2] ? at::empty(log_variances.sizes(), parameter) : Tensor();
  const Gradients<T> out{mask[0] ? dx.mutable_data_ptr<T>() : nullptr,
                         mask[1] ? dmu.mutable_data_ptr<T>() : nullptr,
                         mask[2] ? ds.mutable_data_ptr<T>() : nullptr};
  const double share = options.reduction == Reduction::mean && V > 0 ? 1.0 / double(V) : 1.0;
  LossPass<T> pass(problem, labels, options, prior, states);
  if (small) {
    SmallPass<T>(problem, labels, options, prior, states).run(share, out, pass.norms());
    pass.finish();
  } else {
    T* gaps = reinterpret_cast<T*>(memory + 4 * V);
    pass.run(gaps);
    const LossWeights<T> weights(problem, labels, options, prior, gaps, states,
                                 std::vector<double>(size_t(V), share));
    distance_gradients<T>(problem, weights, out);
  }
  const Regularizer<T> regularizer(problem, labels.target, options);
  const auto values = pass.values(N, regularizer, parameter);
  regularizer.add_gradients(1, {out.features, D}, {out.means, D}, out.log_variances);
  if (mask[2]) problem.stop_at_bounds(out.log_variances);
  if (mask[0]) dx = labels.spread(dx.to(features.scalar_type()), N);
  return {values.classification, values.regularizer, values.diagnostics, values.total, dx, dmu, ds};
}

FusedResult loss_and_gradients(const Tensor& features, const Tensor& labels, const Tensor& means,
                               const Tensor& log_variances, const OptionalTensor& log_prior,
                               at::IntArrayRef modes, at::ArrayRef<double> constants, Mask mask) {
  const auto options = LossOptions::from(modes, constants);
  TORCH_CHECK(options.reduction != Reduction::none,
              "icu::_loss_and_gradients: reduction: expected mean or sum, got none");
  const auto fused = means.scalar_type() == at::kDouble ? run<double> : run<float>;
  return fused(features, labels, means, log_variances, log_prior, options, mask);
}

}  // namespace

TORCH_LIBRARY_IMPL(icu, CPU, m) { m.impl("_loss_and_gradients", loss_and_gradients); }

}  // namespace icu
