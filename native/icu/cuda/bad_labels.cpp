#include "bad_labels.h"

#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGraphsC10Utils.h>
#include <c10/util/Exception.h>

#include <atomic>

namespace icu::cuda {
namespace {

// One report for each device, never freed: kernels may be running when the process ends. Pinned
// memory can be allocated during a capture only where the thread says that it knows.
BadLabel* allocate_reports() {
  const c10::cuda::CUDAStreamCaptureModeGuard guard(cudaStreamCaptureModeRelaxed);
  void* memory = nullptr;
  C10_CUDA_CHECK(cudaHostAlloc(&memory, C10_COMPILE_TIME_MAX_GPUS * sizeof(BadLabel),
                               cudaHostAllocPortable | cudaHostAllocMapped));
  auto* reports = static_cast<BadLabel*>(memory);
  for (int i = 0; i < C10_COMPILE_TIME_MAX_GPUS; i++) reports[i] = {};
  return reports;
}

}  // namespace

// With unified addressing, which every supported GPU has, the host's pointer is the device's too.
BadLabel* report_of(c10::Device device) {
  static BadLabel* const reports = allocate_reports();
  return reports + device.index();
}

void throw_if_reported(c10::Device device) {
  BadLabel* report = report_of(device);
  if (std::atomic_ref<int64_t>(report->seen).load(std::memory_order_acquire) == 0) return;
  const BadLabel bad = *report;
  // Of several threads one throws.
  if (std::atomic_ref<int64_t>(report->seen).exchange(0) == 0) return;
  TORCH_CHECK_INDEX(false, "icu::loss: labels: expected a class from 0 to ", bad.classes - 1,
                    " or ignore_index, got ", bad.label, " in row ", bad.row,
                    " of an earlier call on ", device, "; its loss and gradients are NaN");
}

}  // namespace icu::cuda
