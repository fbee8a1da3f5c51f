// Packs matrices into the panels that `gemm.h` reads.
#pragma once

#include <algorithm>

#include "training/gemm.h"

namespace seqloom::SEQLOOM_ISA {

// Number of elements of one panel of `Vectors` vectors.
template <int Vectors>
constexpr size_t panel_size(size_t depth) {
  return depth * Vectors * kWidth;
}

inline void to_elements(const float* from, Element* to, size_t count) {
  for (size_t i = 0; i < count; i += kWidth) store_elements(to + i, load(from + i));
}

// Pack panel `index` of the matrix [depth, columns] in `rows`, with `stride` elements from row to row.
template <int Vectors>
inline void pack_panel(const Element* rows, size_t stride, size_t depth, size_t index, Element* panel) {
  const Element* first = rows + index * Vectors * kWidth;
  for (size_t k = 0; k < depth; k += kGroup) {
    for (int v = 0; v < Vectors; ++v, panel += kWidth * kGroup)
      store_groups(panel, first + k * stride + v * kWidth, stride);
  }
}

// Pack a panel of a matrix of floats.
template <int Vectors>
inline void pack_floats(const float* rows, size_t stride, size_t depth, size_t index, Element* panel) {
  constexpr int columns = Vectors * kWidth;
  Element block[kGroup * columns];
  for (size_t k = 0; k < depth; k += kGroup, panel += kGroup * columns) {
    for (int g = 0; g < kGroup; ++g)
      to_elements(rows + (k + g) * stride + index * columns, block + g * columns, columns);
    for (int v = 0; v < Vectors; ++v) store_groups(panel + v * kWidth * kGroup, block + v * kWidth, columns);
  }
}

// Pack panel `index` of the transpose of a matrix of floats [columns, depth] in `rows`.
template <int Vectors>
inline void pack_transposed(const float* rows, size_t stride, size_t depth, size_t index, Element* panel) {
  constexpr int columns = Vectors * kWidth;
  constexpr size_t block = 64;
  Element line[block];
  for (int c = 0; c < columns; ++c) {
    const float* row = rows + (index * columns + c) * stride;
    for (size_t start = 0; start < depth; start += block) {
      const size_t count = std::min(block, depth - start);
      to_elements(row + start, line, count);
      Element* to = panel + start * columns + c * kGroup;
      for (size_t k = 0; k < count; k += kGroup, to += columns * kGroup)
        std::memcpy(to, line + k, kGroup * sizeof(Element));
    }
  }
}

// Pack `num_rows` rows, at `depth` of the dimension that is summed over, into the panels of a matrix.
//
// The panels are `panel_elements` apart and have kColumns columns.
inline void pack_rows(const Element* rows, size_t stride, size_t num_rows, size_t columns, size_t depth,
                      Element* panels, size_t panel_elements) {
  for (size_t c = 0; c < columns; c += kColumns) {
    Element* to = panels + c / kColumns * panel_elements + depth * kColumns;
    for (size_t r = 0; r < num_rows; r += kGroup, to += kColumns * kGroup)
      for (int v = 0; v < kPlainVectors; ++v)
        store_groups(to + v * kWidth * kGroup, rows + r * stride + c + v * kWidth, stride);
  }
}

// Write rows as columns of a blocked transpose [depth / kPadding, columns, kPadding].
inline void transpose_rows(const Element* rows, size_t stride, size_t num_rows, size_t columns, size_t depth,
                           Element* to) {
  size_t r = 0;
#if SEQLOOM_BFLOAT16
  for (; r + 16 <= num_rows && (depth + r) % 16 == 0; r += 16) {
    Element* block = to + (depth + r) / kPadding * columns * kPadding + (depth + r) % kPadding;
    for (size_t c = 0; c < columns; c += 16)
      transpose_block(rows + r * stride + c, stride, block + c * kPadding, kPadding);
  }
#endif
  for (; r < num_rows; ++r) {
    Element* block = to + (depth + r) / kPadding * columns * kPadding + (depth + r) % kPadding;
    for (size_t c = 0; c < columns; ++c) block[c * kPadding] = rows[r * stride + c];
  }
}

}  // namespace seqloom::SEQLOOM_ISA
