// Where one way of doing things gives way to another.
#pragma once

#include <cstdint>

namespace icu::cuda {

struct Limits {
  bool tiny = true;  // small problems in one launch
  // Bytes of a chunk's arrays: large enough to keep any device busy, and all that a pass needs
  // beyond its results where N x K is large.
  int64_t chunk_bytes = int64_t{16} << 20;
  // Above this many classes a row's softmax is made from pairs of tiles: its gaps are not read
  // again.
  int64_t classes_of_a_row = 4096;
};

}  // namespace icu::cuda
