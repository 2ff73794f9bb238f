#include "gaps.h"

#include <algorithm>

#include "parallel.h"

namespace icu {
namespace {

struct SumsMemory;
struct CrossMemory;

int64_t padded(int64_t rows, int64_t width) { return tiles(rows, width) * width; }

}  // namespace

template <typename T>
const T* Gaps<T>::panels_from(int64_t row) const {
  return panels_.const_data_ptr<T>() + row * problem_.D;
}

template <typename T>
Gaps<T>::Gaps(const DistanceProblem<T>& problem, const RowTerms& rows)
    : problem_(problem), terms_(rows) {
  const int64_t N = problem.N, D = problem.D, width = kernels<T>().width;
  const auto options = at::TensorOptions().dtype(c10::CppTypeToScalarType<T>::value);
  panels_ = at::empty({padded(N, width) * D}, options);
  squares_ = at::empty({2, N}, options.dtype(at::kDouble));
  T* panels = panels_.template mutable_data_ptr<T>();
  double* squares = squares_.template mutable_data_ptr<double>();
  for_each_tile(problem.threads, tiles(N, width), [&](int64_t tile) {
    const int64_t row = tile * width, block = row / row_block * row_block;
    const int64_t in_block = padded(std::min(row_block, N - block), width);
    kernels<T>().pack_samples({std::min(width, N - row),
                               D,
                               {problem.x_row(row), problem.x.stride},
                               problem.centre.data(),
                               panels + block * D,
                               row - block,
                               in_block,
                               squares + row,
                               squares + N + row});
  });
}

template <typename T>
void Gaps<T>::fill(int64_t row, int64_t rows, int64_t first, int64_t classes, T* out,
                   int64_t stride) const {
  const int64_t wide = padded(rows, kernels<T>().width);
  double* sums = Scratch<SumsMemory>::template get<double>(most_classes * wide + most_classes);
  double* squares = sums + most_classes * wide;
  const Rows<const T> mu = problem_.mu_from(first), s = problem_.s_from(first);
  const auto from = [&](const auto* data) { return data ? data + row : nullptr; };
  const double* x_squares = squares_.template const_data_ptr<double>() + row;
  const GapTerms terms{x_squares + problem_.N,
                       x_squares,
                       problem_.v_from(first),
                       problem_.terms.log_det.data() + first,
                       terms_.prior ? terms_.prior + first : nullptr,
                       from(terms_.base),
                       from(terms_.offset)};
  kernels<T>().cross({rows, classes, problem_.D, panels_from(row), mu, problem_.centre.data(), s,
                      problem_.bounds, sums, wide, squares,
                      Scratch<CrossMemory>::template get<T>(kernels<T>().cross_scratch),
                      terms.base && !everything_ ? &terms : nullptr});
  kernels<T>().gaps({rows,
                     classes,
                     problem_.D,
                     first,
                     together(problem_.K),
                     sums,
                     wide,
                     squares,
                     terms,
                     from(terms_.labels),
                     {problem_.x_row(row), problem_.x.stride},
                     mu,
                     s,
                     problem_.bounds,
                     out,
                     stride});
}

template <typename T>
void Gaps<T>::fill_all(int64_t first, int64_t classes, T* out) const {
  for (int64_t row = 0; row < problem_.N; row += row_block) {
    fill(row, std::min(row_block, problem_.N - row), first, classes, out + row, problem_.N);
  }
}

template class Gaps<float>;
template class Gaps<double>;

}  // namespace icu
