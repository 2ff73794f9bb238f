#include "gradients.h"

#include <algorithm>
#include <vector>

#include "parallel.h"

namespace icu {
namespace {

struct WeightsMemory;
struct SquaresMemory;

constexpr int64_t source_block = product_sources;
constexpr int64_t class_block = 32;

template <typename T>
T* product_memory() {
  return Scratch<ProductTile<T>>::template get<T>(kernels<T>().product_scratch);
}

void zero(float* data, int64_t count) { std::fill_n(data, count, 0.0f); }
void zero(double* data, int64_t count) { std::fill_n(data, count, 0.0); }

}  // namespace

template <typename T>
void feature_gradient(const DistanceProblem<T>& problem, const WeightSource<T>& source,
                      Rows<T> out) {
  const int64_t N = problem.N, K = problem.K, D = problem.D;
  // Each row's sum is its own: the height of a tile changes no result.
  const int64_t height = std::clamp<int64_t>(tiles(N, problem.threads), 16, product_outputs);
  for_each_tile(problem.threads, tiles(N, height), [&](int64_t tile) {
    const int64_t row = tile * height, rows = std::min(height, N - row);
    T* weights = Scratch<WeightsMemory>::template get<T>(product_outputs * source_block);
    for (int64_t i = 0; i < rows; i++) zero(out.data + (row + i) * out.stride, D);
    for (int64_t k = 0; k < K; k += source_block) {
      const int64_t classes = std::min(source_block, K - k);
      source.fill(row, rows, k, classes, {weights, source_block}, nullptr, nullptr);
      ProductTile<T> t;
      t.outputs = rows;
      t.sources = classes;
      t.first = 0;
      t.dims = D;
      t.p = {problem.x.data + row * problem.x.stride, problem.x.stride};
      t.q = {problem.mu.data + k * problem.mu.stride, problem.mu.stride};
      t.s = problem.diagonal
                ? Rows<const T>{problem.s.data + k * problem.s.stride, problem.s.stride}
                : Rows<const T>{nullptr, 0};
      t.bounds = problem.bounds;
      t.w = weights;
      t.w_output = source_block;
      t.w_source = 1;
      t.out = {out.data + row * out.stride, out.stride};
      t.squares = {nullptr, 0};
      t.scratch = product_memory<T>();
      kernels<T>().products(t);
    }
  });
}

namespace {

// One block of classes in the dimensions [first, first + dims).
template <typename T>
struct ClassTile {
  const DistanceProblem<T>& problem;
  const WeightSource<T>& source;
  T* means;
  T* log_variances;
  int64_t k, classes, first, dims;

  void run() {
    const bool squares = log_variances && (problem.diagonal || !source.has_sums());
    double sums_h[class_block] = {}, sums_aq[class_block] = {};
    T* memory = Scratch<SquaresMemory>::template get<T>(2 * class_block * dims);
    // Where the means need no gradient, their sums go to scratch memory.
    Rows<T> sums{memory, dims}, square_sums{memory + class_block * dims, dims};
    zero(memory, 2 * class_block * dims);
    T* weights = Scratch<WeightsMemory>::template get<T>(product_outputs * source_block);

    for (int64_t row = 0; row < problem.N; row += source_block) {
      const int64_t rows = std::min(source_block, problem.N - row);
      source.fill(row, rows, k, classes, {weights, class_block}, sums_h,
                  squares || !log_variances ? nullptr : sums_aq);
      if (!means && !squares) continue;
      ProductTile<T> t;
      t.outputs = classes;
      t.sources = rows;
      t.first = 0;
      t.dims = dims;
      t.p = {problem.mu.data + k * problem.mu.stride + first, problem.mu.stride};
      t.q = {problem.x.data + row * problem.x.stride + first, problem.x.stride};
      t.s = {nullptr, 0};
      t.bounds = problem.bounds;
      t.w = weights;
      t.w_output = 1;
      t.w_source = class_block;
      t.out = sums;
      t.squares = squares ? square_sums : Rows<T>{nullptr, 0};
      t.scratch = product_memory<T>();
      kernels<T>().products(t);
    }
    for (int64_t c = 0; c < classes; c++)
      finish(c, sums, square_sums, sums_h[c], sums_aq[c], squares);
  }

  void finish(int64_t c, Rows<T> sums, Rows<T> square_sums, double sum_h, double sum_aq,
              bool squares) {
    const int64_t D = problem.D;
    T* sum = sums.data + c * sums.stride;
    const T* square = square_sums.data + c * square_sums.stride;
    if (problem.diagonal) {
      T* v =
          product_memory<T>();  // no longer in use; `dims` is at most its size, see class_gradient
      kernels<T>().inverse_variances(problem.s.data + (k + c) * problem.s.stride + first,
                                     problem.bounds, dims, v);
      for (int64_t d = 0; d < dims; d++) sum[d] *= v[d];
      if (log_variances) {
        T* out = log_variances + (k + c) * D + first;
        for (int64_t d = 0; d < dims; d++) {
          out[d] = static_cast<T>(0.5 * (sum_h - static_cast<double>(v[d]) * square[d]));
        }
      }
    } else if (log_variances) {
      if (squares) {
        for (int64_t d = 0; d < D; d++) sum_aq += static_cast<double>(square[d]);
      }
      if (squares || first == 0) {
        log_variances[k + c] = static_cast<T>(0.5 * (problem.kappa * sum_h - sum_aq));
      }
    }
    if (means) std::copy_n(sum, dims, means + (k + c) * D + first);
  }
};

}  // namespace

template <typename T>
void class_gradient(const DistanceProblem<T>& problem, const WeightSource<T>& source, T* means,
                    T* log_variances) {
  const int64_t D = problem.D, blocks = tiles(problem.K, class_block);
  // Few classes: divide the dimensions too, so that there is work for every thread. Again no result
  // changes, since each dimension's sum is its own; a sum over dimensions is made by a tile that
  // has them all.
  const bool whole = log_variances && !problem.diagonal && !source.has_sums();
  const int64_t wanted = blocks >= 4 * problem.threads || problem.threads == 1 || whole
                             ? 1
                             : tiles(4 * problem.threads, blocks);
  const int64_t largest = problem.diagonal ? kernels<T>().product_scratch : D;
  const int64_t width = std::min(std::max<int64_t>(128, tiles(tiles(D, wanted), 64) * 64), largest);
  const int64_t parts = tiles(D, width);
  for_each_tile(problem.threads, blocks * parts, [&](int64_t tile) {
    const int64_t k = tile / parts * class_block, first = tile % parts * width;
    ClassTile<T>{problem, source,
                 means,   log_variances,
                 k,       std::min(class_block, problem.K - k),
                 first,   std::min(width, D - first)}
        .run();
  });
}

#define ICU_INSTANTIATE(T)                                                                    \
  template void feature_gradient(const DistanceProblem<T>&, const WeightSource<T>&, Rows<T>); \
  template void class_gradient(const DistanceProblem<T>&, const WeightSource<T>&, T*, T*);
ICU_INSTANTIATE(float)
ICU_INSTANTIATE(double)
#undef ICU_INSTANTIATE

}  // namespace icu
