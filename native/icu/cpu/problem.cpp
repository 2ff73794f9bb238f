#include "problem.h"

#include <algorithm>
#include <cmath>

#include "parallel.h"

namespace icu {
namespace {

at::Tensor rows_of(const at::Tensor& tensor, at::ScalarType dtype) {
  auto result = tensor.scalar_type() == dtype ? tensor : tensor.to(dtype);
  const bool adjacent = result.stride(-1) == 1 || result.size(-1) == 1;
  return adjacent ? result : result.contiguous();
}

template <typename T>
Rows<const T> view(const at::Tensor& tensor) {
  return {tensor.const_data_ptr<T>(), tensor.dim() == 2 ? tensor.stride(0) : 1};
}

}  // namespace

template <typename T>
DistanceProblem<T>::DistanceProblem(const at::Tensor& features, const at::Tensor& means,
                                    const at::Tensor& log_variances, const DistanceOptions& options)
    : N(features.size(0)),
      K(means.size(0)),
      D(means.size(1)),
      bounds{static_cast<T>(options.min_log_variance), static_cast<T>(options.max_log_variance)},
      kappa(options.kappa(D)),
      diagonal(options.diagonal()),
      threads(threads_for(N * K * D)),
      x_(rows_of(features, means.scalar_type())),
      mu_(rows_of(means, means.scalar_type())),
      s_(rows_of(log_variances, means.scalar_type())) {
  x = view<T>(x_);
  mu = view<T>(mu_);
  s = view<T>(s_);
  terms.log_det.resize(static_cast<size_t>(K));
  if (!diagonal) terms.v.resize(static_cast<size_t>(K));
  constexpr int64_t block = 64;
  for_each_tile(diagonal ? threads : 1, tiles(K, block), [&](int64_t tile) {
    for (int64_t k = tile * block; k < std::min(K, (tile + 1) * block); k++) {
      double sum = 0;
      if (diagonal) {
        const T* row = s.data + k * s.stride;
#pragma omp simd reduction(+ : sum)
        for (int64_t d = 0; d < D; d++) sum += log_variance(row + d);
      } else {
        sum = log_variance(s.data + k);
        terms.v[static_cast<size_t>(k)] = std::exp(-sum);
        sum *= kappa;
      }
      terms.log_det[static_cast<size_t>(k)] = sum;
    }
  });
}

template <typename T>
void DistanceProblem<T>::distances(const double* base, int64_t base_stride, Rows<T> out) const {
  constexpr int64_t class_block = 64;
  const int64_t row_block = std::clamp<int64_t>(tiles(N, threads), 16, 128);
  const int64_t class_tiles = tiles(K, class_block);
  for_each_tile(threads, tiles(N, row_block) * class_tiles, [&](int64_t tile) {
    const int64_t row = tile / class_tiles * row_block, k = tile % class_tiles * class_block;
    DistanceTile<T> t;
    t.rows = std::min(row_block, N - row);
    t.classes = std::min(class_block, K - k);
    t.dims = D;
    t.x = {x.data + row * x.stride, x.stride};
    t.mu = {mu.data + k * mu.stride, mu.stride};
    t.s = diagonal ? Rows<const T>{s.data + k * s.stride, s.stride} : Rows<const T>{nullptr, 0};
    t.bounds = bounds;
    t.v = diagonal ? nullptr : terms.v.data() + k;
    t.log_det = terms.log_det.data() + k;
    t.base = base ? base + row * base_stride : nullptr;
    t.base_stride = base_stride;
    t.out = {out.data + row * out.stride + k, out.stride};
    t.scratch = Scratch<DistanceTile<T>>::template get<T>(kernels<T>().distance_scratch(t.rows));
    kernels<T>().distances(t);
  });
}

template <typename T>
void DistanceProblem<T>::stop_at_bounds(T* gradient) const {
  const int64_t rows = diagonal ? K : 1, columns = diagonal ? D : K;
  for (int64_t k = 0; k < rows; k++) {
    const T* at = s.data + k * s.stride;
    for (int64_t d = 0; d < columns; d++) {
      const T value = at[diagonal ? d : d * s.stride];
      T& g = gradient[k * columns + d];
      if ((value >= bounds.max && g < 0) || (value <= bounds.min && g > 0)) g = 0;
    }
  }
}

template struct DistanceProblem<float>;
template struct DistanceProblem<double>;

Labels::Labels(const at::Tensor& labels, int64_t classes, int64_t ignore_index) {
  const int64_t count = labels.size(0);
  rows.reserve(static_cast<size_t>(count));
  target.reserve(static_cast<size_t>(count));
  const auto read = [&](const auto* values, int64_t stride) {
    for (int64_t i = 0; i < count; i++) {
      const int64_t label = values[i * stride];
      if (label == ignore_index) continue;
      TORCH_CHECK_INDEX(label >= 0 && label < classes,
                        "icu::loss: labels: expected a class from 0 to ", classes - 1,
                        " or ignore_index (", ignore_index, "), got ", label, " in row ", i);
      rows.push_back(i);
      target.push_back(label);
    }
  };
  if (labels.scalar_type() == at::kInt) {
    read(labels.const_data_ptr<int32_t>(), labels.stride(0));
  } else {
    read(labels.const_data_ptr<int64_t>(), labels.stride(0));
  }
}

at::Tensor Labels::take(const at::Tensor& tensor) const {
  if (valid() == tensor.size(0)) return tensor;
  if (valid() == 0) return tensor.narrow(0, 0, 0);
  const auto index = at::from_blob(const_cast<int64_t*>(rows.data()), {valid()}, at::kLong);
  return tensor.index_select(0, index);
}

}  // namespace icu
