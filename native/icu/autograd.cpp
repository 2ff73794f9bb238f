// icu::loss and icu::distances: parse the options, check the tensors, and tie the inner operators
// together for autograd. Both are composite: whatever the device, they are these calls.
#include <ATen/core/dispatch/Dispatcher.h>
#include <c10/core/impl/TorchDispatchModeTLS.h>
#include <torch/csrc/autograd/autograd_not_implemented_fallback.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/csrc/autograd/functions/utils.h>
#include <torch/csrc/autograd/saved_variable.h>
#include <torch/library.h>

#include <algorithm>
#include <array>
#include <string>

#include "checks.h"
#include "operators.h"
#include "simd/kernels.h"

namespace icu {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::SavedVariable;
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

// In the backward pass of icu::loss: a node of the graph by hand, since what a Function keeps in
// named boxes costs more than a small problem's kernels.
class LossNode final : public torch::autograd::Node {
 public:
  LossNode(const Tensor& features, const Tensor& labels, const Tensor& means,
           const Tensor& log_variances, const OptionalTensor& log_prior, LossOptions options)
      : Node(torch::autograd::collect_next_edges(features, means, log_variances)),
        inputs_{SavedVariable(features, false), SavedVariable(labels, false),
                SavedVariable(means, false), SavedVariable(log_variances, false),
                SavedVariable(log_prior.value_or(Tensor()), false)},
        options_(options) {}

  Mask mask() const {
    return {task_should_compute_output(0), task_should_compute_output(1),
            task_should_compute_output(2)};
  }

  void keep_state(const Tensor& gaps, const Tensor& rows) {
    gaps_ = gaps;
    rows_ = rows;
  }
  void keep_gradients(std::array<Tensor, 3> gradients) {
    gradients_ = std::move(gradients);
    has_gradients_ = true;
  }

  // Called before apply where nobody can ask again.
  void will_release_variables() override { last_ = true; }

  void release_variables() override {
    for (auto& input : inputs_) input.reset_data();
    gaps_ = rows_ = Tensor();
    gradients_ = {};
    released_ = true;
  }

  std::string name() const override { return "IcuLossBackward"; }

  variable_list apply(variable_list&& grads) override {
    TORCH_CHECK(!released_, torch::autograd::ERR_BACKWARD_TWICE);
    const auto& [classification, regularizer, total] =
        std::array<Tensor, 3>{grads[0], grads[1], grads[2]};
    // A second derivative is an error, which _loss_backward raises when it is asked for.
    if (has_gradients_ && !at::GradMode::is_enabled() && !classification.defined() &&
        !regularizer.defined() && total.defined()) {
      // What stops a log-variance at its bounds depends on the gradient's sign.
      const double factor = total.item<double>();
      if (factor > 0) return scaled(factor);
    }
    return computed(classification, regularizer, total);
  }

 private:
  // The gradients of total times what arrives there.
  variable_list scaled(double factor) {
    variable_list result(3);
    for (size_t j = 0; j < 3; j++) {
      if (!gradients_[j].defined() || !task_should_compute_output(j)) continue;
      result[j] = last_ ? std::move(gradients_[j]) : gradients_[j].clone();
      if (factor != 1) result[j].mul_(factor);
    }
    return result;
  }

  variable_list computed(const Tensor& classification, const Tensor& regularizer,
                         const Tensor& total) {
    static const auto forward = find<LossForward>("icu::_loss_forward");
    static const auto backward = find<LossBackward>("icu::_loss_backward");
    PlainBackward guard;
    const Tensor features = inputs_[0].unpack(), labels = inputs_[1].unpack(),
                 means = inputs_[2].unpack(), log_variances = inputs_[3].unpack();
    const auto log_prior = optional(inputs_[4].unpack());
    const auto modes = options_.modes();
    const auto constants = options_.constants();
    Tensor gaps = gaps_, rows = rows_;
    if (has_gradients_) {
      const at::NoGradGuard constant;
      std::tie(std::ignore, std::ignore, std::ignore, std::ignore, gaps, rows) =
          forward.call(features, labels, means, log_variances, log_prior, modes, constants);
    }
    auto [dx, dmu, ds] = backward.call(optional(classification), optional(regularizer),
                                       optional(total), features, labels, means, log_variances,
                                       log_prior, gaps, rows, modes, constants, mask());
    return {dx, dmu, ds};
  }

  std::array<SavedVariable, 5> inputs_;
  const LossOptions options_;
  Tensor gaps_, rows_;               // for the backward pass, or
  std::array<Tensor, 3> gradients_;  // those of total
  bool has_gradients_ = false, last_ = false, released_ = false;
};

// How the graph holds its nodes depends on the LibTorch: up to 2.11 by a shared_ptr, later by an
// intrusive_ptr. A parameter of the template, so that the branch not taken need not compile.
using NodePointer = decltype(torch::autograd::Edge::function);

template <typename Pointer, typename... Arguments>
std::pair<Pointer, LossNode*> make_node(Arguments&&... arguments) {
  auto* node = new LossNode(std::forward<Arguments>(arguments)...);
  if constexpr (std::is_same_v<Pointer, std::shared_ptr<torch::autograd::Node>>) {
    return {Pointer(node, [](auto* n) { deleteNode(n); }), node};
  } else {
    return {Pointer::unsafe_steal_from_new(node), node};
  }
}

// Up to this many multiply-adds the forward pass makes the gradients as well.
constexpr int64_t small_work = 4'000'000;

bool is_small(const Tensor& features, const Tensor& means, const LossOptions& options) {
  // Who traces (torch.compile) is to see a forward and a backward pass: what the latter does
  // otherwise depends on a number that is not there yet.
  if (c10::impl::TorchDispatchModeTLS::any_modes_set()) return false;
  // Half features are left to the other way: their gradient is rounded when it is made, and what
  // scales the total could not bring back what that lost.
  return features.is_cpu() && features.scalar_type() == means.scalar_type() &&
         options.reduction != Reduction::none && options.memory == Memory::automatic &&
         features.size(0) * means.size(0) < small_work / std::max<int64_t>(means.size(1), 1);
}

std::tuple<Tensor, Tensor, Tensor, Tensor> differentiable_loss(
    const Tensor& features, const Tensor& labels, const Tensor& means, const Tensor& log_variances,
    const OptionalTensor& log_prior, const LossOptions& options) {
  for (const Tensor* input : {&features, &means, &log_variances}) {
    TORCH_CHECK_NOT_IMPLEMENTED(!input->_fw_grad(0).defined(),
                                "icu::loss: forward-mode derivatives are not implemented");
  }
  auto [edge, node] =
      make_node<NodePointer>(features, labels, means, log_variances, log_prior, options);
  const auto modes = options.modes();
  const auto constants = options.constants();
  Tensor classification, regularizer, diagnostics, total;
  {
    at::AutoDispatchBelowADInplaceOrView guard;
    if (is_small(features, means, options)) {
      static const auto op = find<LossAndGradients>("icu::_loss_and_gradients");
      const Mask mask{features.requires_grad(), means.requires_grad(),
                      log_variances.requires_grad()};
      std::array<Tensor, 3> gradients;
      std::tie(classification, regularizer, diagnostics, total, gradients[0], gradients[1],
               gradients[2]) =
          op.call(features, labels, means, log_variances, log_prior, modes, constants, mask);
      node->keep_gradients(std::move(gradients));
    } else {
      static const auto op = find<LossForward>("icu::_loss_forward");
      Tensor gaps, rows;
      std::tie(classification, regularizer, diagnostics, total, gaps, rows) =
          op.call(features, labels, means, log_variances, log_prior, modes, constants);
      node->keep_state(gaps, rows);
    }
  }
  for (const auto& output : {classification, regularizer, total}) {
    torch::autograd::set_history(output, edge);
  }
  return {classification, regularizer, diagnostics, total};
}

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
    c10::string_view likelihood, c10::string_view memory, c10::string_view precision) {
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
  options.precision = parse_precision(precision);
  check_options(options);
  check_loss_inputs("icu::loss", features, labels, means, log_variances, log_prior, options);

  if (needs_gradient(features, means, log_variances)) {
    return differentiable_loss(features, labels, means, log_variances, log_prior, options);
  }
  static const auto op = find<LossForward>("icu::_loss_forward");
  // Nobody asks for a gradient, so nothing is kept for one.
  options.memory = Memory::recompute;
  auto outputs = op.call(features, labels, means, log_variances, log_prior, options.modes(),
                         options.constants());
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
  m.impl("simd", [] { return std::string(kernels<float>().name); });
}

TORCH_LIBRARY_IMPL(icu, Autograd, m) {
  for (const char* name : {"_loss_forward", "_loss_backward", "_loss_and_gradients", "_distances",
                           "_distances_backward"}) {
    m.impl(name, torch::autograd::autogradNotImplementedFallback());
  }
}

}  // namespace icu
