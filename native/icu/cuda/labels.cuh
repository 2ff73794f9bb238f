// What the labels say, by one block: how many rows count, how many classes they have, and whether a
// label is no class.
#pragma once

#include "problem.cuh"

namespace icu::cuda {

// The labels in ascending order, equal ones in the batch's, and the rows that they are of; (N)
// each.
struct SortedLabels {
  int64_t* labels;
  int64_t* rows;
};

// V, and the first row whose label is no class: the smaller row of either, in any order the same.
template <int threads>
__device__ void count_labels(const Labels& labels, int64_t rows, int64_t classes, Tally* tally,
                             BadLabel* bad) {
  struct Shared {
    int64_t first[threads];
  };
  ICU_SHARED(Shared, shared);
  double valid = 0;
  int64_t first = rows;
  for (int64_t i = threadIdx.x; i < rows; i += threads) {
    const int64_t z = target_of(label_at(labels, i), labels.ignore_index, classes);
    valid += z != ignored;
    if (z == no_class && i < first) first = i;
  }
  valid = block_sum<threads>(valid);
  shared.first[threadIdx.x] = first;
  __syncthreads();
  for (int half = threads / 2; half > 0; half /= 2) {
    if (threadIdx.x < static_cast<unsigned>(half)) {
      shared.first[threadIdx.x] =
          smaller(shared.first[threadIdx.x], shared.first[threadIdx.x + half]);
    }
    __syncthreads();
  }
  if (threadIdx.x != 0) return;
  tally->valid = valid;
  first = shared.first[0];
  if (first == rows || !bad || bad->seen) return;
  bad->label = label_at(labels, first);
  bad->row = first;
  bad->classes = classes;
  __threadfence_system();
  *static_cast<volatile int64_t*>(&bad->seen) = 1;
}

// Classes in sorted labels: where a label of a class differs from the one before it.
template <int threads>
__device__ void count_present(const int64_t* sorted, int64_t rows, int64_t ignore_index,
                              int64_t classes, Tally* tally) {
  double present = 0;
  for (int64_t p = threadIdx.x; p < rows; p += threads) {
    const bool first = p == 0 || sorted[p] != sorted[p - 1];
    present += first && target_of(sorted[p], ignore_index, classes) >= 0;
  }
  present = block_sum<threads>(present);
  if (threadIdx.x == 0) tally->present = present;
}

}  // namespace icu::cuda
