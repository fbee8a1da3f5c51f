// How the lanes of a window are dealt out to threads, and where each token's row lies.
//
// A thread takes its lanes through all time steps alone. It has whole tiles of slots; slots without a lane stay zero.
#pragma once

#include <algorithm>

#include "product.h"

namespace seqloom::SEQLOOM_ISA {

struct Geometry {
  int lanes = 0, time = 0, threads = 1;

  size_t lanes_per_thread() const { return (lanes + threads - 1) / threads; }
  size_t slots_per_thread() const { return whole_tiles(lanes_per_thread()); }
  size_t slots() const { return slots_per_thread() * threads; }
  // Rows of all steps, in whole paddings, as they are summed over.
  size_t rows() const { return padded(time * slots()); }
  size_t row(int step, int lane) const { return step * slots() + slot(lane); }
  size_t slot(int lane) const { return lane / lanes_per_thread() * slots_per_thread() + lane % lanes_per_thread(); }

  int first_lane(int thread) const { return std::min<int>(lanes, thread * lanes_per_thread()); }
  int num_lanes(int thread) const { return first_lane(thread + 1) - first_lane(thread); }

  bool operator==(const Geometry& other) const {
    return lanes == other.lanes && time == other.time && threads == other.threads;
  }
};

}  // namespace seqloom::SEQLOOM_ISA
