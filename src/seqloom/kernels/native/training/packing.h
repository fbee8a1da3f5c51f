// Packs matrices into the panels that `gemm.h` reads.
//
// A matrix [depth, columns] is cut into panels of a few vectors of columns; depth is the dimension that a product sums
// over. An `Element` is a float or a bfloat16, and kGroup rows are interleaved, because the instructions for bfloat16
// add the products of two neighbours (kGroup is 2 for bfloat16, 1 for float). With kGroup = 2, a panel of one vector is
//
//   (0,0) (1,0) (0,1) (1,1) (0,2) (1,2) ...    rows 0 and 1, all columns of the panel
//   (2,0) (3,0) (2,1) (3,1) ...                rows 2 and 3
//
// A line contains a group of kGroup elements for each column; `store_groups` writes one line of one vector of columns.
#pragma once

#include <algorithm>
#include <cstring>

#include "training/gemm.h"

namespace seqloom::SEQLOOM_ISA {

// Number of elements of one panel of `Vectors` vectors.
template <int Vectors>
constexpr size_t panel_size(size_t depth) {
  return depth * Vectors * kWidth;
}

// Convert floats to elements; `count` is a multiple of kWidth.
inline void to_elements(const float* source, Element* target, size_t count) {
  for (size_t i = 0; i < count; i += kWidth) store_elements(target + i, load(source + i));
}

// Pack panel `panel_index` of the matrix [depth, columns] in `rows`, with `stride` elements from row to row.
template <int Vectors>
inline void pack_panel(const Element* rows, size_t stride, size_t depth, size_t panel_index, Element* panel) {
  const Element* first = rows + panel_index * Vectors * kWidth;
  for (size_t k = 0; k < depth; k += kGroup) {
    for (int v = 0; v < Vectors; ++v, panel += kWidth * kGroup)
      store_groups(panel, first + k * stride + v * kWidth, stride);
  }
}

// Pack a panel of a matrix of floats.
template <int Vectors>
inline void pack_floats(const float* rows, size_t stride, size_t depth, size_t panel_index, Element* panel) {
  constexpr int columns = Vectors * kWidth;
  Element block[kGroup * columns];
  for (size_t k = 0; k < depth; k += kGroup, panel += kGroup * columns) {
    for (int g = 0; g < kGroup; ++g)
      to_elements(rows + (k + g) * stride + panel_index * columns, block + g * columns, columns);
    for (int v = 0; v < Vectors; ++v) store_groups(panel + v * kWidth * kGroup, block + v * kWidth, columns);
  }
}

// Pack panel `panel_index` of the transpose of a matrix of floats [columns, depth] in `rows`.
template <int Vectors>
inline void pack_transposed(const float* rows, size_t stride, size_t depth, size_t panel_index, Element* panel) {
  constexpr int columns = Vectors * kWidth;
  constexpr size_t chunk_size = 64;
  Element chunk[chunk_size];
  for (int c = 0; c < columns; ++c) {
    const float* row = rows + (panel_index * columns + c) * stride;
    for (size_t start = 0; start < depth; start += chunk_size) {
      const size_t count = std::min(chunk_size, depth - start);
      to_elements(row + start, chunk, count);
      Element* target = panel + start * columns + c * kGroup;
      for (size_t k = 0; k < count; k += kGroup, target += columns * kGroup)
        std::memcpy(target, chunk + k, kGroup * sizeof(Element));
    }
  }
}

// Pack `num_rows` rows into the panels of a matrix, starting at row `first_depth` of each panel.
//
// The panels are `panel_elements` apart and have kColumns columns, which are kPlainVectors vectors.
inline void pack_rows(const Element* rows, size_t stride, size_t num_rows, size_t columns, size_t first_depth,
                      Element* panels, size_t panel_elements) {
  for (size_t c = 0; c < columns; c += kColumns) {
    Element* target = panels + c / kColumns * panel_elements + first_depth * kColumns;
    for (size_t r = 0; r < num_rows; r += kGroup, target += kColumns * kGroup)
      for (int v = 0; v < kPlainVectors; ++v)
        store_groups(target + v * kWidth * kGroup, rows + r * stride + c + v * kWidth, stride);
  }
}

// Write rows into a blocked transpose, whose columns they become, from column `first_depth` on. The transpose is stored
// in blocks of kPadding columns: [total depth / kPadding, columns, kPadding].
inline void transpose_rows(const Element* rows, size_t stride, size_t num_rows, size_t columns, size_t first_depth,
                           Element* target) {
  size_t r = 0;
#if SEQLOOM_BFLOAT16
  for (; r + 16 <= num_rows && (first_depth + r) % 16 == 0; r += 16) {
    Element* block = target + (first_depth + r) / kPadding * columns * kPadding + (first_depth + r) % kPadding;
    for (size_t c = 0; c < columns; c += 16)
      transpose_block(rows + r * stride + c, stride, block + c * kPadding, kPadding);
  }
#endif
  for (; r < num_rows; ++r) {
    Element* block = target + (first_depth + r) / kPadding * columns * kPadding + (first_depth + r) % kPadding;
    for (size_t c = 0; c < columns; ++c) block[c * kPadding] = rows[r * stride + c];
  }
}

}  // namespace seqloom::SEQLOOM_ISA
