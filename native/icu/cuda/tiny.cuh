// Small problems in one launch: one block keeps features, means and distances in shared memory.
// This file has what both passes share.
#pragma once

#include "labels.cuh"
#include "moments.cuh"

namespace icu::cuda {

constexpr int tiny_threads = 512;
constexpr int tiny_warps = tiny_threads / 32;
constexpr int64_t tiny_work = 1 << 18;  // multiply-adds
constexpr int64_t tiny_pairs = 4096;    // of rows and classes
constexpr int64_t tiny_rows = 512;      // a thread to each
constexpr int64_t tiny_bytes =
    92 << 10;  // every GPU of compute capability 8 has them, and 7 KB beside

// The block's shared memory; an odd stride keeps rows off each other's banks.
template <typename T>
struct TinyMemory {
  double* distances;  // (N, K): d; the backward pass: A
  double* squares;    // (N, 2): |x_i|^2, |x_i - mu_z|^2
  double* v;          // (K)
  double* log_det;    // (K)
  double* errors;     // (K): e_k where not diagonal
  double* terms;      // (K): a class's part of the regulariser
  int64_t* target;    // (N)
  int64_t* sorted;    // (N)
  int64_t* order;     // (N)
  T* x;               // (N, stride)
  T* mu;              // (K, stride)
  T* inverse;         // (K, stride): v_kd, diagonal
  T* t;               // (K, stride)
  T* e;               // (K, stride), diagonal
  int64_t stride;

  // Bytes; with `memory`, also sets the pointers.
  __host__ __device__ int64_t lay_out(unsigned char* memory, int64_t rows, int64_t classes,
                                      int64_t dims, bool diagonal) {
    stride = dims | 1;
    int64_t bytes = 0;
    const auto take = [&](auto& pointer, int64_t count) {
      pointer = memory ? reinterpret_cast<decltype(&*pointer)>(memory + bytes) : nullptr;
      bytes += tiles(count * static_cast<int64_t>(sizeof(*pointer)), 16) * 16;
    };
    take(distances, rows * classes);
    take(squares, 2 * rows);
    take(v, classes);
    take(log_det, classes);
    take(errors, classes);
    take(terms, classes);
    take(target, rows);
    take(sorted, rows);
    take(order, rows);
    take(x, rows * stride);
    take(mu, classes * stride);
    take(inverse, diagonal ? classes * stride : 0);
    take(t, classes * stride);
    take(e, diagonal ? classes * stride : 0);
    return bytes;
  }
};

template <typename X, typename T>
int64_t tiny_shared_bytes(const Problem<X, T>& p) {
  TinyMemory<T> memory;
  return memory.lay_out(nullptr, p.rows, p.classes, p.dims, p.diagonal);
}

template <typename X, typename T>
bool fits_tiny(const Problem<X, T>& p) {
  return p.rows > 0 && p.rows <= tiny_rows && p.classes <= tiny_pairs &&
         p.rows * p.classes <= tiny_pairs && p.dims <= tiny_work &&
         p.rows * p.classes * p.dims <= tiny_work && tiny_shared_bytes(p) <= tiny_bytes;
}

// x, mu and v into shared memory, L_k, and what the rows are; sorted by class where asked for.
template <typename X, typename T>
__device__ void tiny_load(const Problem<X, T>& p, const Labels& labels, bool sorted,
                          const TinyMemory<T>& m) {
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  for (int64_t i = warp; i < p.rows + p.classes; i += tiny_warps) {
    const int64_t k = i - p.rows;
    for (int64_t d = lane; d < p.dims; d += 32) {
      if (k < 0) {
        m.x[i * m.stride + d] = number(p.x[i * p.x_stride + d]);
      } else {
        m.mu[k * m.stride + d] = p.mu[k * p.mu_stride + d];
        if (p.diagonal) m.inverse[k * m.stride + d] = inverse_variance(p, k, d);
      }
    }
    if (k < 0) {
      if (lane == 0) m.target[i] = target_of(label_at(labels, i), labels.ignore_index, p.classes);
      continue;
    }
    double sum = 0;  // prepare.cuh: log_determinant
    if (p.diagonal) {
      for (int64_t d = lane; d < p.dims; d += 32) sum += log_variance(p, k * p.s_stride + d);
      sum = warp_sum(sum);
    } else {
      sum = log_variance(p, k * p.s_stride);
    }
    if (lane == 0) {
      m.log_det[k] = p.kappa * sum;
      m.v[k] = p.diagonal ? 1 : exp(-sum);
    }
  }
  __syncthreads();
  if (!sorted) return;
  for (int64_t i = threadIdx.x; i < p.rows; i += tiny_threads) {
    const int64_t z = m.target[i];
    int64_t rank = 0;
    for (int64_t j = 0; j < p.rows; j++) {
      rank += m.target[j] < z || (m.target[j] == z && j < i);
    }
    m.sorted[rank] = z;
    m.order[rank] = i;
  }
  __syncthreads();
}

// sum_d v_d (x_d - mu_d)^2 in T over 64 dimensions, the blocks in float64. Null means 0, or v = 1.
template <typename T>
__device__ double tiny_square(const T* x, const T* mu, const T* v, int64_t dims) {
  double sum = 0;
  for (int64_t first = 0; first < dims; first += block_dims) {
    const int64_t to = smaller(first + block_dims, dims);
    T block = 0;
    for (int64_t d = first; d < to; d++) {
      const T difference = mu ? x[d] - mu[d] : x[d];
      block += v ? (difference * v[d]) * difference : difference * difference;
    }
    sum += static_cast<double>(block);
  }
  return sum;
}

// d of every row and class, and |x_i|^2 and |x_i - mu_z|^2.
template <typename X, typename T>
__device__ void tiny_distances(const Problem<X, T>& p, const TinyMemory<T>& m) {
  const int64_t columns = p.classes + 2;
  for (int64_t e = threadIdx.x; e < p.rows * columns; e += tiny_threads) {
    const int64_t i = e / columns, k = e % columns;
    const T* x = m.x + i * m.stride;
    if (k < p.classes) {
      const T* v = p.diagonal ? m.inverse + k * m.stride : nullptr;
      const double q = tiny_square(x, m.mu + k * m.stride, v, p.dims) * m.v[k];
      m.distances[i * p.classes + k] = 0.5 * (q + m.log_det[k]) + (q - q);
    } else {
      const int64_t z = m.target[i];
      const bool norm = k == p.classes;
      double square = z == no_class ? NAN : 0;
      if (z >= 0) {
        square = tiny_square(x, norm ? nullptr : m.mu + z * m.stride,
                             static_cast<const T*>(nullptr), p.dims);
      }
      m.squares[2 * i + !norm] = square;
    }
  }
  __syncthreads();
}

// t_k, e_k and the regulariser's part of each class; a warp to a class. moments.cuh has the
// formulas.
template <typename X, typename T>
__device__ void tiny_moments(const Problem<X, T>& p, const Options& o, const TinyMemory<T>& m) {
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  for (int64_t k = warp; k < p.classes; k += tiny_warps) {
    const int64_t first = first_at_least(m.sorted, p.rows, k);
    const int64_t count = first_at_least(m.sorted, p.rows, k + 1) - first;
    double squares = 0, spread = 0, errors = 0;
    for (int64_t d = lane; count > 0 && d < p.dims; d += 32) {
      const double mu = static_cast<double>(m.mu[k * m.stride + d]);
      double sum = 0, square = 0;
      for (int64_t r = 0; r < count; r++) {
        sum += static_cast<double>(m.x[m.order[first + r] * m.stride + d]) - mu;
      }
      const double t = -sum / static_cast<double>(count), centre = o.batch_center ? mu - t : mu;
      for (int64_t r = 0; r < count; r++) {
        const double from = static_cast<double>(m.x[m.order[first + r] * m.stride + d]) - centre;
        square += from * from;
      }
      m.t[k * m.stride + d] = static_cast<T>(t);
      squares += t * t;
      spread += square;
      if (p.diagonal) {
        const double e = exp(log_variance(p, k * p.s_stride + d)) -
                         o.moment_factor / static_cast<double>(count) * square;
        m.e[k * m.stride + d] = static_cast<T>(e);
        errors += e * e;
      }
    }
    squares = warp_sum(squares);
    spread = warp_sum(spread);
    errors = warp_sum(errors);
    double e = 0;
    if (count > 0 && !p.diagonal) {
      e = exp(log_variance(p, k * p.s_stride)) -
          o.moment_factor / static_cast<double>(count) * spread;
      errors = e * e;
    }
    if (lane != 0) continue;
    m.errors[k] = e;
    const double term = o.lambda_mean * squares + o.lambda_var * errors;
    m.terms[k] = count == 0                          ? 0
                 : o.weighting == Weighting::samples ? term * static_cast<double>(count)
                                                     : term;
  }
  __syncthreads();
}

}  // namespace icu::cuda
