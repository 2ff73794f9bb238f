// icu::loss and icu::distances: parse the options, check the tensors, and tie the inner operators
// together for autograd. Both are composite: whatever the device, they are these calls.
#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/csrc/autograd/autograd_not_implemented_fallback.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include "checks.h"
#include "operators.h"

namespace icu {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

template <typename Signature>
c10::TypedOperatorHandle<Signature> find(const char* name) {
  return c10::Dispatcher::singleton().findSchemaOrThrow(name, "").typed<Signature>();
}

OptionalTensor optional(const Tensor& tensor) {
  return tensor.defined() ? OptionalTensor(tensor) : std::nullopt;
}

// The inner operators below have no derivative of their own: a second derivative is an error at the
// time it is asked for. In a plain backward pass nobody can ask, and the check is skipped.
struct PlainBackward {
  PlainBackward() {
    if (!at::GradMode::is_enabled()) guard.emplace();
  }
  std::optional<at::AutoDispatchBelowADInplaceOrView> guard;
};

struct LossFunction : torch::autograd::Function<LossFunction> {
  static variable_list forward(AutogradContext* context, const Tensor& features,
                               const Tensor& labels, const Tensor& means,
                               const Tensor& log_variances, const OptionalTensor& log_prior,
                               const std::vector<int64_t>& modes,
                               const std::vector<double>& constants) {
    static const auto op = find<LossForward>("icu::_loss_forward");
    at::AutoDispatchBelowADInplaceOrView guard;
    auto [classification, regularizer, diagnostics, total, gaps, rows] =
        op.call(features, labels, means, log_variances, log_prior, modes, constants);
    context->save_for_backward(
        {features, labels, means, log_variances, log_prior.value_or(Tensor()), gaps, rows});
    context->saved_data["modes"] = modes;
    context->saved_data["constants"] = constants;
    context->mark_non_differentiable({diagnostics});
    context->set_materialize_grads(false);
    return {classification, regularizer, diagnostics, total};
  }

  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    static const auto op = find<LossBackward>("icu::_loss_backward");
    PlainBackward guard;
    const auto saved = context->get_saved_variables();
    const Mask mask{context->needs_input_grad(0), context->needs_input_grad(2),
                    context->needs_input_grad(3)};
    auto [features, means, log_variances] =
        op.call(optional(grads[0]), optional(grads[1]), optional(grads[3]), saved[0], saved[1],
                saved[2], saved[3], optional(saved[4]), saved[5], saved[6],
                context->saved_data["modes"].toIntVector(),
                context->saved_data["constants"].toDoubleVector(), mask);
    return {features, Tensor(), means, log_variances, Tensor(), Tensor(), Tensor()};
  }
};

struct DistancesFunction : torch::autograd::Function<DistancesFunction> {
  static Tensor forward(AutogradContext* context, const Tensor& features, const Tensor& means,
                        const Tensor& log_variances, int64_t covariance, double min, double max,
                        bool log_determinant) {
    static const auto op = find<Distances>("icu::_distances");
    at::AutoDispatchBelowADInplaceOrView guard;
    context->save_for_backward({features, means, log_variances});
    context->saved_data["covariance"] = covariance;
    context->saved_data["min"] = min;
    context->saved_data["max"] = max;
    context->saved_data["log_determinant"] = log_determinant;
    return op.call(features, means, log_variances, covariance, min, max, log_determinant);
  }

  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    static const auto op = find<DistancesBackward>("icu::_distances_backward");
    PlainBackward guard;
    const auto saved = context->get_saved_variables();
    const Mask mask{context->needs_input_grad(0), context->needs_input_grad(1),
                    context->needs_input_grad(2)};
    auto [features, means, log_variances] =
        op.call(grads[0], saved[0], saved[1], saved[2], context->saved_data["covariance"].toInt(),
                context->saved_data["min"].toDouble(), context->saved_data["max"].toDouble(),
                context->saved_data["log_determinant"].toBool(), mask);
    return {features, means, log_variances, Tensor(), Tensor(), Tensor(), Tensor()};
  }
};

bool needs_gradient(const Tensor& features, const Tensor& means, const Tensor& log_variances) {
  return at::GradMode::is_enabled() &&
         (features.requires_grad() || means.requires_grad() || log_variances.requires_grad());
}

std::tuple<Tensor, Tensor, Tensor, Tensor> loss(
    const Tensor& features, const Tensor& labels, const Tensor& means, const Tensor& log_variances,
    const OptionalTensor& log_prior, c10::string_view covariance, double alpha, double gamma,
    c10::string_view gamma_mode, c10::string_view alpha_mode, double lambda_mean, double lambda_var,
    c10::string_view reg_reduction, c10::string_view moment_center, bool moment_gradient,
    c10::string_view reduction, int64_t ignore_index, double min_log_variance,
    double max_log_variance, bool log_determinant, double lambda_likelihood,
    c10::string_view likelihood, c10::string_view memory) {
  LossOptions options;
  options.covariance = parse_covariance("icu::loss", covariance);
  options.gamma_mode = parse_gamma_mode(gamma_mode);
  options.alpha_mode = parse_alpha_mode(alpha_mode);
  options.reg_reduction = parse_reg_reduction(reg_reduction);
  options.moment_center = parse_moment_center(moment_center);
  options.reduction = parse_reduction(reduction);
  options.moment_gradient = moment_gradient;
  options.ignore_index = ignore_index;
  options.alpha = alpha;
  options.gamma = gamma;
  options.lambda_mean = lambda_mean;
  options.lambda_var = lambda_var;
  options.min_log_variance = min_log_variance;
  options.max_log_variance = max_log_variance;
  options.log_determinant = log_determinant;
  options.lambda_likelihood = lambda_likelihood;
  options.likelihood = parse_likelihood(likelihood);
  options.memory = parse_memory(memory);
  check_options(options);
  check_loss_inputs(features, labels, means, log_variances, log_prior, options);

  const auto modes = options.modes();
  const auto constants = options.constants();
  if (needs_gradient(features, means, log_variances)) {
    auto outputs =
        LossFunction::apply(features, labels, means, log_variances, log_prior, modes, constants);
    return {outputs[0], outputs[1], outputs[2], outputs[3]};
  }
  static const auto op = find<LossForward>("icu::_loss_forward");
  auto outputs = op.call(features, labels, means, log_variances, log_prior, modes, constants);
  return {std::get<0>(outputs), std::get<1>(outputs), std::get<2>(outputs), std::get<3>(outputs)};
}

Tensor distances(const Tensor& features, const Tensor& means, const Tensor& log_variances,
                 c10::string_view covariance, double min_log_variance, double max_log_variance,
                 bool log_determinant) {
  const DistanceOptions options{parse_covariance("icu::distances", covariance), min_log_variance,
                                max_log_variance, log_determinant};
  check_bounds("icu::distances", options);
  check_distance_inputs("icu::distances", features, means, log_variances, options);
  const auto code = static_cast<int64_t>(options.covariance);
  if (needs_gradient(features, means, log_variances)) {
    return DistancesFunction::apply(features, means, log_variances, code, min_log_variance,
                                    max_log_variance, log_determinant);
  }
  static const auto op = find<Distances>("icu::_distances");
  return op.call(features, means, log_variances, code, min_log_variance, max_log_variance,
                 log_determinant);
}

}  // namespace

TORCH_LIBRARY_IMPL(icu, CompositeImplicitAutograd, m) {
  m.impl("loss", loss);
  m.impl("distances", distances);
}

TORCH_LIBRARY_IMPL(icu, Autograd, m) {
  for (const char* name :
       {"_loss_forward", "_loss_backward", "_distances", "_distances_backward"}) {
    m.impl(name, torch::autograd::autogradNotImplementedFallback());
  }
}

}  // namespace icu
