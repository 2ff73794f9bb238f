#pragma once

#include <napi.h>

namespace intraclass {

/// Adds the mode of mixed precision to the addon's exports.
void exportAutocast(Napi::Object exports);

}  // namespace intraclass
