#pragma once

#include <napi.h>

namespace intraclass {

/// Adds the functions on tensors to the addon's exports.
void exportTensors(Napi::Object exports);

}  // namespace intraclass
