// The passes for one dtype of features, from the calls of interface.h; included by a .cu file for
// each dtype, so that they compile side by side.
#pragma once

#include <c10/cuda/CUDAException.h>

#include <array>
#include <atomic>

#include "backward.cuh"
#include "forward.cuh"
#include "stream.h"

namespace icu::cuda {
namespace {

// What the passes launch on; launches.cuh says what it has to have.
class Launcher {
 public:
  explicit Launcher(Stream& stream) : limits(stream.limits), stream_(stream) {}

  const Limits limits;
  int64_t processors() const { return stream_.processors(); }
  template <typename T>
  T* allocate(int64_t count) {
    return stream_.allocate<T>(count);
  }
  SortedLabels sort(const Labels&, int64_t) const {
    SortedLabels sorted{};
    stream_.sort(&sorted.labels, &sorted.rows);
    return sorted;
  }

  template <typename A>
  void launch(void (*kernel)(A), int64_t blocks, int threads, int64_t shared_bytes,
              const A& arguments) {
    // Kernels go on to further blocks' work where a grid has no more.
    constexpr int64_t most_blocks = 0x7fffffff;
    const auto grid = static_cast<unsigned>(blocks < most_blocks ? blocks : most_blocks);
    if (shared_bytes > 0) allow_shared_memory<A>(kernel);
    kernel<<<grid, threads, static_cast<size_t>(shared_bytes), stream_.stream()>>>(arguments);
    C10_CUDA_KERNEL_LAUNCH_CHECK();
  }

 private:
  // More than 48 KB of shared memory has to be asked for, once for each kernel and device. A kernel
  // that wants any is the only one with its arguments.
  template <typename A>
  void allow_shared_memory(void (*kernel)(A)) {
    static std::array<std::atomic<bool>, C10_COMPILE_TIME_MAX_GPUS> done{};
    int device = 0;
    C10_CUDA_CHECK(cudaGetDevice(&device));
    auto& is_done = done[static_cast<size_t>(device)];
    if (is_done.load(std::memory_order_relaxed)) return;
    C10_CUDA_CHECK(cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel),
                                        cudaFuncAttributeMaxDynamicSharedMemorySize,
                                        static_cast<int>(tiny_bytes)));
    is_done.store(true, std::memory_order_relaxed);
  }

  Stream& stream_;
};

template <typename X, typename T>
Problem<X, T> typed(const AnyProblem& p) {
  return {static_cast<const X*>(p.x),
          static_cast<const T*>(p.mu),
          static_cast<const T*>(p.s),
          p.x_stride,
          p.mu_stride,
          p.s_stride,
          p.rows,
          p.classes,
          p.dims,
          p.min,
          p.max,
          p.kappa,
          p.diagonal};
}

template <typename X, typename T>
Gradients<X, T> typed(const AnyGradients& g) {
  return {static_cast<X*>(g.features), static_cast<T*>(g.means), static_cast<T*>(g.log_variances)};
}

template <typename X, typename T>
void run_loss_forward(Stream& stream, const LossForwardCall& call) {
  Launcher launcher(stream);
  loss_forward(
      launcher,
      LossInputs<X, T>{typed<X, T>(call.p), call.labels, call.prior, call.options, call.bad},
      LossOutputs<T>{static_cast<T*>(call.classification), static_cast<T*>(call.regularizer),
                     static_cast<T*>(call.total), call.diagnostics, static_cast<T*>(call.gaps),
                     call.states});
}

template <typename X, typename T>
void run_loss_backward(Stream& stream, const LossBackwardCall& call) {
  Launcher launcher(stream);
  // The forward pass has reported what labels are wrong.
  loss_backward(
      launcher,
      LossInputs<X, T>{typed<X, T>(call.p), call.labels, call.prior, call.options, nullptr},
      static_cast<const T*>(call.gaps), call.states,
      Upstream<T>{static_cast<const T*>(call.classification), call.classification_stride,
                  static_cast<const T*>(call.regularizer), static_cast<const T*>(call.total)},
      typed<X, T>(call.out));
}

template <typename X, typename T>
void run_distances(Stream& stream, const DistancesCall& call) {
  Launcher launcher(stream);
  distances_forward(launcher, typed<X, T>(call.p), static_cast<T*>(call.out));
}

template <typename X, typename T>
void run_distances_backward(Stream& stream, const DistancesBackwardCall& call) {
  Launcher launcher(stream);
  distances_backward(launcher, typed<X, T>(call.p), static_cast<const T*>(call.gradient),
                     call.row_stride, call.class_stride, typed<X, T>(call.out));
}

template <typename X, typename T>
constexpr Passes passes_of() {
  return {run_loss_forward<X, T>, run_loss_backward<X, T>, run_distances<X, T>,
          run_distances_backward<X, T>};
}

}  // namespace
}  // namespace icu::cuda
