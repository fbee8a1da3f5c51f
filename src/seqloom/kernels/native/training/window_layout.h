// How the sequences of a batch are distributed to threads, and where each token's row lies.
//
// A thread runs its sequences through all time steps alone. It has whole tiles of slots; slots without a sequence stay
// zero.
#pragma once

#include <algorithm>

#include "training/gemm.h"

namespace seqloom::SEQLOOM_ISA {

struct WindowLayout {
  int batch_size = 0, time = 0, threads = 1;

  size_t sequences_per_thread() const { return (batch_size + threads - 1) / threads; }
  size_t slots_per_thread() const { return whole_tiles(sequences_per_thread()); }
  size_t slots() const { return slots_per_thread() * threads; }
  // Rows of all time steps, padded to whole groups of the sum over rows.
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
