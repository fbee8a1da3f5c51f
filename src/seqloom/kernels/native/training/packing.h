// Packs matrices into the panels that `product.h` reads.
#pragma once

#include <algorithm>

#include "training/gemm.h"

namespace seqloom::SEQLOOM_ISA {

// Elements of one panel of `Vectors` vectors.
template <int Vectors>
constexpr size_t panel_size(size_t depth) {
  return depth * Vectors * kWidth;
}

inline void to_elements(const float* from, Element* to, size_t count) {
  for (size_t i = 0; i < count; i += kWidth) store_elements(to + i, load(from + i));
}

// Panel `index` of the matrix [depth, columns] that lies in `rows` with `stride` elements from row to row.
template <int Vectors>
inline void pack_panel(const Element* rows, size_t stride, size_t depth, size_t index, Element* panel) {
  const Element* first = rows + index * Vectors * kWidth;
  for (size_t k = 0; k < depth; k += kGroup) {
    for (int v = 0; v < Vectors; ++v, panel += kWidth * kGroup)
      store_groups(panel, first + k * stride + v * kWidth, stride);
  }
}

// The same of a matrix of floats.
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

// Panel `index` of the transpose of the matrix [columns, depth] of floats in `rows`: what lies side by side there is
// summed.
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

// Puts the groups of `num_rows` rows, which lie at `depth` of what is summed over, into the panels of a matrix.
//
// The panels are `panel_elements` separate and have kColumns columns.
inline void pack_rows(const Element* rows, size_t stride, size_t num_rows, size_t columns, size_t depth,
                      Element* panels, size_t panel_elements) {
  for (size_t c = 0; c < columns; c += kColumns) {
    Element* to = panels + c / kColumns * panel_elements + depth * kColumns;
    for (size_t r = 0; r < num_rows; r += kGroup, to += kColumns * kGroup)
      for (int v = 0; v < kPlainVectors; ++v)
        store_groups(to + v * kWidth * kGroup, rows + r * stride + c + v * kWidth, stride);
  }
}

// Writes rows as columns of a transpose that is kept in blocks [depth / kPadding, columns, kPadding].
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
