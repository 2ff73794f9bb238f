#include "passes.cuh"

namespace icu::cuda {

const Passes float64_passes = passes_of<double, double>();

}  // namespace icu::cuda
