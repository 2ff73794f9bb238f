#include "moments.h"

#include <cmath>

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

template <typename T>
struct Regularizer<T>::Moments {
  int64_t k, n;
  const int64_t* rows;
  double* mean;    // mubar_k, (D)
  double* centre;  // (D)
  double*
      e;  // sigma_k^2 - sbar_k^2, (D); the same in each dimension unless the covariance is diagonal
  double* sigma2;  // (D), likewise
};

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
void Regularizer<T>::moments(int64_t j, Moments& m) const {
  const int64_t D = problem_.D;
  double* scratch = Scratch<Moments>::template get<double>(4 * D);
  m = {present_.classes[size_t(j)],
       present_.rows(j),
       present_.order.data() + present_.first[size_t(j)],
       scratch,
       scratch + D,
       scratch + 2 * D,
       scratch + 3 * D};
  const double share = 1.0 / static_cast<double>(m.n);

  for (int64_t d = 0; d < D; d++) m.mean[d] = 0;
  for (int64_t i = 0; i < m.n; i++) {
    const T* x = problem_.x.data + m.rows[i] * problem_.x.stride;
#pragma omp simd
    for (int64_t d = 0; d < D; d++) m.mean[d] += static_cast<double>(x[d]);
  }
  for (int64_t d = 0; d < D; d++) m.mean[d] *= share;

  const bool batch = options_.moment_center == MomentCenter::batch;
  const T* mu = problem_.mu.data + m.k * problem_.mu.stride;
  for (int64_t d = 0; d < D; d++) m.centre[d] = batch ? m.mean[d] : static_cast<double>(mu[d]);

  for (int64_t d = 0; d < D; d++) m.e[d] = 0;
  for (int64_t i = 0; i < m.n; i++) {
    const T* x = problem_.x.data + m.rows[i] * problem_.x.stride;
#pragma omp simd
    for (int64_t d = 0; d < D; d++) {
      const double t = static_cast<double>(x[d]) - m.centre[d];
      m.e[d] += t * t;
    }
  }

  const T* s = problem_.s.data + m.k * problem_.s.stride;
  if (problem_.diagonal) {
    for (int64_t d = 0; d < D; d++) {
      m.sigma2[d] = std::exp(problem_.log_variance(s + d));
      m.e[d] = m.sigma2[d] - c_ * share * m.e[d];
    }
  } else {
    double spread = 0;
    for (int64_t d = 0; d < D; d++) spread += m.e[d];
    const double sigma2 = std::exp(problem_.log_variance(s));
    for (int64_t d = 0; d < D; d++) {
      m.sigma2[d] = sigma2;
      m.e[d] = sigma2 - c_ * share * spread;
    }
  }
}

template <typename T>
double Regularizer<T>::value() const {
  const int64_t D = problem_.D, variances = problem_.diagonal ? D : 1;
  std::vector<double> parts(static_cast<size_t>(present_.count()));
  for_each_tile(problem_.threads, present_.count(), [&](int64_t j) {
    Moments m;
    moments(j, m);
    const T* mu = problem_.mu.data + m.k * problem_.mu.stride;
    double of_mean = 0, of_variance = 0;
    for (int64_t d = 0; d < D; d++) {
      const double t = static_cast<double>(mu[d]) - m.mean[d];
      of_mean += t * t;
    }
    for (int64_t d = 0; d < variances; d++) of_variance += m.e[d] * m.e[d];
    parts[size_t(j)] =
        weight(j) * (options_.lambda_mean * of_mean + options_.lambda_var * of_variance);
  });
  double sum = 0;
  for (const double part : parts) sum += part;
  return sum;
}

template <typename T>
void Regularizer<T>::add_gradients(double upstream, Rows<T> features, Rows<T> means,
                                   T* log_variances) const {
  const int64_t D = problem_.D, variances = problem_.diagonal ? D : 1;
  const bool flows = options_.moment_gradient;
  const bool learned = options_.moment_center == MomentCenter::learned;
  for_each_tile(problem_.threads, present_.count(), [&](int64_t j) {
    Moments m;
    moments(j, m);
    const double w = upstream * weight(j), pull = 2 * options_.lambda_mean,
                 spread = 4 * c_ * options_.lambda_var;
    const T* mu = problem_.mu.data + m.k * problem_.mu.stride;
    if (means.data) {
      T* gradient = means.data + m.k * means.stride;
      for (int64_t d = 0; d < D; d++) {
        const double t = static_cast<double>(mu[d]) - m.mean[d];
        const double through_moment = flows && learned ? spread * m.e[d] : 0;
        gradient[d] = static_cast<T>(gradient[d] + w * (pull - through_moment) * t);
      }
    }
    if (log_variances) {
      T* gradient = log_variances + m.k * variances;
      for (int64_t d = 0; d < variances; d++) {
        gradient[d] =
            static_cast<T>(gradient[d] + 2 * w * options_.lambda_var * m.e[d] * m.sigma2[d]);
      }
    }
    if (!features.data || !flows) return;
    const double share = w / static_cast<double>(m.n);
    for (int64_t i = 0; i < m.n; i++) {
      const T* x = problem_.x.data + m.rows[i] * problem_.x.stride;
      T* gradient = features.data + m.rows[i] * features.stride;
#pragma omp simd
      for (int64_t d = 0; d < D; d++) {
        const double t = static_cast<double>(mu[d]) - m.mean[d];
        const double from_centre = static_cast<double>(x[d]) - m.centre[d];
        gradient[d] =
            static_cast<T>(gradient[d] - share * (pull * t + spread * m.e[d] * from_centre));
      }
    }
  });
}

template class Regularizer<float>;
template class Regularizer<double>;

}  // namespace icu
