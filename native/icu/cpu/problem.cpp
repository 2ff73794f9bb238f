#include "problem.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#if __has_include(<sys/mman.h>)
#include <sys/mman.h>
#endif

#include "parallel.h"

namespace icu {
namespace {

// Read when the library is loaded, as ICU_SIMD.
const bool dense = std::getenv("ICU_DENSE") != nullptr;

// An e^x in multiply-adds, about.
constexpr int64_t exponential_work = 64;

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
  const int64_t work = diagonal ? K * D : K * exponential_work;
  for_each_tile(work < serial_work ? 1 : threads, tiles(K, block), [&](int64_t tile) {
    for (int64_t k = tile * block; k < std::min(K, (tile + 1) * block); k++) {
      double sum = 0;
      if (diagonal) {
        sum = kernels<T>().sum_log_variances(s.data + k * s.stride, bounds, D);
      } else {
        sum = log_variance(s.data + k);
        terms.v[static_cast<size_t>(k)] = std::exp(-sum);
      }
      terms.log_det[static_cast<size_t>(k)] = kappa * sum;
    }
  });

  constexpr int64_t most = 64;
  const int64_t count = std::min(K, most);
  std::vector<double> sums(static_cast<size_t>(D), 0);
  for (int64_t j = 0; j < count; j++) {
    const T* row = mu_row(j * K / count);
#pragma omp simd
    for (int64_t d = 0; d < D; d++) sums[size_t(d)] += static_cast<double>(row[d]);
  }
  // What is not finite is its own class's, and would reach all.
  const auto mean_of_finite = [&](int64_t d) {
    double sum = 0, finite = 0;
    for (int64_t j = 0; j < count; j++) {
      const double value = static_cast<double>(mu_row(j * K / count)[d]);
      if (!std::isfinite(value)) continue;
      sum += value;
      finite++;
    }
    return finite > 0 ? sum / finite : 0;
  };
  centre.resize(static_cast<size_t>(D));
  for (int64_t d = 0; d < D; d++) {
    const double mean = sums[size_t(d)] / static_cast<double>(count);
    centre[size_t(d)] = static_cast<T>(std::isfinite(mean) ? mean : mean_of_finite(d));
  }
}

template <typename T>
void DistanceProblem<T>::stop_at_bounds(T* gradient) const {
  if (diagonal) {
    for_each_tile(threads, K, [&](int64_t k) {
      kernels<T>().stop_at_bounds(s.data + k * s.stride, bounds, D, gradient + k * D);
    });
    return;
  }
  for (int64_t k = 0; k < K; k++) {
    kernels<T>().stop_at_bounds(s.data + k * s.stride, bounds, 1, gradient + k);
  }
}

template struct DistanceProblem<float>;
template struct DistanceProblem<double>;

bool nothing_left_out() { return dense; }

at::Tensor empty_output(at::IntArrayRef sizes, at::TensorOptions options) {
  auto result = at::empty(sizes, options);
#ifdef MADV_HUGEPAGE
  constexpr uintptr_t page = 2 << 20;
  const auto begin = reinterpret_cast<uintptr_t>(result.data_ptr()), end = begin + result.nbytes();
  const uintptr_t first = (begin + page - 1) / page * page, last = end / page * page;
  // Only advice: where it is not taken, nothing changes.
  if (last >= first + 8 * page)
    madvise(reinterpret_cast<void*>(first), last - first, MADV_HUGEPAGE);
#endif
  return result;
}

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

at::Tensor Labels::spread(const at::Tensor& tensor, int64_t count) const {
  if (valid() == count) return tensor;
  const auto index = at::from_blob(const_cast<int64_t*>(rows.data()), {valid()}, at::kLong);
  return at::zeros({count, tensor.size(1)}, tensor.options()).index_copy_(0, index, tensor);
}

}  // namespace icu
