// icu::_distances on the GPU, in direct form: d_ik = (sum_d v_k (x_id - mu_kd)^2 + L_k) / 2.
//
// A block of 16 x 16 threads makes a tile of 64 rows and 64 classes, each thread 4 x 4 of them. The
// tile's x and mu go through shared memory 16 dimensions at a time; sums are of T over 64
// dimensions, the blocks of 64 in float64. Nothing of the size rows x classes x dimensions exists,
// no atomics are used, and every index is 64 bits wide.
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <torch/library.h>

#include <algorithm>

#include "../operators.h"

namespace icu {
namespace {

constexpr int tile = 64;     // rows and classes of a block
constexpr int depth = 16;    // dimensions in shared memory
constexpr int threads = 16;  // along each side of a block
constexpr int each = tile / threads;
constexpr int block_dims = 64;

template <typename T>
struct Arguments {
  const T* x;
  const T* mu;
  const T* s;
  const double* v;        // null where the covariance is diagonal
  const double* log_det;  // L, (K)
  T* out;
  int64_t rows, classes, dims;
  int64_t x_stride, mu_stride, s_stride;
  double min, max;
};

// The clamped log-variance; infinite ones become NaN, which the clamp must not hide.
template <typename T>
__device__ double log_variance(T s, double min, double max) {
  const double value = static_cast<double>(s);
  return (value < min ? min : value > max ? max : value) + (value - value);
}

// v_k and L_k of each class, a block to a class: sums over D in a fixed order.
template <typename T>
__global__ void class_terms(const T* s, int64_t s_stride, int64_t classes, int64_t dims,
                            bool diagonal, double kappa, double min, double max, double* v,
                            double* log_det) {
  __shared__ double sums[256];
  for (int64_t k = blockIdx.x; k < classes; k += gridDim.x) {
    if (!diagonal) {
      if (threadIdx.x == 0) {
        const double value = log_variance(s[k * s_stride], min, max);
        v[k] = exp(-value);
        log_det[k] = kappa * value;
      }
      continue;
    }
    double sum = 0;
    for (int64_t d = threadIdx.x; d < dims; d += blockDim.x) {
      sum += log_variance(s[k * s_stride + d], min, max);
    }
    sums[threadIdx.x] = sum;
    __syncthreads();
    for (int half = blockDim.x / 2; half > 0; half /= 2) {
      if (threadIdx.x < half) sums[threadIdx.x] += sums[threadIdx.x + half];
      __syncthreads();
    }
    if (threadIdx.x == 0) log_det[k] = sums[0];
    __syncthreads();
  }
}

template <typename T, bool diagonal>
__global__ void __launch_bounds__(threads* threads) distance_tiles(const Arguments<T> a) {
  // One more column than needed keeps threads of a warp off each other's memory banks.
  __shared__ T x[depth][tile + 1], mu[depth][tile + 1];
  __shared__ T v[diagonal ? depth : 1][tile + 1];
  const int64_t class_tiles = (a.classes + tile - 1) / tile;
  const int64_t tiles = (a.rows + tile - 1) / tile * class_tiles;
  const int row = threadIdx.y, column = threadIdx.x;
  const int thread = row * threads + column;

  for (int64_t t = blockIdx.x; t < tiles; t += gridDim.x) {
    const int64_t first_row = t / class_tiles * tile, first_class = t % class_tiles * tile;
    double sum[each][each] = {};
    T block[each][each] = {};
    for (int64_t d = 0; d < a.dims; d += depth) {
      for (int e = thread; e < tile * depth; e += threads * threads) {
        const int at = e / depth, j = e % depth;
        const int64_t i = first_row + at, k = first_class + at;
        const bool inside = d + j < a.dims;
        x[j][at] = inside && i < a.rows ? a.x[i * a.x_stride + d + j] : T(0);
        mu[j][at] = inside && k < a.classes ? a.mu[k * a.mu_stride + d + j] : T(0);
        if constexpr (diagonal) {
          v[j][at] =
              inside && k < a.classes
                  ? static_cast<T>(exp(-log_variance(a.s[k * a.s_stride + d + j], a.min, a.max)))
                  : T(0);
        }
      }
      __syncthreads();
#pragma unroll
      for (int j = 0; j < depth; j++) {
        T own[each];
#pragma unroll
        for (int r = 0; r < each; r++) own[r] = x[j][row + r * threads];
#pragma unroll
        for (int c = 0; c < each; c++) {
          const T mean = mu[j][column + c * threads];
          const T inverse = diagonal ? v[j][column + c * threads] : T(1);
#pragma unroll
          for (int r = 0; r < each; r++) {
            const T difference = own[r] - mean;
            block[r][c] += diagonal ? inverse * difference * difference : difference * difference;
          }
        }
      }
      __syncthreads();
      if ((d + depth) % block_dims == 0 || d + depth >= a.dims) {
#pragma unroll
        for (int r = 0; r < each; r++) {
#pragma unroll
          for (int c = 0; c < each; c++) {
            sum[r][c] += static_cast<double>(block[r][c]);
            block[r][c] = 0;
          }
        }
      }
    }
    for (int r = 0; r < each; r++) {
      const int64_t i = first_row + row + r * threads;
      for (int c = 0; c < each; c++) {
        const int64_t k = first_class + column + c * threads;
        if (i >= a.rows || k >= a.classes) continue;
        const double q = diagonal ? sum[r][c] : sum[r][c] * a.v[k];
        a.out[i * a.classes + k] = static_cast<T>(0.5 * (q + a.log_det[k]));
      }
    }
  }
}

Tensor dense_rows(const Tensor& tensor, at::ScalarType dtype) {
  const auto result = tensor.to(dtype);
  return result.stride(-1) == 1 || result.size(-1) == 1 ? result : result.contiguous();
}

template <typename T>
Tensor run(const Tensor& features, const Tensor& means, const Tensor& log_variances,
           const DistanceOptions& options) {
  const auto dtype = means.scalar_type();
  const auto x = dense_rows(features, dtype), mu = dense_rows(means, dtype),
             s = options.diagonal() ? dense_rows(log_variances, dtype) : log_variances;
  const int64_t rows = x.size(0), classes = mu.size(0), dims = mu.size(1);
  auto out = at::empty({rows, classes}, means.options());
  if (rows == 0) return out;

  const auto stream = c10::cuda::getCurrentCUDAStream();
  const auto terms = at::empty({2, classes}, means.options().dtype(at::kDouble));
  double* v = terms.mutable_data_ptr<double>();
  double* log_det = v + classes;
  constexpr int64_t most_blocks = int64_t{1} << 30;
  class_terms<T><<<static_cast<unsigned>(std::min(classes, most_blocks)), 256, 0, stream>>>(
      s.const_data_ptr<T>(), s.stride(0), classes, dims, options.diagonal(), options.kappa(dims),
      options.min_log_variance, options.max_log_variance, v, log_det);
  C10_CUDA_KERNEL_LAUNCH_CHECK();

  const Arguments<T> arguments{x.const_data_ptr<T>(),
                               mu.const_data_ptr<T>(),
                               s.const_data_ptr<T>(),
                               v,
                               log_det,
                               out.mutable_data_ptr<T>(),
                               rows,
                               classes,
                               dims,
                               x.stride(0),
                               mu.stride(0),
                               s.stride(0),
                               options.min_log_variance,
                               options.max_log_variance};
  const int64_t tiles = ((rows + tile - 1) / tile) * ((classes + tile - 1) / tile);
  const auto blocks = static_cast<unsigned>(std::min(tiles, most_blocks));
  const dim3 shape(threads, threads);
  if (options.diagonal()) {
    distance_tiles<T, true><<<blocks, shape, 0, stream>>>(arguments);
  } else {
    distance_tiles<T, false><<<blocks, shape, 0, stream>>>(arguments);
  }
  C10_CUDA_KERNEL_LAUNCH_CHECK();
  return out;
}

Tensor distances(const Tensor& features, const Tensor& means, const Tensor& log_variances,
                 int64_t covariance, double min, double max, bool log_determinant) {
  const c10::cuda::CUDAGuard guard(features.device());
  const auto options = distance_options(covariance, min, max, log_determinant);
  return means.scalar_type() == at::kDouble ? run<double>(features, means, log_variances, options)
                                            : run<float>(features, means, log_variances, options);
}

}  // namespace

TORCH_LIBRARY_IMPL(icu, CUDA, m) { m.impl("_distances", distances); }

}  // namespace icu
