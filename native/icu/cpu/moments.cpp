#include "moments.h"

#include <cmath>
#include <numeric>

#include "parallel.h"

namespace icu {

PresentClasses::PresentClasses(const std::vector<int64_t>& target, int64_t class_count) {
  // A counting sort; rows of one class stay in the batch's order.
  std::vector<int64_t> place(static_cast<size_t>(class_count), 0);
  for (const int64_t z : target) place[size_t(z)]++;
  int64_t sum = 0;
  for (int64_t k = 0; k < class_count; k++) {
    const int64_t rows = place[size_t(k)];
    place[size_t(k)] = sum;
    if (rows == 0) continue;
    classes.push_back(k);
    first.push_back(sum);
    sum += rows;
  }
  first.push_back(sum);
  order.resize(target.size());
  for (size_t i = 0; i < target.size(); i++) order[size_t(place[size_t(target[i])]++)] = int64_t(i);
}

struct MomentsMemory;

template <typename T>
Regularizer<T>::Regularizer(const DistanceProblem<T>& problem, const std::vector<int64_t>& target,
                            const LossOptions& options)
    : problem_(problem),
      options_(options),
      present_(target, problem.K),
      c_(options.moment_factor(problem.D)) {}

template <typename T>
double Regularizer<T>::weight(int64_t j) const {
  switch (options_.reg_reduction) {
    case RegReduction::classes:
      return 1.0 / static_cast<double>(present_.count());
    case RegReduction::samples:
      return static_cast<double>(present_.rows(j)) / static_cast<double>(present_.order.size());
    case RegReduction::sum:
      break;
  }
  return 1.0;
}

template <typename T>
MomentTile<T> Regularizer<T>::tile(int64_t j) const {
  const int64_t D = problem_.D, k = present_.classes[size_t(j)];
  T* scratch = Scratch<MomentsMemory>::template get<T>(4 * D);
  return {present_.rows(j),
          D,
          present_.order.data() + present_.first[size_t(j)],
          problem_.x,
          problem_.mu_row(k),
          problem_.s_from(k).data,
          problem_.bounds,
          options_.moment_center == MomentCenter::batch,
          scratch,
          scratch + D,
          scratch + 2 * D,
          scratch + 3 * D};
}

template <typename T>
double Regularizer<T>::error(int64_t k, double spread, int64_t rows) const {
  return std::exp(problem_.log_variance(problem_.s.data + k * problem_.s.stride)) -
         c_ * spread / static_cast<double>(rows);
}

template <typename T>
double Regularizer<T>::part(int64_t j, const MomentTile<T>& m, const MomentSums& sums) const {
  const int64_t k = present_.classes[size_t(j)];
  const double e = problem_.diagonal ? 0 : error(k, sums.spread, m.count);
  const double of_variance = problem_.diagonal ? sums.error : e * e;
  const double moments =
      weight(j) * (options_.lambda_mean * sums.mean + options_.lambda_var * of_variance);
  const double each = options_.lambda_likelihood / static_cast<double>(present_.order.size());
  return each == 0 ? moments
                   : moments + 0.5 * each * likelihood(k, m, sums, static_cast<double>(m.count));
}

template <typename T>
double Regularizer<T>::value() const {
  if (!counts()) return 0;
  std::vector<double> parts(static_cast<size_t>(present_.count()));
  for_each_tile(problem_.threads, present_.count(), [&](int64_t j) {
    const auto m = tile(j);
    parts[size_t(j)] = part(j, m, kernels<T>().moments(m));
  });
  return std::accumulate(parts.begin(), parts.end(), 0.0);
}

// sum_i (Q_iz + L_z) of a class's n rows, or sum_i |x_i - mu_z|^2.
template <typename T>
double Regularizer<T>::likelihood(int64_t k, const MomentTile<T>& m, const MomentSums& sums,
                                  double n) const {
  const bool gaussian = options_.likelihood == Likelihood::gaussian;
  // sum_i |x_i - mu|^2 = sum_i |x_i - mubar|^2 + n |mu - mubar|^2
  double squares = sums.spread + (m.batch ? n * sums.mean : 0);
  if (problem_.diagonal) {
    squares = sums.spread;
    if (!gaussian) {
      squares = m.batch ? n * sums.mean : 0;
      for (int64_t d = 0; d < m.dims; d++) squares += static_cast<double>(m.square[d]);
    }
  } else if (gaussian) {
    squares *= problem_.terms.v[size_t(k)];
  }
  return gaussian ? squares + n * problem_.terms.log_det[size_t(k)] : squares;
}

template <typename T>
double Regularizer<T>::add_gradients(double upstream, Rows<T> features, Rows<T> means,
                                     T* log_variances) const {
  if (!counts()) return 0;
  std::vector<double> parts(static_cast<size_t>(present_.count()));
  const bool diagonal = problem_.diagonal, flows = options_.moment_gradient;
  const bool gaussian = options_.likelihood == Likelihood::gaussian;
  const double each =
      upstream * options_.lambda_likelihood / static_cast<double>(present_.order.size());
  for_each_tile(problem_.threads, present_.count(), [&](int64_t j) {
    const auto m = tile(j);
    const auto sums = kernels<T>().moments(m);
    parts[size_t(j)] = part(j, m, sums);
    const int64_t k = present_.classes[size_t(j)];
    const double n = static_cast<double>(m.count), w = upstream * weight(j);
    const double pull = 2 * w * options_.lambda_mean;
    const double e = diagonal ? 1 : error(k, sums.spread, m.count);
    const double spread = 4 * c_ * w * options_.lambda_var * e;
    const double v = diagonal || !gaussian ? 1 : problem_.terms.v[size_t(k)];
    MomentGradients<T> g{};
    g.feature_mean = static_cast<T>(flows ? -pull / n : 0);
    g.feature_spread = static_cast<T>(flows ? -spread / n : 0);
    g.feature_likelihood = static_cast<T>(each * v);
    g.mean_mean = static_cast<T>(pull);
    g.mean_spread = static_cast<T>(flows && !m.batch ? -spread : 0);
    g.weighted = gaussian;
    if (features.data && (flows || each != 0)) g.features = features;
    if (means.data) g.means = means.data + k * means.stride;
    if (log_variances && diagonal) {
      g.variance_spread = static_cast<T>(2 * w * options_.lambda_var);
      g.variance_likelihood = static_cast<T>(gaussian ? 0.5 * each : 0);
      g.variance_count = static_cast<T>(problem_.kappa * n);
      g.log_variances = log_variances + k * problem_.D;
    }
    kernels<T>().moment_gradients(m, g);
    if (log_variances && !diagonal) {
      const double sigma2 =
          std::exp(problem_.log_variance(problem_.s.data + k * problem_.s.stride));
      double gradient = 2 * w * options_.lambda_var * e * sigma2;
      if (gaussian && each != 0) {
        const double squares = sums.spread + (m.batch ? n * sums.mean : 0);
        gradient += 0.5 * each * (problem_.kappa * n - v * squares);
      }
      log_variances[k] = static_cast<T>(static_cast<double>(log_variances[k]) + gradient);
    }
  });
  return std::accumulate(parts.begin(), parts.end(), 0.0);
}

template class Regularizer<float>;
template class Regularizer<double>;

}  // namespace icu
