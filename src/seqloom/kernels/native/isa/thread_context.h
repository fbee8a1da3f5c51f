// What a thread sets up before it multiplies, and gives back after it.
#pragma once

#include <cstdint>

#include "runtime/flush_denormals.h"

#if SEQLOOM_AMX
#include <immintrin.h>
#endif

namespace seqloom::SEQLOOM_ISA {

// Eight tiles of 16 rows of 64 bytes, where the instruction set has such and they are wanted.
class TileConfig {
 public:
#if SEQLOOM_AMX
  explicit TileConfig(bool wanted = true) : wanted_(wanted) {
    struct alignas(64) {
      uint8_t palette = 1, start_row = 0, reserved[14] = {};
      uint16_t bytes_a_row[16] = {};
      uint8_t rows[16] = {};
    } shape;
    for (int tile = 0; tile < 8; ++tile) shape.bytes_a_row[tile] = 64, shape.rows[tile] = 16;
    if (wanted_) _tile_loadconfig(&shape);
  }
  ~TileConfig() {
    if (wanted_) _tile_release();
  }
#else
  explicit TileConfig(bool = true) {}
#endif
  TileConfig(const TileConfig&) = delete;

 private:
  [[maybe_unused]] bool wanted_ = false;
};

// What training computes with: tiles, and no time lost on tiny numbers.
class ThreadContext {
 public:
  ThreadContext() {}
  ThreadContext(const ThreadContext&) = delete;

 private:
  TileConfig tiles_;
  FlushDenormals flush_denormals_;
};

}  // namespace seqloom::SEQLOOM_ISA
