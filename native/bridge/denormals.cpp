#include "denormals.h"

#include <ATen/Parallel.h>

#include <atomic>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace intraclass {

namespace {

std::atomic<bool> wanted{false};
// Until it was wanted once, no thread has to be told.
std::atomic<bool> used{false};

// The thread's floating-point control word, and the bits in it that make results (FTZ, FZ) and
// operands (DAZ) zero.
#if defined(__SSE2__)
constexpr bool supported = true;
constexpr uint64_t flushing = 0x8040;
uint64_t control() { return _mm_getcsr(); }
void setControl(uint64_t word) { _mm_setcsr(static_cast<unsigned>(word)); }
#elif defined(__aarch64__)
constexpr bool supported = true;
constexpr uint64_t flushing = uint64_t{1} << 24;
uint64_t control() {
  uint64_t word = 0;
  asm volatile("mrs %0, fpcr" : "=r"(word));
  return word;
}
void setControl(uint64_t word) { asm volatile("msr fpcr, %0" : : "r"(word)); }
#else
constexpr bool supported = false;
constexpr uint64_t flushing = 0;
uint64_t control() { return 0; }
void setControl(uint64_t) {}
#endif

uint64_t flushed(uint64_t word, bool flush) { return flush ? word | flushing : word & ~flushing; }

}  // namespace

bool setFlushDenormal(bool flush) {
  if (!supported) return false;
  wanted = flush;
  if (flush) used = true;
  flushInThreads();
  return true;
}

void flushInThreads() {
  if (!used) return;
  const bool flush = wanted;
  const uint64_t own = control();
  at::parallel_for(0, at::get_num_threads(), 1,
                   [&](int64_t, int64_t) { setControl(flushed(control(), flush)); });
  setControl(own);
}

bool flushesDenormals() { return wanted; }

DenormalGuard::DenormalGuard() : flushing_(wanted) {
  if (!flushing_) return;
  before_ = control();
  setControl(flushed(before_, true));
}

DenormalGuard::~DenormalGuard() {
  if (flushing_) setControl(before_);
}

}  // namespace intraclass
