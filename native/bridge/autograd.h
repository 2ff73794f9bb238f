#pragma once

#include <napi.h>

namespace intraclass {

/// Adds backward, grad and the gradient mode to the addon's exports.
void exportAutograd(Napi::Object exports);

}  // namespace intraclass
