// Work over a grid of tiles that does not depend on the number of threads, and scratch memory that
// outlives calls.
#pragma once

#include <ATen/Parallel.h>

#include <exception>
#include <memory>
#include <new>
#include <utility>
#ifdef _OPENMP
#include <omp.h>
#endif

namespace icu {

// Below this many multiply-adds a problem is done on the calling thread: waking the pool would cost
// more.
constexpr int64_t serial_work = 4'000'000;

inline int threads_for(int64_t work) {
#ifdef _OPENMP
  return work < serial_work || omp_in_parallel() ? 1 : at::get_num_threads();
#else
  return 1;
#endif
}

// f(tile) for every tile from 0 to count - 1, in any order and on any thread. Each tile writes what
// no other tile does and computes it the same way whoever runs it, so the result is bitwise the
// same for any number of threads.
template <typename F>
void for_each_tile(int threads, int64_t count, const F& f) {
#ifdef _OPENMP
  if (threads > 1 && count > 1) {
    std::exception_ptr error;
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
    for (int64_t tile = 0; tile < count; tile++) {
      try {
        f(tile);
      } catch (...) {
#pragma omp critical(icu_tile_error)
        error = std::current_exception();
      }
    }
    if (error) std::rethrow_exception(error);
    return;
  }
#endif
  for (int64_t tile = 0; tile < count; tile++) f(tile);
}

inline int64_t tiles(int64_t size, int64_t tile) { return (size + tile - 1) / tile; }

// A thread's scratch memory: grown when needed, reused by later calls. `Purpose` keeps the uses
// apart.
template <typename Purpose>
class Scratch {
 public:
  template <typename T>
  static T* get(int64_t count) {
    static thread_local Scratch scratch;
    const size_t bytes = static_cast<size_t>(count) * sizeof(T);
    if (bytes > scratch.bytes_) {
      scratch.memory_.reset();
      scratch.bytes_ = 0;
      scratch.memory_.reset(static_cast<std::byte*>(::operator new(bytes, alignment)));
      scratch.bytes_ = bytes;
    }
    return reinterpret_cast<T*>(scratch.memory_.get());
  }

 private:
  static constexpr std::align_val_t alignment{64};
  struct Free {
    void operator()(std::byte* memory) const { ::operator delete(memory, alignment); }
  };
  std::unique_ptr<std::byte, Free> memory_;
  size_t bytes_ = 0;
};

}  // namespace icu
