// The device as launches.cuh asks for it: the current stream of the current device, and the caching
// allocator's memory on it. Nothing here waits for the device or reads from it, so all of it can be
// captured in a CUDA graph.
#pragma once

#include <c10/core/Allocator.h>
#include <c10/cuda/CUDAStream.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "interface.h"
#include "thresholds.h"

namespace icu::cuda {

class Stream {
 public:
  // `sort` gives pointers to the sorted labels and their rows; memory that lives as long as this.
  using Sort = std::function<void(int64_t** labels, int64_t** rows)>;
  explicit Stream(Sort sort = nullptr);

  Limits limits;
  int64_t processors() const;
  cudaStream_t stream() const { return stream_; }

  // On 256 bytes. Kept until this object goes; the allocator gives it to later work of the stream.
  void* allocate_bytes(int64_t bytes);
  template <typename T>
  T* allocate(int64_t count) {
    return static_cast<T*>(allocate_bytes(count * static_cast<int64_t>(sizeof(T))));
  }
  void sort(int64_t** labels, int64_t** rows) const { sort_(labels, rows); }

 private:
  c10::cuda::CUDAStream stream_;
  Sort sort_;
  std::vector<c10::DataPtr> memories_;
  char* next_ = nullptr;  // the rest of the last shared piece
  int64_t left_ = 0;
};

}  // namespace icu::cuda
