#pragma once

#include <napi.h>

namespace intraclass {

/// Adds seeding and generators to the addon's exports.
void exportRandom(Napi::Object exports);

}  // namespace intraclass
