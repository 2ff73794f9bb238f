#include "small_pass.h"

#include <algorithm>
#include <cmath>

#include "parallel.h"

namespace icu {

struct SmallMemory;

template <typename T>
void SmallPass<T>::run(double upstream, const Gradients<T>& out, std::vector<double>& norms) const {
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
  double *gaps = distances + K * width, *class_a = gaps + K * width, *class_distances = class_a + K,
         *target_h = class_distances + K;
  double *base = target_h + K, *offset = base + width, *target_m = offset + width,
         *at_loss = target_m + width, *max = at_loss + width, *others = max + width,
         *target = others + width;
  std::vector<int64_t> of(w, 0);
  std::vector<double> extra_h(w);
  for (int64_t row = 0; row < V; row += width) {
    const int64_t rows = std::min(width, V - row);
    kernels_.pack_samples(
        {rows, D, {p_.x_row(row), p_.x.stride}, zeros, x, 0, width, norms.data() + row, nullptr});
    // Lanes without a row repeat the last: what a 0 there would make of a large mean is not finite.
    for (int64_t d = 0; d < D && rows < width; d++) {
      std::fill(x + d * width + rows, x + (d + 1) * width, x[d * width + rows - 1]);
    }
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

template class SmallPass<float>;
template class SmallPass<double>;

}  // namespace icu
