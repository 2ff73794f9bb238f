#include "passes.cuh"

namespace icu::cuda {

const Passes float16_passes = passes_of<Half, float>();

}  // namespace icu::cuda
