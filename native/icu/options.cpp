#include "options.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

namespace icu {
namespace {

// The position of `value` among `names`, which is also the enumerator's number.
template <typename Enum, size_t count>
Enum parse(std::string_view op, std::string_view option, std::string_view value,
           const std::array<std::string_view, count>& names) {
  std::string expected;
  for (size_t i = 0; i < count; i++) {
    if (names[i] == value) return static_cast<Enum>(i);
    expected += (i == 0 ? "'" : i + 1 < count ? ", '" : " or '") + std::string(names[i]) + "'";
  }
  TORCH_CHECK_VALUE(false, op, ": ", option, ": expected ", expected, ", got '", value, "'");
}

void check_at_least_zero(std::string_view option, double value) {
  TORCH_CHECK_VALUE(std::isfinite(value) && value >= 0, "icu::loss: ", option,
                    ": expected a finite number of at least 0, got ", value);
}

}  // namespace

Covariance parse_covariance(std::string_view op, std::string_view value) {
  return parse<Covariance, 3>(op, "covariance", value, {"isotropic", "scalar", "diagonal"});
}
GammaMode parse_gamma_mode(std::string_view value) {
  return parse<GammaMode, 3>("icu::loss", "gamma_mode", value,
                             {"covariance", "determinant", "logdet"});
}
AlphaMode parse_alpha_mode(std::string_view value) {
  return parse<AlphaMode, 3>("icu::loss", "alpha_mode", value,
                             {"distance", "mahalanobis", "positive"});
}
RegReduction parse_reg_reduction(std::string_view value) {
  return parse<RegReduction, 3>("icu::loss", "reg_reduction", value, {"sum", "classes", "samples"});
}
MomentCenter parse_moment_center(std::string_view value) {
  return parse<MomentCenter, 2>("icu::loss", "moment_center", value, {"learned", "batch"});
}
Reduction parse_reduction(std::string_view value) {
  return parse<Reduction, 3>("icu::loss", "reduction", value, {"mean", "sum", "none"});
}
Likelihood parse_likelihood(std::string_view value) {
  return parse<Likelihood, 2>("icu::loss", "likelihood", value, {"gaussian", "euclidean"});
}
Memory parse_memory(std::string_view value) {
  return parse<Memory, 3>("icu::loss", "memory", value, {"auto", "store", "recompute"});
}
Precision parse_precision(std::string_view value) {
  return parse<Precision, 2>("icu::loss", "precision", value, {"exact", "split-tf32"});
}

bool LossOptions::stores_gaps(int64_t rows, int64_t classes, int64_t dims,
                              int64_t item_size) const {
  if (memory != Memory::automatic) return memory == Memory::store;
  // N K b <= max(64 MiB, K D b / 4), without products that could overflow.
  return rows <= std::max((int64_t{64} << 20) / item_size / classes, dims / 4);
}

std::vector<int64_t> LossOptions::modes() const {
  return {static_cast<int64_t>(covariance),      static_cast<int64_t>(gamma_mode),
          static_cast<int64_t>(alpha_mode),      static_cast<int64_t>(reg_reduction),
          static_cast<int64_t>(moment_center),   static_cast<int64_t>(reduction),
          static_cast<int64_t>(moment_gradient), static_cast<int64_t>(log_determinant),
          static_cast<int64_t>(likelihood),      static_cast<int64_t>(memory),
          static_cast<int64_t>(precision),       ignore_index};
}

std::vector<double> LossOptions::constants() const {
  return {alpha,           gamma, lambda_mean, lambda_var, lambda_likelihood, min_log_variance,
          max_log_variance};
}

LossOptions LossOptions::from(at::IntArrayRef modes, at::ArrayRef<double> constants) {
  TORCH_CHECK(modes.size() == 12 && constants.size() == 7,
              "icu: expected 12 modes and 7 constants, got ", modes.size(), " and ",
              constants.size());
  const std::array<int64_t, 11> counts{3, 3, 3, 3, 2, 3, 2, 2, 2, 3, 2};
  for (size_t i = 0; i < counts.size(); i++) {
    TORCH_CHECK(modes[i] >= 0 && modes[i] < counts[i], "icu: modes[", i,
                "]: expected an integer from 0 to ", counts[i] - 1, ", got ", modes[i]);
  }
  LossOptions o;
  o.covariance = static_cast<Covariance>(modes[0]);
  o.gamma_mode = static_cast<GammaMode>(modes[1]);
  o.alpha_mode = static_cast<AlphaMode>(modes[2]);
  o.reg_reduction = static_cast<RegReduction>(modes[3]);
  o.moment_center = static_cast<MomentCenter>(modes[4]);
  o.reduction = static_cast<Reduction>(modes[5]);
  o.moment_gradient = modes[6] != 0;
  o.log_determinant = modes[7] != 0;
  o.likelihood = static_cast<Likelihood>(modes[8]);
  o.memory = static_cast<Memory>(modes[9]);
  o.precision = static_cast<Precision>(modes[10]);
  o.ignore_index = modes[11];
  o.alpha = constants[0];
  o.gamma = constants[1];
  o.lambda_mean = constants[2];
  o.lambda_var = constants[3];
  o.lambda_likelihood = constants[4];
  o.min_log_variance = constants[5];
  o.max_log_variance = constants[6];
  return o;
}

void check_bounds(std::string_view op, const DistanceOptions& o) {
  TORCH_CHECK_VALUE(std::isfinite(o.min_log_variance), op,
                    ": min_log_variance: expected a finite number, got ", o.min_log_variance);
  TORCH_CHECK_VALUE(std::isfinite(o.max_log_variance), op,
                    ": max_log_variance: expected a finite number, got ", o.max_log_variance);
  TORCH_CHECK_VALUE(o.min_log_variance < o.max_log_variance, op,
                    ": min_log_variance: expected a number below max_log_variance (",
                    o.max_log_variance, "), got ", o.min_log_variance);
}

void check_options(const LossOptions& o) {
  check_bounds("icu::loss", o);
  check_at_least_zero("alpha", o.alpha);
  check_at_least_zero("gamma", o.gamma);
  check_at_least_zero("lambda_mean", o.lambda_mean);
  check_at_least_zero("lambda_var", o.lambda_var);
  check_at_least_zero("lambda_likelihood", o.lambda_likelihood);
}

}  // namespace icu
