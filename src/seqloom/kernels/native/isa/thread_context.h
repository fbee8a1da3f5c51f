// Processor state that a thread sets up before matrix products, and restores afterwards.
#pragma once

#include <cstdint>

#include "runtime/flush_denormals.h"

#if SEQLOOM_AMX
#include <immintrin.h>
#endif

namespace seqloom::SEQLOOM_ISA {

// While an object of this class exists, the thread's eight tile registers have 16 rows of 64 bytes each. The object
// does nothing if the instruction set has no tile registers, or if `uses_tiles` is false.
class TileConfig {
 public:
#if SEQLOOM_AMX
  explicit TileConfig(bool uses_tiles = true) : uses_tiles_(uses_tiles) {
    // The layout that `_tile_loadconfig` reads. Palette 1 has eight tiles.
    struct alignas(64) {
      uint8_t palette = 1, start_row = 0, reserved[14] = {};
      uint16_t bytes_per_row[16] = {};
      uint8_t rows[16] = {};
    } config;
    for (int tile = 0; tile < 8; ++tile) config.bytes_per_row[tile] = 64, config.rows[tile] = 16;
    if (uses_tiles_) _tile_loadconfig(&config);
  }
  ~TileConfig() {
    if (uses_tiles_) _tile_release();
  }
#else
  explicit TileConfig(bool = true) {}
#endif
  TileConfig(const TileConfig&) = delete;

 private:
  [[maybe_unused]] bool uses_tiles_ = false;
};

// The processor state of a thread that trains: tile registers, and denormal numbers flushed to zero.
class ThreadContext {
 public:
  ThreadContext() {}
  ThreadContext(const ThreadContext&) = delete;

 private:
  TileConfig tiles_;
  FlushDenormals flush_denormals_;
};

}  // namespace seqloom::SEQLOOM_ISA
