// Processor state that a thread sets up for products and restores afterwards.
#pragma once

#include <cstdint>

#include "runtime/flush_denormals.h"

#if SEQLOOM_AMX
#include <immintrin.h>
#endif

namespace seqloom::SEQLOOM_ISA {

// Configures eight tiles of 16 rows of 64 bytes, if the instruction set has tiles and they are wanted.
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

// The processor state of training: tiles, and denormal numbers flushed to zero.
class ThreadContext {
 public:
  ThreadContext() {}
  ThreadContext(const ThreadContext&) = delete;

 private:
  TileConfig tiles_;
  FlushDenormals flush_denormals_;
};

}  // namespace seqloom::SEQLOOM_ISA
