#define ICU_ISA avx512
#define ICU_NAME "AVX-512"
#define ICU_BYTES 64
#include "table.h"
