// CPU memory for tensors, kept for reuse instead of going back to the system after every tensor.
//
// A training step allocates the same sizes again and again. The system's allocator aligns each
// block anew, and gives large ones back to the kernel, whose page faults then cost several per cent
// of the step. Here a freed block waits in a list of its size class: small ones in a list per
// thread, which needs no lock, large ones in lists of the process.
//
// What is in use is counted here as well, by the thread that took it: whoever holds a block, an
// autograd graph or an array of JavaScript as well as a tensor, and however often it grew.
#pragma once

#include <atomic>
#include <cstdint>

namespace intraclass {

/// The bytes in use of the blocks that one thread took.
class ThreadBytes {
 public:
  /// The calling thread's, which count from the first call on. Never destroyed: its blocks may be
  /// freed after the thread has ended.
  static ThreadBytes& here();

  /// Of a block that the thread took, or that the calling thread, this one or another, frees.
  void add(int64_t bytes);
  /// For the thread itself to ask.
  int64_t total() const { return own_ + others_.load(std::memory_order_relaxed); }

 private:
  // Nearly all blocks are freed by the thread that took them, which needs no atomic operation.
  int64_t own_ = 0;
  std::atomic<int64_t> others_{0};
};

/// Makes LibTorch take its CPU memory from here. Once per process; later calls do nothing.
void installCachingAllocator();

/// Gives the blocks that wait for reuse back to the system: the process's large ones and this
/// thread's small ones.
void emptyCpuCache();

/// The bytes of large blocks that wait for reuse.
int64_t cachedCpuBytes();

}  // namespace intraclass
