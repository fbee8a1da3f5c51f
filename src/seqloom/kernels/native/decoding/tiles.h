// Matrix products of eight-bit numbers in the tile registers of AMX. A tile has 16 rows of 64 bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "isa/thread_context.h"

namespace seqloom::SEQLOOM_ISA::decoding {

#if SEQLOOM_AMX

// Multiply 16 rows of `depth` unsigned bytes by four vectors of 16 columns of signed bytes, or by two if
// `FourVectors` is false. Write the sums to totals[16, 64] or totals[16, 32], whose rows are `totals_bytes` apart.
//
// The weights of a column lie in groups of four depths, `group_bytes` apart. They are read up to the next multiple of
// 64 depths; behind `depth` they are multiplied by zeros. Rows need not be contiguous. Tiles 0 to 3 contain the sums of
// one vector each, tile 6 the rows, and tile 7 the columns.
template <bool FourVectors>
inline void sum_tiles(const std::byte* const (&rows)[16], size_t depth, const int8_t* columns, size_t group_bytes,
                      int32_t* totals, size_t totals_bytes) {
  // Depths in a tile of rows (one byte each), and bytes of one vector in a group (4 depths * 16 columns).
  constexpr size_t kTileDepth = 64, kVectorBytes = 64;
  alignas(64) std::byte loaded[16][kTileDepth];
  _tile_zero(0);
  _tile_zero(1);
  if (FourVectors) _tile_zero(2);
  if (FourVectors) _tile_zero(3);
  for (size_t k = 0; k < depth; k += kTileDepth, columns += kTileDepth / 4 * group_bytes) {
    const bool fills_tile = depth - k >= kTileDepth;  // otherwise 32 depths remain, since depths are padded to 32
    for (int r = 0; r < 16; ++r) {
      const __m512i bytes = fills_tile ? _mm512_loadu_si512(rows[r] + k)
                                       : _mm512_zextsi256_si512(_mm256_loadu_si256((const __m256i*)(rows[r] + k)));
      _mm512_store_si512(loaded[r], bytes);
    }
    _tile_loadd(6, loaded, kTileDepth);
    _tile_loadd(7, columns, group_bytes);
    _tile_dpbusd(0, 6, 7);
    _tile_loadd(7, columns + kVectorBytes, group_bytes);
    _tile_dpbusd(1, 6, 7);
    if (!FourVectors) continue;
    _tile_loadd(7, columns + 2 * kVectorBytes, group_bytes);
    _tile_dpbusd(2, 6, 7);
    _tile_loadd(7, columns + 3 * kVectorBytes, group_bytes);
    _tile_dpbusd(3, 6, 7);
  }
  _tile_stored(0, totals, totals_bytes);
  _tile_stored(1, totals + 16, totals_bytes);
  if (FourVectors) _tile_stored(2, totals + 32, totals_bytes);
  if (FourVectors) _tile_stored(3, totals + 48, totals_bytes);
}

#endif

}  // namespace seqloom::SEQLOOM_ISA::decoding
