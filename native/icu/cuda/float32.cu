#include "passes.cuh"

namespace icu::cuda {

const Passes float32_passes = passes_of<float, float>();

}  // namespace icu::cuda
