// A label that is no class is seen on the device, while the host has gone on. Its row's loss and
// gradients are NaN, nothing is read or written out of bounds, and the first such label is written
// to pinned host memory, where the next call on that device finds it and throws. That costs no
// synchronisation and no launch, works while a CUDA graph is captured or replayed (the report is
// then thrown by the next call outside it), and leaves the device usable, which a trap in a kernel
// would not.
#pragma once

#include <c10/core/Device.h>

#include "interface.h"

namespace icu::cuda {

// Where kernels on the device report.
BadLabel* report_of(c10::Device device);

// Throws IndexError where an earlier call's kernel has reported, and forgets it.
void throw_if_reported(c10::Device device);

}  // namespace icu::cuda
