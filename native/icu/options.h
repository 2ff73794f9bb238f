// The options of the ICU loss, parsed once from the operator's strings.
#pragma once

#include <ATen/ATen.h>

#include <string_view>
#include <vector>

namespace icu {

enum class Covariance : int64_t { isotropic, scalar, diagonal };
enum class GammaMode : int64_t { covariance, determinant, logdet };
enum class AlphaMode : int64_t { distance, mahalanobis, positive };
enum class RegReduction : int64_t { sum, classes, samples };
enum class MomentCenter : int64_t { learned, batch };
enum class Reduction : int64_t { mean, sum, none };
enum class Likelihood : int64_t { gaussian, euclidean };
enum class Memory : int64_t { automatic, store, recompute };
enum class Precision : int64_t { exact, split_tf32 };

Covariance parse_covariance(std::string_view op, std::string_view value);
GammaMode parse_gamma_mode(std::string_view value);
AlphaMode parse_alpha_mode(std::string_view value);
RegReduction parse_reg_reduction(std::string_view value);
MomentCenter parse_moment_center(std::string_view value);
Reduction parse_reduction(std::string_view value);
Likelihood parse_likelihood(std::string_view value);
Memory parse_memory(std::string_view value);
Precision parse_precision(std::string_view value);

// What a distance depends on besides its tensors (Eq. 9). Log-variances are clamped to the bounds.
struct DistanceOptions {
  Covariance covariance = Covariance::isotropic;
  double min_log_variance = -10;
  double max_log_variance = 10;
  bool log_determinant = true;  // false: d = Q/2, the distance of L-GM's authors

  // kappa of ln|Sigma_k| = kappa s_k; with a diagonal covariance it stands for one dimension.
  double kappa(int64_t dims) const { return log_determinant ? repeats(dims) : 0.0; }
  // c of the variance moment, Eq. 13; kappa c = 1.
  double moment_factor(int64_t dims) const { return 1.0 / repeats(dims); }
  bool diagonal() const { return covariance == Covariance::diagonal; }

 private:
  // How many dimensions one s stands for.
  double repeats(int64_t dims) const {
    return covariance == Covariance::isotropic ? static_cast<double>(dims) : 1.0;
  }
};

struct LossOptions : DistanceOptions {
  GammaMode gamma_mode = GammaMode::covariance;
  AlphaMode alpha_mode = AlphaMode::distance;
  RegReduction reg_reduction = RegReduction::sum;
  MomentCenter moment_center = MomentCenter::learned;
  Reduction reduction = Reduction::mean;
  Likelihood likelihood = Likelihood::gaussian;
  Memory memory = Memory::automatic;
  Precision precision = Precision::exact;  // the CPU is exact either way
  bool moment_gradient = true;
  int64_t ignore_index = -100;
  double alpha = 1e-4;
  double gamma = 1e-3;
  double lambda_mean = 0.1;
  double lambda_var = 0.1;
  double lambda_likelihood = 0;

  // Whether the forward pass keeps the (N, K) gaps for the backward pass, which else makes them
  // again: as `memory` says, and where that is automatic up to 64 MiB or a quarter of the means.
  bool stores_gaps(int64_t rows, int64_t classes, int64_t dims, int64_t item_size) const;

  // The inner operators take the options as these two lists, so that their schemas stay short.
  std::vector<int64_t> modes() const;
  std::vector<double> constants() const;
  static LossOptions from(at::IntArrayRef modes, at::ArrayRef<double> constants);
};

// Throws unless the bounds are finite and in order.
void check_bounds(std::string_view op, const DistanceOptions& options);
// The above, and alpha, gamma and the lambdas finite and at least 0.
void check_options(const LossOptions& options);

}  // namespace icu
