// Denormal numbers, those below the smallest normal one (1.2e-38 in float32), take a processor
// many times longer than others, and training makes them: the gradient of an image that is
// classified rightly beyond doubt. While LibTorch computes they can count as zero.
//
// JavaScript has numbers of its own to keep, so its thread does this only within a call.
#pragma once

#include <cstdint>

namespace intraclass {

/// For the whole process. False where the processor cannot, and nothing changes.
bool setFlushDenormal(bool flush);
bool flushesDenormals();

/// Tells LibTorch's threads; to be called when their number has changed, since those that had been
/// put aside come back as they were.
void flushInThreads();

/// While it lives, this thread does as is wanted.
class DenormalGuard {
 public:
  DenormalGuard();
  ~DenormalGuard();
  DenormalGuard(const DenormalGuard&) = delete;
  DenormalGuard& operator=(const DenormalGuard&) = delete;

 private:
  const bool flushing_;
  uint64_t before_ = 0;
};

}  // namespace intraclass
