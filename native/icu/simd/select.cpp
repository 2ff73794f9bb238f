// Picks the kernels that this processor can run. ICU_SIMD=avx512|avx2|baseline in the environment
// asks for less; it is read when the library is loaded, since getenv must not run while another
// thread sets a variable, as process.env does.
#include <cstdlib>
#include <string_view>

#include "kernels.h"

namespace icu {

#define ICU_DECLARE(isa)                     \
  namespace isa {                            \
  extern const Kernels<float> table_float;   \
  extern const Kernels<double> table_double; \
  }
ICU_DECLARE(baseline)
#if defined(__x86_64__)
ICU_DECLARE(avx2)
ICU_DECLARE(avx512)
#endif
#undef ICU_DECLARE

namespace {

enum class Isa { baseline, avx2, avx512 };

Isa best() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  const char* value = std::getenv("ICU_SIMD");
  const std::string_view limit = value ? value : "";
  const bool avx2 =
      limit != "baseline" && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = avx2 && limit != "avx2" && __builtin_cpu_supports("avx512f") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
                      __builtin_cpu_supports("avx512bw");
  return avx512 ? Isa::avx512 : avx2 ? Isa::avx2 : Isa::baseline;
#else
  return Isa::baseline;
#endif
}

const Isa chosen = best();

}  // namespace

template <>
const Kernels<float>& kernels<float>() {
#if defined(__x86_64__)
  if (chosen == Isa::avx512) return avx512::table_float;
  if (chosen == Isa::avx2) return avx2::table_float;
#endif
  return baseline::table_float;
}

template <>
const Kernels<double>& kernels<double>() {
#if defined(__x86_64__)
  if (chosen == Isa::avx512) return avx512::table_double;
  if (chosen == Isa::avx2) return avx2::table_double;
#endif
  return baseline::table_double;
}

}  // namespace icu
