// The backward passes, launch by launch; launches.cuh says what a device is.
#pragma once

#include "launch_products.cuh"
#include "tiny_backward.cuh"

namespace icu::cuda {

// Zeros, where no gradient arrives at any distance.
template <typename X, typename T, typename Device>
void launch_zero_class_gradients(Device& device, const Problem<X, T>& p,
                                 const Gradients<X, T>& out) {
  const ClassGradients<X, T> a{p, 0, p.classes, {}, {}, {}, {}, 1, out.means, out.log_variances};
  device.launch(class_gradients<X, T>, p.classes, gradient_threads, 0, a);
}

template <typename X, typename T, typename Device>
void launch_stop_at_bounds(Device& device, const Problem<X, T>& p, T* log_variances) {
  if (!log_variances) return;
  const int64_t count = p.classes * (p.diagonal ? p.dims : 1);
  const StopAtBounds<X, T> a{p, log_variances};
  device.launch(stop_at_bounds<X, T>, tiles(count, gradient_threads), gradient_threads, 0, a);
}

template <typename X, typename T, typename Device>
void loss_backward(Device& device, const LossInputs<X, T>& in, const T* gaps,
                   const RowState* states, const Upstream<T>& upstream,
                   const Gradients<X, T>& out) {
  const Problem<X, T>& p = in.p;
  if (device.limits.tiny && fits_tiny(p))
    return launch_tiny_backward(device, in, gaps, states, upstream, out);

  const bool of_regularizer = upstream.regularizer || upstream.total;
  const bool products = p.rows > 0 && has_products(in.options, upstream);
  const bool moments =
      p.rows > 0 && of_regularizer && (in.options.moments() || in.options.likelihood_of_squares());

  Prepare<X, T> prepared{};
  prepared.p = p;
  prepared.labels = in.labels;
  allocate_terms(device, prepared, true, moments);
  prepared.bad = in.bad;
  if (products) prepared.centre = device.template allocate<double>(p.dims);
  launch_prepare(device, prepared);

  FeatureGradients<X, T> features{};
  features.m.p = p;
  if (moments) features.m = launch_moments(device, prepared, in.options);
  features.tally = prepared.tally;
  features.upstream = upstream;
  features.target = prepared.target;
  features.centre = prepared.centre;
  features.splits = 1;
  features.out = out.features;
  if (products) {
    Weights<X, T> w{};
    w.gaps = gaps;
    w.prior = in.prior;
    w.states = states;
    w.target = prepared.target;
    w.tally = prepared.tally;
    w.options = in.options;
    w.upstream = upstream;
    DistanceTiles<X, T> d{};
    d.p = p;
    d.v = prepared.v;
    d.log_det = prepared.log_det;
    d.states = states;
    if (splits_tf32(in)) {
      d.target = prepared.target;
      d.prior = in.prior;
      d.centre = prepared.centre;
    }
    launch_products(device, p, w, d, prepared.centre, features, out);
  } else if (out.means || out.log_variances) {
    launch_zero_class_gradients(device, p, out);
  }
  if (out.features && p.rows > 0) {
    device.launch(feature_gradients<X, T>, p.rows, gradient_threads, 0, features);
  }
  if (moments && (out.means || out.log_variances)) {
    const MomentGradients<X, T> a{features.m, prepared.tally, upstream, out.means,
                                  out.log_variances};
    device.launch(moment_gradients<X, T>, features.m.slots(), moment_threads, 0, a);
  }
  launch_stop_at_bounds(device, p, out.log_variances);
}

// From the gradient of d, of any strides.
template <typename X, typename T, typename Device>
void distances_backward(Device& device, const Problem<X, T>& p, const T* grad, int64_t grad_stride,
                        int64_t grad_step, const Gradients<X, T>& out) {
  if (p.rows == 0) {
    if (out.means || out.log_variances) launch_zero_class_gradients(device, p, out);
    return;
  }
  Prepare<X, T> prepared{};
  prepared.p = p;
  allocate_terms(device, prepared, false, false);
  prepared.centre = device.template allocate<double>(p.dims);
  launch_prepare(device, prepared);
  Weights<X, T> w{};
  w.given = grad;
  w.given_stride = grad_stride;
  w.given_step = grad_step;
  DistanceTiles<X, T> d{};
  d.p = p;
  d.v = prepared.v;
  d.log_det = prepared.log_det;
  FeatureGradients<X, T> features{};
  features.m.p = p;
  features.centre = prepared.centre;
  features.splits = 1;
  features.out = out.features;
  launch_products(device, p, w, d, prepared.centre, features, out);
  if (out.features) {
    device.launch(feature_gradients<X, T>, p.rows, gradient_threads, 0, features);
  }
  launch_stop_at_bounds(device, p, out.log_variances);
}

}  // namespace icu::cuda
