// Matrix products of rows of elements with a packed matrix: out[r, c] = sum over k of rows[r, k] * matrix[k, c].
//
// Depth is the number of terms of each sum, that is, of values of k. A matrix [depth, columns] is packed in panels of
// kColumns (or kGateColumns) columns over the whole depth, so that a product reads its panel from front to back;
// `packing.h` shows the order of the elements. Every sum runs along depth in the same order, whatever the number of
// rows. An `Element` is a bfloat16 or a float, and a group is the kGroup elements (2 or 1) that one instruction sums.
#pragma once

#include <cstddef>

#include "isa/thread_context.h"
#include "training/element_types.h"

namespace seqloom::SEQLOOM_ISA {

// Columns of an ordinary panel, and the vectors that they fill.
constexpr int kColumns = 32;
constexpr int kPlainVectors = kColumns / kWidth;
// A panel of the input or recurrent weights holds the four gates of kWidth units side by side.
constexpr int kGates = 4;
constexpr int kGateColumns = kGates * kWidth;

// Units and depths are padded to this, so that every panel is whole.
constexpr int kPadding = 32;

// A weight gradient is a sum over all rows of a window. One pass adds this many rows, so that the rows and the sums fit
// into the cache together.
constexpr size_t kRowsPerPass = 1024;

constexpr size_t padded(size_t count) { return (count + kPadding - 1) / kPadding * kPadding; }

// Buffers hold whole tiles of this many rows. Without tile registers they hold whole groups, because a weight gradient
// sums over rows, and one instruction sums a group of them.
#if SEQLOOM_AMX
constexpr int kRowTile = 16;
#else
constexpr int kRowTile = kGroup;
#endif

constexpr size_t whole_tiles(size_t rows) { return (rows + kRowTile - 1) / kRowTile * kRowTile; }

// Rows of elements in memory: element k of row r lies at `first + r * stride + k / kPadding * block + k % kPadding`.
//
// In an ordinary matrix, `block` is kPadding, so that element k lies at `first + r * stride + k`. In a blocked
// transpose [depth / kPadding, rows, kPadding], which `transpose_rows` writes, `stride` is kPadding and `block` is rows
// * kPadding.
struct Rows {
  const Element* first;
  size_t stride;
  size_t block = kPadding;

  Rows from_row(size_t row) const { return {first + row * stride, stride, block}; }
  // The same rows without their first `k` elements; `k` is a multiple of kPadding.
  Rows from_element(size_t k) const { return {first + k / kPadding * block, stride, block}; }
};

// Add the products of `Count` rows with one panel of `Vectors` vectors to `total`; the sums stay in registers.
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

// Multiply one or two tiles of 16 rows with two tiles of 16 columns. Tile registers 0 to 3 hold the sums, 4 and 5 the
// rows, 6 and 7 the columns. `line_elements` is the number of elements in one line of the panel,
// the groups of all its columns at the same depth.
template <int RowTiles>
inline void multiply_tiles(Rows rows, const Element* panel, size_t line_elements, size_t depth, float* out,
                           size_t out_stride, bool add) {
  const size_t row_bytes = rows.stride * sizeof(Element), column_bytes = line_elements * sizeof(Element);
  const size_t out_bytes = out_stride * sizeof(float);
  if (add) {
    _tile_loadd(0, out, out_bytes);
    _tile_loadd(1, out + 16, out_bytes);
    if (RowTiles == 2) _tile_loadd(2, out + 16 * out_stride, out_bytes);
    if (RowTiles == 2) _tile_loadd(3, out + 16 * out_stride + 16, out_bytes);
  } else {
    _tile_zero(0);
    _tile_zero(1);
    if (RowTiles == 2) _tile_zero(2);
    if (RowTiles == 2) _tile_zero(3);
  }
  const Element* first = rows.first;
  for (size_t k = 0; k < depth; k += kPadding, first += rows.block, panel += kPadding / kGroup * line_elements) {
    // Prefetch the next columns. The product is 15 to 20 % faster with it if they come from the second-level cache.
    const char* next = reinterpret_cast<const char*>(panel + kPadding / kGroup * line_elements);
    for (int line = 0; line < 16; ++line) {
      _mm_prefetch(next + line * column_bytes, _MM_HINT_T0);
      _mm_prefetch(next + line * column_bytes + 64, _MM_HINT_T0);
    }
    _tile_loadd(6, panel, column_bytes);
    _tile_loadd(7, panel + kWidth * kGroup, column_bytes);
    _tile_loadd(4, first, row_bytes);
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    if (RowTiles == 2) {
      _tile_loadd(5, first + 16 * rows.stride, row_bytes);
      _tile_dpbf16ps(2, 5, 6);
      _tile_dpbf16ps(3, 5, 7);
    }
  }
  _tile_stored(0, out, out_bytes);
  _tile_stored(1, out + 16, out_bytes);
  if (RowTiles == 2) _tile_stored(2, out + 16 * out_stride, out_bytes);
  if (RowTiles == 2) _tile_stored(3, out + 16 * out_stride + 16, out_bytes);
}

#else

// out[r, :] = (or +=, if `add`) row r times a panel of `Vectors` vectors, for `Count` rows.
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

// Call `multiply_rows` for a number of rows that is only known at run time, at most `Most`.
template <int Most, int Vectors>
inline void multiply_up_to(Rows rows, size_t num_rows, const Element* panel, size_t depth, float* out,
                           size_t out_stride, bool add) {
  if constexpr (Most > 1)
    if (num_rows < Most) return multiply_up_to<Most - 1, Vectors>(rows, num_rows, panel, depth, out, out_stride, add);
  multiply_rows<Most, Vectors>(rows, panel, depth, out, out_stride, add);
}

#endif

// out[r, :] = (or +=, if `add`) row r times a panel of `Vectors` vectors. Depth is a multiple of kPadding. Tile
// registers read and write whole tiles of rows, so that `rows` and `out` need memory for `whole_tiles(num_rows)`.
template <int Vectors>
inline void multiply(Rows rows, size_t num_rows, const Element* panel, size_t depth, float* out, size_t out_stride,
                     bool add = false) {
#if SEQLOOM_AMX
  const size_t line_elements = Vectors * kWidth * kGroup;
  for (int v = 0; v < Vectors; v += 2) {
    const Element* columns = panel + v * kWidth * kGroup;
    for (size_t r = 0; r < num_rows; r += 2 * kRowTile) {
      float* target = out + r * out_stride + v * kWidth;
      if (num_rows - r > kRowTile)
        multiply_tiles<2>(rows.from_row(r), columns, line_elements, depth, target, out_stride, add);
      else
        multiply_tiles<1>(rows.from_row(r), columns, line_elements, depth, target, out_stride, add);
    }
  }
#else
  // Use as few passes as possible, of similar size: each needs enough sums to keep the multipliers busy. The sums of a
  // pass fill at most 24 of the 32 vector registers of AVX-512, or 12 of the 16 of AVX2.
  constexpr size_t max_rows = (kWidth == 16 ? 24 : 12) / Vectors;
  for (size_t r = 0; r < num_rows;) {
    const size_t passes_left = (num_rows - r + max_rows - 1) / max_rows;
    const size_t count = (num_rows - r + passes_left - 1) / passes_left;
    multiply_up_to<max_rows, Vectors>(rows.from_row(r), count, panel, depth, out + r * out_stride, out_stride, add);
    r += count;
  }
#endif
}

}  // namespace seqloom::SEQLOOM_ISA
