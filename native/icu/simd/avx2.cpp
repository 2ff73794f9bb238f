#define ICU_ISA avx2
#define ICU_NAME "AVX2"
#define ICU_BYTES 32
#include "table.h"
