// How the sequences of a window are distributed to threads, and in which row of a matrix each token lies.
//
// A window has `batch_size` sequences of `time` tokens. Each thread runs its own sequences through all time steps. A
// matrix has one row per slot and time step, for example with 5 sequences, 2 threads and 4 slots per thread:
//
//   rows 0 to 7, step 0:   s0 s1 s2 -  (thread 0)   s3 s4 -  -  (thread 1)
//   rows 8 to 15, step 1:  s0 s1 s2 -               s3 s4 -  -
//
// The slots of a thread are padded to whole tiles, the rows that a product computes together (`kRowTile` in `gemm.h`).
// Slots without a sequence (-) stay zero.
#pragma once

#include <algorithm>

#include "training/gemm.h"

namespace seqloom::SEQLOOM_ISA {

struct WindowLayout {
  int batch_size = 0, time = 0, threads = 1;

  size_t sequences_per_thread() const { return (batch_size + threads - 1) / threads; }
  size_t slots_per_thread() const { return whole_tiles(sequences_per_thread()); }
  size_t slots() const { return slots_per_thread() * threads; }
  // Rows of all time steps, padded to kPadding, because the weight gradients are sums over rows.
  size_t rows() const { return padded(time * slots()); }
  size_t row(int step, int sequence) const { return step * slots() + slot(sequence); }
  size_t slot(int sequence) const {
    return sequence / sequences_per_thread() * slots_per_thread() + sequence % sequences_per_thread();
  }

  int first_sequence(int thread) const { return std::min<int>(batch_size, thread * sequences_per_thread()); }
  int num_sequences(int thread) const { return first_sequence(thread + 1) - first_sequence(thread); }

  bool operator==(const WindowLayout& other) const {
    return batch_size == other.batch_size && time == other.time && threads == other.threads;
  }
};

}  // namespace seqloom::SEQLOOM_ISA
