// The addon: one Environment per JavaScript thread, and the functions it exports.
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <torch/headeronly/version.h>

#include <atomic>

#include "allocator.h"
#include "autocast.h"
#include "autograd.h"
#include "call.h"
#include "nnpack.h"
#include "random.h"
#include "tensors.h"

namespace intraclass {

namespace {

/// Tags tell the environments apart in handles; 127 of them at once are more than any process runs.
int32_t nextTag() {
  static std::atomic<int32_t> count{0};
  return count.fetch_add(1) % 127;
}

napi_value setNumThreads(const Call& call) {
  const int64_t threads = call.integer(0, "threads");
  if (threads < 1 || threads > 4096) {
    throw ArgumentError("argument 'threads' expected an integer from 1 to 4096, got " +
                        std::to_string(threads));
  }
  at::set_num_threads(static_cast<int>(threads));
  flushInThreads();
  return call.undefined();
}

napi_value numThreads(const Call& call) {
  return call.value(static_cast<int64_t>(at::get_num_threads()));
}

napi_value setFlushDenormal(const Call& call) {
  return call.value(intraclass::setFlushDenormal(call.flag(0, "flush")));
}

napi_value flushesDenormals(const Call& call) { return call.value(intraclass::flushesDenormals()); }

/// The LibTorch this was compiled against, "2.13.0".
napi_value buildVersion(const Call& call) { return call.value(std::string(TORCH_VERSION)); }

/// The configuration of the LibTorch that is loaded, its version included.
napi_value configuration(const Call& call) { return call.value(at::show_config()); }

napi_value cudaDevices(const Call& call) {
  return call.value(static_cast<int64_t>(at::hasCUDA() ? at::getNumGPUs() : 0));
}

napi_value emptyCache(const Call& call) {
  emptyCpuCache();
  return call.undefined();
}

napi_value cachedBytes(const Call& call) { return call.value(cachedCpuBytes()); }

/// synchronize(device): waits until everything queued on the device is done.
napi_value synchronize(const Call& call) {
  const c10::Device device = toDevice(call.env, call.info[0], "device");
  if (!device.is_cpu()) {
    const c10::impl::VirtualGuardImpl guard(device.type());
    guard.synchronizeDevice(device.has_index() ? device.index() : guard.getDevice().index());
  }
  return call.undefined();
}

}  // namespace

Environment::Environment(napi_env env)
    : tensors(env, nextTag()),
      generators(env, /*bytesEach: a Mersenne Twister's*/ 3 << 10),
      exceptions(env, /*bytesEach: its text and the addresses of its stack*/ 2 << 10) {}

Environment& Environment::of(napi_env env) {
  void* data = nullptr;
  napi_get_instance_data(env, &data);
  return *static_cast<Environment*>(data);
}

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  installCachingAllocator();
  settleNnpack();
  auto* environment = new Environment(env);
  // Runs when the worker or the process ends, while JavaScript can still be told: tensors go before
  // LibTorch does.
  napi_set_instance_data(
      env, environment,
      [](napi_env, void* data, void*) {
        auto* ending = static_cast<Environment*>(data);
        ending->tensors.clear();
        delete ending;
      },
      nullptr);
  napi_value call = nullptr;
  napi_create_function(env, "call", NAPI_AUTO_LENGTH, callOperator, environment, &call);
  exports["call"] = Napi::Value(env, call);
  exportOperators(exports);
  exportTensors(exports);
  exportAutograd(exports);
  exportAutocast(exports);
  exportRandom(exports);
  addExport<setNumThreads>(exports, "setNumThreads");
  addExport<numThreads>(exports, "numThreads");
  addExport<setFlushDenormal>(exports, "setFlushDenormal");
  addExport<flushesDenormals>(exports, "flushesDenormals");
  addExport<buildVersion>(exports, "buildVersion");
  addExport<configuration>(exports, "configuration");
  addExport<cudaDevices>(exports, "cudaDevices");
  addExport<synchronize>(exports, "synchronize");
  addExport<emptyCache>(exports, "emptyCache");
  addExport<cachedBytes>(exports, "cachedBytes");
  return exports;
}

NODE_API_MODULE(intraclass, initialize)

}  // namespace intraclass
