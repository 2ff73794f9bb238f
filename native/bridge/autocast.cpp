// Mixed precision: the mode in which LibTorch's convolutions and matrix products of float32 are
// computed in 16 bits. It belongs to the thread, and to one type of device.
#include "autocast.h"

#include <ATen/autocast_mode.h>

#include "call.h"

namespace intraclass {

namespace {

c10::DeviceType deviceType(const Call& call) {
  return toDevice(call.env, call.info[0], "device").type();
}

void set(c10::DeviceType type, bool enabled, at::ScalarType dtype) {
  at::autocast::set_autocast_enabled(type, enabled);
  at::autocast::set_autocast_dtype(type, dtype);
}

/// enterAutocast(device, enabled, dtype): the mode it was in before, as [enabled, dtype].
napi_value enterAutocast(const Call& call) {
  const c10::DeviceType type = deviceType(call);
  const bool enabled = call.flag(1, "enabled");
  const at::ScalarType dtype = toScalarType(call.env, call.info[2], "dtype");
  Napi::Array before = Napi::Array::New(call.env, 2);
  before[0u] = call.value(at::autocast::is_autocast_enabled(type));
  before[1u] = call.value(std::string(nameOf(at::autocast::get_autocast_dtype(type))));
  set(type, enabled, dtype);
  at::autocast::increment_nesting();
  return before;
}

/// exitAutocast(device, enabled, dtype): back to that mode. Outside of all of them the parameters'
/// copies in 16 bits are forgotten.
napi_value exitAutocast(const Call& call) {
  const c10::DeviceType type = deviceType(call);
  const bool enabled = call.flag(1, "enabled");
  const at::ScalarType dtype = toScalarType(call.env, call.info[2], "dtype");
  if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
  set(type, enabled, dtype);
  return call.undefined();
}

napi_value isAutocastEnabled(const Call& call) {
  return call.value(at::autocast::is_autocast_enabled(deviceType(call)));
}

}  // namespace

void exportAutocast(Napi::Object exports) {
  addExport<enterAutocast>(exports, "enterAutocast");
  addExport<exitAutocast>(exports, "exitAutocast");
  addExport<isAutocastEnabled>(exports, "isAutocastEnabled");
}

}  // namespace intraclass
