// Matrix products of rows of elements with a packed matrix.
//
// A matrix [depth, columns] is packed in panels of kColumns (or kGateColumns) columns over the whole depth, so that a
// product reads its panel from front to back. Every sum runs along depth in the same order, whatever the number of
// rows.
#pragma once

#include <cstddef>

#include "isa/thread_context.h"
#include "training/element_types.h"

namespace seqloom::SEQLOOM_ISA {

// Columns of a plain panel, as elements and as vectors.
constexpr int kColumns = 32;
constexpr int kPlainVectors = kColumns / kWidth;
// A recurrent panel holds the four gates of kWidth units side by side.
constexpr int kGates = 4;
constexpr int kGateColumns = kGates * kWidth;

// Units and depths are padded to this, so that every panel is whole.
constexpr int kPadding = 32;

// Rows whose sums fit into the cache beside the operands.
constexpr size_t kRowsPerPass = 1024;

constexpr size_t padded(size_t count) { return (count + kPadding - 1) / kPadding * kPadding; }

// Buffers hold whole tiles of this many rows; without tiles whole groups, because rows that are summed over lie in
// groups.
#if SEQLOOM_AMX
constexpr int kRowTile = 16;
#else
constexpr int kRowTile = kGroup;
#endif

constexpr size_t whole_tiles(size_t rows) { return (rows + kRowTile - 1) / kRowTile * kRowTile; }

// Rows of elements in memory: element k of row r lies at `first + r * stride + k / kPadding * block + k % kPadding`.
// Plain rows have a block of kPadding; a blocked transpose has its rows side by side.
struct Rows {
  const Element* first;
  size_t stride;
  size_t block = kPadding;

  Rows from(size_t row) const { return {first + row * stride, stride, block}; }
  Rows deeper(size_t depth) const { return {first + depth / kPadding * block, stride, block}; }
};

// Multiply `Count` rows with one panel of `Vectors` vectors; the sums stay in registers.
template <int Count, int Vectors>
inline void accumulate(Rows rows, const Element* panel, size_t depth, Vec (&total)[Count][Vectors]) {
  for (size_t start = 0; start < depth; start += kPadding) {
    for (int k = 0; k < kPadding; k += kGroup) {
      Groups columns[Vectors];
#pragma GCC unroll 8
      for (int v = 0; v < Vectors; ++v) columns[v] = load_groups(panel + v * kWidth * kGroup);
#pragma GCC unroll 16
      for (int r = 0; r < Count; ++r) {
        const Groups row = broadcast_group(rows.first + r * rows.stride + k);
#pragma GCC unroll 8
        for (int v = 0; v < Vectors; ++v) total[r][v] = multiply_add(total[r][v], row, columns[v]);
      }
      panel += Vectors * kWidth * kGroup;
    }
    rows.first += rows.block;
  }
}

#if SEQLOOM_AMX

// Multiply two tiles of rows (or one) with two tiles of columns: sums in tile registers 0 to 3, rows in 4 and 5,
// columns in 6 and 7.
template <bool Two>
inline void multiply_tiles(Rows rows, const Element* panel, size_t panel_row, size_t depth, float* out,
                           size_t out_stride, bool add) {
  const size_t row_bytes = rows.stride * sizeof(Element), column_bytes = panel_row * sizeof(Element);
  const size_t out_bytes = out_stride * sizeof(float);
  if (add) {
    _tile_loadd(0, out, out_bytes);
    _tile_loadd(1, out + 16, out_bytes);
    if (Two) _tile_loadd(2, out + 16 * out_stride, out_bytes);
    if (Two) _tile_loadd(3, out + 16 * out_stride + 16, out_bytes);
  } else {
    _tile_zero(0);
    _tile_zero(1);
    if (Two) _tile_zero(2);
    if (Two) _tile_zero(3);
  }
  const Element* first = rows.first;
  for (size_t k = 0; k < depth; k += kPadding, first += rows.block, panel += kPadding / kGroup * panel_row) {
    // Prefetch the next columns: 15 to 20 % faster if they come from the second-level cache.
    const char* next = reinterpret_cast<const char*>(panel + kPadding / kGroup * panel_row);
    for (int line = 0; line < 16; ++line) {
      _mm_prefetch(next + line * column_bytes, _MM_HINT_T0);
      _mm_prefetch(next + line * column_bytes + 64, _MM_HINT_T0);
    }
    _tile_loadd(6, panel, column_bytes);
    _tile_loadd(7, panel + kWidth * kGroup, column_bytes);
    _tile_loadd(4, first, row_bytes);
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    if (Two) {
      _tile_loadd(5, first + 16 * rows.stride, row_bytes);
      _tile_dpbf16ps(2, 5, 6);
      _tile_dpbf16ps(3, 5, 7);
    }
  }
  _tile_stored(0, out, out_bytes);
  _tile_stored(1, out + 16, out_bytes);
  if (Two) _tile_stored(2, out + 16 * out_stride, out_bytes);
  if (Two) _tile_stored(3, out + 16 * out_stride + 16, out_bytes);
}

#else

template <int Count, int Vectors>
__attribute__((noinline)) void multiply_rows(Rows rows, const Element* panel, size_t depth, float* out,
                                             size_t out_stride, bool add) {
  Vec total[Count][Vectors];
  // Every loop over the sums is unrolled, because indices known at compile time keep the sums in registers.
#pragma GCC unroll 16
  for (int r = 0; r < Count; ++r)
#pragma GCC unroll 8
    for (int v = 0; v < Vectors; ++v) total[r][v] = add ? load(out + r * out_stride + v * kWidth) : Vec{};
  accumulate<Count, Vectors>(rows, panel, depth, total);
#pragma GCC unroll 16
  for (int r = 0; r < Count; ++r)
#pragma GCC unroll 8
    for (int v = 0; v < Vectors; ++v) store(out + r * out_stride + v * kWidth, total[r][v]);
}

// Multiply a number of rows that is known at run time only, up to `Most`.
template <int Most, int Vectors>
inline void multiply_up_to(Rows rows, size_t num_rows, const Element* panel, size_t depth, float* out,
                           size_t out_stride, bool add) {
  if constexpr (Most > 1)
    if (num_rows < Most) return multiply_up_to<Most - 1, Vectors>(rows, num_rows, panel, depth, out, out_stride, add);
  multiply_rows<Most, Vectors>(rows, panel, depth, out, out_stride, add);
}

#endif

// out[r, :] = (or +=) row r times a panel of `Vectors` vectors. Depth is a multiple of kPadding; with tiles, `num_rows`
// is rounded up to whole tiles.
template <int Vectors>
inline void multiply(Rows rows, size_t num_rows, const Element* panel, size_t depth, float* out, size_t out_stride,
                     bool add = false) {
#if SEQLOOM_AMX
  const size_t panel_row = Vectors * kWidth * kGroup;
  for (int v = 0; v < Vectors; v += 2) {
    const Element* columns = panel + v * kWidth * kGroup;
    for (size_t r = 0; r < num_rows; r += 32) {
      float* to = out + r * out_stride + v * kWidth;
      if (num_rows - r > 16)
        multiply_tiles<true>(rows.from(r), columns, panel_row, depth, to, out_stride, add);
      else
        multiply_tiles<false>(rows.from(r), columns, panel_row, depth, to, out_stride, add);
    }
  }
#else
  // Use as few passes as possible, of similar size: each needs enough sums to keep the multipliers busy.
  constexpr size_t max_rows = (kWidth == 16 ? 24 : 12) / Vectors;
  for (size_t r = 0; r < num_rows;) {
    const size_t turns = (num_rows - r + max_rows - 1) / max_rows, count = (num_rows - r + turns - 1) / turns;
    multiply_up_to<max_rows, Vectors>(rows.from(r), count, panel, depth, out + r * out_stride, out_stride, add);
    r += count;
  }
#endif
}

}  // namespace seqloom::SEQLOOM_ISA
