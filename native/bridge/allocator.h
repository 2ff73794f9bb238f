// CPU memory for tensors, kept for reuse instead of going back to the system after every tensor.
//
// A training step allocates the same sizes again and again. The system's allocator aligns each
// block anew, and gives large ones back to the kernel, whose page faults then cost several per cent
// of the step. Here a freed block waits in a list of its size class: small ones in a list per
// thread, which needs no lock, large ones in lists of the process.
#pragma once

#include <cstdint>

namespace intraclass {

/// Makes LibTorch take its CPU memory from here. Once per process; later calls do nothing.
void installCachingAllocator();

/// Gives the blocks that wait for reuse back to the system: the process's large ones and this
/// thread's small ones.
void emptyCpuCache();

/// The bytes of large blocks that wait for reuse.
int64_t cachedCpuBytes();

}  // namespace intraclass
