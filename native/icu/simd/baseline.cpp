#define ICU_ISA baseline
#define ICU_NAME "baseline"
#define ICU_BYTES 16
#include "table.h"
