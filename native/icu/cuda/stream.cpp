#include "stream.h"

#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAException.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <utility>

namespace icu::cuda {
namespace {

constexpr int64_t alignment = 256;
// What a pass allocates comes in many small pieces: they share memory of this size.
constexpr int64_t shared_piece = int64_t{256} << 10;

// compute-sanitizer sees where an array ends only if it has memory of its own. PyTorch's allocator
// goes by the same variable, so it is set whenever the kernels are run under that tool. Read when
// the library is loaded, as ICU_SIMD (simd/select.cpp).
const bool is_each_apart = std::getenv("PYTORCH_NO_CUDA_MEMORY_CACHING") != nullptr;

}  // namespace

Stream::Stream(Sort sort) : stream_(c10::cuda::getCurrentCUDAStream()), sort_(std::move(sort)) {}

int64_t Stream::processors() const {
  static std::array<std::atomic<int>, C10_COMPILE_TIME_MAX_GPUS> counts{};
  const auto device = static_cast<size_t>(stream_.device_index());
  int count = counts[device].load(std::memory_order_relaxed);
  if (count == 0) {
    C10_CUDA_CHECK(
        cudaDeviceGetAttribute(&count, cudaDevAttrMultiProcessorCount, static_cast<int>(device)));
    counts[device].store(count, std::memory_order_relaxed);
  }
  return count;
}

void* Stream::allocate_bytes(int64_t bytes) {
  bytes = (bytes + alignment - 1) / alignment * alignment;
  if (bytes == 0) bytes = alignment;
  auto* allocator = c10::cuda::CUDACachingAllocator::get();
  if (bytes > shared_piece / 4 || is_each_apart) {
    memories_.push_back(allocator->allocate(static_cast<size_t>(bytes)));
    return memories_.back().get();
  }
  if (bytes > left_) {
    memories_.push_back(allocator->allocate(static_cast<size_t>(shared_piece)));
    next_ = static_cast<char*>(memories_.back().get());
    left_ = shared_piece;
  }
  char* result = next_;
  next_ += bytes;
  left_ -= bytes;
  return result;
}

}  // namespace icu::cuda
