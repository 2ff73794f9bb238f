#pragma once

#include <ATen/core/Generator.h>
#include <napi.h>

#include <string>

namespace intraclass {

struct Environment;

/// The generator of a number from JavaScript. Throws ArgumentError, naming the argument, if there
/// is none.
at::Generator findGenerator(Environment& environment, int64_t number, const std::string& name);

/// Adds seeding and generators to the addon's exports.
void exportRandom(Napi::Object exports);

}  // namespace intraclass
