#include "nnpack.h"

#include <ATen/Context.h>
#include <ATen/ops/_nnpack_available.h>
#include <c10/util/Logging.h>

#include <mutex>

namespace intraclass {

void settleNnpack() {
  static std::once_flag once;
  std::call_once(once, [] {
    constexpr int errorsOnly = 2;  // as glog counts: 1 are warnings
    const int level = FLAGS_caffe2_log_level;
    FLAGS_caffe2_log_level = errorsOnly;
    const bool available = at::_nnpack_available();
    FLAGS_caffe2_log_level = level;
    if (!available) at::globalContext().setUserEnabledNNPACK(false);
  });
}

}  // namespace intraclass
