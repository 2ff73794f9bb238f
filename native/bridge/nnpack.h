// NNPACK does some of LibTorch's small convolutions. Not every processor has what it needs, and on
// those LibTorch complains to stderr at each such convolution before it goes on without.
#pragma once

namespace intraclass {

/// Asks once per process, without the complaint, and leaves NNPACK out where it cannot be had.
void settleNnpack();

}  // namespace intraclass
