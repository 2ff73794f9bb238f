#include "rows.h"

#include <cmath>

namespace icu {

Margins::Margins(const LossOptions& options, int64_t dims)
    : mode_(options.alpha_mode),
      alpha_(options.alpha),
      g_b_(options.gamma_mode == GammaMode::logdet ? options.gamma : 0) {
  // ln|(1+gamma) Sigma| adds ln(1+gamma) as often as ln|Sigma| counts s; ln((1+gamma)|Sigma|) adds
  // it once.
  const double count = options.gamma_mode == GammaMode::logdet        ? 0
                       : options.gamma_mode == GammaMode::determinant ? 1
                       : options.covariance == Covariance::scalar     ? 1
                                                                      : static_cast<double>(dims);
  c_g_ = count * std::log1p(options.gamma);
}

Margins::Target Margins::target(double distance, double log_det) const {
  // d_gamma = (Q + (1 + g_B) L + c_g)/2, Eq. 18.
  const double with_gamma = distance + 0.5 * (g_b_ * log_det + c_g_);
  const double h = 1 + g_b_;
  switch (mode_) {
    case AlphaMode::mahalanobis:  // d_gamma + alpha Q/2
      return {with_gamma + alpha_ * (distance - 0.5 * log_det), 1 + alpha_, h};
    case AlphaMode::positive:  // d_gamma + alpha max(d_gamma, 0)
      if (!(with_gamma > 0)) return {with_gamma, 1, h};
      break;
    case AlphaMode::distance:
      break;
  }
  return {(1 + alpha_) * with_gamma, 1 + alpha_, (1 + alpha_) * h};
}

std::vector<double> prior_of(const std::optional<at::Tensor>& log_prior) {
  if (!log_prior || !log_prior->defined()) return {};
  const auto values = log_prior->to(at::kDouble).contiguous();
  const double* data = values.const_data_ptr<double>();
  return {data, data + values.numel()};
}

double row_loss(double max, double others) {
  if (max == 0) return std::log1p(others);
  return max + std::log(std::exp(-max) + others);
}

RowGradient::RowGradient(double max, double others, double upstream) {
  const double total = std::exp(-max) + others;
  scale = -upstream / total;
  target = upstream * (others / total);
}

}  // namespace icu
