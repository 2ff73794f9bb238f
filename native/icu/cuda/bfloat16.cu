#include "passes.cuh"

namespace icu::cuda {

const Passes bfloat16_passes = passes_of<BFloat16, float>();

}  // namespace icu::cuda
